package dev.sphere.engine.store;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.sphere.engine.Problem;
import dev.sphere.engine.Progress;
import dev.sphere.engine.ToldProgress;
import dev.sphere.engine.Workers;
import dev.sphere.engine.probe.ProbeSettings;
import dev.sphere.engine.run.RunProgress;
import dev.sphere.engine.run.Search;
import dev.sphere.engine.stage.ProblemRecords;
import dev.sphere.engine.stage.ProblemSolver;
import dev.sphere.engine.stage.Task;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.function.Consumer;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A run whose problems others solve: tasks and records go over as bytes. */
class WorkersTest {
  @TempDir private Path temporary;

  /** Solves in another order, each through bytes; {@code most} tasks at most, then it fails. */
  private record Others(ProblemSolver solver, int most) implements Workers<Task, ProblemRecords> {
    @Override
    public void run(List<Task> tasks, Consumer<List<Result<ProblemRecords>>> done) throws InterruptedException {
      List<Integer> order = new ArrayList<>(IntStream.range(0, tasks.size()).boxed().toList());
      Collections.shuffle(order, new Random(5));
      for (int i = 0; i < order.size();) {
        List<Result<ProblemRecords>> some = new ArrayList<>();
        for (int k = 0; k <= i % 3 && i < order.size() && i < most; k++, i++) {
          Task there = RecordLines.task(RecordLines.of(tasks.get(order.get(i))));
          some.add(new Result<>(order.get(i), RecordLines.records(RecordLines.of(solver.work(there)))));
        }
        done.accept(some);
        if (i == most) {
          throw new IllegalStateException("the cluster is gone");
        }
      }
    }
  }

  private static void elsewhere(Path run, ProbeSettings probe, int most, Progress progress) throws InterruptedException {
    try (RunFolder store = RunFolder.open(run, FakeRun.provenance(1, probe), FakeRun.problems(FakeRun.PROBLEMS), true)) {
      RunProgress counts = new RunProgress(progress);
      new Search(probe, 1, 1, Search.elsewhere(new Others(FakeRun.solver(probe), most), () -> {}, store, counts), store,
          counts).solve(store.problems());
      store.finish();
    }
  }

  private Path here(ProbeSettings probe) throws InterruptedException {
    Path run = temporary.resolve("here");
    try (RunFolder store = RunFolder.open(run, FakeRun.provenance(1, probe), FakeRun.problems(FakeRun.PROBLEMS), false)) {
      FakeRun.run(store, FakeRun.policy(), FakeRun.small(), 1, 4, Progress.NONE, probe);
    }
    return run;
  }

  private static void assertSame(Path a, Path b) throws Exception {
    assertArrayEquals(Files.readAllBytes(a.resolve("pairs.jsonl")), Files.readAllBytes(b.resolve("pairs.jsonl")));
    for (String log : List.of("tree.jsonl", "stages.jsonl", "results.jsonl")) {
      assertEquals(Files.readAllLines(a.resolve(log)).stream().sorted().toList(),
          Files.readAllLines(b.resolve(log)).stream().sorted().toList(), log);
    }
  }

  @Test
  void theRecordsAreThoseOfOneProcess() throws Exception {
    Path alone = here(ProbeSettings.none());
    Path run = temporary.resolve("elsewhere");
    ToldProgress told = new ToldProgress();
    elsewhere(run, ProbeSettings.none(), Integer.MAX_VALUE, told);
    assertSame(alone, run);
    assertEquals(FakeRun.PROBLEMS, told.done);
    assertEquals(RunReader.read(run).pairs().size(), told.pairs());
  }

  @Test
  void soAreThoseOfAProbedRun() throws Exception {
    ProbeSettings probe = FakeRun.probe(4);
    Path alone = here(probe);
    Path run = temporary.resolve("elsewhere");
    elsewhere(run, probe, Integer.MAX_VALUE, Progress.NONE);
    assertSame(alone, run);
    assertEquals(Files.readAllLines(alone.resolve("probe.jsonl")).stream().sorted().toList(),
        Files.readAllLines(run.resolve("probe.jsonl")).stream().sorted().toList());
  }

  @Test
  void aClusterThatFailsLosesNothingThatItGaveBack() throws Exception {
    Path alone = here(ProbeSettings.none());
    Path run = temporary.resolve("failed");
    assertThrows(IllegalStateException.class, () -> elsewhere(run, ProbeSettings.none(), 5, Progress.NONE));
    assertEquals(5, Files.readAllLines(run.resolve("results.jsonl")).size());
    elsewhere(run, ProbeSettings.none(), Integer.MAX_VALUE, Progress.NONE);
    assertSame(alone, run);
  }

  /** A problem that this process had begun is done anew elsewhere; what is on record stays and comes no second time. */
  @Test
  void aTaskThatComesTwiceIsRecordedOnce() throws Exception {
    Path alone = here(ProbeSettings.none());
    Path run = temporary.resolve("twice");
    ProblemSolver solver = FakeRun.solver(ProbeSettings.none());
    ProblemRecords begun = solver.work(new Task.Solve(FakeRun.problems(4).getLast(), Optional.empty()));
    try (RunFolder store = open(run)) {
      begun.expansions().subList(0, 2).forEach(store::append); // what a killed process left
    }
    try (RunFolder store = open(run)) {
      for (Problem problem : store.problems()) {
        ProblemRecords records = solver.work(new Task.Solve(problem, Optional.empty()));
        store.append(List.of(records, records));
        store.append(List.of(records));
      }
      store.finish();
    }
    assertSame(alone, run);
  }

  private static RunFolder open(Path run) {
    return RunFolder.open(run, FakeRun.provenance(1), FakeRun.problems(FakeRun.PROBLEMS), true);
  }

  @Test
  void damagedAndShortRecordsAreRefused() throws Exception {
    Task task = new Task.Solve(FakeRun.problems(1).getFirst(), Optional.empty());
    byte[] lines = RecordLines.of(FakeRun.solver(ProbeSettings.none()).work(task));
    byte[] damaged = lines.clone();
    damaged[lines.length / 2] ^= 1;
    assertThrows(StoreException.class, () -> RecordLines.records(damaged));
    for (int length : new int[] {0, 1, lines.length / 2, lines.length - 1}) {
      byte[] cut = Arrays.copyOf(lines, length);
      assertThrows(StoreException.class, () -> RecordLines.records(cut), length + " bytes");
    }
    assertArrayEquals(lines, RecordLines.of(RecordLines.records(lines)));
  }
}
