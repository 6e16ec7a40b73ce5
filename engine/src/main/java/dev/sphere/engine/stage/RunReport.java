package dev.sphere.engine.stage;

import dev.sphere.engine.PreferencePair;
import dev.sphere.engine.probe.ProbeReport;
import dev.sphere.grade.extract.AnswerExtractor;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * A run in figures.
 *
 * @param problems how many problems ended
 * @param solMaxRight problems whose first Sol_max was right
 * @param solMinRight problems whose first Sol_min was right
 * @param withPairs problems that gave a pair
 * @param pairs pairs by stage, those of the probe's solutions among stage 1's
 * @param reasons problems without a pair, by reason
 * @param stageReasons by stage, why it made no pair of a problem
 * @param chosenCharacters mean length of the chosen solutions
 * @param rejectedCharacters mean length of the rejected ones; far from the chosen ones' it is a length bias
 * @param lengths the length bias of the pairs
 * @param answered solutions of all stages that came to an end, so that an answer can be looked for
 * @param guessed those of them whose answer is not stated, but had to be guessed
 * @param nearDuplicates pairs that are at least 0.9 alike to an earlier one of their problem
 * @param probePairs pairs of stage 1 that are made of the probe's solutions
 * @param probe what the probe before the search came to; null without one
 */
public record RunReport(
    int problems,
    int solMaxRight,
    int solMinRight,
    int withPairs,
    Map<Stage, Integer> pairs,
    Map<Reason, Integer> reasons,
    Map<Stage, Map<Reason, Integer>> stageReasons,
    double chosenCharacters,
    double rejectedCharacters,
    LengthBias lengths,
    int answered,
    int guessed,
    int nearDuplicates,
    int probePairs,
    ProbeReport probe) {
  private static final double ALIKE = 0.9;

  /** @param probe null without one */
  public static RunReport of(List<ProblemResult> results, ProbeReport probe) {
    Map<Stage, Integer> pairs = new EnumMap<>(Stage.class);
    Map<Reason, Integer> reasons = new TreeMap<>();
    Map<Stage, Map<Reason, Integer>> stageReasons = new EnumMap<>(Stage.class);
    for (Stage stage : Stage.values()) {
      pairs.put(stage, 0);
      stageReasons.put(stage, new TreeMap<>());
    }
    int solMaxRight = 0;
    int solMinRight = 0;
    int withPairs = 0;
    int answered = 0;
    int guessed = 0;
    int probePairs = 0;
    long chosen = 0;
    long rejected = 0;
    for (ProblemResult problem : results) {
      for (StageResult stage : problem.stages()) {
        pairs.merge(stage.stage(), stage.pairs().size(), Integer::sum);
        if (stage.reason() != null) {
          stageReasons.get(stage.stage()).merge(stage.reason(), 1, Integer::sum);
        }
        for (Attempt attempt : stage.attempts()) {
          answered += attempt.truncated() ? 0 : 1;
          guessed += attempt.truncated() || AnswerExtractor.extract(attempt.text()).form().stated() ? 0 : 1;
        }
        for (PreferencePair pair : stage.pairs()) {
          probePairs += pair.stage().equals(ProblemSolver.PROBE) ? 1 : 0;
          chosen += pair.chosen().length();
          rejected += pair.rejected().length();
        }
      }
      List<Attempt> attempts = problem.stages().getFirst().attempts();
      if (!attempts.isEmpty()) {
        solMaxRight += attempts.getFirst().correct() ? 1 : 0;
        solMinRight += attempts.get(attempts.size() > 1 && !attempts.get(1).max() ? 1 : 0).correct() ? 1 : 0;
      }
      if (problem.reason() == null) {
        withPairs++;
      } else {
        reasons.merge(problem.reason(), 1, Integer::sum);
      }
    }
    int all = Math.max(1, pairs.values().stream().mapToInt(Integer::intValue).sum());
    return new RunReport(results.size(), solMaxRight, solMinRight, withPairs, pairs, reasons, stageReasons,
        (double) chosen / all, (double) rejected / all, LengthBias.of(allPairs(results)), answered, guessed,
        alike(results), probePairs, probe);
  }

  private static List<PreferencePair> allPairs(List<ProblemResult> results) {
    return results.stream().flatMap(r -> r.stages().stream()).flatMap(s -> s.pairs().stream()).toList();
  }

  private static int alike(List<ProblemResult> results) {
    int n = 0;
    for (ProblemResult result : results) {
      List<PreferencePair> pairs = allPairs(List.of(result));
      for (int i = 1; i < pairs.size(); i++) {
        PreferencePair pair = pairs.get(i);
        n += pairs.subList(0, i).stream().anyMatch(p -> NearDuplicates.similarity(p, pair) >= ALIKE) ? 1 : 0;
      }
    }
    return n;
  }

  /** The number of pairs of all stages. */
  public int allPairs() {
    return pairs.values().stream().mapToInt(Integer::intValue).sum();
  }

  /** Pairs by where they come from: what the probe drew is no work of the search, and stands apart from stage 1. */
  public Map<String, Integer> bySource() {
    Map<String, Integer> sources = new LinkedHashMap<>();
    pairs.forEach((stage, n) -> sources.put(stage.label(), n - (stage == Stage.GENERATION ? probePairs : 0)));
    if (probe != null) {
      sources.put(ProblemSolver.PROBE, probePairs);
    }
    return sources;
  }
}
