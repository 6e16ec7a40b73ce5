package dev.sphere.trainer.loop;

import dev.sphere.base.AtomicFile;
import dev.sphere.base.PlainFile;
import dev.sphere.engine.settings.SettingsTree;
import dev.sphere.trainer.TrainableModel;
import dev.sphere.trainer.checkpoint.CheckpointMismatchException;
import dev.sphere.trainer.checkpoint.Checkpoints;
import dev.sphere.trainer.checkpoint.Identity;
import dev.sphere.trainer.checkpoint.MetricSums;
import dev.sphere.trainer.checkpoint.MetricsLog;
import dev.sphere.trainer.checkpoint.StepMetrics;
import dev.sphere.trainer.data.Example;
import dev.sphere.trainer.data.MicroBatch;
import dev.sphere.trainer.data.PackingStats;
import dev.sphere.trainer.data.TreePacker;
import dev.sphere.trainer.optim.Optimizer;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Trains a model on examples of one kind; an {@link Objective} says what is minimised. Examples of a step are packed,
 * accumulated, clipped, stepped, logged and saved. A killed and resumed run makes the same steps with the same bits as an
 * undisturbed one: the data order follows from the seed and the step, everything else is in the checkpoint. The model is
 * trained in place; saving it is the caller's next step.
 *
 * @param <E> the kind of examples
 */
public final class Trainer<E extends Example> {
  private final Objective<E> objective;
  private final TrainableModel model;
  private final List<E> examples;
  private final TrainSettings settings;
  private final RunOptions options;
  private final Identity identity;
  private final MetricSums pending = new MetricSums();
  private long tokens;
  private StepMetrics last;

  /**
   * @param objective what is minimised, and the model that is trained; closed when the run ends
   * @param examples to train on; none are refused when the run begins
   */
  public Trainer(Objective<E> objective, List<E> examples, TrainSettings settings, RunOptions options) {
    this.objective = objective;
    this.model = objective.model();
    this.examples = List.copyOf(examples);
    this.settings = settings;
    this.options = options;
    Map<String, Object> all = new LinkedHashMap<>();
    all.put("objective", objective.method());
    all.putAll(options.modelSettings());
    all.putAll(SettingsTree.resultValues(settings));
    all.putAll(objective.settings(this.examples));
    this.identity = new Identity(options.modelHash(), Identity.dataHash(this.examples), all);
  }

  /** What is trained on. */
  public List<E> examples() {
    return examples;
  }

  /** Steps, batches, optimizer. */
  public TrainSettings settings() {
    return settings;
  }

  /** Where the run lives and who watches it. */
  public RunOptions options() {
    return options;
  }

  /** What the run is made of. */
  public Identity identity() {
    return identity;
  }

  /**
   * Trains to the end, or until the stop is asked for.
   *
   * @throws NonFiniteLossException when a loss or gradient is not finite
   * @throws CheckpointMismatchException when the folder's checkpoints are another run's
   */
  @SuppressWarnings("try") // the lock is held, not used
  public TrainingResult run() {
    if (examples.isEmpty()) {
      throw new IllegalArgumentException("there is nothing to train on: no usable rows");
    }
    Path folder = options.output().resolve("checkpoints");
    try (FileChannel lock = lock(folder);
        Optimizer optimizer = Optimizer.create(settings.optimizer(), model.parameters(), settings.threads())) {
      if (!options.resume() && !Checkpoints.files(folder).isEmpty()) {
        throw new CheckpointMismatchException(
            folder + " holds checkpoints of an earlier run. Resume it, remove it, or use another output folder");
      }
      try (objective) {
        objective.begin(this);
        Checkpoints checkpoints = new Checkpoints(
            folder, identity, model.parameters(), optimizer, options.listener()::note, objective.state());
        Checkpoints.Position start = checkpoints.restore();
        tokens = start == null ? 0 : start.tokens();
        last = null;
        TrainedRows.write(options.output(), examples, settings);
        pending.clear();
        if (start != null) {
          pending.restore(start.pendingMetrics());
        }
        try (MetricsLog log =
            new MetricsLog(MetricsLog.in(options.output()), start == null ? 0 : start.step(),
                start == null ? null : start.metrics(), options.listener()::note)) {
          return steps(start, optimizer, checkpoints, log);
        }
      }
    } catch (IOException e) {
      throw new UncheckedIOException("cannot release the run's folder " + options.output(), e);
    }
  }

