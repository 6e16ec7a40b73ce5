package dev.sphere.trainer.job;

import dev.sphere.base.Scratch;
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
import dev.sphere.trainer.model.TrainableModels;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.ToDoubleFunction;

/**
 * Some steps of a run, made to see how long they take: the trainer trains on the run's first rows, in a folder that is thrown away.
 *
 * @param load seconds until the model is there
 * @param warm seconds that the first steps took beyond what a later one takes
 * @param step seconds of a step for each unit of work
 * @param reference seconds of the reference beforehand for each unit of work; 0 where there is none
 * @param steps that were made
 */
record TrainTrial(double load, double warm, double step, double reference, int steps) {
  /** Of larger steps than so many seconds, by a guess, a part is tried. */
  private static final double STEP = 4;

  /** A part that takes longer, by a guess, is not tried. */
  private static final double LONGEST = 20;

  /** The trial ends after so many seconds, if two steps were made, or after so many steps. */
  private static final double SECONDS = 10;

  private static final int STEPS = 32;

  /** Ends a trial: enough is known. */
  private static final class Enough extends RuntimeException {
    private static final long serialVersionUID = 1L;

    Enough() {
      super("enough is known of the steps", null, false, false);
    }
  }

  /** When what was done. */
  private static final class Watch implements TrainingListener {
    final List<Double> steps = new ArrayList<>(); // seconds of each
    double reference; // seconds beforehand
    private final int most;
    private final long begin = System.nanoTime();
    private long last = begin;

    Watch(int most) {
      this.most = most;
    }

    private double since() {
      long now = System.nanoTime();
      double seconds = (now - last) / 1e9;
      last = now;
      return seconds;
    }

    @Override
    public void reference(int done, int total) {
      reference += since();
    }

    @Override
    public void started(int firstStep, int totalSteps) {
      since();
    }

    @Override
    public void step(StepMetrics metrics, int totalSteps) {
      steps.add(since());
      if (steps.size() >= most || steps.size() >= 2 && (last - begin) / 1e9 > SECONDS) {
        throw new Enough();
      }
    }
  }

  /**
   * Makes the steps.
   *
   * @param job whose micro-batches are filled as in its run
   * @param work units of work of some rows' training steps; a step's time is in proportion to them
   * @param guess seconds of a unit of work, about
   * @return null where one row alone would take too long
   */
  static <E extends Example> TrainTrial of(
      TrainJob job, TrainTask task, Preparation.Prepared<E> prepared, GgufFile base, ToDoubleFunction<Workload> work, double guess) {
    TrainSettings settings = job.settings();
    List<E> rows = first(prepared.examples(), settings);
    int batch = Math.min(settings.batchSize(), rows.size());
    while (batch > 1 && guess * work(rows.subList(0, batch), settings, work) > STEP) {
      batch = (batch + 1) / 2;
    }
    double each = guess * work(rows.subList(0, batch), settings, work);
    if (each > LONGEST) {
      return null;
    }
    int whole = settings.totalSteps(prepared.examples().size());
    boolean again = whole > settings.stepsPerEpoch(prepared.examples().size()); // then a reference is computed beforehand
    int steps = Math.max(1, Math.min(Math.min((int) (SECONDS / each), STEPS), rows.size() / batch));
    List<E> some = rows.subList(0, steps * batch);
    int most = again ? Math.min(whole, 2 * steps) : steps;
    TrainSettings few = settings.withBatchSize(batch).withOrder(Order.GIVEN).withEpochs(1).withMaxSteps(again ? 2 * steps : steps)
        .withSaveEvery(0).withLogEvery(1);
    long begin = System.nanoTime();
    String hash = base.sha256();
    try (Scratch scratch = new Scratch(); TrainableModel model = TrainableModels.open(base, job.modelOptions(task, base))) {
      double load = (System.nanoTime() - begin) / 1e9;
      Watch watch = new Watch(most);
      try {
        prepared.with(some).train(model, few,
            RunOptions.in(scratch.folder().resolve("train")).withModel(hash, Map.of()).withListener(watch));
      } catch (Enough e) {
        // as it should
      }
      return of(load, watch, some, batch, few, work);
    }
  }

  private static <E extends Example> TrainTrial of(
      double load, Watch watch, List<E> rows, int batch, TrainSettings settings, ToDoubleFunction<Workload> work) {
    int n = watch.steps.size();
    double[] size = new double[n];
    for (int i = 0; i < n; i++) {
      int from = i * batch % rows.size();
      size[i] = work(rows.subList(from, from + batch), settings, work);
    }
    // A quarter is warming up. Of the rest the mean counts: a run has its slow steps, too.
    int warming = n / 4;
    double seconds = 0;
    double sizes = 0;
    for (int i = warming; i < n; i++) {
      seconds += watch.steps.get(i);
      sizes += size[i];
    }
    double step = seconds / sizes;
    double warm = 0;
    for (int i = 0; i < warming; i++) {
      warm += Math.max(0, watch.steps.get(i) - step * size[i]);
    }
    double all = 0;
    for (int from = 0; from < rows.size(); from += batch) {
      all += work(rows.subList(from, from + batch), settings, work);
    }
    return new TrainTrial(load, warm, step, watch.reference / all, n);
  }

  /** The rows of the run's first steps, in their order. */
  private static <E extends Example> List<E> first(List<E> examples, TrainSettings settings) {
    DataOrder order = new DataOrder(examples, settings);
    List<E> rows = new ArrayList<>();
    for (int step = 0; step < Math.min(STEPS, settings.stepsPerEpoch(examples.size())); step++) {
      order.step(step).forEach(i -> rows.add(examples.get(i)));
    }
    return rows;
  }

  private static double work(List<? extends Example> rows, TrainSettings settings, ToDoubleFunction<Workload> work) {
    return work.applyAsDouble(Workload.of(rows, settings.withOrder(Order.GIVEN).withBatchSize(rows.size()).withEpochs(1).withMaxSteps(0)));
  }
}
