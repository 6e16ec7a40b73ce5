package dev.sphere.engine.probe;

import dev.sphere.engine.Generation.Finish;
import dev.sphere.grade.extract.AnswerExtractor;
import java.util.List;

/**
 * The solutions that the probe drew of a problem.
 *
 * @param problemId the problem
 * @param draws its solutions, at least one, by draw
 */
public record Probed(String problemId, List<Draw> draws) {
  /**
   * A solution.
   *
   * @param text as it was sampled, without end token
   * @param tokens as they were sampled, with the end token if it was drawn
   * @param finish why it ended
   * @param correct it came to an end and its answer is right, stated or guessed
   * @param solved it is correct, and its answer is stated or may be guessed
   * @param steps parts between separators
   * @param overlong a step has more tokens than the search allows, which cuts such a path
   */
  public record Draw(
      String text, int[] tokens, Finish finish, boolean correct, boolean solved, int steps, boolean overlong) {
    /** It came to an end by itself. */
    public boolean ended() {
      return finish != Finish.LENGTH;
    }

    /** How the text gives its answer. */
    public AnswerExtractor.Form form() {
      return AnswerExtractor.extract(text).form();
    }
  }

  public Probed {
    draws = List.copyOf(draws);
    if (draws.isEmpty()) {
      throw new IllegalArgumentException("a probe of problem " + problemId + " without a draw");
    }
  }

  /** How many draws are solved. */
  public int solved() {
    return (int) draws.stream().filter(Draw::solved).count();
  }

  /** Share of solved draws. */
  public double passRate() {
    return (double) solved() / draws.size();
  }

  /** Tokens that were generated. */
  public long tokens() {
    return draws.stream().mapToLong(d -> d.tokens().length).sum();
  }
}
