package dev.sphere.trainer.optim;

import dev.sphere.engine.settings.FromSettings;
import dev.sphere.engine.settings.Setting;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;

/**
 * The learning rate over the steps: a linear rise over the warmup, then constant, or down to 0 along a line or half a
 * cosine.
 *
 * @param kind shape after the warmup
 * @param warmupSteps steps of the rise; negative: take {@code warmupRatio}
 * @param warmupRatio share of all steps, rounded up, in [0, 1]
 */
public record Schedule(Kind kind, int warmupSteps, double warmupRatio) {
  private static final double WSD_DECAY = 0.3;

  /** Shape after the warmup. */
  public enum Kind {
    CONSTANT,
    LINEAR,
    COSINE,
    /** Warmup, stable, decay (arXiv 2404.06395): constant, then down to 0 along a line over the last 30 % of the steps. */
    WSD;

    /** By name, in any case. */
    public static Kind of(String name) {
      for (Kind k : values()) {
        if (k.name().equalsIgnoreCase(name)) {
          return k;
        }
      }
      throw new IllegalArgumentException("unknown schedule '" + name + "': use constant, linear, cosine or wsd");
    }
  }

  public Schedule {
    if (!(warmupRatio >= 0 && warmupRatio <= 1)) {
      throw new IllegalArgumentException("the warmup ratio must be in [0, 1]: " + warmupRatio);
    }
  }

  /** From what a user says: a warmup below 1 is a share of all steps, else a number of steps. */
  @FromSettings
  static Schedule of(
      @Setting(name = "schedule", def = "linear", label = "SHAPE",
          help = "The rate after its warmup: constant, linear or cosine (down to 0), or wsd (warmup, stable, decay).")
      Kind kind,
      @Setting(name = "warmup", def = "0.1", range = "[0, )", label = "W",
          help = "Rise of the rate: a share of all steps below 1, else a number of steps.")
      double warmup) {
    return warmup < 1 ? ofRatio(kind, warmup) : of(kind, (int) warmup);
  }

  /** A warmup of so many steps. */
  public static Schedule of(Kind kind, int warmupSteps) {
    return new Schedule(kind, Math.max(0, warmupSteps), 0);
  }

  /** A warmup of a share of all steps. */
  public static Schedule ofRatio(Kind kind, double warmupRatio) {
    return new Schedule(kind, -1, warmupRatio);
  }

  /**
   * Factor on the peak learning rate. The warmup's first step has 1 / warmup of the peak (not 0: no step is wasted), its
   * last the peak; the last step of a decay is one step before 0.
   *
   * @param step index of the step, from 0
   * @param totalSteps number of all steps, above {@code step}
   */
  public double factor(int step, int totalSteps) {
    int warmup = warmupSteps >= 0 ? warmupSteps : (int) Math.ceil(warmupRatio * totalSteps);
    if (step < warmup) {
      return (step + 1.0) / warmup;
    }
    double progress = (double) (step - warmup) / Math.max(1, totalSteps - warmup);
    return switch (kind) {
      case CONSTANT -> 1;
      case LINEAR -> Math.max(0, 1 - progress);
      case WSD -> Math.clamp((1 - progress) / WSD_DECAY, 0, 1);
      case COSINE -> 0.5 * (1 + Math.cos(Math.PI * Math.min(1, progress)));
    };
  }

  /** The settings by name, for provenance and for the check on resume. */
  public Map<String, Object> toMap() {
    Map<String, Object> map = new LinkedHashMap<>();
    map.put("schedule", kind.name().toLowerCase(Locale.ROOT));
    if (warmupSteps >= 0) {
      map.put("warmup_steps", warmupSteps);
    } else {
      map.put("warmup_ratio", warmupRatio);
    }
    return map;
  }
}
