package dev.sphere.engine.template;

/** A template that cannot be read or rendered; the message says why, and on which line. */
public final class TemplateException extends IllegalArgumentException {
  private static final long serialVersionUID = 1L;

  private static final int LONGEST = 600;

  TemplateException(String message) {
    super(readable(message));
  }

  /** A template's own words may be long, and may hold what a terminal obeys. */
  private static String readable(String message) {
    String s = message.length() > LONGEST ? message.substring(0, LONGEST) + "..." : message;
    StringBuilder out = new StringBuilder();
    s.codePoints().map(c -> Character.isISOControl(c) ? ' ' : c).forEach(out::appendCodePoint);
    return out.toString();
  }
}
