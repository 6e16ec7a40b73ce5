package dev.sphere.bindings.load;

/**
 * The native libraries, or one function of theirs, can't be used on this machine. The message is one line that says
 * what is wrong and what to run; it is a set-up mistake, not a failure of the work (exit status 2).
 */
public final class NativeUnavailableException extends IllegalStateException {
  private static final long serialVersionUID = 1L;

  public NativeUnavailableException(String message) {
    super(message);
  }

  public NativeUnavailableException(String message, Throwable cause) {
    super(message, cause);
  }
}
