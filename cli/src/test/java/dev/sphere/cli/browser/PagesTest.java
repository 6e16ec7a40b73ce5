package dev.sphere.cli.browser;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sphere.cli.Main;
import dev.sphere.engine.Problem;
import dev.sphere.engine.embedded.ProblemSource;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.json.JsonMapper;

/** The pages that commands write, as a reader sees them: {@code pages}, a training's report, an evaluation. */
@ExtendWith(WithChromium.class)
class PagesTest {
  /** What a problem of a stranger's may hold. */
  private static final String HOSTILE =
      "</script><script>owned = 1</script><img src=x onerror=\"owned = 1\"> {{ 7 * 7 }} \u202e ${owned = 1} '\"` &lt;";

  @TempDir static Path dir;

  @BeforeAll
  static void make() throws Exception {
    Path problems = dir.resolve("problems.jsonl");
    List<String> lines = new ArrayList<>(List.of("{\"id\":\"h<i>1\",\"question\":%s,\"answer\":\"7\"}".formatted(
        JsonMapper.shared().writeValueAsString(HOSTILE))));
    for (Problem p : ProblemSource.read("embedded:train").subList(0, 23)) {
      lines.add(JsonMapper.shared().writeValueAsString(Map.of("id", p.id(), "question", p.question(), "answer", p.answer())));
    }
    Files.write(problems, lines);
    run("search", "--model", "embedded", "--small-model", "embedded-small", "--problems", problems, "--run", dir.resolve("run"),
        "--candidates", 4, "--rollouts", 4, "--pairing", "any", "--temperature", 1, "--probe", 4, "--pass-rate", "0..1");
    run("pages", "--run", dir.resolve("run"), "--out", dir.resolve("pages"));
    run("train", "dpo", "--model", "embedded", "--run", dir.resolve("run"), "--out", dir.resolve("train"), "--batch-size", 4,
        "--learning-rate", "2e-7", "--epochs", 3);
    run("eval", "--model", "embedded", "--problems", problems, "--out", dir.resolve("eval.jsonl"), "--html", dir.resolve("eval.html"));
  }

  private static void run(Object... args) {
    String[] words = Arrays.stream(args).map(Object::toString).toArray(String[]::new);
    assertEquals(0, Main.run(words), String.join(" ", words));
  }

  private static Path page(String name) {
    return dir.resolve(name);
  }

  @Test
  void everyPageIsSound(Chromium browser) throws Exception {
    for (String name : List.of("pages/index.html", "pages/problem-00001.html", "pages/problem-00002.html", "train/report.html",
        "eval.html")) {
      PageChecks.assertSound(browser, page(name));
    }
  }

  @Test
  void aHostileProblemStaysText(Chromium browser) {
    for (String name : List.of("pages/index.html", "pages/problem-00001.html", "eval.html")) {
      try (Tab tab = browser.tab()) {
        tab.open(page(name));
        assertFalse(tab.evaluate("'owned' in window").asBoolean(), name);
        assertEquals(0, tab.count("img, i:not(.ramp i), script[src]"), name);
        assertEquals(List.of(tab.evaluate("location.href").asString()), // a page asks for itself alone
            tab.requests().stream().filter(r -> !r.equals("about:blank")).toList());
      }
    }
    try (Tab tab = browser.tab()) {
      tab.open(page("pages/problem-00001.html"));
      String shown = HOSTILE.replace("\u202e", "\\u202e");
      assertEquals(shown, tab.text(".q"));
      assertEquals("h<i>1", tab.text("h1"));
      assertEquals(shown, tab.text(".tree-panel .step"), "the root's text, out of the data");
    }
  }

  @Test
  void theIndexSortsAndFilters(Chromium browser) {
    try (Tab tab = browser.tab()) {
      tab.open(page("pages/index.html"));
      String shown = "[...document.querySelectorAll('table[data-filter] tbody tr')].filter(r => !r.hidden).map(r => r.cells[%d].textContent)";
      List<String> first = texts(tab, shown.formatted(0));
      assertEquals(24, first.size());
      String pairs = "table[data-filter] th:nth-child(2) button";
      tab.click(pairs);
      List<String> sorted = texts(tab, shown.formatted(1));
      assertEquals(sorted.stream().sorted((a, b) -> Integer.parseInt(b) - Integer.parseInt(a)).toList(), sorted, "highest first");
      assertNotEquals(sorted.getFirst(), sorted.getLast(), "there is something to sort");
      assertEquals("descending", tab.evaluate("document.querySelector('table[data-filter] th:nth-child(2)').ariaSort").asString());
      tab.click(pairs);
      assertEquals(sorted.reversed(), texts(tab, shown.formatted(1)));
      tab.click(pairs);
      assertEquals(first, texts(tab, shown.formatted(0)), "the third press gives the first order back");

      tab.type("input[type=search]", "OWNED script");
      assertEquals(List.of("h<i>1"), texts(tab, shown.formatted(0)));
      assertEquals("1 of 24", tab.text("output"));
      // Words, choices and order are in the address: another tab shows the same.
      tab.click(pairs);
      String address = tab.evaluate("location.href").asString();
      tab.open(address);
      assertEquals(List.of("h<i>1"), texts(tab, shown.formatted(0)));
      tab.open(address.replaceAll("#.*", "#pairs=" + sorted.getFirst()));
      long most = sorted.stream().filter(sorted.getFirst()::equals).count();
      assertEquals(most, texts(tab, shown.formatted(0)).size());
      assertEquals(List.of(), tab.complaints());
    }
  }

