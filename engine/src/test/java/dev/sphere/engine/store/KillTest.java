package dev.sphere.engine.store;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sphere.engine.Progress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A run that dies, again and again, ends in the very pairs of an undisturbed one. */
class KillTest {
  @TempDir Path temporary;

  private byte[] undisturbed() throws Exception {
    Path whole = temporary.resolve("whole");
    FakeRun.run(whole, false, 1, 4);
    return Files.readAllBytes(whole.resolve("pairs.jsonl"));
  }

  /** Runs to the end, and checks pairs and that no expansion, stage or problem was done twice. */
  private static void finishAndCompare(Path run, byte[] pairs) throws Exception {
    Process last = Children.start(run, 0);
    assertEquals(0, last.waitFor(), Files.readString(Children.errors(run)));
    assertArrayEquals(pairs, Files.readAllBytes(run.resolve("pairs.jsonl")));
    for (String file : List.of("tree.jsonl", "stages.jsonl", "results.jsonl")) {
      List<String> lines = Files.readAllLines(run.resolve(file));
      assertEquals(lines.size(), lines.stream().distinct().count(), file + " repeats a record");
    }
    assertEquals(RunReader.read(run.resolveSibling("whole")).report(), RunReader.read(run).report());
  }

  @Test
  void diesInTheMiddleOfAWrite() throws Exception {
    byte[] pairs = undisturbed();
    Path run = temporary.resolve("run");
    int deaths = 0;
    for (int halt : new int[] {1, 3, 17, 64}) {
      Process child = Children.start(run, halt);
      deaths += child.waitFor() == 9 ? 1 : 0;
    }
    assertTrue(deaths == 4, "only " + deaths + " children died as told");
    finishAndCompare(run, pairs);
  }

  /** The first twelve writes are the probe's. */
  @Test
  void diesInTheMiddleOfItsProbe() throws Exception {
    Path whole = temporary.resolve("whole");
    try (RunFolder store = RunFolder.open(whole, FakeRun.provenance(1, FakeRun.probe(4)), FakeRun.problems(FakeRun.PROBLEMS), false)) {
      FakeRun.run(store, FakeRun.policy(), FakeRun.small(), 1, 4, Progress.NONE, FakeRun.probe(4));
    }
    Path run = temporary.resolve("run");
    for (int halt : new int[] {3, 7, 12}) {
      assertEquals(9, Children.start(run, halt, 4).waitFor());
    }
    assertEquals(0, Children.start(run, 0, 4).waitFor(), Files.readString(Children.errors(run)));
    for (String file : List.of("probe.jsonl", "tree.jsonl", "stages.jsonl", "results.jsonl", "pairs.jsonl")) {
      assertEquals(Files.readAllLines(whole.resolve(file)).stream().sorted().toList(),
          Files.readAllLines(run.resolve(file)).stream().sorted().toList(), file);
    }
    assertEquals(RunReader.read(whole).report(), RunReader.read(run).report());
  }

  @Test
  void isKilledAtAnyMoment() throws Exception {
    byte[] pairs = undisturbed();
    long whole = Files.size(temporary.resolve("whole/tree.jsonl"));
    Path run = temporary.resolve("run");
    Path tree = run.resolve("tree.jsonl");
    int killed = 0;
    for (int i = 0; i < 4; i++) {
      Process child = Children.start(run, 0);
      // Ever later in the tree: the first at once, wherever its start-up is, the last just before the end.
      while (child.isAlive() && (Files.exists(tree) ? Files.size(tree) : 0) < whole * i / 4) {
        Thread.sleep(1);
      }
      killed += child.isAlive() ? 1 : 0;
      child.destroyForcibly().waitFor();
    }
    assertTrue(killed >= 3, "only " + killed + " children were killed at work");
    finishAndCompare(run, pairs);
  }
}
