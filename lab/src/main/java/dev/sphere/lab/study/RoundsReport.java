package dev.sphere.lab.study;

import dev.sphere.engine.eval.AnswerFile;
import dev.sphere.engine.eval.Answered;
import java.io.IOException;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.function.ToDoubleFunction;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * What the study of rounds says, by the tests that were written down before it ran
 * (lab/notebooks/2026-11-26-do-rounds-teach.md): a bootstrap over bases, seeds
 * within a base, and problems within a class; Holm over the comparisons of a question.
 */
public final class RoundsReport {
  static final int DRAWS = 10_000;
  private static final List<String> OTHERS = List.of("star", "independent", "one-round", "one-round-1", "classes-1-3");

  /** Classes that are searched and that the base has not seen. */
  private static final int[] HARD = {4, 5, 6, 7, 8, 9};

  /**
   * Right or wrong by class and problem, of one model: {@code right[level][problem]}; the problems' order is that of the
   * file.
   */
  record Score(Map<Integer, boolean[]> right) {}

  /**
   * One run of an arm.
   *
   * @param rounds the base's score, then one a round
   */
  record Run(int base, int seed, List<Score> rounds) {
    Score last() {
      return rounds.getLast();
    }
  }

  /** An estimate with its 95 % interval and its two-sided p; differences are in points. */
  record Estimate(double value, double low, double high, double p) {
    @Override
    public String toString() {
      return String.format(Locale.ROOT, "%+.1f (%+.1f to %+.1f), p = %.4f", value, low, high, p);
    }
  }

  private RoundsReport() {}

  /** {@code OUT [ARM]}: the folder of {@code lab/run rounds}, and which arm of SPHERE validation chose ({@code sphere-123}). */
  public static void main(String[] args) throws IOException {
    report(Path.of(args[0]), args.length > 1 ? args[1] : "sphere-123", System.out);
  }

  static void report(Path out, String chosen, PrintStream to) throws IOException {
    Map<String, List<Run>> arms = read(out);
    to.println("| arm | runs | base | after each round (classes 4 to 9, %) | class 10: base, last |\n|---|---|---|---|---|");
    arms.forEach((arm, runs) -> {
      int most = runs.stream().mapToInt(r -> r.rounds().size()).max().orElseThrow();
      String each = IntStream.range(1, most).mapToObj(i -> percent(mean(runs, r -> hard(at(r, i)))))
          .collect(Collectors.joining(", "));
      to.println("| " + arm + " | " + runs.size() + " | " + percent(mean(runs, r -> hard(at(r, 0)))) + " | " + each + " | "
          + percent(mean(runs, r -> level(at(r, 0), Task.LEVELS))) + ", "
          + percent(mean(runs, r -> level(r.last(), Task.LEVELS))) + " |");
    });
    List<Run> sphere = arms.getOrDefault(chosen, List.of());
    if (sphere.isEmpty()) {
      to.println("\nNo run of " + chosen + " yet: no test.");
      return;
    }
    to.println("\n1. Rounds (Holm over the two):");
    print(to, Map.of("round 2 - round 1", difference(sphere, 2, sphere, 1, HARD),
        "round 3 - round 2", difference(sphere, 3, sphere, 2, HARD)));
    to.println("\n2. Classes that the base solves in at most 5 % (any of its samples), and greedily in the last round:");
    for (int base : sphere.stream().mapToInt(Run::base).distinct().sorted().toArray()) {
      Score any = score(out.resolve("base-" + base).resolve("test.jsonl"), true);
      List<Run> own = sphere.stream().filter(r -> r.base() == base).toList();
      for (int c : any.right().keySet()) {
        if (level(any, c) <= 0.05) {
          to.println("   base " + base + ", class " + c + ": " + percent(level(any, c)) + " % to "
              + percent(mean(own, r -> level(r.last(), c))) + " %");
        }
      }
    }
    to.println("\n3. " + chosen + " against the others, last round (Holm over them):");
    Map<String, Estimate> against = new TreeMap<>();
    OTHERS.stream().filter(arms::containsKey).forEach(o -> against.put(o, difference(sphere, -1, arms.get(o), -1, HARD)));
    print(to, against);
    to.println("\n4. Class 10, last round - base: " + difference(sphere, -1, sphere, 0, Task.LEVELS));
    to.println("\n5. Controls, last round - base:");
    Stream.of("shuffled", "classes-1-3").filter(arms::containsKey)
        .forEach(c -> to.println("   " + c + ": " + difference(arms.get(c), -1, arms.get(c), 0, HARD)));
  }

  private static void print(PrintStream to, Map<String, Estimate> estimates) {
    Map<String, Double> adjusted = holm(estimates);
    new TreeMap<>(estimates).forEach(
        (name, e) -> to.printf(Locale.ROOT, "   %s: %s, after Holm %.4f%n", name, e, adjusted.get(name)));
  }

  /** The runs of each arm below a folder of lab/run rounds. */
  static Map<String, List<Run>> read(Path out) throws IOException {
    Map<String, List<Run>> arms = new TreeMap<>();
    try (Stream<Path> runs = Files.list(out)) {
      for (Path folder : runs.filter(f -> f.getFileName().toString().matches("\\d+-\\d+")).sorted().toList()) {
        String[] name = folder.getFileName().toString().split("-");
        int base = Integer.parseInt(name[0]);
        Score before = score(out.resolve("base-" + base).resolve("test.jsonl"), false);
        for (Path arm : children(folder)) {
          List<Score> rounds = new ArrayList<>(List.of(before));
          for (Path round : children(arm)) {
            Path answers = round.resolve("test.jsonl");
            if (Files.exists(answers)) {
              rounds.add(score(answers, false));
            }
          }
          if (rounds.size() > 1) {
            arms.computeIfAbsent(arm.getFileName().toString(), k -> new ArrayList<>())
                .add(new Run(base, Integer.parseInt(name[1]), rounds));
          }
        }
      }
    }
    return arms;
  }

