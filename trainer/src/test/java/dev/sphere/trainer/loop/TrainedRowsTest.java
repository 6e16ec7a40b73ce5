package dev.sphere.trainer.loop;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sphere.engine.store.StoreException;
import dev.sphere.trainer.TinyModel;
import dev.sphere.trainer.TrainableModel;
import dev.sphere.trainer.checkpoint.MetricSums;
import dev.sphere.trainer.data.Example;
import dev.sphere.trainer.data.MicroBatch;
import dev.sphere.trainer.loop.TrainSettings.Order;
import dev.sphere.trainer.loss.LossSettings;
import dev.sphere.trainer.objective.DpoObjective;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Which rows a step saw, as it is read from a run's folder, against what the objective was given. */
class TrainedRowsTest {
  private static final int ROWS = 22;

  @TempDir Path folder;

  /** Trains as another objective does, and keeps which rows each step is given. */
  private static final class Watching implements Objective<Example.Preference> {
    private final DpoObjective objective;
    private final List<List<String>> seen;

    Watching(TrainableModel model, List<List<String>> seen) {
      this.objective = new DpoObjective(model, LossSettings.defaults());
      this.seen = seen;
    }

    @Override
    public String method() {
      return objective.method();
    }

    @Override
    public TrainableModel model() {
      return objective.model();
    }

    @Override
    public void begin(Trainer<Example.Preference> run) {
      objective.begin(run);
    }

    @Override
    public void accumulate(int step, List<Example.Preference> examples, List<MicroBatch> batches, MetricSums metrics) {
      seen.add(examples.stream().map(Example::id).toList());
      objective.accumulate(step, examples, batches, metrics);
    }

    @Override
    public void measure(int step, List<Example.Preference> examples, List<MicroBatch> batches, MetricSums metrics) {
      objective.measure(step, examples, batches, metrics);
    }

    @Override
    public void close() {
      objective.close();
    }
  }

  private List<List<String>> train(TrainSettings settings, List<Example.Preference> pairs, boolean resume) {
    List<List<String>> seen = new ArrayList<>();
    try (TinyModel model = Runs.model(false)) {
      new Trainer<>(new Watching(model, seen), pairs, settings, RunOptions.in(folder).withResume(resume)).run();
    }
    return seen;
  }

  private static List<List<String>> recorded(Path folder, int steps) {
    TrainedRows rows = TrainedRows.read(folder);
    List<List<String>> all = new ArrayList<>();
    for (int step = 1; step <= steps; step++) {
      all.add(rows.batch(step).stream().map(TrainedRows.Row::id).toList());
    }
    return all;
  }

  @ParameterizedTest
  @EnumSource(Order.class)
  void theFileSaysWhatEachStepSaw(Order order) {
    List<List<String>> seen = train(Runs.settings().withOrder(order), Runs.pairs(ROWS), false);
    assertEquals(18, seen.size(), "three epochs of six steps");
    assertEquals(seen, recorded(folder, seen.size()));
  }

  @Test
  void aPairIsKnownByItsProblemAndTexts() {
    List<Example.Preference> pairs = new ArrayList<>(Runs.pairs(4));
    Example.Preference first = pairs.getFirst();
    pairs.set(0, new Example.Preference(first.id(), first.tree(), first.chosen(), first.rejected(),
        Optional.of(new Example.Origin("p\u2028 \"7\"", "abc"))));
    train(Runs.settings().withOrder(Order.GIVEN), pairs, false);
    List<TrainedRows.Row> batch = TrainedRows.read(folder).batch(1);
    assertEquals(new TrainedRows.Row("pair 0", "p\u2028 \"7\"", "abc"), batch.getFirst());
    assertEquals(new TrainedRows.Row("pair 1", "", ""), batch.get(1));
  }

  @Test
  void aDamagedFileIsNamedAndAResumedRunWritesItAgain() throws Exception {
    List<List<String>> seen = train(Runs.settings(), Runs.pairs(ROWS), false);
    Path file = TrainedRows.in(folder);
    List<String> lines = Files.readAllLines(file);
    Files.writeString(file, Files.readString(file).replaceFirst("pair 3", "pair 4"));
    assertTold("line 5: damaged");
    Files.write(file, lines.subList(0, 9));
    assertTold("damaged (8 rows of 22)");
    Files.delete(file);
    assertTold("missing");
    train(Runs.settings(), Runs.pairs(ROWS), true);
    assertEquals(lines, Files.readAllLines(file));
    assertEquals(seen, recorded(folder, seen.size()));
  }

  private void assertTold(String words) {
    String message = assertThrows(StoreException.class, () -> TrainedRows.read(folder)).getMessage();
    assertTrue(message.contains("rows.jsonl") && message.contains(words) && message.contains("--resume"), message);
  }
}
