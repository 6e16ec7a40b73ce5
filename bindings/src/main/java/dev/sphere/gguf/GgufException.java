package dev.sphere.gguf;

import dev.sphere.base.SafeText;
import java.nio.file.Path;

/**
 * A file that is not a GGUF, is damaged, or holds what its own metadata contradicts. The message is one line:
 * the file, what is wrong, what was expected and found, and where the byte offset is known, that too.
 */
public final class GgufException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  public GgufException(String message) {
    super(oneLine(message));
  }

  public static GgufException in(Path file, String message) {
    return new GgufException(file + ": " + message);
  }

  static GgufException at(Path file, long offset, String message) {
    return new GgufException(file + ": " + message + " (at byte " + offset + ")");
  }

  /** Names come from the file, so they may hold anything; a message holds printable characters and has an end. */
  public static String quote(String name) {
    StringBuilder text = new StringBuilder("'");
    for (int i = 0; i < Math.min(name.length(), 80); i++) {
      char c = name.charAt(i);
      text.append(Character.isISOControl(c) || SafeText.steers(c) ? '?' : c);
    }
    return text.append(name.length() > 80 ? "...'" : "'").toString();
  }

  private static String oneLine(String message) {
    return message.replace('\n', ' ').replace('\r', ' ');
  }
}