  private static List<String> texts(Tab tab, String expression) {
    List<String> texts = new ArrayList<>();
    tab.evaluate(expression).forEach(t -> texts.add(t.asString()));
    return texts;
  }

  @Test
  void keysWalkTheTree(Chromium browser) {
    try (Tab tab = browser.tab()) {
      tab.size(1300, 900, false).open(page("pages/problem-00002.html"));
      String chosen = "document.querySelector('.tree-view').getAttribute('aria-activedescendant')";
      tab.evaluate("document.querySelector('.tree-view').focus()");
      assertEquals("t0:", tab.evaluate(chosen).asString());
      tab.press("ArrowRight");
      assertEquals("t0:+", tab.evaluate(chosen).asString(), "S_max comes first");
      assertTrue(tab.text(".tree-panel").startsWith("Step 1: S_max"), tab.text(".tree-panel"));
      assertTrue(tab.evaluate("location.hash").asString().endsWith("#t0:+"));
      assertFalse(tab.text(".tree-panel .step").isBlank(), "its text");
      tab.press("ArrowLeft");
      assertEquals("t0:", tab.evaluate(chosen).asString());

      // A fold opens and shows what was pruned; the data holds as many.
      String fold = "[id='t0:f']";
      int pruned = tab.evaluate("JSON.parse(document.getElementById('data').textContent).trees[0].children.filter(c => c.kind === 'pruned').length")
          .asInt();
      assertEquals(0, tab.count(".tree:first-of-type [id^='t0:'][aria-level='2'].pruned"));
      if (pruned > 0) {
        tab.click(fold);
        assertEquals(pruned, tab.count("[id^='t0:'][aria-level='2'].pruned"));
        tab.press("ArrowRight");
        assertTrue(tab.text(".tree-panel").startsWith("Step 1: pruned"), tab.text(".tree-panel"));
        // The address leads another reader to the same node, in its fold.
        String address = tab.evaluate("location.href").asString();
        tab.open(address);
        assertTrue(tab.text(".tree-panel").startsWith("Step 1: pruned"), tab.text(".tree-panel"));
      }
      assertEquals(List.of(), tab.complaints());
    }
  }

  @Test
  void theTreeHoldsEveryNodeOnceAndNoNodeLiesOverAnother(Chromium browser) {
    try (Tab tab = browser.tab()) {
      tab.size(1300, 900, false).open(page("pages/problem-00003.html"));
      tab.evaluate("document.querySelectorAll('.fold').forEach(f => {})");
      while (tab.count(".fold[aria-expanded=false]") > 0) {
        tab.click(".fold[aria-expanded=false]");
      }
      int all = tab.evaluate("(() => { const n = t => (t.children ?? []).reduce((s, c) => s + 1 + n(c), 0);"
          + " return JSON.parse(document.getElementById('data').textContent).trees.reduce((s, t) => s + n(t), 0); })()").asInt();
      assertTrue(all > 0);
      assertEquals(all, tab.count(".node:not(.fold):not(.root)"));
      assertEquals(0, tab.evaluate("(() => { const b = [...document.querySelectorAll('.node rect:first-child')].map(r => r.getBoundingClientRect());"
          + " return b.filter((a, i) => b.some((c, k) => k < i && a.left < c.right && c.left < a.right && a.top < c.bottom && c.top < a.bottom)).length; })()")
          .asInt());
    }
  }

  @Test
  void theReportsAxesTellTheirMarksApart(Chromium browser) {
    try (Tab tab = browser.tab()) {
      // What is written on canvases is no text of the page: it is listened to.
      tab.before("window.marks = []; const draw = CanvasRenderingContext2D.prototype.fillText;"
          + " CanvasRenderingContext2D.prototype.fillText = function(text) {"
          + " marks.push(this.canvas.closest('figure')?.firstChild.textContent + ': ' + text); return draw.apply(this, arguments); }");
      tab.size(1300, 900, false).open(page("train/report.html"));
      List<String> marks = texts(tab, "marks.filter(m => m.startsWith('Learning rate: ')).map(m => m.slice(15))");
      List<String> rates = marks.stream().filter(m -> m.matches("[-0-9.,e]+")).toList();
      assertTrue(rates.stream().anyMatch(m -> m.contains("e-")), marks.toString());
      assertEquals(1, rates.stream().filter("0"::equals).count(), "0 stands there once: " + marks);
    }
  }

  @Test
  void chartsOverTheSameAxisZoomTogether(Chromium browser) {
    try (Tab tab = browser.tab()) {
      tab.size(1300, 900, false).open(page("train/report.html"));
      assertTrue(tab.count("#charts canvas") >= 5);
      assertEquals(tab.evaluate("document.querySelector('#charts figure').getBoundingClientRect().top").asDouble(),
          tab.evaluate("document.querySelector('#charts figure:nth-child(2)').getBoundingClientRect().top").asDouble(), "two in a row");
      // The window grows narrow: what is drawn follows.
      tab.size(400, 900, false).settle();
      tab.waitFor("[...document.querySelectorAll('#charts canvas')].every(c => c.getBoundingClientRect().right <= innerWidth)");
      assertEquals(List.of(), PageChecks.faults(tab));
    }
  }
}
