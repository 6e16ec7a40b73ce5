package dev.sphere.trainer.job;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sphere.trainer.data.Example;
import dev.sphere.trainer.data.TrainingSequence;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** Which rows are held out. */
class HeldOutTest {
  private static final int ROWS = 6000;

  /** Three rows a tree. */
  private static final List<Example> ROWS_OF_THREE = IntStream.range(0, ROWS)
      .<Example>mapToObj(i -> new Example.Imitation("row " + i, "tree " + i / 3, new TrainingSequence(new int[] {1, 2},
          1)))
      .toList();

  private static List<List<Example>> split(double share, long seed) {
    return new HeldOut(null, share, 0).split(ROWS_OF_THREE, seed);
  }

  private static Set<String> trees(List<Example> rows) {
    return rows.stream().map(Example::tree).collect(Collectors.toSet());
  }

  @Test
  void wholeTreesAreHeldOutByTheirShare() {
    for (double share : new double[] {0.1, 0.25, 0.7}) {
      List<List<Example>> parts = split(share, 5);
      assertEquals(ROWS, parts.getFirst().size() + parts.getLast().size(), "nothing is lost, nothing comes twice");
      assertEquals(share, parts.getLast().size() / (double) ROWS, 0.04, "the share is the held-out one");
      assertEquals(ROWS / 3, trees(parts.getFirst()).size() + trees(parts.getLast()).size(), "no tree is in both");
      assertEquals(parts, split(share, 5), "the same rows each time");
    }
    assertTrue(split(0, 5).getLast().isEmpty());
  }

  @Test
  void theSeedChoosesAndALargerShareKeepsTheSmallerOnes() {
    assertNotEquals(trees(split(0.25, 5).getLast()), trees(split(0.25, 6).getLast()));
    assertTrue(trees(split(0.5, 5).getLast()).containsAll(trees(split(0.25, 5).getLast())));
    List<Example> turned = new java.util.ArrayList<>(ROWS_OF_THREE).reversed();
    assertEquals(
        trees(split(0.25, 5).getLast()), trees(new HeldOut(null, 0.25, 0).split(turned, 5).getLast()),
            "by text, not by place");
  }

  @Test
  void whatIsNoShareIsRefused() {
    assertThrows(IllegalArgumentException.class, () -> new HeldOut(null, 1, 0));
    assertThrows(IllegalArgumentException.class, () -> new HeldOut(null, -0.1, 0));
    assertThrows(IllegalArgumentException.class, () -> new HeldOut(null, 0, -1));
  }
}
