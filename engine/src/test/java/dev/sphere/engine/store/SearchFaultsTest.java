package dev.sphere.engine.store;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sphere.engine.Progress;
import dev.sphere.engine.probe.ProbeSettings;
import dev.sphere.engine.probe.Probed;
import dev.sphere.engine.search.Expansion;
import dev.sphere.engine.stage.ProblemResult;
import dev.sphere.engine.stage.RunLog;
import dev.sphere.engine.stage.Stage;
import dev.sphere.engine.stage.StageResult;
import dev.sphere.faults.AnyChange;
import dev.sphere.faults.Faults;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.function.Consumer;
import org.junit.jupiter.api.io.TempDir;

/** A search on a disk that dies or fails at every change of it: resumed, it is the undisturbed one. */
class SearchFaultsTest implements AnyChange {
  private static final int PROBLEMS = 2;
  private static final List<String> LOGS = List.of("probe.jsonl", "tree.jsonl", "stages.jsonl", "results.jsonl");
  private static final ProbeSettings PROBE = FakeRun.probe(3);

  @TempDir private Path temporary;

  /** Says what the store has said is done. */
  private record Told(RunLog log, Consumer<String> said) implements RunLog {
    @Override
    public Probed findProbe(String problemId) {
      return log.findProbe(problemId);
    }

    @Override
    public void append(Probed probed) {
      log.append(probed);
      said.accept("probe " + probed.problemId());
    }

    @Override
    public Expansion find(String problemId, String search, String path) {
      return log.find(problemId, search, path);
    }

    @Override
    public void append(Expansion expansion) {
      log.append(expansion);
    }

    @Override
    public StageResult findStage(String problemId, Stage stage) {
      return log.findStage(problemId, stage);
    }

    @Override
    public void append(StageResult result) {
      log.append(result);
      said.accept("stage " + result.problemId() + " " + result.stage());
    }

    @Override
    public ProblemResult findProblem(String problemId) {
      return log.findProblem(problemId);
    }

    @Override
    public void append(ProblemResult result) {
      log.append(result);
      said.accept("problem " + result.problemId());
    }
  }

  private static RunFolder open(Path root) {
    return RunFolder.open(root.resolve("runs/first"), FakeRun.provenance(1, PROBE), FakeRun.problems(PROBLEMS), true);
  }

  private static void search(Path root, Consumer<String> said) throws InterruptedException {
    try (RunFolder store = open(root)) {
      FakeRun.run(store, new Told(store, said), FakeRun.policy(), FakeRun.small(), 1, 2, Progress.NONE, PROBE);
      said.accept("pairs");
    }
  }

  /** What was said to be done is there before anything is done again. */
  private static void there(Path root, List<String> said) {
    if (said.isEmpty()) {
      return;
    }
    try (RunFolder store = open(root)) {
      for (String what : said) {
        String[] words = what.split(" ");
        switch (words[0]) {
          case "probe" -> assertNotNull(store.findProbe(words[1]), what);
          case "stage" -> assertNotNull(store.findStage(words[1], Stage.valueOf(words[2])), what);
          case "problem" -> assertNotNull(store.findProblem(words[1]), what);
          default -> assertTrue(Files.exists(root.resolve("runs/first/pairs.jsonl")), what);
        }
      }
    }
  }

  private static void same(Path whole, Path root) throws IOException {
    Path run = root.resolve("runs/first");
    for (String name : List.of("pairs.jsonl", "problems.jsonl")) {
      assertEquals(-1, Files.mismatch(whole.resolve("runs/first").resolve(name), run.resolve(name)), name);
    }
    for (String log : LOGS) {
      assertEquals(sorted(whole.resolve("runs/first").resolve(log)), sorted(run.resolve(log)), log);
    }
    assertEquals(List.of(), RunReader.check(run));
    assertTrue(RunReader.read(run).complete());
  }

  private static List<String> sorted(Path file) throws IOException {
    return Files.readAllLines(file).stream().sorted().toList();
  }

  @Override
  public Faults faults() throws Exception {
    return new Faults(temporary, 4, SearchFaultsTest::search, SearchFaultsTest::there, SearchFaultsTest::same);
  }

  @Override
  public int cases() {
    return 10;
  }
}
