package dev.sphere.trainer.checkpoint;

/** A checkpoint belongs to another run, or the folder holds one that was not asked for. The message says what to do. */
public class CheckpointMismatchException extends IllegalArgumentException {
  private static final long serialVersionUID = 1;

  public CheckpointMismatchException(String message) {
    super(message);
  }
}
