package dev.sphere.lab.problems;

import dev.sphere.base.Sha256;
import dev.sphere.engine.data.JsonText;
import dev.sphere.engine.data.StepCase;
import dev.sphere.lab.problems.ChainProblem.Use;
import dev.sphere.lab.problems.WordProblems.Split;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.stream.Collectors;
import java.util.zip.GZIPOutputStream;

/**
 * Makes the embedded problem sets, which the engine carries as resources: NAME.jsonl.gz, a record a line, and sets.sha256
 * with the hashes of the unpacked lines.
 *
 * <pre>lab/java dev.sphere.lab.problems.EmbeddedSets FOLDER</pre>
 */
public final class EmbeddedSets {
  /** Number of step cases. */
  private static final int STEP_CASES = 1000;

  private EmbeddedSets() {}

  public static void main(String[] args) throws IOException {
    Path folder = Files.createDirectories(Path.of(args[0]));
    StringBuilder sums = new StringBuilder();
    for (Map.Entry<String, String> set : all().entrySet()) {
      byte[] lines = set.getValue().getBytes(StandardCharsets.UTF_8);
      try (OutputStream out = new GZIPOutputStream(Files.newOutputStream(folder.resolve(set.getKey() + ".jsonl.gz")))) {
        out.write(lines);
      }
      sums.append(Sha256.of(lines)).append("  ").append(set.getKey()).append(".jsonl\n");
    }
    Files.writeString(folder.resolve("sets.sha256"), sums);
  }

  /** The lines of each set, by its name without {@code embedded:}. */
  static Map<String, String> all() {
    Map<String, String> sets = new LinkedHashMap<>();
    sets.put("train", lines(WordProblems.problems(Split.SEARCH, 11, 4000, "train")));
    sets.put("validation", lines(WordProblems.problems(Split.VALIDATION, 12, 1000, "validation")));
    sets.put("test", lines(WordProblems.problems(Split.TEST, 13, 1000, "test")));
    sets.put("chain-train", lines(ChainProblem.set(Use.SEARCH, ChainProblem.SEARCHED, 1000)));
    sets.put("chain-validation", lines(ChainProblem.set(Use.VALIDATION, ChainProblem.SEARCHED, 100)));
    sets.put("chain-test", lines(ChainProblem.set(Use.TEST, ChainProblem.LEVELS, 150)));
    sets.put("steps", lines(stepCases()));
    return sets;
  }

  private static String lines(List<?> records) {
    return records.stream().map(r -> JsonText.MAPPER.writeValueAsString(r) + "\n").collect(Collectors.joining());
  }

  /** Solutions of validation problems: half of them right, half with one slip that is carried through. */
  private static List<StepCase> stepCases() {
    List<StepCase> cases = new ArrayList<>();
    SplittableRandom random = new SplittableRandom(17);
    for (WordProblem p : WordProblems.distinct(Split.VALIDATION, 12, STEP_CASES)) {
      String right = p.solution();
      boolean wrong = cases.size() % 2 == 1;
      String solution = wrong ? Slips.wrongSolution(p, random) : right;
      List<String> steps = Arrays.asList(solution.split("\n"));
      cases.add(new StepCase(p.toProblem("steps-" + cases.size()), steps, wrong ? firstDifference(right, steps) : -1,
          wrong ? "slip" : "gold"));
    }
    return cases;
  }

  /** The first line that differs: before a slip, a wrong solution is the right one. */
  private static int firstDifference(String right, List<String> steps) {
    String[] lines = right.split("\n");
    int i = 0;
    while (i < lines.length && i < steps.size() && lines[i].equals(steps.get(i))) {
      i++;
    }
    return Math.min(i, steps.size() - 1);
  }
}
