package dev.sphere.engine.template;

/** A template that cannot be read or rendered; the message says why, and on which line. */
public final class TemplateException extends IllegalArgumentException {
  private static final long serialVersionUID = 1L;

  TemplateException(String message) {
    super(message);
  }
}
