package dev.sphere.engine.stage;

import java.util.List;

/**
 * How a problem ended.
 *
 * @param problemId the problem
 * @param stages what each of the three stages made of it, in order
 */
public record ProblemResult(String problemId, List<StageResult> stages) {
  public ProblemResult {
    stages = List.copyOf(stages);
  }

  /** The number of pairs of all stages. */
  public int pairs() {
    return stages.stream().mapToInt(s -> s.pairs().size()).sum();
  }

  /** Why the problem gave no pair, in the words of the last stage that had to do with it; null when it gave one. */
  public Reason reason() {
    Reason last = null;
    for (StageResult stage : stages) {
      if (!stage.pairs().isEmpty()) {
        return null;
      }
      if (last == null || stage.reason() != Reason.NOT_APPLICABLE && stage.reason() != Reason.DISABLED) {
        last = stage.reason();
      }
    }
    return last;
  }
}
