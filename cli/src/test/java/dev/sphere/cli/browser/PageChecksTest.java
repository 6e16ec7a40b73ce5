package dev.sphere.cli.browser;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The checks see what is wrong: each page here has one fault. */
@ExtendWith(WithChromium.class)
class PageChecksTest {
  private static final String PAGE = "<!doctype html><html lang=en><meta charset=utf-8><title>t</title>"
      + "<body style='margin:0;font:16px/1.5 sans-serif'><main><h1>Sound</h1>%s</main>";

  @TempDir Path dir;

  private List<String> faults(Chromium browser, String body) throws Exception {
    Path page = dir.resolve("page.html");
    Files.writeString(page, PAGE.formatted(body));
    try (Tab tab = browser.tab()) {
      return PageChecks.faults(tab.size(400, 900, false).open(page));
    }
  }

  @Test
  void aSoundPageHasNone(Chromium browser) throws Exception {
    assertEquals(List.of(), faults(browser, "<p>Words <b>in</b> a paragraph that is long enough for two lines at this width.</p>"
        + "<div style='height:20px;overflow:hidden'><p>shown</p><p>hidden</p></div><p>after it</p>"
        + "<svg width=50 height=20><text y=15>drawn</text></svg><canvas width=50 height=20></canvas><button>press</button>"));
  }

  @ParameterizedTest
  @CsvSource(delimiter = ';', value = {
      "overlap: ; <p>one</p><p style='margin-top:-30px'>two</p>",
      "overlap: ; <svg width=90 height=40><text y=15>one</text><text y=20>two</text></svg>",
      "overlap: canvas; <div style='display:flex'><div style='width:50px'><canvas width=99 height=50></canvas></div><canvas></canvas></div>",
      "wider than the window; <div style='width:500px'>wide</div>",
      "boom; <script>console.error('boom')</script>",
      "ReferenceError; <script>nothing()</script>",
      "button-name; <button></button>",
      "color-contrast; <p style='color:#bbb'>pale</p>",
      "ERR_FILE_NOT_FOUND; <img alt=x src=missing.png>"})
  void aFaultIsFound(String fault, String body, Chromium browser) throws Exception {
    List<String> found = faults(browser, body);
    assertTrue(!found.isEmpty() && found.stream().allMatch(f -> f.contains(fault)), found.toString());
  }

  @Test
  void keysAndTheMouseReachThePage(Chromium browser) throws Exception {
    Path page = dir.resolve("page.html");
    Files.writeString(page, PAGE.formatted("<input id=a aria-label=a><button id=b onclick='this.textContent = a.value'>press</button>"
        + "<script>onkeydown = e => document.title += e.key</script>"));
    try (Tab tab = browser.tab()) {
      tab.open(page).type("#a", "abc").press("ArrowLeft", "x").click("#b");
      assertEquals("abxc", tab.text("#b"));
      assertEquals("tArrowLeftx", tab.evaluate("document.title").asString());
    }
  }
}
