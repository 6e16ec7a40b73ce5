package dev.sphere.web;

import java.util.Map;

/** Ends a request with a status and a message for the reader. */
public final class HttpError extends RuntimeException {
  private static final long serialVersionUID = 1;
  private final int status;
  private final transient Map<String, String> details;

  /** @param status an HTTP status from 400 on */
  public HttpError(int status, String message) {
    this(status, message, Map.of());
  }

  /** @param details what a client's program may ask for besides the message, by name */
  public HttpError(int status, String message, Map<String, String> details) {
    super(message);
    this.status = status;
    this.details = details;
  }

  int status() {
    return status;
  }

  Map<String, String> details() {
    return details;
  }
}
