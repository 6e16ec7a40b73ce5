package dev.sphere.trainer.loop;

import java.util.List;

/** A loss or gradient is NaN or infinite. The step was not made; the parameters are those of the step before. */
public class NonFiniteLossException extends RuntimeException {
  private static final long serialVersionUID = 1;

  private final transient List<String> rows;
  private final int step;

  NonFiniteLossException(int step, String what, List<String> rows, String advice) {
    super("step " + step + ": " + what + " in the batch of rows " + abridged(rows) + ". " + advice);
    this.step = step;
    this.rows = List.copyOf(rows);
  }

  private static String abridged(List<String> rows) {
    String shown = String.join(", ", rows.subList(0, Math.min(rows.size(), 20)));
    return rows.size() <= 20 ? shown : shown + " and " + (rows.size() - 20) + " more";
  }

  /** Ids of the rows of the batch that went wrong. */
  public List<String> rows() {
    return rows == null ? List.of() : rows;
  }

  /** The step that was not made, counted from 1. */
  public int step() {
    return step;
  }
}
