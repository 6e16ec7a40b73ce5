package dev.sphere.trainer.evolve;

import dev.sphere.base.AtomicFile;
import dev.sphere.base.SplitMix;
import dev.sphere.engine.Problem;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import tools.jackson.databind.json.JsonMapper;

/**
 * A set of problems in three parts by a hash of their words: a question stays in its part whatever else the file holds,
 * and the same question twice is in one part. Each part is in the order of the hash, so that its first problems are any
 * problems.
 *
 * @param searched 60 %
 * @param validation 15 %, at most 400
 * @param test 25 %, at most 400
 */
record ProblemSplit(List<Problem> searched, List<Problem> validation, List<Problem> test) {
  private static final int SEARCHED = 60;
  private static final int VALIDATION = 75;
  private static final int MOST = 400;

  /**
   * Splits.
   *
   * @param validation the validation problems, where they are told; then their part of {@code all} is searched too
   * @param test the test problems, where they are told
   */
  static ProblemSplit of(List<Problem> all, List<Problem> validation, List<Problem> test) {
    List<Problem> sorted = all.stream().sorted(Comparator.comparingLong(ProblemSplit::hash)).toList();
    return new ProblemSplit(
        sorted.stream().filter(p -> part(p) < SEARCHED || !validation.isEmpty() && part(p) < VALIDATION
            || !test.isEmpty() && part(p) >= VALIDATION).toList(),
        first(!validation.isEmpty() ? validation
            : sorted.stream().filter(p -> part(p) >= SEARCHED && part(p) < VALIDATION).toList()),
        first(!test.isEmpty() ? test : sorted.stream().filter(p -> part(p) >= VALIDATION).toList()));
  }

  private static List<Problem> first(List<Problem> problems) {
    return problems.subList(0, Math.min(MOST, problems.size()));
  }

  private static long hash(Problem problem) {
    return SplitMix.hash(problem.question().strip().replaceAll("\\s+", " "));
  }

  private static long part(Problem problem) {
    return Math.floorMod(SplitMix.mix(hash(problem)), 100L);
  }

  /** Writes problems as a file that is read as the same problems. */
  static void write(List<Problem> problems, Path file) {
    StringBuilder lines = new StringBuilder();
    for (Problem p : problems) {
      Map<String, String> row = new LinkedHashMap<>();
      row.put("id", p.id());
      row.put("question", p.question());
      row.put("final_answer", p.answer());
      row.putAll(p.metadata());
      lines.append(JsonMapper.shared().writeValueAsString(row)).append('\n');
    }
    AtomicFile.writeText(file, lines);
  }
}
