package dev.sphere.trainer.loop;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sphere.trainer.data.Example;
import dev.sphere.trainer.data.TrainingSequence;
import dev.sphere.trainer.loop.TrainSettings.Order;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Which examples a step sees: every one once an epoch, in an order of the epoch's own. */
class DataOrderTest {
  private static final int ROWS = 23;
  private static final int BATCH = 5;
  private static final List<Example> EXAMPLES = IntStream.range(0, ROWS)
      .<Example>mapToObj(i -> new Example.Imitation("row " + i, "tree " + i / 3, new TrainingSequence(new int[] {1, 2},
          1)))
      .toList();
  private static final TrainSettings SETTINGS = TrainSettings.defaults(0.1).withBatchSize(BATCH).withEpochs(3).withSeed(4);

  private static List<Integer> epoch(TrainSettings settings, int number) {
    DataOrder order = new DataOrder(EXAMPLES, settings);
    int steps = settings.stepsPerEpoch(ROWS);
    List<Integer> all = new ArrayList<>();
    for (int step = 0; step < steps; step++) {
      List<Integer> batch = order.step(number * steps + step);
      assertEquals(step < ROWS / BATCH ? BATCH : ROWS % BATCH, batch.size(), "step " + step);
      all.addAll(batch);
    }
    return all;
  }

  @ParameterizedTest
  @EnumSource(Order.class)
  void everyEpochHasEveryRowOnce(Order order) {
    TrainSettings s = SETTINGS.withOrder(order);
    assertEquals(5, s.stepsPerEpoch(ROWS), "the last step has 3 rows");
    assertEquals(15, s.totalSteps(ROWS));
    assertEquals(7, s.withMaxSteps(7).totalSteps(ROWS));
    assertEquals(99, s.withMaxSteps(99).totalSteps(ROWS));
    for (int n = 0; n < 3; n++) {
      assertEquals(IntStream.range(0, ROWS).boxed().toList(), epoch(s, n).stream().sorted().toList());
      assertEquals(epoch(s, n), epoch(s, n), "a pure function of the seed and the epoch");
    }
    boolean given = order == Order.GIVEN;
    assertEquals(given, epoch(s, 0).equals(epoch(s, 1)), "epochs have orders of their own");
    assertEquals(given, epoch(s, 1).equals(epoch(s, 2)), "epochs have orders of their own");
    assertEquals(given, epoch(s, 0).equals(epoch(s.withSeed(5), 0)), "the seed shuffles");
    assertEquals(given, epoch(s, 0).equals(IntStream.range(0, ROWS).boxed().toList()));
  }

  /** Rows with one prompt that fill a step by themselves are told, and what helps. */
  @Test
  void aPromptThatFillsSteps() {
    TrainSettings s = SETTINGS.withBatchSize(3);
    assertEquals(
        Optional.of("3 rows have one prompt and fill whole steps of 3 by themselves; --order examples mixes them"),
        new DataOrder(EXAMPLES, s).warning());
    assertEquals(Optional.empty(), new DataOrder(EXAMPLES, s.withBatchSize(4)).warning(), "the step has a row of another prompt");
    assertEquals(Optional.empty(), new DataOrder(EXAMPLES, s.withOrder(Order.EXAMPLES)).warning());
    assertEquals(Optional.empty(), new DataOrder(EXAMPLES, s.withOrder(Order.GIVEN)).warning());
    assertEquals(Optional.empty(), new DataOrder(EXAMPLES, s.withBatchSize(1)).warning(), "a step has one prompt anyway");
    assertEquals(Optional.empty(), new DataOrder(EXAMPLES.subList(0, 3), s).warning(), "there is no other prompt");
  }

  /** Trees stay together and change their places, and their rows theirs within them; single examples don't care. */
  @Test
  void treesStayTogether() {
    int moved = 0;
    for (int n = 0; n < 3; n++) {
      List<Integer> trees = epoch(SETTINGS.withOrder(Order.TREES), n).stream().map(i -> i / 3).toList();
      assertEquals(8, runs(trees), trees.toString());
      List<Integer> rows = epoch(SETTINGS.withOrder(Order.TREES), n);
      moved += rows.get(rows.indexOf(0)) + 1 == rows.get(Math.min(ROWS - 1, rows.indexOf(0) + 1)) ? 0 : 1;
    }
    assertNotEquals(0, moved, "rows of a tree are shuffled too");
    List<Integer> single = epoch(SETTINGS.withOrder(Order.EXAMPLES), 0).stream().map(i -> i / 3).toList();
    assertTrue(runs(single) > 12, single.toString());
  }

  /** The order must be the same in every version of Java and of Sphere, or no old run could be resumed. */
  @Test
  void theOrderIsWrittenDown() {
    TrainSettings s = SETTINGS.withOrder(Order.EXAMPLES);
    assertEquals(
        List.of(18, 19, 15, 9, 22, 5, 8, 16, 14, 20, 17, 10, 21, 2, 11, 12, 6, 4, 7, 0, 13, 3, 1), epoch(s, 0));
  }

  /** How often the value changes along a list, and one. */
  private static int runs(List<Integer> values) {
    return 1 + (int) IntStream.range(1, values.size()).filter(i -> !values.get(i).equals(values.get(i - 1))).count();
  }
}