  private TrainingResult steps(
      Checkpoints.Position start, Optimizer optimizer, Checkpoints checkpoints, MetricsLog log) {
    int first = start == null ? 0 : start.step();
    int total = settings.totalSteps(examples.size());
    Path saved = start == null ? null : start.file();
    int savedAt = first;
    DataOrder order = new DataOrder(examples, settings);
    optimizer.clearGradients();
    options.listener().started(first, total);
    int step = first;
    if (first == 0 && options.evaluation() != null) {
      evaluate(0);
      last = metrics(0);
      log.write(last);
      options.listener().step(last, total);
    }
    while (step < total && !options.stop().getAsBoolean()) {
      List<E> batch = order.step(step).stream().map(examples::get).toList();
      step(step, total, batch, optimizer);
      step++;
      objective.stepped(step);
      RunOptions.Evaluation evaluation = options.evaluation();
      if (evaluation != null && (step == total || evaluation.every() > 0 && step % evaluation.every() == 0)) {
        evaluate(step);
      }
      if (step % settings.logEvery() == 0 || step == total) {
        last = metrics(step);
        log.write(last);
        options.listener().step(last, total);
      }
      if (settings.saveEvery() > 0 && step % settings.saveEvery() == 0) {
        saved = save(step, checkpoints, log);
        savedAt = step;
      }
    }
    if (saved == null || savedAt != step) {
      saved = save(step, checkpoints, log);
    }
    return new TrainingResult(step, step == total, last, saved, identity);
  }

  private Path save(int step, Checkpoints checkpoints, MetricsLog log) {
    Path file = checkpoints.save(step, tokens, pending, log.lines(), settings.keepLast());
    options.listener().checkpoint(file);
    return file;
  }

  private void step(int step, int total, List<E> batch, Optimizer optimizer) {
    long begin = System.nanoTime();
    List<MicroBatch> packed = new TreePacker(settings.packing()).pack(batch);
    objective.accumulate(step, batch, packed, pending);
    double norm = optimizer.gradientNorm();
    if (!Double.isFinite(norm)) {
      List<String> rows = batch.stream().map(Example::id).toList();
      throw new NonFiniteLossException(step + 1, "the gradient is not finite", rows);
    }
    double rate = settings.optimizer().learningRate() * settings.schedule().factor(step, total);
    optimizer.step(rate, optimizer.clipFactor(norm));
    double seconds = (System.nanoTime() - begin) / 1e9;
    PackingStats stats = packed.stream().map(MicroBatch::stats).reduce(PackingStats.NONE, PackingStats::plus);
    tokens += stats.tokens();
    pending.add("grad_norm", norm);
    pending.add("learning_rate", rate);
    pending.add("tokens_per_second", stats.tokens() / seconds);
    pending.add("tokens_saved", stats.saved());
    pending.add("padding", stats.padding());
  }

  /** Held-out metrics: means over the rows, under the training metrics' names with "eval_" before them. */
  private void evaluate(int step) {
    @SuppressWarnings("unchecked") // of the kind that is trained on, as Evaluation asks for
    List<E> heldOut = (List<E>) options.evaluation().examples();
    Map<String, double[]> sums = new LinkedHashMap<>();
    for (int from = 0; from < heldOut.size(); from += settings.batchSize()) {
      List<E> batch = heldOut.subList(from, Math.min(heldOut.size(), from + settings.batchSize()));
      MetricSums part = new MetricSums();
      objective.measure(step, batch, new TreePacker(settings.packing()).pack(batch), part);
      part.means().forEach((name, mean) -> {
        double[] sum = sums.computeIfAbsent(name, n -> new double[1]);
        sum[0] += mean * batch.size() / heldOut.size();
      });
    }
    sums.forEach((name, sum) -> pending.add("eval_" + name, sum[0]));
  }

  private StepMetrics metrics(int step) {
    Map<String, Double> values = pending.means();
    values.put("num_tokens", (double) tokens);
    pending.clear();
    return new StepMetrics(step, (double) step / settings.stepsPerEpoch(examples.size()), values);
  }

  /** Holds the run's folder for this process alone. */
  private FileChannel lock(Path checkpoints) throws IOException {
    AtomicFile.createFolders(options.output());
    PlainFile.requireFolders(options.output(), checkpoints);
    Path file = options.output().resolve(".lock");
    FileChannel channel = PlainFile.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
    try {
      FileLock lock = channel.tryLock();
      if (lock != null) {
        return channel;
      }
    } catch (OverlappingFileLockException e) {
      // Held in this very process: the same answer as for another one.
    }
    channel.close();
    throw new CheckpointMismatchException(
        "another process trains in " + options.output() + ". Wait for it, or use another output folder");
  }
}
