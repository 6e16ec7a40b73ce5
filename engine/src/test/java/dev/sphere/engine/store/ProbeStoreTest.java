package dev.sphere.engine.store;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sphere.engine.HashPolicy;
import dev.sphere.engine.Problem;
import dev.sphere.engine.Progress;
import dev.sphere.engine.ToldProgress;
import dev.sphere.engine.data.Shard;
import dev.sphere.engine.probe.ProbeSettings;
import dev.sphere.engine.stage.Reason;
import dev.sphere.engine.stage.RunReport;
import dev.sphere.engine.stage.Stage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A run with a probe on disk: broken off, damaged, in parts. */
class ProbeStoreTest {
  private static final ProbeSettings PROBE = new ProbeSettings(4, "0.2..0.8", ProbeSettings.Order.MIXED, 0, true);
  private static final List<String> LOGS = List.of("probe.jsonl", "tree.jsonl", "stages.jsonl", "results.jsonl");
  private static final List<Problem> PROBLEMS = FakeRun.problems(FakeRun.PROBLEMS);

  @TempDir private Path temporary;
  private Path whole;

  private static List<Finding> run(Path directory, List<Problem> problems, Progress progress) throws InterruptedException {
    return run(directory, problems, progress, PROBE, null);
  }

  private static List<Finding> run(Path directory, List<Problem> problems, Progress progress, ProbeSettings probe,
      String shard) throws InterruptedException {
    Provenance.Builder all = Provenance.builder();
    FakeRun.provenance(3, probe).identity().forEach(all::identity);
    if (shard != null) {
      all.information(RunMerge.SHARD, shard);
    }
    try (RunFolder store = RunFolder.open(directory, all.build(), problems, true, DamageTest::unforced)) {
      FakeRun.run(store, new HashPolicy(.2), FakeRun.small(), 3, 2, progress, probe);
      return store.findings();
    }
  }

  @BeforeEach
  void makeRun() throws Exception {
    whole = temporary.resolve("whole");
    run(whole, PROBLEMS, Progress.NONE);
  }

  private void assertIsWhole(Path run, String what) throws IOException {
    for (String file : List.of("pairs.jsonl", "problems.jsonl")) {
      assertEquals(-1, Files.mismatch(whole.resolve(file), run.resolve(file)), what + " " + file);
    }
    for (String file : LOGS) {
      assertEquals(Files.readAllLines(whole.resolve(file)).stream().sorted().toList(),
          Files.readAllLines(run.resolve(file)).stream().sorted().toList(), what + " " + file);
    }
    assertEquals(List.of(), RunReader.check(run), what);
    assertEquals(RunReader.read(whole).report(), RunReader.read(run).report(), what);
  }

  @Test
  void itTellsWhatItProbedAndWhatWasLeftOut() throws Exception {
    RunReport report = RunReader.read(whole).report();
    assertEquals(FakeRun.PROBLEMS, report.probe().problems());
    int left = report.probe().below() + report.probe().above();
    assertTrue(left > 1 && report.probe().taken() > 3, report.probe().toString());
    assertEquals(left, report.reasons().get(Reason.PASS_RATE));
    assertTrue(report.probePairs() > 0);
    assertEquals(report.probePairs(), report.bySource().get("probe"), "counted apart");
    assertEquals(report.pairs().get(Stage.GENERATION), report.bySource().get("generation") + report.probePairs());
    assertEquals(report.allPairs(), report.bySource().values().stream().mapToInt(n -> n).sum());
    assertEquals(4, RunReader.read(whole).probeOf("p0").draws().size());
    Path plain = temporary.resolve("plain");
    FakeRun.run(plain, false, 3, 2);
    assertFalse(Files.exists(plain.resolve("probe.jsonl")));
    assertNull(RunReader.read(plain).report().probe());
    assertFalse(Files.readString(plain.resolve("run.json")).contains("probe"), "it names a run only when it is on");
  }

