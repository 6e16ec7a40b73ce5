package dev.sphere.engine.search;

import dev.sphere.engine.SolutionMarker;
import dev.sphere.engine.StopRule;
import dev.sphere.grade.extract.AnswerExtractor;

/**
 * Looks whether a solution has stated its final answer; whether the answer is right is the outcome reward's business.
 */
public final class FinalAnswer {
  private FinalAnswer() {}

  /**
   * True when the text holds a closed box with something in it, or {@code ####} and a value ({@link
   * AnswerExtractor#states}).
   */
  public static boolean in(String text) {
    return AnswerExtractor.states(text);
  }

  /**
   * True when the solution within a text states a final answer. Before the marker one answer is taken for a quoted one;
   * a second one ends the text, or a model that never writes the marker would go on to its limit.
   */
  public static boolean in(SolutionMarker marker, String text) {
    String solution = marker.solution(text);
    return solution != null ? in(solution) : AnswerExtractor.statesMore(text);
  }

  /**
   * Ends a generation when the answer is complete: at the box's closing brace, or after the {@code ####} line.
   *
   * @param before what was generated before
   */
  public static StopRule stop(SolutionMarker marker, String before) {
    // Without a marker the text before states no answer, or nothing would be generated after it.
    String earlier = marker.isNone() ? "" : before;
    return (text, newFrom) -> {
      for (int i = newFrom; i < text.length(); i++) {
        char c = text.charAt(i);
        if (c == '}' && in(marker, earlier + text)) {
          return true;
        }
        if (c == '\n' && AnswerExtractor.valueAfterHashes(text.toString()) && in(marker, earlier + text)) {
          return true;
        }
      }
      return false;
    };
  }
}
