package dev.sphere.engine.store;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sphere.engine.PreferencePair;
import dev.sphere.engine.Problem;
import dev.sphere.engine.ToldProgress;
import dev.sphere.engine.data.Shard;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Runs over shards, merged, against the run of one process over all problems. */
class RunMergeTest {
  @TempDir private Path temporary;

  private static Provenance provenance(long seed, String shard) {
    Provenance.Builder all = Provenance.builder();
    FakeRun.provenance(seed).identity().forEach(all::identity);
    return shard == null ? all.build() : all.information(RunMerge.SHARD, shard).build();
  }

  private Path run(String name, List<Problem> problems, long seed, String shard) throws InterruptedException {
    Path directory = temporary.resolve(name);
    try (RunFolder store = RunFolder.open(directory, provenance(seed, shard), problems, false)) {
      FakeRun.run(store, FakeRun.policy(), FakeRun.small(), seed, 3);
    }
    return directory;
  }

  private Path shard(String shard) throws InterruptedException {
    return run("shard" + shard.charAt(0), Shard.of(shard, Map.of()).part(FakeRun.problems(FakeRun.PROBLEMS)), 7, shard);
  }

  private static List<String> sorted(Path file) throws IOException {
    return Files.readAllLines(file).stream().sorted().toList();
  }

  @Test
  void shardsBecomeTheWholeRun() throws Exception {
    Path whole = run("whole", FakeRun.problems(FakeRun.PROBLEMS), 7, null);
    List<Path> parts = List.of(shard("2/3"), shard("3/3"), shard("1/3"));
    Path merged = temporary.resolve("deep/merged");
    RunMerge.Report report = RunMerge.merge(parts, merged);
    assertEquals(FakeRun.PROBLEMS, report.ended());
    assertEquals(Files.readAllLines(whole.resolve("pairs.jsonl")).size(), report.pairs());
    assertTrue(report.pairs() > 5);
    for (String file : List.of("pairs.jsonl", "problems.jsonl")) {
      assertEquals(-1, Files.mismatch(whole.resolve(file), merged.resolve(file)), file);
    }
    for (String file : List.of("tree.jsonl", "stages.jsonl", "results.jsonl")) {
      assertEquals(sorted(whole.resolve(file)), sorted(merged.resolve(file)), file);
    }
    assertEquals(RunReader.read(whole).provenance().identity(), RunReader.read(merged).provenance().identity());
    assertTrue(RunReader.read(merged).complete());
    try (Stream<Path> left = Files.list(temporary.resolve("deep"))) {
      assertEquals(List.of(merged), left.toList());
    }
    // It is a run like any other: opening it for resumption finds nothing to do.
    try (RunFolder store =
        RunFolder.open(merged, provenance(7, null), FakeRun.problems(FakeRun.PROBLEMS), true)) {
      assertEquals(FakeRun.PROBLEMS, store.ended());
    }
  }

  @Test
  void unfinishedRunsMergeAndGoOn() throws Exception {
    Path whole = run("whole", FakeRun.problems(FakeRun.PROBLEMS), 7, null);
    Path first = shard("1/2");
    Path second = temporary.resolve("second");
    List<Problem> other = Shard.of("2/2", Map.of()).part(FakeRun.problems(FakeRun.PROBLEMS));
    try (RunFolder store = RunFolder.open(second, provenance(7, "2/2"), other, false)) {
      assertThrows(IllegalStateException.class, () ->
          FakeRun.run(store, FakeRun.policy(), FakeRun.small(), 7, 1, ToldProgress.stopAfter(45, 0)));
    }
    Path merged = temporary.resolve("merged");
    RunMerge.Report report = RunMerge.merge(List.of(first, second), merged);
    assertTrue(report.ended() >= 6 && report.ended() < FakeRun.PROBLEMS, report::toString);
    assertFalse(Files.exists(merged.resolve("pairs.jsonl")));
    try (RunFolder store =
        RunFolder.open(merged, provenance(7, null), FakeRun.problems(FakeRun.PROBLEMS), true)) {
      FakeRun.run(store, FakeRun.policy(), FakeRun.small(), 7, 2);
    }
    assertEquals(-1, Files.mismatch(whole.resolve("pairs.jsonl"), merged.resolve("pairs.jsonl")));
    assertEquals(sorted(whole.resolve("tree.jsonl")), sorted(merged.resolve("tree.jsonl")));
  }

  /** A part is taken as far as it is whole and left as it is; the merged run computes the rest again. */
  @Test
  void damagedPartsMergeAndWhatTheyLostIsComputedAgain() throws Exception {
    Path whole = run("whole", FakeRun.problems(FakeRun.PROBLEMS), 7, null);
    List<Path> parts = List.of(shard("1/2"), shard("2/2"));
    Path stages = parts.getFirst().resolve("stages.jsonl");
    List<String> lines = new ArrayList<>(Files.readAllLines(stages));
    lines.set(4, lines.get(4).replace("\"attempts\"", "\"attempt5\""));
    Files.write(stages, lines);
    Path tree = parts.getLast().resolve("tree.jsonl");
    List<String> grown = Files.readAllLines(tree);
    Files.write(tree, grown.subList(0, grown.size() - 1));
    Path merged = temporary.resolve("merged");
    RunMerge.Report report = RunMerge.merge(parts, merged);
    assertEquals(lines, Files.readAllLines(stages), "the part is left as it is");
    assertTrue(report.findings().stream().anyMatch(f -> f.toString().contains("stages.jsonl, line 5: damaged")),
        report::toString);
    assertTrue(report.findings().stream().anyMatch(f -> f.toString().contains("records are missing of problem p")),
        report::toString);
    assertEquals(FakeRun.PROBLEMS - 2, report.ended());
    assertEquals(List.of(), RunReader.check(merged));
    try (RunFolder store = RunFolder.open(merged, provenance(7, null), FakeRun.problems(FakeRun.PROBLEMS), true)) {
      FakeRun.run(store, FakeRun.policy(), FakeRun.small(), 7, 2);
    }
    assertEquals(-1, Files.mismatch(whole.resolve("pairs.jsonl"), merged.resolve("pairs.jsonl")));
    for (String file : List.of("tree.jsonl", "stages.jsonl", "results.jsonl")) {
      assertEquals(sorted(whole.resolve(file)), sorted(merged.resolve(file)), file);
    }
  }

