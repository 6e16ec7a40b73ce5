package dev.sphere.engine.search;

import dev.sphere.engine.StopRule;
import dev.sphere.engine.grade.AnswerExtractor;

/** Sees that a solution has stated its final answer. What the answer is worth is the outcome reward's business. */
public final class FinalAnswer {
  private FinalAnswer() {}

  /** True when the text holds a closed box with something in it, or {@code ####} and a value ({@link AnswerExtractor#states}). */
  public static boolean in(String text) {
    return AnswerExtractor.states(text);
  }

  /** Ends a generation when the answer is complete: at the box's closing brace, or after the {@code ####} line. */
  public static StopRule stop() {
    return (text, newFrom) -> {
      for (int i = newFrom; i < text.length(); i++) {
        char c = text.charAt(i);
        if (c == '}' && in(text.toString()) || c == '\n' && AnswerExtractor.valueAfterHashes(text.toString())) {
          return true;
        }
      }
      return false;
    };
  }
}
