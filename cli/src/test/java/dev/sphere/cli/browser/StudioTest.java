package dev.sphere.cli.browser;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sphere.cli.Main;
import dev.sphere.web.studio.StudioRuns;
import dev.sphere.web.studio.StudioServer;
import dev.sphere.engine.Problem;
import dev.sphere.engine.embedded.ProblemSource;
import dev.sphere.engine.store.RunFolder;
import dev.sphere.trainer.loop.TrainedRows;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.json.JsonMapper;

/** The studio as a reader sees and uses it: every view, keys, filters, replay, a long run, and one that is being written. */
@ExtendWith(WithChromium.class)
class StudioTest {
  private static final String HOSTILE =
      "</script><script>owned = 1</script><img src=x onerror=\"owned = 1\"> ${owned = 1} \u202e $\\href{javascript:owned=1}{x}$ &lt;";
  private static final String RECIPE = """
      name: few
      model: embedded
      problems: embedded:train
      limit: 6
      rounds: 2
      seed: 5
      search: {rollouts: 4, candidates: 4, depth: 8, pairing: any, stages: [generation]}
      train: {method: lora, learning_rate: 1e-4, batch_pairs: 4, lora_rank: 4}
      evaluate: {problems: "embedded:chain-validation", limit: 40, max_tokens: 60}
      """;
  private static final int LONG = Integer.getInteger("sphere.studio.problems", 3000);

  @TempDir static Path dir;
  private static StudioServer server;

  @BeforeAll
  static void make() throws Exception {
    Path problems = dir.resolve("problems.jsonl");
    List<String> lines = new ArrayList<>(List.of("{\"id\":\"h<i>1\",\"question\":%s,\"answer\":\"7\",\"kind\":\"<b>k</b>\"}".formatted(
        JsonMapper.shared().writeValueAsString(HOSTILE))));
    for (Problem p : ProblemSource.read("embedded:train").subList(0, 11)) {
      lines.add(JsonMapper.shared().writeValueAsString(Map.of("id", p.id(), "question", p.question(), "answer", p.answer())));
    }
    Files.write(problems, lines);
    Path runs = dir.resolve("runs");
    Path recipe = Files.writeString(dir.resolve("few.yaml"), RECIPE);
    run("evolve", "--recipe", recipe, "--run", runs.resolve("evo"));
    run("search", "--model", "embedded", "--small-model", "embedded-small", "--problems", problems, "--run", runs.resolve("search"),
        "--candidates", 5, "--rollouts", 4, "--pairing", "any", "--temperature", 1, "--probe", 4, "--pass-rate", "0..1",
        "--simulations", 2);
    run("eval", "--model", "embedded", "--problems", problems, "--out", runs.resolve("a.jsonl"));
    run("eval", "--model", "embedded-small", "--problems", problems, "--out", runs.resolve("b.jsonl"));
    StudioRuns.search(runs.resolve("long"), LONG);
    server = new StudioServer(runs, 0);
  }

  @AfterAll
  static void close() {
    if (server != null) {
      server.close();
    }
  }

  private static void run(Object... args) {
    String[] words = Arrays.stream(args).map(Object::toString).toArray(String[]::new);
    assertEquals(0, Main.run(words), String.join(" ", words));
  }

  private static String at(String hash) {
    return server.address() + hash;
  }

  private static final String LOADED = "document.querySelector('h1') && !document.querySelector('[role=alert]')";

  /** Every view with its address. */
  private static Map<String, String> views() {
    Map<String, String> views = new LinkedHashMap<>();
    views.put("runs", "#/");
    views.put("run", "#/run?run=search");
    views.put("a filtered run", "#/run?run=search&reason=pairs&sort=right&desc=1");
    views.put("problem", "#/problem?run=search&problem=train-1");
    views.put("a hostile problem", "#/problem?run=search&problem=h%3Ci%3E1");
    views.put("pair", "#/pair?run=evo%2Fround-1%2Fsearch&problem=train-1&n=0");
    views.put("training", "#/training?runs=evo%2Fround-1%2Ftrain");
    views.put("a training's point", "#/training?runs=evo%2Fround-1%2Ftrain&step=1");
    views.put("evolution", "#/evolution?run=evo");
    views.put("compare", "#/compare?a=a.jsonl&b=b.jsonl");
    views.put("a long run", "#/run?run=long");
    return views;
  }

  @Test
  void everyViewIsSound(Chromium browser) throws Exception {
    for (Map.Entry<String, String> view : views().entrySet()) {
      PageChecks.assertSound(browser, view.getKey().replace(' ', '-'), at(view.getValue()), tab -> {
        tab.waitFor(LOADED).settle();
        assertFalse(tab.evaluate("'owned' in window").asBoolean());
      });
    }
  }

