package dev.sphere.engine.data;

/** A row that is no problem; the message says why. */
final class BadRowException extends Exception {
  private static final long serialVersionUID = 1;

  BadRowException(String reason) {
    super(reason);
  }
}
