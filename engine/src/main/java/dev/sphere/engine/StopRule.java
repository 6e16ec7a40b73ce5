package dev.sphere.engine;

/** Says where a generation ends, besides the model's own end token and the length limits. */
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

  /** Only the end token or a limit ends the generation. */
  static StopRule never() {
    return (text, newFrom) -> false;
  }

  /** Ends a reasoning step: after the first separator that follows some text that is not blank. */
  static StopRule afterStep(String separator) {
    return (text, newFrom) -> {
      String s = text.toString();
      int from = Math.max(0, newFrom - separator.length() + 1);
      int at = s.indexOf(separator, from);
      return at >= 0 && !s.substring(0, at).isBlank();
    };
  }
}
