package dev.sphere.engine;

/**
 * Decides where a generation ends, besides the model's own end token and the length limits: a function of the text
 * alone. It is asked once for all requests of a call that share the rule and have drawn the same tokens.
 */
@FunctionalInterface
public interface StopRule {
  /**
   * Called after each token with all the text generated so far.
   *
   * @param text the generated text so far, complete characters only
   * @param newFrom index of the first character that the last token added
   * @return true when the generation ends here (the last token is kept)
   */
  boolean stop(CharSequence text, int newFrom);

  /** Whether the model's end token ends the generation too, as it should but for measurements (default: true). */
  default boolean atEndToken() {
    return true;
  }

  /** Only the end token or a limit ends the generation. */
  static StopRule never() {
    return (text, newFrom) -> false;
  }

  /** Ends a reasoning step: after the first separator that follows some text that is not blank. */
  static StopRule afterStep(String separator) {
    return (text, newFrom) -> {
      int at = indexOf(text, separator, Math.max(0, newFrom - separator.length() + 1));
      return at >= 0 && !isBlank(text, at);
    };
  }

  // Called for each token: nothing is copied.
  private static int indexOf(CharSequence text, String what, int from) {
    for (int at = from; at + what.length() <= text.length(); at++) {
      int i = 0;
      while (i < what.length() && text.charAt(at + i) == what.charAt(i)) {
        i++;
      }
      if (i == what.length()) {
        return at;
      }
    }
    return -1;
  }

  private static boolean isBlank(CharSequence text, int end) {
    for (int i = 0; i < end; i++) {
      if (!Character.isWhitespace(text.charAt(i))) { // all white space lies in the basic plane
        return false;
      }
    }
    return true;
  }
}
