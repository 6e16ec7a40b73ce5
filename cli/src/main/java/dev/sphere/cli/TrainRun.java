package dev.sphere.cli;

import dev.sphere.trainer.job.Forecast;
import dev.sphere.trainer.job.TrainJob;
import dev.sphere.trainer.job.TrainJob.Outcome;
import dev.sphere.trainer.loop.StepMetrics;
import dev.sphere.trainer.loop.TrainingListener;
import java.io.PrintWriter;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.BooleanSupplier;
import java.util.function.Function;
import picocli.CommandLine.Model.CommandSpec;
import tools.jackson.databind.json.JsonMapper;

/** Runs a training job for a command: progress, an orderly stop on Ctrl-C or SIGTERM, the report. */
final class TrainRun {
  /** How long a stop waits for the running step and its checkpoint. */
  private static final long STOP_SECONDS = 120;

  private TrainRun() {}

  /** The job's call: sft or dpo. */
  interface Work {
    Outcome run(TrainJob job, TrainingListener listener, BooleanSupplier stop);
  }

  /** With --dry-run: what the run would take, and nothing else. */
  static int forecast(CommandSpec spec, TrainOptions options, Function<TrainJob, Forecast> of) {
    PrintWriter out = spec.commandLine().getOut();
    Forecast f = of.apply(options.job());
    out.printf(Locale.ROOT, "%d rows, %d steps, %d tokens a pass, of which %d are computed (%.0f %% shared)%n",
        f.rows(), f.steps(), f.tokens(), f.slots(), 100.0 * (1 - (double) f.slots() / f.tokens()));
    out.printf(Locale.ROOT, "%,d parameters, %,d trained%n", f.parameters(), f.trained());
    out.printf(Locale.ROOT, "estimated: %d MiB at most, %.0f s%n", f.peakBytes() >> 20, f.seconds());
    if (options.json) {
      out.println(JsonMapper.shared().writeValueAsString(f.toMap()));
    }
    out.flush();
    return 0;
  }

  static int run(CommandSpec spec, TrainOptions options, Work work) {
    PrintWriter out = spec.commandLine().getOut();
    AtomicBoolean stop = new AtomicBoolean();
    CountDownLatch done = new CountDownLatch(1);
    Thread hook = new Thread(() -> await(stop, done), "stop training");
    Runtime.getRuntime().addShutdownHook(hook);
    long begin = System.nanoTime();
    Outcome outcome;
    try (TrainProgress progress = new TrainProgress(spec.commandLine().getErr())) {
      outcome = work.run(options.job(), progress, stop::get);
    } finally {
      done.countDown();
    }
    double seconds = (System.nanoTime() - begin) / 1e9;
    if (outcome.artefact() == null) {
      out.println("Stopped after " + outcome.result().steps() + " steps; go on with --resume.");
    } else {
      out.println(outcome.result().steps() + " steps, " + words(outcome.result().last()) + ".");
      out.println("Wrote " + outcome.artefact() + ".");
    }
    if (options.json) {
      out.println(JsonMapper.shared().writeValueAsString(json(outcome, seconds)));
    }
    out.flush();
    return 0;
  }

  private static void await(AtomicBoolean stop, CountDownLatch done) {
    stop.set(true);
    try {
      done.await(STOP_SECONDS, TimeUnit.SECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private static String words(StepMetrics last) {
    return last == null ? "all made before" : "last loss %.4f".formatted(last.get("loss"));
  }

  private static Map<String, Object> json(Outcome outcome, double seconds) {
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("artefact", outcome.artefact() == null ? null : outcome.artefact().toString());
    json.put("complete", outcome.result().complete());
    json.put("steps", outcome.result().steps());
    json.put("rows", outcome.rows().usedCount());
    json.put("bad_rows", outcome.rows().badRows().size());
    json.put("seconds", seconds);
    if (outcome.result().last() != null) {
      json.put("metrics", outcome.result().last().values());
    }
    return json;
  }
}
