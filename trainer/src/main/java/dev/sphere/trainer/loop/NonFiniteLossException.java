package dev.sphere.trainer.loop;

import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/** A loss, a log-probability or a gradient is NaN or infinite. What is saved are weights from before that. */
public class NonFiniteLossException extends RuntimeException {
  private static final long serialVersionUID = 1;

  private final transient List<String> rows;
  private final int step;

  /**
   * @param step the step that was not made, counted from 1
   * @param what a clause, for instance "the loss is not finite"
   * @param rows ids of the batch's rows
   */
  public NonFiniteLossException(int step, String what, List<String> rows) {
    this(step, "step " + step, what, rows);
  }

  NonFiniteLossException(int step, String when, String what, List<String> rows) {
    this(step, rows, when + ": " + what + " in the batch of rows " + abridged(rows) + ".", null);
  }

  /**
   * A training that ended with weights of which a model can't be made.
   *
   * @param step the last step
   */
  public NonFiniteLossException(int step, String message) {
    this(step, List.of(), message, null);
  }

  private NonFiniteLossException(int step, List<String> rows, String message, Throwable cause) {
    super(message, cause);
    this.step = step;
    this.rows = List.copyOf(rows);
  }

  /**
   * Adds what can be done.
   *
   * @param checkpoint the newest one
   * @param untrained whether no step was made yet
   */
  NonFiniteLossException advised(Optional<Path> checkpoint, boolean untrained) {
    String advice = untrained ? " The model itself gives it, before any step: its file may be damaged"
        : checkpoint.map(file -> " The step is not saved; " + file + " is good.")
            .orElse(" The step is not saved. There is no checkpoint yet.")
            + " Look at these rows, or train anew with a lower learning rate in another folder";
    return new NonFiniteLossException(step, rows(), getMessage() + advice, this);
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