  @Test
  void brokenOffInTheProbeOrInTheSearchItGoesOn() throws Exception {
    for (int tells : new int[] {0, 4, 11, 30, 60}) {
      Path run = temporary.resolve("broken" + tells);
      assertThrows(IllegalStateException.class, () -> run(run, PROBLEMS, ToldProgress.stopAfter(tells, 0)));
      assertTrue(Files.size(run.resolve("probe.jsonl")) > 0, "it is written as it goes");
      assertEquals(tells < 12, Files.size(run.resolve("tree.jsonl")) == 0, "broken off in the probe: " + tells);
      assertEquals(List.of(), run(run, PROBLEMS, Progress.NONE), "nothing was damaged");
      assertIsWhole(run, tells + " tells");
    }
  }

  @Test
  void anotherProbeIsAnotherRun() {
    ProbeSettings other = new ProbeSettings(4, "0.1..0.8", ProbeSettings.Order.MIXED, 0, true);
    String message = assertThrows(StoreException.Refused.class, () -> run(whole, PROBLEMS, Progress.NONE, other, null)).getMessage();
    assertTrue(message.contains("probe.passRate is \"0.2..0.8\", not \"0.1..0.8\""), message);
    assertThrows(StoreException.Refused.class, () -> run(whole, PROBLEMS, Progress.NONE, ProbeSettings.none(), null));
  }

  /** Every way of damage, of a finished run and of one that was broken off in its search. */
  @Test
  void aDamagedProbeIsNamedAndMadeWhole() throws Exception {
    Path half = temporary.resolve("half");
    assertThrows(IllegalStateException.class, () -> run(half, PROBLEMS, ToldProgress.stopAfter(60, 2)));
    int named = 0;
    for (Path from : List.of(whole, half)) {
      for (Damage way : Damage.values()) {
        String what = way + " in " + from.getFileName();
        Path run = Files.createDirectory(temporary.resolve(from.getFileName() + "-" + way));
        for (String file : List.of("run.json", "problems.jsonl", "pairs.jsonl", "probe.jsonl", "tree.jsonl", "stages.jsonl",
            "results.jsonl")) {
          if (Files.exists(from.resolve(file))) {
            Files.copy(from.resolve(file), run.resolve(file));
          }
        }
        byte[] damaged = way.of(Files.readAllBytes(run.resolve("probe.jsonl")), new Random(5));
        if (damaged == null) {
          Files.delete(run.resolve("probe.jsonl"));
        } else {
          Files.write(run.resolve("probe.jsonl"), damaged);
        }
        List<Finding> check = RunReader.check(run);
        assertEquals(check, run(run, PROBLEMS, Progress.NONE), what + ": `run check` and opening differ");
        named += check.isEmpty() ? 0 : 1;
        assertTrue(from == half || way == Damage.LINES_SWAPPED || !check.isEmpty(), what + ": not a word");
        assertIsWhole(run, what);
      }
    }
    assertTrue(named > 25, named + " of them were named");
  }

  @Test
  void shardsBecomeTheWholeRun() throws Exception {
    Path first = temporary.resolve("first");
    Path second = temporary.resolve("second");
    run(first, Shard.of("1/2", Map.of()).part(PROBLEMS), Progress.NONE, PROBE, "1/2");
    run(second, Shard.of("2/2", Map.of()).part(PROBLEMS), Progress.NONE, PROBE, "2/2");
    Path merged = temporary.resolve("merged");
    assertEquals(FakeRun.PROBLEMS, RunMerge.merge(List.of(second, first), merged).ended());
    assertIsWhole(merged, "merged");
  }

  @Test
  void whatWasChosenAmongOnesOwnProblemsIsNotMerged() throws Exception {
    ProbeSettings take = new ProbeSettings(4, "0.2..0.8", ProbeSettings.Order.EASIEST, 2, true);
    Path first = temporary.resolve("first");
    Path second = temporary.resolve("second");
    run(first, Shard.of("1/2", Map.of()).part(PROBLEMS), Progress.NONE, take, "1/2");
    run(second, Shard.of("2/2", Map.of()).part(PROBLEMS), Progress.NONE, take, "2/2");
    String message = assertThrows(StoreException.Refused.class,
        () -> RunMerge.merge(List.of(first, second), temporary.resolve("merged"))).getMessage();
    assertTrue(message.contains("--take"), message);
    assertFalse(Files.exists(temporary.resolve("merged")));
  }
}
