package dev.sphere.trainer.job;

import dev.sphere.bindings.Backend;
import dev.sphere.bindings.Graph;
import dev.sphere.bindings.Tensor;
import dev.sphere.bindings.TensorBuffer;
import dev.sphere.bindings.TensorType;
import dev.sphere.gguf.GgufFile;
import dev.sphere.gguf.GgufTensor;
import dev.sphere.trainer.data.Example;
import dev.sphere.trainer.data.TrainingSequence;
import dev.sphere.trainer.loop.Workload;
import dev.sphere.trainer.loss.LossSettings;
import dev.sphere.trainer.model.Footprint;
import dev.sphere.trainer.model.ModelOptions;
import dev.sphere.trainer.model.TrainableModels;
import dev.sphere.trainer.optim.OptimizerSettings;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * What a training run will take, told before it is begun.
 *
 * @param parameters numbers in the model's weights
 * @param trainable numbers that are trained
 * @param rows examples trained on
 * @param heldOut examples measured
 * @param workload steps, tokens and slots
 * @param weights bytes of the weights, adapters included
 * @param gradients bytes of the gradients
 * @param optimizer bytes of the optimizer's moments, and of a moving reference
 * @param activations bytes of graphs and checkpoints of the largest micro-batch
 * @param process bytes that the Java process takes besides, about
 * @param gflops measured rate of this machine's matrix products on this model's largest layer, in GFLOP/s
 * @param seconds the run, about
 */
public record TrainPlan(
    long parameters,
    long trainable,
    int rows,
    int heldOut,
    Workload workload,
    long weights,
    long gradients,
    long optimizer,
    long activations,
    long process,
    double gflops,
    double seconds) {
  /** A JVM with this program's classes, its vocabulary and what tokenizing leaves, measured. */
  private static final long PROCESS = 260L << 20;

  /** Share of the products' rate that a step reaches, measured. */
  private static final double EFFICIENCY = 0.6;

  private static final int PROBE_COLUMNS = 512;

  /** Peak of the resident memory, in bytes, about. */
  public long peak() {
    return weights + gradients + optimizer + activations + process;
  }

  static TrainPlan of(TrainJob job, TrainTask task, Preparation.Prepared prepared) {
    ModelOptions options = job.modelOptions();
    Workload work = Workload.of(prepared.examples(), job.settings());
    Footprint largest = null;
    for (Workload.Shape s : work.shapes()) {
      Footprint f = TrainableModels.footprint(job.model(), options, s.groups(), s.slots());
      largest = largest == null || f.activations() > largest.activations() ? f : largest;
    }
    long trainable = largest.gradients() / 4;
    LossSettings loss = loss(task);
    long copies = moments(job.settings().optimizer()) + (loss != null && loss.sync() != null ? 1 : 0);
    long parameters = 0;
    GgufTensor widest = null;
    try (GgufFile file = GgufFile.openModel(job.model())) {
      for (GgufTensor t : file.tensors().values()) {
        parameters += t.elements();
        boolean layer = t.name().startsWith("blk.") && t.shape().size() == 2;
        widest = layer && (widest == null || t.elements() > widest.elements()) ? t : widest;
      }
      double rate = rate(widest, job.settings().threads(), options.lora());
      double flops = flops(job, work, file, loss, options.lora());
      return new TrainPlan(
          parameters, trainable, prepared.examples().size(), prepared.heldOut().size(), work, largest.weights(),
          largest.gradients(), 4 * trainable * copies, largest.activations(), PROCESS + rows(prepared),
          rate / 1e9, flops / (EFFICIENCY * rate));
    }
  }

  private static LossSettings loss(TrainTask task) {
    return switch (task) {
      case TrainTask.Prefer t -> t.loss();
      case TrainTask.PreferPairs t -> t.loss();
      case TrainTask.PreferSiblings t -> t.loss();
      default -> null;
    };
  }

  private static int moments(OptimizerSettings optimizer) {
    return switch (optimizer.kind()) {
      case ADAMW -> 2;
      case SGD -> optimizer.momentum() > 0 ? 1 : 0;
    };
  }

  /** What the rows themselves take on the heap: tokens twice, a reference's log-probability each. */
  private static long rows(Preparation.Prepared prepared) {
    long bytes = 0;
    for (List<? extends Example> part : List.of(prepared.examples(), prepared.heldOut())) {
      for (Example e : part) {
        for (TrainingSequence s : e.sequences()) {
          bytes += 200 + 12L * s.length();
        }
      }
    }
    return bytes;
  }

  /**
   * Floating-point operations of all products: 2 for each weight and slot forward; as many backward into the activations,
   * and as many into the weights where these are trained; the head for each prediction alone; one more forward for a
   * reference. Activations that are computed again are left out.
   */
  private static double flops(TrainJob job, Workload work, GgufFile file, LossSettings loss, boolean lora) {
    double layers = 0;
    double head = (double) file.shape().width() * file.shape().vocabulary();
    for (GgufTensor t : file.tensors().values()) {
      layers += t.name().startsWith("blk.") && t.shape().size() == 2 ? t.elements() : 0;
    }
    double forward = 2 * (layers * work.slots() + head * work.predictions());
    double once = 2 * (layers * work.stats().slots() + head * work.stats().predictions());
    double passes = lora ? 2 : 3;
    if (loss == null || !loss.needsReference()) {
      return passes * forward;
    }
    return passes * forward + (loss.sync() != null ? forward : once) + (loss.wpo() ? forward : 0);
  }

  /** Operations in a second of the product that training does most, with this weight's shape and type. */
  private static double rate(GgufTensor weight, int threads, boolean frozen) {
    TensorType type = frozen ? TensorType.of(weight.type().id()) : TensorType.F32;
    long in = weight.dim(0);
    long out = weight.dim(1);
    try (Backend backend = Backend.cpu(threads);
        TensorBuffer buffer = new TensorBuffer(backend, 2)) {
      Tensor w = buffer.add(type, "w", in, out);
      buffer.allocate();
      double best = Double.POSITIVE_INFINITY;
      for (int i = 0; i < 4; i++) {
        try (Graph graph = new Graph(backend, 8)) {
          Tensor x = graph.input(TensorType.F32, in, PROBE_COLUMNS);
          graph.keep(graph.mulMat(w, x));
          graph.allocate();
          x.write(new float[Math.toIntExact(in * PROBE_COLUMNS)]);
          long begin = System.nanoTime();
          graph.compute();
          best = Math.min(best, (System.nanoTime() - begin) / 1e9);
        }
      }
      return 2.0 * in * out * PROBE_COLUMNS / best;
    }
  }

  /** The figures by name. */
  public Map<String, Object> toMap() {
    Map<String, Object> m = new LinkedHashMap<>();
    m.put("parameters", parameters);
    m.put("trainable_parameters", trainable);
    m.put("rows", rows);
    m.put("held_out_rows", heldOut);
    m.put("steps", workload.steps());
    m.put("tokens", Math.round(workload.tokens()));
    m.put("tokens_saved", workload.stats().saved());
    m.put("padding", workload.stats().padding());
    m.put("weights_bytes", weights);
    m.put("gradients_bytes", gradients);
    m.put("optimizer_bytes", optimizer);
    m.put("activations_bytes", activations);
    m.put("process_bytes", process);
    m.put("peak_bytes", peak());
    m.put("gflops", gflops);
    m.put("seconds", seconds);
    return m;
  }
}
