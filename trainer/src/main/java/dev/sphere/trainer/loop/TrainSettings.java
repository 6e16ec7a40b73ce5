package dev.sphere.trainer.loop;

import dev.sphere.engine.settings.Nested;
import dev.sphere.engine.settings.Setting;
import dev.sphere.engine.settings.Setting.Effect;
import dev.sphere.engine.settings.SettingsTree;
import dev.sphere.trainer.data.Packing;
import dev.sphere.trainer.optim.OptimizerSettings;
import dev.sphere.trainer.optim.Schedule;
import io.soabase.recordbuilder.core.RecordBuilder;

/**
 * The settings of the loop, for every objective. All but those marked with {@link Effect#SPEED} change the result and
 * are compared on resume.
 */
@RecordBuilder
public record TrainSettings(
    @Nested
    OptimizerSettings optimizer,
    @Nested
    Schedule schedule,
    @Nested
    Packing packing,
    @Setting(name = "batch_pairs", def = "16", range = "[1, )", label = "N", aliases = "batch_size",
        help = "Pairs or rows of an optimizer step; micro-batches add up to it.")
    int batchSize,
    @Setting(def = "1", range = "[1, )", label = "N", help = "Passes over the data.")
    int epochs,
    @Setting(name = "steps", def = "0", shown = "0, as many as the epochs take", range = "[0, )", label = "N",
        unit = "steps", help = "Optimizer steps, whatever the epochs.")
    int maxSteps,
    @Setting(def = "trees", label = "WHAT",
        help = "What is shuffled: trees (their pairs stay together), examples, or given (nothing).")
    Order order,
    @Setting(def = "1", label = "N", help = "Seed of the order and of the adapter's start.")
    long seed,
    @Setting(def = "100", range = "[0, )", label = "N", unit = "steps", effect = Effect.SPEED,
        help = "A checkpoint every N steps; 0: only at the end and on a stop.")
    int saveEvery,
    @Setting(def = "2", range = "[1, )", label = "N", effect = Effect.SPEED, help = "Newest checkpoints that are kept.")
    int keepLast,
    @Setting(def = "1", range = "[1, )", label = "N", unit = "steps", effect = Effect.SPEED,
        help = "A line of metrics every N steps.")
    int logEvery,
    @Setting(shown = "all cores", range = "[1, )", label = "N", effect = Effect.SPEED, help = "Threads that compute.")
    int threads) implements TrainSettingsBuilder.With {
  /** The units that are shuffled. */
  public enum Order {
    /** Whole trees: their pairs stay in one step and share tokens. */
    TREES,
    EXAMPLES,
    /** None: the rows keep their order in every epoch. */
    GIVEN
  }

  public TrainSettings {
    SettingsTree.requireRanges(TrainSettings.class, optimizer, schedule, packing, batchSize, epochs, maxSteps, order,
        seed, saveEvery, keepLast, logEvery, threads);
  }

  /** AdamW, a constant rate, 1 epoch, batches of 16, seed 0, a checkpoint every 100 steps of which 2 are kept. */
  public static TrainSettings defaults(double learningRate) {
    return new TrainSettings(
        OptimizerSettings.adamw(learningRate), new Schedule(Schedule.Kind.CONSTANT, 0), Packing.defaults(), 16, 1, 0,
        Order.TREES, 0, 100, 2, 1, Runtime.getRuntime().availableProcessors());
  }

  /** A checkpoint every {@code every} steps, of which the newest {@code keep} stay. */
  public TrainSettings withCheckpoints(int every, int keep) {
    return withSaveEvery(every).withKeepLast(keep);
  }

  /** Steps of the whole run. */
  public int totalSteps(int examples) {
    return maxSteps > 0 ? maxSteps : Math.multiplyExact(stepsPerEpoch(examples), epochs);
  }

  /** Steps of one epoch; the last one may have fewer examples. */
  public int stepsPerEpoch(int examples) {
    return (examples + batchSize - 1) / batchSize;
  }
}
