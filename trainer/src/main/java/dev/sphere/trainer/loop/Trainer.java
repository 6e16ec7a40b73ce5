package dev.sphere.trainer.loop;

import dev.sphere.base.AtomicFile;
import dev.sphere.base.PlainFile;
import dev.sphere.engine.settings.SettingsTree;
import dev.sphere.engine.store.StoreException;
import dev.sphere.trainer.TrainableModel;
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
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Trains a model in place on examples of one kind, by an {@link Objective}. A killed and resumed run makes the same
 * steps with the same bits as an undisturbed one: the data order follows from the seed and the step, everything else
 * is in the checkpoint.
 *
 * @param <E> the kind of examples
 */
public final class Trainer<E extends Example> {
  /** Steps without a gradient that are worth a word. */
  private static final int IDLE = 3;

  private final Objective<E> objective;
  private final TrainableModel model;
  private final List<E> examples;
  private final TrainSettings settings;
  private final RunOptions options;
  private final Identity identity;
  private final MetricSums pending = new MetricSums();
  private long tokens;
  private int idle; // steps without a gradient, up to now
  private StepMetrics last;

  /**
   * @param objective holds the model, and is closed when the run ends
   * @param examples to train on; {@link #run} refuses an empty list
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

  public List<E> examples() {
    return examples;
  }

  public TrainSettings settings() {
    return settings;
  }

  public RunOptions options() {
    return options;
  }

  public Identity identity() {
    return identity;
  }

  /**
   * Trains to the last step, or until {@link RunOptions#stop}.
   *
   * @throws NonFiniteLossException when a loss or gradient is not finite
   * @throws StoreException.Refused when the folder's checkpoints belong to another run
   */
  @SuppressWarnings("try") // the lock is held, not used
  public TrainingResult run() {
    if (examples.isEmpty()) {
      throw new IllegalArgumentException("there is nothing to train on: no usable rows");
    }
    Path folder = options.output().resolve("checkpoints");
    try (FileChannel lock = lock(options.output());
        Optimizer optimizer = Optimizer.create(settings.optimizer(), model.parameters(), settings.threads())) {
      if (!options.resume() && !Checkpoints.files(folder).isEmpty()) {
        throw new StoreException.Refused(
            folder + " holds checkpoints of an earlier run. Resume it, remove it, or use another output folder");
      }
      try (objective) {
        objective.begin(this);
        Checkpoints checkpoints = new Checkpoints(
            folder, identity, model.parameters(), optimizer, options.listener()::note, objective.state());
        Checkpoints.Position start = checkpoints.restore();
        tokens = start.tokens();
        last = null;
        TrainedRows.write(options, identity, examples, settings);
        pending.clear();
        pending.restore(start.pendingMetrics());
        try (MetricsLog log =
            new MetricsLog(MetricsLog.in(options.output()), start.metrics(), options.listener()::note)) {
          return steps(start, optimizer, checkpoints, log);
        }
      }
    } catch (IOException e) {
      throw new UncheckedIOException("cannot release the run's folder " + options.output(), e);
    }
  }

  private TrainingResult steps(
      Checkpoints.Position start, Optimizer optimizer, Checkpoints checkpoints, MetricsLog log) {
    int first = start.step();
    int total = settings.totalSteps(examples.size());
    Path saved = start.file();
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
    List<E> batch = List.of();
    try {
      while (step < total && !options.stop().getAsBoolean()) {
        batch = order.step(step).stream().map(examples::get).toList();
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
          saved = save(step, batch, checkpoints, log);
          savedAt = step;
        }
      }
      if (saved == null || savedAt != step) {
        saved = save(step, batch, checkpoints, log);
      }
    } catch (NonFiniteLossException e) {
      throw e.advised(Optional.ofNullable(saved), step == 0);
    }
    return new TrainingResult(step, step == total, last, saved, identity);
  }

  /** @param batch the last step's rows, which the weights are tried on before they take the place of good ones */
  private Path save(int step, List<E> batch, Checkpoints checkpoints, MetricsLog log) {
    if (!batch.isEmpty()) {
      MicroBatch tried = new TreePacker(settings.packing()).pack(batch).getFirst();
      for (float logProb : model.logProbs(tried.batch(), false)) {
        if (!Float.isFinite(logProb)) {
          List<String> rows = Arrays.stream(tried.examples()).mapToObj(i -> batch.get(i).id()).toList();
          throw new NonFiniteLossException(step, "after step " + step, "a log-probability is not finite", rows);
        }
      }
    }
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
    idle = norm == 0 ? idle + 1 : 0;
    if (idle == IDLE) {
      options.listener().note("the gradients of " + IDLE + " steps are 0: nothing is learned. With a loss of 0 the "
          + "reward's scale (beta) is too high, else the weights are ruined by the learning rate, or the rows are "
          + "learned");
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

  /** Adds means over the held-out rows to the metrics, under the training metrics' names with "eval_" before them. */
  private void evaluate(int step) {
    @SuppressWarnings("unchecked") // Evaluation asks for the kind that is trained on
    List<E> heldOut = (List<E>) options.evaluation().examples();
    Map<String, double[]> sums = new LinkedHashMap<>();
    for (int from = 0; from < heldOut.size(); from += settings.batchSize()) {
      List<E> batch = heldOut.subList(from, Math.min(heldOut.size(), from + settings.batchSize()));
      MetricSums part = new MetricSums();
      objective.measure(step, batch, new TreePacker(settings.packing()).pack(batch), part);
      part.means().forEach((name, mean) ->
          sums.computeIfAbsent(name, n -> new double[1])[0] += mean * batch.size() / heldOut.size());
    }
    sums.forEach((name, sum) -> pending.add("eval_" + name, sum[0]));
  }

  private StepMetrics metrics(int step) {
    Map<String, Double> values = pending.means();
    values.put("num_tokens", (double) tokens);
    pending.clear();
    return new StepMetrics(step, (double) step / settings.stepsPerEpoch(examples.size()), values);
  }

  /**
   * Holds a run's folder for this process alone, until it is closed.
   *
   * @throws StoreException.Refused when another run holds it
   */
  public static FileChannel lock(Path folder) throws IOException {
    AtomicFile.createFolders(folder);
    PlainFile.requireFolders(folder, folder.resolve("checkpoints"));
    Path file = folder.resolve(".lock");
    FileChannel channel = PlainFile.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
    try {
      FileLock lock = channel.tryLock();
      if (lock != null) {
        return channel;
      }
    } catch (OverlappingFileLockException e) {
      // This process holds it: refused as if another did.
    }
    channel.close();
    throw new StoreException.Refused(
        "another process trains in " + folder + ". Wait for it, or use another output folder");
  }
}
