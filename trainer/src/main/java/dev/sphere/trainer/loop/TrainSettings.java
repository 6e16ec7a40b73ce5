package dev.sphere.trainer.loop;

import dev.sphere.trainer.Records;
import dev.sphere.trainer.data.Packing;
import dev.sphere.trainer.optim.OptimizerSettings;
import dev.sphere.trainer.optim.Schedule;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;

/**
 * What SFT and DPO share. Everything here but the last four changes the result and is checked on resume.
 *
 * @param optimizer optimizer and learning rate
 * @param schedule the learning rate over the steps
 * @param packing how examples are laid out
 * @param batchSize examples (pairs, for DPO) of an optimizer step; micro-batches accumulate to it
 * @param epochs passes over the data, at least 1
 * @param maxSteps stops after so many steps, whatever the epochs; more than the epochs have: further epochs; 0 = no limit
 * @param order what is shuffled: whole trees (pairs of a tree stay in one step and share their tokens) or single examples
 * @param seed of the shuffling
 * @param saveEvery a checkpoint every so many steps; 0 = only at the end and on a stop
 * @param keepLast newest checkpoints that are kept, at least 1
 * @param logEvery metrics every so many steps, means over them; at least 1
 * @param threads of the optimizer's kernels
 */
public record TrainSettings(
    OptimizerSettings optimizer,
    Schedule schedule,
    Packing packing,
    int batchSize,
    int epochs,
    int maxSteps,
    Order order,
    long seed,
    int saveEvery,
    int keepLast,
    int logEvery,
    int threads) {
  /** What is shuffled. */
  public enum Order {
    TREES,
    EXAMPLES,
    /** Nothing: the rows' own order in every epoch. */
    GIVEN
  }

  public TrainSettings {
    require(batchSize >= 1, "the batch must have at least 1 example: " + batchSize);
    require(epochs >= 1, "there must be at least 1 epoch: " + epochs);
    require(maxSteps >= 0, "the number of steps must not be negative: " + maxSteps);
    require(saveEvery >= 0, "a checkpoint every " + saveEvery + " steps makes no sense: give 0 or more");
    require(keepLast >= 1, "at least 1 checkpoint must be kept: " + keepLast);
    require(logEvery >= 1, "metrics every " + logEvery + " steps make no sense: give 1 or more");
    require(threads >= 1, "at least 1 thread is needed: " + threads);
  }

  private static void require(boolean condition, String message) {
    if (!condition) {
      throw new IllegalArgumentException(message);
    }
  }

  /** AdamW, a constant rate, 1 epoch, batches of 16, seed 0, a checkpoint every 100 steps (2 are kept). */
  public static TrainSettings defaults(double learningRate) {
    return new TrainSettings(
        OptimizerSettings.adamw(learningRate),
        Schedule.of(Schedule.Kind.CONSTANT, 0),
        Packing.defaults(),
        16,
        1,
        0,
        Order.TREES,
        0,
        100,
        2,
        1,
        Runtime.getRuntime().availableProcessors());
  }

  public TrainSettings withOptimizer(OptimizerSettings o) {
    return Records.with(this, "optimizer", o);
  }

  public TrainSettings withSchedule(Schedule s) {
    return Records.with(this, "schedule", s);
  }

  public TrainSettings withPacking(Packing p) {
    return Records.with(this, "packing", p);
  }

  public TrainSettings withBatchSize(int n) {
    return Records.with(this, "batchSize", n);
  }

  public TrainSettings withEpochs(int n) {
    return Records.with(this, "epochs", n);
  }

  public TrainSettings withMaxSteps(int n) {
    return Records.with(this, "maxSteps", n);
  }

  public TrainSettings withOrder(Order o) {
    return Records.with(this, "order", o);
  }

  public TrainSettings withSeed(long n) {
    return Records.with(this, "seed", n);
  }

  /** A checkpoint every {@code every} steps, of which the newest {@code keep} stay. */
  public TrainSettings withCheckpoints(int every, int keep) {
    return Records.with(Records.with(this, "saveEvery", every), "keepLast", keep);
  }

  public TrainSettings withLogEvery(int n) {
    return Records.with(this, "logEvery", n);
  }

  public TrainSettings withThreads(int n) {
    return Records.with(this, "threads", n);
  }

  /** Steps of the whole run over so many examples. */
  public int totalSteps(int examples) {
    int perEpoch = stepsPerEpoch(examples);
    return maxSteps > 0 ? maxSteps : Math.multiplyExact(perEpoch, epochs);
  }

  /** Steps of one pass over so many examples; the last may be smaller. */
  public int stepsPerEpoch(int examples) {
    return (examples + batchSize - 1) / batchSize;
  }

  /** What shapes the result, by name, for provenance and for the check on resume. */
  public Map<String, Object> toMap() {
    Map<String, Object> map = new LinkedHashMap<>();
    map.putAll(optimizer.toMap());
    map.putAll(schedule.toMap());
    map.putAll(packing.toMap());
    map.put("batch_size", batchSize);
    map.put("epochs", epochs);
    map.put("max_steps", maxSteps);
    map.put("order", order.name().toLowerCase(Locale.ROOT));
    map.put("seed", seed);
    return map;
  }
}
