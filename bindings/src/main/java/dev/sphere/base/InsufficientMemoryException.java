package dev.sphere.base;

/** What was asked for needs more memory than the machine has free. The message holds both numbers. */
public final class InsufficientMemoryException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  public InsufficientMemoryException(String message) {
    super(message);
  }
}
