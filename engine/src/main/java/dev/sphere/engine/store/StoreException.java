package dev.sphere.engine.store;

/** A run could not be read or written. The message says what was being done, what is wrong and what to do. */
public class StoreException extends RuntimeException {
  private static final long serialVersionUID = 1;

  public StoreException(String message) {
    super(message);
  }

  public StoreException(String message, Throwable cause) {
    super(message, cause);
  }

  /** The run directory cannot be used as asked: a mistake of the caller, and nothing was changed. */
  public static final class Refused extends StoreException {
    private static final long serialVersionUID = 1;

    public Refused(String message) {
      super(message);
    }
  }
}