  private static List<Path> children(Path folder) {
    try (Stream<Path> all = Files.list(folder)) {
      return all.filter(Files::isDirectory).sorted().toList();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** The greedy answers of a file, or whether any sample is right. */
  private static Score score(Path answers, boolean samples) {
    Map<Integer, Map<String, Boolean>> right = new TreeMap<>();
    for (Answered a : AnswerFile.read(answers)) {
      if ((a.sample() != Answered.GREEDY) == samples) {
        right.computeIfAbsent(Integer.parseInt(a.metadata().get("level")), k -> new TreeMap<>())
            .merge(a.problemId(), a.correct(), Boolean::logicalOr);
      }
    }
    Map<Integer, boolean[]> out = new TreeMap<>();
    right.forEach((level, problems) -> {
      boolean[] b = new boolean[problems.size()];
      int i = 0;
      for (boolean r : problems.values()) {
        b[i++] = r;
      }
      out.put(level, b);
    });
    return new Score(out);
  }

  /** After a round; where an arm ended before, its last; -1: the last. */
  private static Score at(Run run, int round) {
    return run.rounds().get(round < 0 ? run.rounds().size() - 1 : Math.min(round, run.rounds().size() - 1));
  }

  private static double level(Score score, int level) {
    boolean[] right = score.right().getOrDefault(level, new boolean[0]);
    return right.length == 0 ? 0 : IntStream.range(0, right.length).filter(i -> right[i]).count() / (double) right.length;
  }

  private static double hard(Score score) {
    return Arrays.stream(HARD).mapToDouble(c -> level(score, c)).average().orElseThrow();
  }

  private static double mean(List<Run> runs, ToDoubleFunction<Run> of) {
    return runs.stream().mapToDouble(of).average().orElseThrow();
  }

  private static String percent(double share) {
    return String.format(Locale.ROOT, "%.1f", 100 * share);
  }

  /**
   * How many points more the first arm has after a round than the second, on the mean of the classes. Both have the same
   * bases, seeds and problems drawn.
   *
   * @param round 0 is the base, -1 the last round
   */
  static Estimate difference(List<Run> first, int round, List<Run> second, int otherRound, int... levels) {
    Map<Integer, List<Run[]>> byBase = new TreeMap<>();
    for (Run a : first) {
      second.stream().filter(b -> b.base() == a.base() && b.seed() == a.seed()).findFirst()
          .ifPresent(b -> byBase.computeIfAbsent(a.base(), k -> new ArrayList<>()).add(new Run[] {a, b}));
    }
    List<List<Run[]>> bases = List.copyOf(byBase.values());
    if (bases.isEmpty()) {
      return new Estimate(Double.NaN, Double.NaN, Double.NaN, 1);
    }
    SplittableRandom random = new SplittableRandom(1);
    double[] draws = new double[DRAWS];
    for (int d = 0; d < DRAWS; d++) {
      draws[d] = points(bases, round, otherRound, levels, random);
    }
    Arrays.sort(draws);
    double below = Arrays.stream(draws).filter(x -> x <= 0).count() / (double) DRAWS;
    double above = Arrays.stream(draws).filter(x -> x >= 0).count() / (double) DRAWS;
    double p = Math.min(1, Math.max(2 * Math.min(below, above), 1.0 / DRAWS));
    return new Estimate(points(bases, round, otherRound, levels, null), draws[DRAWS / 40], draws[DRAWS - 1 - DRAWS / 40], p);
  }

  /** The difference in points, of what is there or of a draw. */
  private static double points(List<List<Run[]>> bases, int round, int otherRound, int[] levels, SplittableRandom random) {
    double sum = 0;
    int terms = 0;
    for (int b = 0; b < bases.size(); b++) {
      List<Run[]> seeds = bases.get(pick(b, bases.size(), random));
      for (int s = 0; s < seeds.size(); s++) {
        Run[] pair = seeds.get(pick(s, seeds.size(), random));
        for (int level : levels) {
          boolean[] x = at(pair[0], round).right().get(level);
          boolean[] y = at(pair[1], otherRound).right().get(level);
          int difference = 0;
          for (int i = 0; i < x.length; i++) {
            int k = pick(i, x.length, random);
            difference += (x[k] ? 1 : 0) - (y[k] ? 1 : 0);
          }
          sum += 100.0 * difference / x.length;
          terms++;
        }
      }
    }
    return sum / terms;
  }

  private static int pick(int usual, int bound, SplittableRandom random) {
    return random == null ? usual : random.nextInt(bound);
  }

  /** Holm's adjusted p of each comparison. */
  static Map<String, Double> holm(Map<String, Estimate> estimates) {
    List<Map.Entry<String, Estimate>> sorted =
        estimates.entrySet().stream().sorted(Comparator.comparingDouble(e -> e.getValue().p())).toList();
    Map<String, Double> adjusted = new TreeMap<>();
    double most = 0;
    for (int i = 0; i < sorted.size(); i++) {
      most = Math.max(most, Math.min(1, (sorted.size() - i) * sorted.get(i).getValue().p()));
      adjusted.put(sorted.get(i).getKey(), most);
    }
    return adjusted;
  }
}