  @Test
  void anEvolutionShowsItsRoundsByLevel(Chromium browser) {
    try (Tab tab = browser.tab()) {
      tab.open(at("#/evolution?run=evo")).waitFor(LOADED).waitFor("document.querySelectorAll('#charts figure').length === 2");
      assertEquals("Accuracy by level, %", tab.text("#charts figure:last-child figcaption"));
      assertTrue(tab.text("#charts figure:last-child .u-legend").contains("round 1"), tab.text("#charts figure:last-child .u-legend"));
    }
  }

  @Test
  void aHostileProblemStaysText(Chromium browser) {
    try (Tab tab = browser.tab()) {
      tab.open(at("#/problem?run=search&problem=h%3Ci%3E1")).waitFor(LOADED);
      assertEquals("h<i>1", tab.text("h1"));
      assertTrue(tab.text(".question").contains("<script>owned = 1</script><img src=x"), tab.text(".question"));
      assertEquals(0, tab.count("main img, main script, main a[href^=javascript]"));
      assertFalse(tab.text("main").contains("\u202e"), "what turns the reading direction is written out");
      assertFalse(tab.evaluate("'owned' in window").asBoolean());
      String own = server.address().toString();
      assertTrue(tab.requests().stream().allMatch(r -> r.startsWith(own) || r.equals("about:blank") || r.startsWith("data:")),
          tab.requests().toString());
    }
  }

  @Test
  void keysWalkTheTreeAndTheAddressKeepsTheNode(Chromium browser) {
    try (Tab tab = browser.tab()) {
      tab.size(1300, 900, false).open(at("#/problem?run=search&problem=train-1")).waitFor("document.querySelector('.tree-view')");
      tab.evaluate("document.querySelector('.tree-view').focus()");
      tab.press("ArrowRight");
      assertTrue(tab.evaluate("location.hash").asString().contains("node=%2B"), tab.evaluate("location.hash").asString());
      String panel = tab.text(".tree-panel");
      assertTrue(panel.contains("process reward") && panel.contains("UCT"), panel);
      String address = tab.evaluate("location.href").asString();
      tab.open(address).waitFor("document.querySelector('.tree-view [aria-selected=true]')?.id.endsWith('+')");
      assertEquals(panel, tab.text(".tree-panel"), "another reader sees the same node");
      assertEquals(List.of(), tab.complaints());
    }
  }

  @Test
  void theReplayShowsTheSearchAsItGrew(Chromium browser) {
    try (Tab tab = browser.tab()) {
      tab.size(1300, 900, false).open(at("#/problem?run=search&problem=train-1")).waitFor("document.querySelector('.replay input')");
      int all = tab.count(".tree-view .node");
      tab.evaluate("(() => { const r = document.querySelector('.replay input'); r.value = 1; r.dispatchEvent(new Event('input', {bubbles: true})); })()");
      tab.settle();
      int one = tab.count(".tree-view .node");
      assertTrue(one > 1 && one < all, one + " of " + all);
      assertTrue(tab.evaluate("location.hash").asString().contains("shown=1"));
      tab.evaluate("document.querySelector('.replay input').focus()");
      tab.press("End");
      assertEquals(all, tab.count(".tree-view .node"), "a slider's keys reach it");
    }
  }

  /** A press on a curve, and Enter, open the pairs of that step; a link leads to one of them. */
  @Test
  void aPointOfACurveLeadsToItsPairs(Chromium browser) throws Exception {
    Path training = dir.resolve("runs/evo/round-1/train");
    int steps = Files.readAllLines(training.resolve("metrics.jsonl")).size();
    List<String> rows = TrainedRows.read(training).batch(steps).stream().map(TrainedRows.Row::problem).toList();
    try (Tab tab = browser.tab()) {
      tab.size(1300, 900, false).open(at("#/training?runs=evo%2Fround-1%2Ftrain")).waitFor("document.querySelector('#charts .uplot')");
      assertEquals(0, tab.count("#batch"));
      tab.evaluate("document.querySelector('#charts .uplot').focus()");
      tab.press("End", "Enter").waitFor("document.querySelectorAll('#batch li a').length > 0");
      String linked = "[...document.querySelectorAll('#batch li a')].map(a => a.innerText.split(',')[0]).join(' ')";
      assertEquals(String.join(" ", rows), tab.evaluate(linked).asString());
      assertTrue(tab.text("#batch h2").contains("step " + steps), tab.text("#batch h2"));
      assertEquals("batch", tab.evaluate("document.activeElement.id").asString());
      // The address keeps it.
      tab.open(tab.evaluate("location.href").asString()).waitFor("document.querySelectorAll('#batch li a').length > 0");
      assertEquals(String.join(" ", rows), tab.evaluate(linked).asString());
      tab.click("#batch h2 button").waitFor("!document.querySelector('#batch')");
      assertFalse(tab.evaluate("location.hash").asString().contains("step="));
      // The pointer in the middle of a chart: the point that the cursor shows.
      tab.click("#charts .u-over").waitFor("document.querySelectorAll('#batch li a').length > 0");
      int step = Integer.parseInt(tab.evaluate("location.hash").asString().replaceFirst(".*step=(\\d+).*", "$1"));
      assertEquals(TrainedRows.read(training).batch(step).stream().map(TrainedRows.Row::problem).toList(),
          List.of(tab.evaluate(linked).asString().split(" ")));
      String problem = tab.text("#batch li a").split(",")[0];
      tab.click("#batch li a").waitFor("document.querySelectorAll('.side').length === 2");
      assertTrue(tab.evaluate("location.hash").asString().contains("problem=" + problem), tab.evaluate("location.hash").asString());
      assertEquals(List.of(), tab.complaints());
    }
  }

