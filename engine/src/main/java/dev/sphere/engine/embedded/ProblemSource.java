package dev.sphere.engine.embedded;

import dev.sphere.engine.Problem;
import dev.sphere.engine.embedded.WordProblems.Split;
import java.util.List;
import java.util.Optional;

/** The problem sets that Sphere carries, by name. They share no problem with each other or with the models' training. */
public final class ProblemSource {
  /** The names: for search, for tuning of settings, and for evaluation only. */
  public static final List<String> EMBEDDED = List.of("embedded:train", "embedded:validation", "embedded:test");

  private ProblemSource() {}

  /**
   * An embedded problem set.
   *
   * @param name one of {@link #EMBEDDED}; anything else (a file's path) gives nothing
   * @return 4,000 problems for search, 1,000 for tuning, 1,000 for evaluation; always the same ones
   */
  public static Optional<List<Problem>> embedded(String name) {
    return switch (name) {
      case "embedded:train" -> Optional.of(WordProblems.problems(Split.SEARCH, 11, 4000, "train"));
      case "embedded:validation" -> Optional.of(WordProblems.problems(Split.VALIDATION, 12, 1000, "validation"));
      case "embedded:test" -> Optional.of(WordProblems.problems(Split.TEST, 13, 1000, "test"));
      default -> Optional.empty();
    };
  }
}
