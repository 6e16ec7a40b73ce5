package dev.sphere.lab.study;

import dev.sphere.engine.Problem;
import dev.sphere.engine.embedded.ProblemSource;
import dev.sphere.engine.eval.AnswerFile;
import dev.sphere.engine.eval.Answered;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;
import java.util.function.BiPredicate;
import java.util.regex.Pattern;
import tools.jackson.databind.json.JsonMapper;

/**
 * Preference pairs for the controls of the demo, all out of one pool of independent samples, so that nothing differs between
 * two
 * arms but the rule that pairs them; see lab/studies/demo-controls.sh.
 */
public final class ControlPairs {
  /** Most pairs of a problem. */
  private static final int PER_PROBLEM = 4;

  /** A solution is in a hurry when a line does two operations: {@code (40+24)*2=128}. */
  private static final Pattern TWO_OPERATIONS = Pattern.compile("[-+*/]\\(?\\d+\\)?[-+*/][^=\\n]*=");

  /**
   * A distinct solution of the pool.
   *
   * @param tokens with the end token
   */
  record Solution(String text, boolean right, int tokens) {
    boolean hurried() {
      return TWO_OPERATIONS.matcher(text).find();
    }
  }

  /** The rules: which solution is chosen over which. */
  enum Arm {
    RIGHT_OVER_WRONG((c, r) -> c.right() && !r.right()),
    CAREFUL_OVER_HURRIED((c, r) -> !c.hurried() && r.hurried()),
    CAREFUL_WRONG_OVER_HURRIED_RIGHT((c, r) -> !c.hurried() && !c.right() && r.hurried() && r.right()),
    BOTH_CAREFUL((c, r) -> !c.hurried() && !r.hurried() && c.right() && !r.right()),
    EQUAL_LENGTH((c, r) -> c.right() && !r.right() && c.tokens() == r.tokens());

    private final BiPredicate<Solution, Solution> chosenOverRejected;

    Arm(BiPredicate<Solution, Solution> chosenOverRejected) {
      this.chosenOverRejected = chosenOverRejected;
    }

    String file() {
      return name().toLowerCase(Locale.ROOT).replace('_', '-') + ".jsonl";
    }
  }

  record Pair(String problem, Solution chosen, Solution rejected) {}

  private ControlPairs() {}

  /**
   * {@code ANSWERS PROBLEMS OUT SEED COUNT}: answers of {@code sphere eval --samples --out} to the problems; OUT gets a file an
   * arm with COUNT pairs, and {@code shuffled.jsonl}, the first arm with chosen and rejected changed by the toss of a coin.
   */
  public static void main(String[] args) throws IOException {
    Map<String, List<Solution>> pool = read(Path.of(args[0]));
    Map<String, String> questions = new HashMap<>();
    for (Problem p : ProblemSource.read(args[1])) {
      questions.put(p.id(), p.question());
    }
    Path out = Files.createDirectories(Path.of(args[2]));
    long seed = Long.parseLong(args[3]);
    int count = Integer.parseInt(args[4]);
    for (Arm arm : Arm.values()) {
      write(out.resolve(arm.file()), pairs(pool, arm, seed, count), questions);
    }
    Random coin = new Random(seed);
    write(out.resolve("shuffled.jsonl"), pairs(pool, Arm.RIGHT_OVER_WRONG, seed, count).stream()
        .map(p -> coin.nextBoolean() ? new Pair(p.problem(), p.rejected(), p.chosen()) : p).toList(), questions);
  }

  /** The distinct sampled solutions of each problem; greedy ones are none. */
  static Map<String, List<Solution>> read(Path answers) {
    Map<String, Map<String, Solution>> pool = new LinkedHashMap<>();
    for (Answered a : AnswerFile.read(answers)) {
      if (a.sample() != Answered.GREEDY && !a.truncated()) {
        pool.computeIfAbsent(a.problemId(), k -> new LinkedHashMap<>())
            .put(a.text(), new Solution(a.text(), a.correct(), a.tokens()));
      }
    }
    Map<String, List<Solution>> out = new LinkedHashMap<>();
    pool.forEach((problem, solutions) -> out.put(problem, List.copyOf(solutions.values())));
    return out;
  }

  /**
   * A random choice of an arm's pairs, at most four of a problem.
   *
   * @throws IllegalArgumentException when the pool has fewer than {@code count}
   */
  static List<Pair> pairs(Map<String, List<Solution>> pool, Arm arm, long seed, int count) {
    Random random = new Random(seed);
    List<Pair> all = new ArrayList<>();
    pool.forEach((problem, solutions) -> {
      List<Pair> own = new ArrayList<>();
      for (Solution chosen : solutions) {
        for (Solution rejected : solutions) {
          if (arm.chosenOverRejected.test(chosen, rejected)) {
            own.add(new Pair(problem, chosen, rejected));
          }
        }
      }
      Collections.shuffle(own, random);
      all.addAll(own.subList(0, Math.min(PER_PROBLEM, own.size())));
    });
    if (all.size() < count) {
      throw new IllegalArgumentException(arm + " has " + all.size() + " pairs, not " + count + "; sample more problems");
    }
    Collections.shuffle(all, random);
    return all.subList(0, count);
  }

  private static void write(Path file, List<Pair> pairs, Map<String, String> questions) throws IOException {
    List<String> lines = new ArrayList<>();
    for (Pair p : pairs) {
      lines.add(JsonMapper.shared().writeValueAsString(Map.of(
          "problem_id", p.problem(),
          "prompt", List.of(message("user", questions.get(p.problem()))),
          "chosen", List.of(message("assistant", p.chosen().text())),
          "rejected", List.of(message("assistant", p.rejected().text())))));
    }
    Files.write(file, lines);
  }

  private static Map<String, String> message(String role, String content) {
    return Map.of("role", role, "content", content);
  }
}
