package dev.sphere.trainer.job;

import dev.sphere.base.FreeMemory;
import dev.sphere.base.InsufficientMemoryException;
import dev.sphere.base.Scratch;
import dev.sphere.gguf.GgufTensor;
import dev.sphere.gguf.model.GgufFile;
import dev.sphere.trainer.TrainableModel;
import dev.sphere.trainer.checkpoint.StepMetrics;
import dev.sphere.trainer.data.Example;
import dev.sphere.trainer.loop.DataOrder;
import dev.sphere.trainer.loop.RunOptions;
import dev.sphere.trainer.loop.TrainSettings;
import dev.sphere.trainer.loop.TrainSettings.Order;
import dev.sphere.trainer.loop.TrainingListener;
import dev.sphere.trainer.loop.Workload;
import dev.sphere.trainer.model.Footprint;
import dev.sphere.trainer.model.TrainableModels;
import dev.sphere.trainer.optim.OptimizerSettings;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * An estimate of memory and time of a training run, for {@code --dry-run}. Memory is computed. Time is measured: the
 * run's first steps are made in a temporary folder for about ten seconds. Measurements of held-out rows are not
 * counted.
 *
 * @param parameters numbers in the model's weights
 * @param trainable numbers that are trained
 * @param rows trained examples
 * @param heldOut held-out examples
 * @param weights bytes of the weights, adapters included
 * @param gradients bytes of the gradients
 * @param optimizer bytes of the optimizer's moments, and of a moving reference
 * @param activations bytes of graphs and checkpoints of the largest micro-batch
 * @param process further bytes of the Java process
 * @param tried steps that were made; 0 where the run does not fit into memory
 * @param seconds of the whole run; 0 where no step was made
 */
