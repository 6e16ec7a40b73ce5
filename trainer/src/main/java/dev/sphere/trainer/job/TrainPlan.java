package dev.sphere.trainer.job;

import dev.sphere.base.FreeMemory;
import dev.sphere.base.InsufficientMemoryException;
import dev.sphere.gguf.GgufTensor;
import dev.sphere.gguf.model.GgufFile;
import dev.sphere.trainer.data.Example;
import dev.sphere.trainer.data.TrainingSequence;
import dev.sphere.trainer.loop.Workload;
import dev.sphere.trainer.loss.LossSettings;
import dev.sphere.trainer.model.Footprint;
import dev.sphere.trainer.model.TrainableModels;
import dev.sphere.trainer.optim.OptimizerSettings;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * What a training run will take, told before it is begun. Memory is computed. The time is measured: some steps are made on the run's
 * first rows, in a folder that is thrown away, for about ten seconds. Where the run does not fit into memory, or one row would take too
 * long, it is guessed by the rate of the machine's matrix products.
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
 * @param gflops measured rate of this machine's matrix products in the precision of the run, in GFLOP/s
 * @param tried steps that were made to see how long they take; 0: the time is a guess
 * @param once seconds of the run that do not depend on the number of rows: the start, the model, what is written at the end
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
    int tried,
    double once,
    double seconds) {
  /**
   * What the JVM, its classes and ggml's own tables hold, measured with 24 GiB of memory: about half of it is the young
   * generation of the heap, 250 to 340 MiB in all by the length of the run.
   */
  private static final long PROCESS = 280L << 20;

  /** Heap that a token of the vocabulary takes, in bytes, measured. */
  private static final long TOKEN = 400;

  /** Share of the products' rate that a step reaches, measured; and with a quantised base, whose products are ggml's. */
  private static final double EFFICIENCY = 0.6;

  private static final double EFFICIENCY_QUANTISED = 0.4;

  /** Seconds before the model is opened and after the last checkpoint, and bytes a second of files, measured. */
  private static final double START = 1;

  private static final double FILE_RATE = 5e8;

  /** Side of the products that are timed. */
  private static final int PROBE = 512;

  /** Peak of the resident memory, in bytes, about. */
  public long peak() {
    return weights + gradients + optimizer + activations + process;
  }

  static TrainPlan of(TrainJob job, TrainTask task, Preparation.Prepared<?> prepared, GgufFile base) {
    Workload work = Workload.of(prepared.examples(), job.settings());
    TrainableModels.Cost largest = largest(job, task, work, base);
    Footprint footprint = largest.footprint();
    long trainable = footprint.gradients() / Float.BYTES;
    LossSettings loss = task.loss();
    long copies = copies(job, loss);
    long parameters = 0;
    boolean quantised = false;
    for (GgufTensor t : base.tensors().values()) {
      parameters += t.elements();
      quantised |= job.tuning().isLora() && t.type().blockSize() > 1;
    }
    long optimizer = Float.BYTES * trainable * copies;
    double gflops = ProductRate.measure(job.settings().threads(), PROBE, 4 * PROBE, largest.halfProducts());
    double guess = 1 / (gflops * 1e9 * (quantised ? EFFICIENCY_QUANTISED : EFFICIENCY)); // seconds of an operation
    boolean fits = footprint.total() + optimizer <= FreeMemory.bytes();
    TrainTrial trial = fits ? trial(job, task, prepared, base, largest, guess) : null;
    double once = START + (job.tuning().isLora() ? 0 : footprint.weights() / FILE_RATE)
        + (trial == null ? footprint.weights() / FILE_RATE : trial.load() + trial.warm());
    int saves = job.settings().saveEvery() == 0 ? 1 : Math.ceilDiv(work.steps(), job.settings().saveEvery());
    double saving = saves * (footprint.gradients() + optimizer) / FILE_RATE;
    double computing = trial == null ? guess * flops(largest, work, loss) : seconds(trial, job, largest, work, prepared, loss);
    return new TrainPlan(
        parameters, trainable, prepared.examples().size(), prepared.heldOut().size(), work, footprint.weights(),
        footprint.gradients(), optimizer, footprint.activations(), PROCESS + TOKEN * base.shape().vocabulary() + rows(prepared),
        gflops, trial == null ? 0 : trial.steps(), once, once + saving + computing);
  }

  private static TrainTrial trial(TrainJob job, TrainTask task, Preparation.Prepared<?> prepared, GgufFile base,
      TrainableModels.Cost cost, double guess) {
    return TrainTrial.of(job, task, prepared, base, w -> forward(cost, w), guess * passes(task.loss()));
  }

  /** Seconds of the steps, the reference before them and the readings of held-out rows, by a trial. */
  private static double seconds(TrainTrial trial, TrainJob job, TrainableModels.Cost cost, Workload work,
      Preparation.Prepared<?> prepared, LossSettings loss) {
    double once = forward(cost, work) * work.epochSteps() / work.steps();
    double seconds = trial.step() * forward(cost, work) + trial.reference() * once;
    if (prepared.heldOut().isEmpty()) {
      return seconds;
    }
    double heldOut = forward(cost, Workload.of(prepared.heldOut(), job.settings().withEpochs(1).withMaxSteps(0)));
    int every = job.heldOut().every();
    int readings = 2 + (every == 0 ? 0 : (work.steps() - 1) / every);
    boolean reference = loss != null && loss.needsReference();
    // With LoRA the model is its own reference, asked each time; else that of the held-out rows is computed once.
    double times = readings * (reference && job.tuning().isLora() ? 2 : 1) + (reference && !job.tuning().isLora() ? 1 : 0);
    double pass = trial.reference() > 0 ? trial.reference() : trial.step() / passes(loss);
    return seconds + times * pass * heldOut;
  }

  /**
   * Refuses a run that does not fit, before any of it is taken.
   *
   * @param available bytes that can be taken
   * @throws InsufficientMemoryException with what it needs and what there is
   */
  static void requireMemory(
      TrainJob job, TrainTask task, Preparation.Prepared<?> prepared, GgufFile base, long available) {
    Footprint f = largest(job, task, Workload.of(prepared.examples(), job.settings()), base).footprint();
    long optimizer = f.gradients() * copies(job, task.loss());
    if (f.total() + optimizer > available) {
      throw new InsufficientMemoryException(String.format(Locale.ROOT,
          "Not enough memory to train %s: weights need %.2f GiB, gradients %.2f, the optimizer %.2f, activations %.2f, and %.2f GiB "
              + "are available. Train LoRA rather than all weights, take a quantised base, or lower --micro-batch-tokens or "
              + "--max-length.",
          job.model(), gib(f.weights()), gib(f.gradients()), gib(optimizer), gib(f.activations()), gib(available)));
    }
  }

  private static double gib(long bytes) {
    return bytes / (double) (1L << 30);
  }

  /** What the largest micro-batch costs. */
  private static TrainableModels.Cost largest(TrainJob job, TrainTask task, Workload work, GgufFile base) {
    TrainableModels.Cost largest = null;
    for (Workload.Shape s : work.shapes()) {
      TrainableModels.Cost c = TrainableModels.cost(base, job.modelOptions(task, base), s.groups(), s.slots());
      boolean larger = largest == null || c.footprint().activations() > largest.footprint().activations();
      largest = larger ? c : largest;
    }
    return largest;
  }

  /** Numbers that the optimizer and a moving reference keep for each trained one. */
  private static long copies(TrainJob job, LossSettings loss) {
    return moments(job.settings().optimizer()) + (loss != null && loss.sync() != null ? 1 : 0);
  }

  private static int moments(OptimizerSettings optimizer) {
    return switch (optimizer.kind()) {
      case ADAMW -> 2;
      case SGD -> optimizer.momentum() > 0 ? 1 : 0;
    };
  }

  /** What the rows themselves take on the heap: tokens twice, a reference's log-probability each. */
  private static long rows(Preparation.Prepared<?> prepared) {
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
   * Floating-point operations of all products: forward, back into the activations, and a third time for the weights'
   * gradients (full fine-tuning) or for segments that are computed again (LoRA); one more forward for a reference, which a
   * cache makes once, and one for WPO.
   */
  private static double flops(TrainableModels.Cost cost, Workload work, LossSettings loss) {
    double forward = forward(cost, work);
    double once = cost.layerFlops() * work.stats().slots() + cost.headFlops() * work.stats().predictions();
    double more = 0;
    if (loss != null && loss.needsReference()) {
      more += loss.sync() != null ? forward : once;
    }
    if (loss != null && loss.wpo()) {
      more += forward;
    }
    return 3 * forward + more;
  }

  private static double forward(TrainableModels.Cost cost, Workload work) {
    return cost.layerFlops() * work.slots() + cost.headFlops() * work.predictions();
  }

  /** Passes of a step as long as a forward pass: itself, back, again or the weights' gradients, a reference, WPO's. */
  private static double passes(LossSettings loss) {
    return 3 + (loss != null && loss.needsReference() ? 1 : 0) + (loss != null && loss.wpo() ? 1 : 0);
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
    m.put("tried_steps", tried);
    m.put("once_seconds", once);
    m.put("seconds", seconds);
    return m;
  }
}
