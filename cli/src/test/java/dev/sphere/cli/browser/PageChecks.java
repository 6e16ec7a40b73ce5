package dev.sphere.cli.browser;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.fail;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import tools.jackson.databind.JsonNode;

/** What is asked of every page, at every size, in light and in dark. */
final class PageChecks {
  private static final int[] WIDTHS = {1300, 400};
  private static final int HEIGHT = 900;
  private static final String AXE = resource("/META-INF/resources/webjars/axe-core/4.6.3/axe.min.js");
  private static final String OVERLAPS = resource("overlaps.js");

  private PageChecks() {}

  /** What is done to a page when it is open, before it is looked at. */
  interface Then {
    void in(Tab tab) throws Exception;
  }

  /** Opens a page at both widths, light and dark: nothing in the console, no text over other text, no serious fault by axe. */
  static void assertSound(Chromium browser, String name, String address, Then then) throws Exception {
    for (int width : WIDTHS) {
      for (boolean dark : new boolean[] {false, true}) {
        String where = name + ", " + address + " at " + width + (dark ? ", dark" : ", light");
        try (Tab tab = browser.tab()) {
          tab.size(width, HEIGHT, dark).open(address);
          then.in(tab);
          picture(tab, name, width, dark);
          assertEquals(List.of(), faults(tab), where);
        }
      }
    }
  }

  static void assertSound(Chromium browser, Path file) throws Exception {
    assertSound(browser, file.getParent().getFileName() + "-" + file.getFileName(), file.toUri().toString(), _ -> {});
  }

  /** All that is wrong with a page as it stands. */
  static List<String> faults(Tab tab) {
    List<String> faults = new ArrayList<>(tab.complaints());
    tab.evaluate(OVERLAPS).forEach(o -> faults.add("overlap: " + o.asString()));
    if (tab.evaluate("document.documentElement.scrollWidth > innerWidth").asBoolean()) {
      faults.add("the page is wider than the window: " + tab.evaluate("document.documentElement.scrollWidth").asInt());
    }
    tab.evaluate(AXE + "; 0");
    JsonNode found = tab.evaluate("axe.run(document, {resultTypes: ['violations']}).then(r => r.violations.map(v => [v.impact, v.id, v.help,"
        + " v.nodes.slice(0, 3).map(n => n.html.slice(0, 200) + ' ' + [...n.any, ...n.all].map(c => c.message + ' ' + (c.relatedNodes ?? []).slice(0, 2).map(r => r.html.slice(0, 150)).join(' ')).join('; ')).join(' | ')]))");
    for (JsonNode v : found) {
      if (List.of("serious", "critical").contains(v.get(0).asString())) {
        faults.add("axe: " + v);
      }
    }
    return faults;
  }

  /** With -Dsphere.browser.pictures=DIR every page that is checked is also to be looked at. */
  private static void picture(Tab tab, String name, int width, boolean dark) throws IOException {
    String folder = System.getProperty("sphere.browser.pictures");
    if (folder != null) {
      tab.picture(Path.of(folder, name + "-" + width + (dark ? "-dark" : "") + ".png"));
    }
  }

  private static String resource(String name) {
    try (InputStream in = PageChecks.class.getResourceAsStream(name)) {
      return in == null ? fail("no " + name) : new String(in.readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