public record TrainPlan(
    long parameters, long trainable, int rows, int heldOut, Workload workload, long weights, long gradients,
    long optimizer, long activations, long process, int tried, double seconds) {
  /**
   * Bytes of the JVM, its classes and ggml's tables, measured on a machine with 24 GiB: 250 to 340 MiB by the length
   * of the run, about half of it the heap's young generation.
   */
  private static final long PROCESS = 280L << 20;

  /** Measured heap bytes for each token of the vocabulary. */
  private static final long TOKEN = 400;

  /** A trial ends after this time, but not before its first step, or after {@link #TRIAL_STEPS}. */
  private static final double TRIAL_SECONDS = 10;

  private static final int TRIAL_STEPS = 32;

  /** Peak of the resident memory, in bytes. */
  public long peak() {
    return weights + gradients + optimizer + activations + process;
  }

  static TrainPlan of(TrainJob job, TrainTask task, TrainingData<?> data, GgufFile base) {
    Workload work = Workload.of(data.examples(), job.settings());
    Footprint memory = footprint(job, task, work, base);
    long optimizer = memory.gradients() * copies(job, task);
    boolean fits = memory.total() + optimizer <= FreeMemory.bytes();
    Trial trial = fits ? Trial.of(job, task, data, base) : new Trial(0, 0, 0, 0);
    return new TrainPlan(
        base.tensors().values().stream().mapToLong(GgufTensor::elements).sum(), memory.gradients() / Float.BYTES,
        data.examples().size(), data.heldOut().size(), work, memory.weights(), memory.gradients(), optimizer,
        memory.activations(), PROCESS + TOKEN * base.shape().vocabulary(), trial.steps(), trial.seconds(work));
  }

  /**
   * The times of a run's first steps, in seconds.
   *
   * @param steps number of steps
   * @param load until the model was loaded
   * @param before of the reference's log-probabilities that are computed before the first step, for each step
   * @param step of a step
   */
  private record Trial(int steps, double load, double before, double step) {
    static <E extends Example> Trial of(TrainJob job, TrainTask task, TrainingData<E> data, GgufFile base) {
      List<E> rows = first(data.examples(), job.settings());
      TrainSettings settings = job.settings().withOrder(Order.GIVEN).withEpochs(1).withMaxSteps(0).withSaveEvery(0)
          .withLogEvery(1);
      List<Long> times = new ArrayList<>(); // nanoseconds of the start of training and the end of each step
      TrainingListener watch = new TrainingListener() {
        @Override
        public void started(int firstStep, int totalSteps) {
          times.add(System.nanoTime());
        }

        @Override
        public void step(StepMetrics metrics, int totalSteps) {
          times.add(System.nanoTime());
        }
      };
      long begin = System.nanoTime();
      String hash = base.sha256();
      try (Scratch scratch = new Scratch();
          TrainableModel model = TrainableModels.open(base, job.modelOptions(task, base))) {
        long opened = System.nanoTime();
        data.with(rows).train(model, settings, RunOptions.in(scratch.folder().resolve("train"))
            .withModel(hash, Map.of()).withListener(watch)
            .withStop(() -> times.size() > 1 && seconds(opened, System.nanoTime()) > TRIAL_SECONDS));
        int steps = times.size() - 1;
        int warm = steps > 1 ? 1 : 0; // the first step is slower than later ones
        return new Trial(steps, seconds(begin, opened),
            seconds(opened, times.getFirst()) / settings.totalSteps(rows.size()),
            seconds(times.get(warm), times.getLast()) / (steps - warm));
      }
    }

    /** The rows of the run's first steps, in order. */
    private static <E extends Example> List<E> first(List<E> examples, TrainSettings settings) {
      DataOrder order = new DataOrder(examples, settings);
      int steps = Math.min(TRIAL_STEPS,
          Math.min(settings.totalSteps(examples.size()), settings.stepsPerEpoch(examples.size())));
      List<E> rows = new ArrayList<>();
      for (int step = 0; step < steps; step++) {
        order.step(step).forEach(i -> rows.add(examples.get(i)));
      }
      return rows;
    }

    private static double seconds(long from, long to) {
      return (to - from) / 1e9;
    }

    double seconds(Workload work) {
      return load + before * work.epochSteps() + step * work.steps();
    }
  }

  /**
   * Refuses a run that does not fit into memory.
   *
   * @param available bytes of free memory
   * @throws InsufficientMemoryException when the run needs more
   */
  static void requireMemory(TrainJob job, TrainTask task, TrainingData<?> data, GgufFile base, long available) {
    Footprint f = footprint(job, task, Workload.of(data.examples(), job.settings()), base);
    long optimizer = f.gradients() * copies(job, task);
    if (f.total() + optimizer > available) {
      throw new InsufficientMemoryException(String.format(Locale.ROOT,
          "Not enough memory to train %s: weights need %.2f GiB, gradients %.2f, the optimizer %.2f, activations %.2f, "
              + "and %.2f GiB are available. Train LoRA rather than all weights, take a quantised base, or lower "
              + "--micro-batch-tokens or --max-length.",
          job.model(), gib(f.weights()), gib(f.gradients()), gib(optimizer), gib(f.activations()), gib(available)));
    }
  }

  private static double gib(long bytes) {
    return bytes / (double) (1L << 30);
  }

  /** The memory of the largest micro-batch. */
  private static Footprint footprint(TrainJob job, TrainTask task, Workload work, GgufFile base) {
    return work.shapes().stream()
        .map(s -> TrainableModels.footprint(base, job.modelOptions(task, base), s.groups(), s.slots()))
        .max(Comparator.comparingLong(Footprint::activations)).orElseThrow();
  }

  /** Numbers that the optimizer and a moving reference keep for each trained number. */
  private static long copies(TrainJob job, TrainTask task) {
    OptimizerSettings optimizer = job.settings().optimizer();
    int moments = switch (optimizer.kind()) {
      case ADAMW -> 2;
      case SGD -> optimizer.momentum() > 0 ? 1 : 0;
    };
    return moments + (task.loss() != null && task.loss().sync() != null ? 1 : 0);
  }

  /** The figures by name, for {@code --json}. */
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
    m.put("tried_steps", tried);
    m.put("seconds", seconds);
    return m;
  }
}
