package dev.sphere.cli.command;

import dev.sphere.base.FreeMemory;
import dev.sphere.cli.option.Ending;
import dev.sphere.cli.option.TrainOptions;
import dev.sphere.cli.progress.TrainProgress;
import dev.sphere.trainer.checkpoint.StepMetrics;
import dev.sphere.trainer.job.TrainJob.Outcome;
import dev.sphere.trainer.job.TrainJob;
import dev.sphere.trainer.job.TrainPlan;
import dev.sphere.trainer.job.TrainTask;
import dev.sphere.trainer.job.Tuning;
import java.io.PrintWriter;
import java.util.LinkedHashMap;
import java.util.Map;
import picocli.CommandLine.Model.CommandSpec;
import tools.jackson.databind.json.JsonMapper;

/** Runs a training job for a command: progress, an orderly stop on Ctrl-C or SIGTERM, the report. */
public final class TrainRun {
  private TrainRun() {}

  /**
   * Runs a task, or with --dry-run only says what it would take.
   *
   * @param job the flags' job, with whatever the command adds to it
   */
  static int run(CommandSpec spec, TrainOptions options, TrainJob job, TrainTask task) {
    PrintWriter out = spec.commandLine().getOut();
    if (options.dryRun) {
      return plan(out, options, job.plan(task));
    }
    long begin = System.nanoTime();
    try (OrderlyStop stop = new OrderlyStop(() -> true)) { // what came of it is said before the process may end
      Outcome outcome;
      try (TrainProgress progress = new TrainProgress(spec.commandLine().getErr())) {
        outcome = job.run(task, progress, stop::asked);
      }
      tell(out, options, job, outcome, (System.nanoTime() - begin) / 1e9);
      if (outcome.artefact() == null) {
        Ending.print(spec, spec.qualifiedName().replaceFirst("sphere ", "") + " ... --resume", job.output());
      } else {
        Ending.print(spec, next(job, task, Ending.word(outcome.artefact())), outcome.artefact(), job.output().resolve("report.html"));
      }
    }
    return 0;
  }

  private static void tell(PrintWriter out, TrainOptions options, TrainJob job, Outcome outcome, double seconds) {
    if (outcome.artefact() == null) {
      out.println("Stopped after " + outcome.result().steps() + " steps; the same command goes on with --resume.");
    } else {
      out.println(outcome.result().steps() + " steps, " + words(outcome.result().last()) + ".");
    }
    if (options.json) {
      out.println(JsonMapper.shared().writeValueAsString(json(outcome, seconds)));
    }
    out.flush();
  }

  private static String next(TrainJob job, TrainTask task, String artefact) {
    boolean whole = job.tuning().method() == Tuning.Method.FULL;
    String model = whole ? artefact : Ending.word(job.model()) + " --adapter " + artefact;
    return task instanceof TrainTask.Judge
        ? "eval prm --prm " + artefact + " --model POLICY --problems PROBLEMS" : "eval --model " + model + " --problems TEST";
  }

  private static int plan(PrintWriter out, TrainOptions options, TrainPlan plan) {
    out.println("%,d parameters, %,d of them trained.".formatted(plan.parameters(), plan.trainable()));
    out.println("%,d rows%s, %,d steps, %,d tokens (%.0f %% shared, %.0f %% padding).".formatted(
        plan.rows(),
        plan.heldOut() == 0 ? "" : " and %,d held out".formatted(plan.heldOut()),
        plan.workload().steps(),
        Math.round(plan.workload().tokens()),
        100 * plan.workload().stats().saved(),
        100 * plan.workload().stats().padding()));
    out.println("Peak memory about %,d MiB: weights %,d, gradients %,d, optimizer %,d, activations %,d, process %,d.".formatted(
        plan.peak() >> 20, plan.weights() >> 20, plan.gradients() >> 20, plan.optimizer() >> 20,
        plan.activations() >> 20, plan.process() >> 20));
    out.println(plan.tried() == 0 ? "Time unknown: the run does not fit into memory, so no step was tried."
        : "Time about %s, as %d steps took now.".formatted(time(plan.seconds()), plan.tried()));
    if (options.json) {
      out.println(JsonMapper.shared().writeValueAsString(plan.toMap()));
    }
    out.flush();
    return 0;
  }

  private static String time(double seconds) {
    return seconds < 120 ? "%.0f s".formatted(seconds)
        : seconds < 7200 ? "%.0f minutes".formatted(seconds / 60) : "%.1f hours".formatted(seconds / 3600);
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
    json.put("held_out_rows", outcome.heldOut());
    json.put("peak_memory_bytes", FreeMemory.peak());
    json.put("seconds", seconds);
    if (outcome.result().last() != null) {
      json.put("metrics", outcome.result().last().values());
    }
    return json;
  }
}
