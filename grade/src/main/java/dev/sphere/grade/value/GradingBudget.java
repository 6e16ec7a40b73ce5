package dev.sphere.grade.value;

/**
 * Counts the work of one grading, so that hostile input ends in an answer instead of a hang. No clock is read: the same
 * input always ends at the same step.
 */
public final class GradingBudget {
  /** Thrown when the work runs out or the input cannot be read as mathematics; always caught inside the grader. */
  public static final class Stop extends RuntimeException {
    private static final long serialVersionUID = 1;

    public Stop(String why) {
      super(why, null, false, false);
    }
  }

  private long left;

  /** @param steps what may be spent */
  public GradingBudget(long steps) {
    left = steps;
  }

  /** Takes {@code steps} from the budget. */
  public void spend(long steps) {
    left -= steps;
    if (left < 0) {
      throw new Stop("work budget spent");
    }
  }
}
