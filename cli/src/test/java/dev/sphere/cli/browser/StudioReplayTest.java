package dev.sphere.cli.browser;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sphere.cli.Main;
import dev.sphere.web.studio.StudioServer;
import dev.sphere.engine.Problem;
import dev.sphere.engine.stage.Attempt;
import dev.sphere.engine.stage.Stage;
import dev.sphere.engine.stage.StageResult;
import dev.sphere.engine.store.RunReader;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/** The studio walks a search's simulations again from its expansions alone; it must come to the solutions that the search found. */
@ExtendWith(WithChromium.class)
class StudioReplayTest {
  private static final String WALK = """
      import('./search.js').then(async s => {
        while ((await (await fetch('api/run?run=.')).json()).progress.behind) {
          await new Promise(done => setTimeout(done, 20)); // until the logs are read
        }
        const p = await (await fetch('api/problem?run=.&problem=' + encodeURIComponent('%s'))).json();
        const expansions = p.tree.filter(e => e.search === 'generation');
        const walk = n => s.simulate(s.growTree(expansions, n, ''), s.searchSettings(p.settings));
        const whole = walk(expansions.length);
        const root = s.growTree(expansions, expansions.length, '');
        const terms = s.simulate(root, s.searchSettings(p.settings)).terms(root);
        let grew = true;
        for (let n = 1, before = 0; n <= expansions.length; n++) {
          const now = walk(n).solutions.length;
          grew = grew && now >= before;
          before = now;
        }
        return { paths: whole.solutions.flatMap(x => x.max === x.min ? [x.max.path] : [x.max.path, x.min.path]), visits: terms.n, grew };
      })""";

  @TempDir Path dir;

  @Test
  void theSimulationsAreThoseOfTheSearch(Chromium browser) {
    Path run = dir.resolve("run");
    assertEquals(0, Main.run("search", "--model", "embedded", "--problems", "embedded:train", "--limit", "8", "--run", run.toString(),
        "--simulations", "6", "--temperature", "1.2", "--rollouts", "2", "--stages", "generation"));
    RunReader data = RunReader.read(run);
    int chosen = 0;
    try (StudioServer server = new StudioServer(run, 0); Tab tab = browser.tab()) {
      tab.open(server.address().toString()).waitFor("document.querySelector('main h1')");
      for (Problem problem : data.problems()) {
        StageResult generation = data.stagesOf(problem.id()).stream().filter(s -> s.stage() == Stage.GENERATION).findFirst().orElseThrow();
        List<String> found = generation.attempts().stream().map(Attempt::path).toList();
        List<String> walked = new ArrayList<>();
        var answer = tab.evaluate(WALK.formatted(problem.id()));
        answer.get("paths").forEach(p -> walked.add(p.asString()));
        assertEquals(found, walked, problem.id());
        assertEquals(found.size(), answer.get("visits").asInt(), "each solution was backed up to the root");
        assertTrue(answer.get("grew").asBoolean(), "a shorter log has no more simulations");
        chosen += found.size() > 2 ? 1 : 0;
      }
    }
    assertTrue(chosen > 2, "in some trees UCT had to choose");
  }
}
