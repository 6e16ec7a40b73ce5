package dev.sphere.trainer.optim;

import dev.sphere.engine.settings.Setting;
import dev.sphere.engine.settings.SettingsTree;

/**
 * The learning rate over the steps: a linear rise, the warmup, then the shape of {@code kind}.
 *
 * @param warmup below 1 a share of all steps, rounded up; else a number of steps
 */
public record Schedule(
    @Setting(name = "schedule", def = "linear", label = "SHAPE",
        help = "The rate after its warmup: constant, linear or cosine (down to 0), or wsd (warmup, stable, decay).")
    Kind kind,
    @Setting(def = "0.1", range = "[0, )", label = "W",
        help = "Rise of the rate: a share of all steps below 1, else a number of steps.")
    double warmup) {
  private static final double WSD_DECAY = 0.3;

  public enum Kind {
    CONSTANT,
    LINEAR,
    COSINE,
    /** Warmup, stable, decay (arXiv 2404.06395): constant, then linear to 0 over the last 30 % of the steps. */
    WSD
  }

  public Schedule {
    SettingsTree.requireRanges(Schedule.class, kind, warmup);
  }

  /**
   * The factor on the peak learning rate. The first step of the warmup has 1 / warmup of the peak, its last step the
   * peak. A decay would reach 0 in the step after the last.
   *
   * @param step index of the step, from 0
   * @param totalSteps number of all steps
   */
  public double factor(int step, int totalSteps) {
    int rise = warmup < 1 ? (int) Math.ceil(warmup * totalSteps) : (int) warmup;
    if (step < rise) {
      return (step + 1.0) / rise;
    }
    double progress = (double) (step - rise) / Math.max(1, totalSteps - rise);
    return switch (kind) {
      case CONSTANT -> 1;
      case LINEAR -> Math.max(0, 1 - progress);
      case WSD -> Math.clamp((1 - progress) / WSD_DECAY, 0, 1);
      case COSINE -> 0.5 * (1 + Math.cos(Math.PI * Math.min(1, progress)));
    };
  }
}
