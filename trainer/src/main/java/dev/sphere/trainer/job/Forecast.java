package dev.sphere.trainer.job;

import dev.sphere.gguf.GgufFile;
import dev.sphere.gguf.GgufTensor;
import dev.sphere.trainer.bench.ProductRates;
import dev.sphere.trainer.data.Example;
import dev.sphere.trainer.data.MicroBatch;
import dev.sphere.trainer.data.PackingStats;
import dev.sphere.trainer.data.RowReport;
import dev.sphere.trainer.data.TreePacker;
import dev.sphere.trainer.loop.TrainSettings;
import dev.sphere.trainer.model.ModelOptions;
import dev.sphere.trainer.model.TrainableModels;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * What a run will take, before it is begun: nothing is loaded but the vocabulary.
 *
 * @param rows that can be used
 * @param steps of the optimizer
 * @param tokens of one pass over the data, each sequence counted in full
 * @param slots that are computed in one pass, after sharing
 * @param parameters of the model
 * @param trained parameters that are trained
 * @param peakBytes most memory that the process will hold, estimated
 * @param seconds of the whole run, estimated from the rate of this machine's products
 */
public record Forecast(
    int rows, int steps, long tokens, long slots, long parameters, long trained, long peakBytes, double seconds) {
  /** What the JVM, its classes and ggml's own tables hold beside the trainer's native memory. */
  private static final long RUNTIME_BYTES = 190L << 20;

  /** Share of the products' rate that whole steps reach (docs/performance.md). */
  private static final double EFFICIENCY = 0.6;

  /** @param passes forward passes' worth of products in a step: 4 for DPO with its reference, 3 without */
  static Forecast of(
      Path model, ModelOptions options, TrainSettings settings, List<? extends Example> examples, RowReport report,
      int passes) {
    PackingStats all = PackingStats.NONE;
    int groups = 1;
    int slots = 1;
    for (int from = 0; from < examples.size(); from += settings.batchSize()) {
      List<? extends Example> step = examples.subList(from, Math.min(from + settings.batchSize(), examples.size()));
      for (MicroBatch m : new TreePacker(settings.packing()).pack(step)) {
        all = all.plus(m.stats());
        if ((long) m.batch().groups() * m.batch().slots() > (long) groups * slots) {
          groups = m.batch().groups();
          slots = m.batch().slots();
        }
      }
    }
    TrainableModels.Cost cost = TrainableModels.cost(model, options, groups, slots);
    long parameters = 0;
    try (GgufFile file = GgufFile.openModel(model)) {
      for (GgufTensor tensor : file.tensors().values()) {
        parameters += tensor.elements();
      }
    }
    long trained = cost.footprint().gradients() / Float.BYTES;
    long states = 2L * Float.BYTES * trained;
    int steps = settings.totalSteps(examples.size());
    double flops = passes * (cost.layerFlops() * all.slots() + cost.headFlops() * all.predictions());
    double perPass = flops / (cost.halfProducts() ? rates(settings).bf16() : rates(settings).f32()) / 1e9 / EFFICIENCY;
    return new Forecast(
        report.usedCount(), steps, all.tokens(), all.slots(), parameters, trained,
        cost.footprint().total() + states + RUNTIME_BYTES,
        perPass * steps / Math.max(1, settings.stepsPerEpoch(examples.size())));
  }

  private static ProductRates rates(TrainSettings settings) {
    return ProductRates.measure(settings.threads(), 512, 2048);
  }

  /** By name, in the order in which it should be shown. */
  public Map<String, Object> toMap() {
    Map<String, Object> map = new LinkedHashMap<>();
    map.put("rows", rows);
    map.put("steps", steps);
    map.put("tokens", tokens);
    map.put("slots", slots);
    map.put("parameters", parameters);
    map.put("trained_parameters", trained);
    map.put("estimated_peak_mib", peakBytes >> 20);
    map.put("estimated_seconds", seconds);
    return map;
  }
}