  @Test
  void filtersAndKeysOfTheTable(Chromium browser) {
    try (Tab tab = browser.tab()) {
      tab.size(1300, 900, false).open(at("#/run?run=long")).waitFor("document.querySelector('#rows .c-id')");
      String shown = "[...document.querySelectorAll('#rows .c-id')].map(e => e.innerText)";
      tab.type(".filters input[type=search]", "is 17 and").waitFor("document.querySelectorAll('#rows .c-id').length === 1");
      assertEquals("p17", tab.evaluate(shown).get(0).asString());
      assertEquals("1 of " + String.format("%,d", LONG), tab.text(".filters output").replace("\u202f", ","));
      tab.open(tab.evaluate("location.href").asString()).waitFor("document.querySelectorAll('#rows .c-id').length === 1");
      tab.open(at("#/run?run=long")).waitFor("document.querySelector('#rows .c-id')");
      tab.evaluate("document.querySelector('#rows').focus()");
      tab.press("ArrowDown", "ArrowDown", "Enter").waitFor("location.hash.startsWith('#/problem')");
      assertTrue(tab.waitFor("document.querySelector('h1')?.innerText === 'p1'").complaints().isEmpty(), tab.complaints().toString());
    }
  }

  /** Of a long run only what is on the screen is loaded: neither elements nor memory grow with what is scrolled through. */
  @Test
  void aLongRunStaysLight(Chromium browser) {
    try (Tab tab = browser.tab()) {
      tab.size(1300, 900, false).open(at("#/run?run=long")).waitFor("document.querySelector('#rows .c-id')");
      long before = tab.heap();
      int most = 0;
      for (int i = 1; i <= 30; i++) {
        tab.evaluate("document.querySelector('#rows').scrollTop = document.querySelector('#rows').scrollHeight * " + i / 30.0);
        tab.waitFor("[...document.querySelectorAll('#rows .row')].some(r => r.querySelector('.c-id'))");
        most = Math.max(most, tab.count("#rows .row"));
      }
      tab.waitFor("[...document.querySelectorAll('#rows .c-id')].some(e => e.innerText === 'p" + (LONG - 1) + "')");
      assertTrue(most < 60, most + " rows");
      long after = tab.heap();
      assertTrue(after - before < 8L << 20, (after - before) + " bytes more");
    }
  }

  @Test
  void aRunThatIsBeingWrittenIsFollowed(Chromium browser) throws Exception {
    Path folder = dir.resolve("runs/live");
    try (RunFolder store = StudioRuns.open(folder, StudioRuns.problems(6), false); Tab tab = browser.tab()) {
      StudioRuns.solve(store, 0);
      tab.size(1300, 900, false).open(at("#/run?run=live")).waitFor("document.querySelector('.tile')");
      tab.evaluate("window.mark = 1");
      String figures = tab.text(".tiles");
      for (int i = 1; i < 5; i++) {
        StudioRuns.solve(store, i);
      }
      tab.waitFor("document.querySelector('.tile b').innerText.startsWith('5')");
      assertNotEquals(figures, tab.text(".tiles"));
      // The problem that comes now is opened before it is searched: its tree grows before the reader's eyes.
      tab.evaluate("location.hash = '#/problem?run=live&problem=p5'");
      tab.waitFor("document.querySelector('h1')?.innerText === 'p5'");
      assertEquals(0, tab.count(".tree-view .node"));
      StudioRuns.solve(store, 5);
      tab.waitFor("document.querySelectorAll('.tree-view .node').length > 3");
      assertEquals(1, tab.evaluate("window.mark").asInt(), "the page was not loaded again");
      assertEquals(List.of(), tab.complaints());
    }
  }

  @Test
  void mistakesAreToldInWords(Chromium browser) {
    try (Tab tab = browser.tab()) {
      for (String hash : List.of("#/run?run=nowhere", "#/problem?run=search&problem=nobody", "#/nonsense", "#/run?run=..%2F..")) {
        tab.open(at(hash)).waitFor("document.querySelector('[role=alert]')");
        assertFalse(tab.text("[role=alert]").contains("undefined") || tab.text("[role=alert]").contains("Exception"), tab.text("[role=alert]"));
      }
      // After a mistake the rest goes on.
      tab.evaluate("location.hash = '#/'");
      tab.waitFor(LOADED);
      tab.open(server.address().resolve("/wrong-token/").toString());
      assertEquals(0, tab.count("main"), "a wrong token shows nothing of the studio");
    }
  }
}
