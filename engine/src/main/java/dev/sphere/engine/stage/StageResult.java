package dev.sphere.engine.stage;

import dev.sphere.engine.PreferencePair;
import java.util.List;

/**
 * The result of a stage for one problem.
 *
 * @param problemId the problem
 * @param stage the stage
 * @param pairs its pairs, without repetitions
 * @param reason why there is no pair; null when there is one
 * @param attempts the solutions that the stage's searches came to
 */
public record StageResult(
    String problemId, Stage stage, List<PreferencePair> pairs, Reason reason, List<Attempt> attempts) {
  public StageResult {
    pairs = List.copyOf(pairs);
    attempts = List.copyOf(attempts);
    if (pairs.isEmpty() == (reason == null)) {
      throw new IllegalArgumentException(
          "a stage ends in pairs or in a reason for none: " + pairs.size() + ", " + reason);
    }
  }

  static StageResult without(String problemId, Stage stage, Reason reason) {
    return new StageResult(problemId, stage, List.of(), reason, List.of());
  }
}