  @Test
  void aPartWithoutItsProblemsIsRefusedWithAdviceThatHelps() throws Exception {
    List<Path> parts = List.of(shard("1/2"), shard("2/2"));
    Path problems = parts.getLast().resolve("problems.jsonl");
    Files.writeString(problems, Files.readString(problems).replace("question", "quaestio"));
    Path merged = temporary.resolve("merged");
    String message = assertThrows(StoreException.class, () -> RunMerge.merge(parts, merged)).getMessage();
    assertTrue(message.contains("go on with the command that made the run and --resume"), message);
    assertFalse(Files.exists(merged));
    try (RunFolder store = RunFolder.open(parts.getLast(), provenance(7, "2/2"),
        Shard.of("2/2", Map.of()).part(FakeRun.problems(FakeRun.PROBLEMS)), true)) {
      assertEquals(1, store.findings().size(), store.findings().toString());
    }
    assertEquals(FakeRun.PROBLEMS, RunMerge.merge(parts, merged).ended());
  }

  @Test
  void flagsComeAlongAndADamagedOneStopsTheMerge() throws Exception {
    List<Path> parts = List.of(shard("1/2"), shard("2/2"));
    Map<String, PairFlags.Flag> flags = new HashMap<>();
    for (Path part : parts) {
      PreferencePair pair = RunReader.read(part).pairs().getFirst();
      PairFlags.Flag flag = PairFlags.Flag.values()[flags.size()];
      PairFlags.add(part, PairFlags.key(pair), pair.problemId(), pair.stage(), flag);
      flags.put(PairFlags.key(pair), flag);
    }
    Path merged = temporary.resolve("merged");
    RunMerge.merge(parts, merged);
    assertEquals(flags, PairFlags.read(merged));
    assertEquals(2, flags.size());
    assertEquals(List.of(), RunReader.check(merged));
    List<PreferencePair> pairs = RunReader.read(merged).pairs();
    assertEquals(pairs.size() - 2, PairFlags.unflagged(pairs, PairFlags.read(merged)).size());
    Path damaged = PairFlags.in(parts.getLast());
    Files.writeString(damaged, Files.readString(damaged).replace("\"problem\"", "\"Problem\""));
    Path again = temporary.resolve("again");
    String message = assertThrows(StoreException.class, () -> RunMerge.merge(parts, again)).getMessage();
    assertTrue(message.contains("flags.jsonl, line 1: damaged"), message);
    assertFalse(Files.exists(again));
  }

  private static void assertRefused(String part, List<Path> runs, Path target) {
    String message = assertThrows(StoreException.Refused.class, () -> RunMerge.merge(runs, target)).getMessage();
    assertTrue(message.contains(part), message);
  }

  @Test
  void whatDoesNotBelongTogetherIsRefused() throws Exception {
    List<Problem> problems = FakeRun.problems(6);
    Path a = run("a", problems.subList(0, 2), 7, null);
    Path b = run("b", problems.subList(2, 4), 7, null);
    Path seed = run("seed", problems.subList(4, 6), 8, null);
    Path twice = run("twice", problems.subList(1, 3), 7, null);
    Path out = temporary.resolve("out");
    assertRefused("at least two", List.of(a), out);
    assertRefused("seed is \"8\", not \"7\"", List.of(a, b, seed), out);
    assertRefused("problem p1 is in two of the runs", List.of(a, twice), out);
    assertRefused("this process", List.of(a, a), out);
    assertRefused("is there already", List.of(a, b), a);
    assertRefused("holds no run", List.of(a, temporary), out);
    try (RunFolder held = RunFolder.open(b, provenance(7, null), problems.subList(2, 4), true)) {
      assertEquals(2, held.problems().size());
      assertRefused("this process", List.of(a, b), out);
    }
    assertFalse(Files.exists(out));
    // Runs without shards follow each other.
    RunMerge.merge(List.of(b, a), out);
    assertEquals(List.of("p2", "p3", "p0", "p1"),
        RunReader.read(out).problems().stream().map(Problem::id).toList());
  }

  @Test
  void shardsDealOut() {
    List<Problem> problems = FakeRun.problems(5);
    assertEquals(problems, Shard.of("1/1", Map.of()).part(problems));
    assertEquals(List.of(problems.get(1), problems.get(3)), Shard.of("2/2", Map.of()).part(problems));
    for (String bad : List.of("0/2", "3/2", "1", "a/b", "1/0", "-1/2", "6/6")) {
      assertThrows(IllegalArgumentException.class, () -> Shard.of(bad, Map.of()).part(problems), bad);
    }
  }
}
