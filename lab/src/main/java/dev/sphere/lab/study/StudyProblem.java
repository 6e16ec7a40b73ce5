package dev.sphere.lab.study;

import dev.sphere.engine.Problem;
import dev.sphere.lab.problems.ChainProblem;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * A generated problem of a graded class, with its worked solution.
 *
 * @param level the class, 1 to 10
 * @param question the text
 * @param answer the right answer; in countdown the target
 * @param nums the numbers of countdown; empty elsewhere
 * @param solution an operation a line, in bind also a look-up, then the boxed answer
 * @param wrong the same with a slip that is carried on, and a wrong answer: what a correction begins with
 */
public record StudyProblem(int level, String question, String answer, List<Integer> nums, String solution, String wrong) {
  public StudyProblem {
    nums = List.copyOf(nums);
  }

  static StudyProblem of(ChainProblem p) {
    return new StudyProblem(p.level(), p.question(), p.answer(), List.of(), p.solution(), p.wrong());
  }

  static String boxed(Object answer) {
    return "The answer is \\boxed{" + answer + "}.";
  }

  /** As a row of a problem file. */
  Map<String, Object> row(String id) {
    Map<String, Object> row = new LinkedHashMap<>();
    row.put("id", id);
    row.put("question", question);
    row.put("answer", answer);
    row.put("level", level);
    if (!nums.isEmpty()) {
      row.put("nums", nums);
    }
    return row;
  }

  /** As the engine takes it. */
  Problem toProblem(String id) {
    Map<String, String> metadata = new LinkedHashMap<>();
    metadata.put("level", Integer.toString(level));
    if (!nums.isEmpty()) {
      metadata.put("nums", nums.toString());
    }
    return new Problem(id, question, answer, metadata);
  }
}
