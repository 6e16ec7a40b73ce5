package dev.sphere.cli.progress;

import dev.sphere.trainer.checkpoint.StepMetrics;
import dev.sphere.trainer.loop.TrainingListener;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;

/** A training run's progress, with its loss as a small curve. */
public class TrainProgress implements TrainingListener, AutoCloseable {
  private final ProgressBars bars;
  private final Sparkline curve = new Sparkline(24, System.console() == null
      ? StandardCharsets.US_ASCII
      : System.console().charset());

  public TrainProgress(PrintWriter err) {
    this.bars = new ProgressBars("train", err);
  }

  @Override
  public void started(int firstStep, int totalSteps) {
    if (firstStep > 0) {
      note("going on after step " + firstStep + " of " + totalSteps);
    }
    bars.begin("train", "steps", firstStep, totalSteps);
  }

  @Override
  public void reference(int done, int total) {
    if (done == 1) {
      bars.begin("reference", "micro-batches", 0, total);
    }
    bars.at(done, () -> "");
  }

  @Override
  public void step(StepMetrics m, int totalSteps) {
    if (m.values().containsKey("eval_loss")) {
      note("step " + m.step() + ": held out, loss %.4f".formatted(m.get("eval_loss"))
          + (m.values().containsKey("eval_rewards/accuracies")
              ? ", accuracy %.2f".formatted(m.get("eval_rewards/accuracies")) : ""));
    }
    if (m.values().containsKey("eval_greedy")) {
      note("update " + m.step() + ": held out, %.1f %% greedy".formatted(100 * m.get("eval_greedy"))
          + (m.values().containsKey("eval_mean_at_k") ? ", %.1f %% of the draws".formatted(100 * m.get("eval_mean_at_k")) : ""));
    }
    if (!m.values().containsKey("loss")) {
      return;
    }
    curve.add(m.get(m.values().containsKey("reward") ? "reward" : "loss"));
    bars.at(m.step(), () -> words(m) + " " + curve);
    if (m.step() == totalSteps) {
      note("step " + m.step() + "/" + totalSteps + " " + words(m)
          + (m.values().containsKey("reward") ? ", the reward: " : ", the loss: ") + curve);
    }
  }

  private static String words(StepMetrics m) {
    if (m.values().containsKey("reward")) {
      String learned = m.values().containsKey("entropy")
          ? ", entropy %.2f, log-probabilities of sampler and trainer differ by %.1e".formatted(
              m.get("entropy"), m.get("sampling/sampling_logp_difference/mean"))
          : ""; // all draws of each problem were alike
      return "reward %.3f, %.0f tokens a draw, %.0f %% of the groups even%s, %.0f tokens/s".formatted(m.get("reward"),
          m.get("completions/mean_length"), 100 * m.get("frac_reward_zero_std"), learned, m.get("tokens_per_second"));
    }
    String margin = m.values().containsKey("rewards/margins")
        ? ", margin %.3f, accuracy %.2f".formatted(m.get("rewards/margins"), m.get("rewards/accuracies"))
        : "";
    return "loss %.4f%s, %.0f tokens/s".formatted(m.get("loss"), margin, m.get("tokens_per_second"));
  }

  @Override
  public void note(String line) {
    bars.note(line);
  }

  @Override
  public void close() {
    bars.close();
  }
}
