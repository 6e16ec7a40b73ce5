package dev.sphere.base;

/** A model or context needs more memory than the machine has free. The message holds both numbers. */
public final class InsufficientMemoryException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  public InsufficientMemoryException(String message) {
    super(message);
  }
}
