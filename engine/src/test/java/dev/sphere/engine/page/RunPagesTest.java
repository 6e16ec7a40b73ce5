package dev.sphere.engine.page;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sphere.engine.HashPolicy;
import dev.sphere.engine.Problem;
import dev.sphere.engine.Progress;
import dev.sphere.engine.SamplingSettings;
import dev.sphere.engine.prompt.Prompts;
import dev.sphere.engine.reward.MonteCarloPrm;
import dev.sphere.engine.reward.RandomPrm;
import dev.sphere.engine.search.SearchSettings;
import dev.sphere.engine.run.OpenedSearch;
import dev.sphere.engine.stage.Actor;
import dev.sphere.engine.stage.PrmFactory;
import dev.sphere.engine.stage.ProblemSolver;
import dev.sphere.engine.stage.SolverOptions;
import dev.sphere.engine.stage.StageSettings;
import dev.sphere.engine.store.Provenance;
import dev.sphere.engine.store.RunReader;
import dev.sphere.engine.store.RunFolder;
import dev.sphere.faults.AnyChange;
import dev.sphere.faults.Faults;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

class RunPagesTest implements AnyChange {
  @TempDir Path dir;

  @Test
  void everyProblemHasItsTreeItsPairsAndItsReasons() throws Exception {
    List<Problem> problems = new ArrayList<>();
    for (int i = 0; i < 6; i++) {
      problems.add(new Problem("p" + i, "Is <b>" + i + "</b> & \"more\" enough?", "7"));
    }
    SearchSettings settings = SearchSettings.paper().withCandidates(3).withSeparator("\n")
        .withSampling(SamplingSettings.temperature(1, 200)).withMaxDepth(9);
    var mc = new MonteCarloPrm.Settings(2, SamplingSettings.temperature(1, 400), false);
    PrmFactory prm = policy -> new MonteCarloPrm(policy, HashPolicy.outcome(), mc);
    Provenance from = Provenance.builder().settings("search", settings).build();
    StageSettings stages = StageSettings.defaults().withPrompts(new Prompts("", "{question}", "again", ""))
        .withPairing(StageSettings.Pairing.ANY);
    int pairs;
    try (RunFolder store = RunFolder.open(dir.resolve("run"), from, problems, false)) {
      OpenedSearch.of(new ProblemSolver.Models(new Actor(new HashPolicy(0.5), prm), Optional.empty()),
          SolverOptions.of(HashPolicy.outcome(), settings, stages, 1), 2, store, Progress.NONE).solve(problems);
      pairs = store.finish().size();
    }
    assertTrue(pairs > 0);
    RunReader run = RunReader.read(dir.resolve("run"));
    RunPages.write(run, problems.stream().map(Problem::id).toList(), dir.resolve("pages"));
    String index = Files.readString(dir.resolve("pages/index.html"));
    int compared = 0;
    int marked = 0;
    for (int i = 0; i < 6; i++) {
      String name = String.format("problem-%05d.html", i + 1);
      assertTrue(index.contains(name));
      String page = Files.readString(dir.resolve("pages").resolve(name));
      assertTrue(page.contains("Is &lt;b&gt;" + i + "&lt;/b&gt; &amp; &quot;more&quot; enough?"), "text is escaped");
      assertFalse(page.contains("<b>" + i + "</b>"));
      String data = page.substring(page.indexOf("id=\"data\">") + 10, page.lastIndexOf("</script>\n<script type=\"module\">"));
      int nodes = 0;
      for (JsonNode tree : JsonMapper.shared().readTree(data).get("trees")) {
        nodes += nodes(tree);
      }
      assertEquals(run.expansions(Set.of("p" + i)).get("p" + i).stream().mapToInt(e -> e.candidates().size()).sum(), nodes, "every candidate is shown once");
      assertEquals(page.split("<div", -1).length, page.split("</div>", -1).length, "every element is closed");
      compared += page.split("<div class=\"pair\">", -1).length - 1;
      marked += page.split("<mark>", -1).length - 1;
    }
    assertEquals(pairs, compared);
    assertTrue(marked >= pairs && marked <= 2 * pairs, marked + " marks in " + pairs + " pairs");
  }

  /** Pages of a run on a disk that dies or fails at every change of it: each is whole or not there; written again, all are. */
  @Override
  public Faults faults() throws Exception {
    Path whole = dir.resolve("pages");
    List<Problem> problems = List.of(new Problem("a", "A", "7"), new Problem("b", "B \u00e9", "8"));
    Provenance from = Provenance.builder().settings("search", SearchSettings.paper()).build();
    try (RunFolder store = RunFolder.open(dir.resolve("small"), from, problems, false)) {
      SearchSettings settings = SearchSettings.paper().withCandidates(2).withMaxDepth(3);
      OpenedSearch.of(
          new ProblemSolver.Models(new Actor(new HashPolicy(0.5), p -> new RandomPrm()), Optional.empty()),
          SolverOptions.of(HashPolicy.outcome(), settings, StageSettings.defaults(), 1), 1, store, Progress.NONE)
          .solve(problems);
      store.finish();
    }
    RunReader run = RunReader.read(dir.resolve("small"));
    List<String> names = List.of("problem-00001.html", "problem-00002.html", "index.html");
    RunPages.write(run, List.of("a", "b"), whole);
    return new Faults(Files.createDirectory(dir.resolve("disks")), 20, (root, said) -> {
      RunPages.write(run, List.of("a", "b"), root.resolve("pages/of-run"));
      said.accept("pages");
    }, (root, said) -> {
      for (String name : names) {
        Path page = root.resolve("pages/of-run").resolve(name);
        assertTrue(Files.exists(page) || said.isEmpty(), name);
        assertTrue(!Files.exists(page) || Files.readString(page).equals(Files.readString(whole.resolve(name))), name + " is not whole");
      }
    }, (undisturbed, root) -> {
      for (String name : names) {
        assertEquals(-1, Files.mismatch(whole.resolve(name), root.resolve("pages/of-run").resolve(name)), name);
      }
    });
  }

  @Override
  public int cases() {
    return 5;
  }

  private static int nodes(JsonNode tree) {
    int n = 0;
    for (JsonNode child : tree.path("children")) {
      assertTrue(child.get("prm").isNumber() && !child.get("text").isNull(), child.toString());
      n += 1 + nodes(child);
    }
    return n;
  }
}
