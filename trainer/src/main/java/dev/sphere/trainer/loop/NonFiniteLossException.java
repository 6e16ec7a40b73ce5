package dev.sphere.trainer.loop;

import java.util.List;

/** A loss or gradient is NaN or infinite. The step was not made; the parameters are those of the step before. */
public class NonFiniteLossException extends RuntimeException {
  private static final long serialVersionUID = 1;

  private static final String ADVICE =
      "The step was not made and the last checkpoint is good. Look at these rows, or train anew with a lower learning "
          + "rate in another folder";

  private final transient List<String> rows;
  private final int step;

  /**
   * @param step the step that was not made, counted from 1
   * @param what a clause, for instance "the loss is not finite"
   * @param rows ids of the batch's rows
   */
  public NonFiniteLossException(int step, String what, List<String> rows) {
    super("step " + step + ": " + what + " in the batch of rows " + abridged(rows) + ". " + ADVICE);
    this.step = step;
    this.rows = List.copyOf(rows);
  }

  /** Throws unless the list of rows is empty. */
  public static void throwIfAny(int step, String what, List<String> rows) {
    if (!rows.isEmpty()) {
      throw new NonFiniteLossException(step, what, rows);
    }
  }

  private static String abridged(List<String> rows) {
    String shown = String.join(", ", rows.subList(0, Math.min(rows.size(), 20)));
    return rows.size() <= 20 ? shown : shown + " and " + (rows.size() - 20) + " more";
  }

  public List<String> rows() {
    return rows == null ? List.of() : rows;
  }

  public int step() {
    return step;
  }
}
