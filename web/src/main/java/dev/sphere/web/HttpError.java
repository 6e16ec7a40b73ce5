package dev.sphere.web;

/** Ends a request with a status and a message for the reader. */
public final class HttpError extends RuntimeException {
  private static final long serialVersionUID = 1;
  private final int status;

  /** @param status an HTTP status from 400 on */
  public HttpError(int status, String message) {
    super(message);
    this.status = status;
  }

  int status() {
    return status;
  }
}
