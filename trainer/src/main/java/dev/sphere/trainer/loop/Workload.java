package dev.sphere.trainer.loop;

import dev.sphere.trainer.data.Example;
import dev.sphere.trainer.data.MicroBatch;
import dev.sphere.trainer.data.PackingStats;
import dev.sphere.trainer.data.TreePacker;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * The work of a run, found by packing its first epoch; no model is needed.
 *
 * @param steps optimizer steps of the whole run
 * @param epochSteps optimizer steps of one epoch
 * @param stats of the first epoch
 * @param shapes the distinct shapes of its micro-batches
 */
public record Workload(int steps, int epochSteps, PackingStats stats, List<Shape> shapes) {
  /** Groups of a micro-batch and slots of each group. */
  public record Shape(int groups, int slots) {}

  /** Packs one epoch of the examples. */
  public static Workload of(List<? extends Example> examples, TrainSettings settings) {
    DataOrder order = new DataOrder(examples, settings);
    TreePacker packer = new TreePacker(settings.packing());
    int perEpoch = settings.stepsPerEpoch(examples.size());
    int steps = settings.totalSteps(examples.size());
    PackingStats stats = PackingStats.NONE;
    Set<Shape> shapes = new HashSet<>();
    for (int step = 0; step < Math.min(perEpoch, steps); step++) {
      List<Example> batch = order.step(step).stream().<Example>map(examples::get).toList();
      for (MicroBatch m : packer.pack(batch)) {
        stats = stats.plus(m.stats());
        shapes.add(new Shape(m.batch().groups(), m.batch().slots()));
      }
    }
    return new Workload(steps, Math.min(perEpoch, steps), stats, List.copyOf(shapes));
  }

  /** Tokens of all sequences of the whole run. */
  public double tokens() {
    return (double) stats.tokens() * steps / epochSteps;
  }
}
