package dev.sphere.trainer.evolve;

import dev.sphere.engine.eval.Breakdown;
import dev.sphere.engine.eval.Comparison;
import dev.sphere.engine.eval.EvalResult;
import dev.sphere.engine.run.TokenUse;
import dev.sphere.engine.stage.RunReport;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;

/**
 * What came of an evolution run.
 *
 * @param name the recipe's
 * @param seed the recipe's
 * @param base the policy that it started from, on the held-out problems
 * @param validation the same on the validation problems; null where there are none
 * @param rounds the rounds in order
 * @param seconds of this process
 * @param test the comparison at the end; empty where the held-out problems tell of each round. With it the figures of
 *     base and rounds are of the validation problems
 */
public record EvolveReport(String name, long seed, EvalResult base, EvalResult validation, List<Round> rounds,
    double seconds, Optional<EndTest> test) {
  /** Without a comparison at the end. */
  public EvolveReport(String name, long seed, EvalResult base, EvalResult validation, List<Round> rounds,
      double seconds) {
    this(name, seed, base, validation, rounds, seconds, Optional.empty());
  }

  /** The same with the comparison at the end. */
  EvolveReport with(EndTest end) {
    return new EvolveReport(name, seed, base, validation, rounds, seconds, Optional.of(end));
  }

  /**
   * One round.
   *
   * @param round its number, from 1
   * @param search the search in figures
   * @param searchTokens tokens that this process generated for it
   * @param searchSeconds of this process
   * @param use what the search's tokens were computed for; null when an earlier process had computed all
   * @param steps optimizer steps
   * @param metrics the last step's
   * @param trainSeconds of this process
   * @param artefact the adapter or model that came out
   * @param evaluation of the evolved policy
   * @param validation the same on the validation problems; null where there are none
   * @param comparison of the run's base with it
   * @param before comparison of the policy that the round started from with it
   */
  public record Round(
      int round,
      RunReport search,
      long searchTokens,
      double searchSeconds,
      TokenUse use,
      int steps,
      Map<String, Double> metrics,
      double trainSeconds,
      Path artefact,
      EvalResult evaluation,
      EvalResult validation,
      Comparison comparison,
      Comparison before) {

    /** By what rounds are stopped and the best is chosen: validation where there is one. */
    EvalResult chosenBy() {
      return validation == null ? evaluation : validation;
    }

    /** What a pair cost; all of it where there is no pair. */
    private double perPair(double cost) {
      return cost / Math.max(1, search.allPairs());
    }

    /** The round's figures by name. */
    public Map<String, Object> toMap() {
      Map<String, Object> m = new LinkedHashMap<>();
      m.put("round", round);
      m.put("problems", search.problems());
      if (search.probe() != null) {
        m.put("probe", search.probe().toMap());
      }
      m.put("pairs", pairs(search));
      m.put("search_tokens", searchTokens);
      m.put("search_seconds", searchSeconds);
      if (use != null) {
        m.put("search_token_use", use.toMap());
      }
      m.put("tokens_per_pair", perPair(searchTokens));
      m.put("seconds_per_pair", perPair(searchSeconds));
      Map<String, Object> reasons = new LinkedHashMap<>();
      search.reasons().forEach((reason, n) -> reasons.put(reason.label(), n));
      m.put("without_pairs", reasons);
      m.put("length_bias", search.lengths().toMap());
      m.put("train_steps", steps);
      m.put("train_seconds", trainSeconds);
      m.put("margin", metrics.get("rewards/margins"));
      m.put("preference_accuracy", metrics.get("rewards/accuracies"));
      m.put("evolved", evaluation.toMap());
      m.put("comparison", comparison.toMap());
      m.put("comparison_with_round_before", before.toMap());
      if (validation != null) {
        m.put("validation", validation.toMap());
      }
      m.put("artefact", artefact.toString());
      return m;
    }
  }

  /** The last round: the most evolved policy. */
  public Round last() {
    return rounds.getLast();
  }

  /** The round with the highest accuracy on the validation problems, else on the held-out ones; the first among equals. */
  public Round best() {
    Round best = rounds.getFirst();
    for (Round round : rounds) {
      best = round.chosenBy().accuracy() > best.chosenBy().accuracy() ? round : best;
    }
    return best;
  }

  /**
   * A Markdown table with a line for each round. Margin and preference accuracy are those of the round's last step; the
   * change is against the round's start, with the problems that were won and lost and McNemar's p.
   */
  public List<String> table() {
    List<String> lines = new ArrayList<>();
    lines.add("| round | pairs (their sources) | margin | preference accuracy | held-out accuracy (95 %) "
        + "| change (won, lost, p) | search tokens | search s | train s | tokens/pair | s/pair |");
    lines.add("|---|---|---|---|---|---|---|---|---|---|---|");
    lines.add(text("| base | | | | %s | | | | | | |", accuracy(base)));
    for (Round r : rounds) {
      String sources = r.search().bySource().entrySet().stream().map(e -> e.getKey() + " " + e.getValue())
          .collect(Collectors.joining(", "));
      lines.add(text("| %d%s | %d (%s) | %s | %s | %s | %+.1f (%d, %d, %.2g) | %d | %.0f | %.0f | %.0f | %.2f |",

          r.round(), rounds.size() > 1 && r == best() ? " (best)" : "", r.search().allPairs(), sources,
          metric(r, "rewards/margins"),
          metric(r, "rewards/accuracies"), accuracy(r.evaluation()),
          100 * r.before().difference(), r.before().won(), r.before().lost(), r.before().pValue(), r.searchTokens(), r.searchSeconds(), r.trainSeconds(),
          r.perPair(r.searchTokens()), r.perPair(r.searchSeconds())));
    }
    if (base.samples() > 0) {
      lines.add("");
      lines.add("| round | mean@k | maj@k | pass@k |");
      lines.add("|---|---|---|---|");
      lines.add(sampled("base", base));
      rounds.forEach(r -> lines.add(sampled(String.valueOf(r.round()), r.evaluation())));
    }
    if (validation != null || rounds.size() > 1 || test.isPresent()) {
      lines.add("");
      lines.add(chosenBy());
    }
    test.ifPresent(end -> lines.addAll(end.lines()));
    return lines;
  }

  /**
   * The rounds for a terminal: a line each, with the accuracy in percent and the change since the round before; where the problems have graded classes (numbers as
   * levels), those of each class too.
   */
  public List<String> summary() {
    Map<String, List<Breakdown>> fields = base.breakdowns().stream()
        .collect(Collectors.groupingBy(Breakdown::field, LinkedHashMap::new, Collectors.toList()));
    List<Breakdown> classes = fields.values().stream()
        .filter(of -> of.size() > 2 && of.size() <= 12 && of.stream().allMatch(b -> b.value().matches("\\d{1,3}")))
        .findFirst().orElse(List.of()).stream().sorted(Comparator.comparingInt(b -> Integer.parseInt(b.value()))).toList();
    List<String> lines = new ArrayList<>();
    lines.add((test.isPresent() ? "Validation" : "Held-out") + " problems solved, %"
        + (classes.isEmpty() ? "" : ", by " + classes.getFirst().field()) + ":");
    lines.add(text("%-16s", "") + classes.stream().map(b -> text("%5s", b.value())).collect(Collectors.joining()) + "    all   since the round before");
    lines.add(line("base", classes, base) + text(" %6.1f", 100 * base.accuracy()));
    for (Round r : rounds) {
      Comparison c = r.before();
      lines.add(line("round " + r.round() + (rounds.size() > 1 && r == best() ? " (best)" : ""), classes, r.evaluation())
          + text(" %6.1f   %+.1f (%d won, %d lost, p = %.1g)", 100 * r.evaluation().accuracy(), 100 * c.difference(), c.won(), c.lost(), c.pValue()));
    }
    return lines;
  }

  private static String line(String whom, List<Breakdown> classes, EvalResult of) {
    return text("  %-14s", whom) + classes.stream().map(c -> of.breakdowns().stream()
        .filter(b -> b.field().equals(c.field()) && b.value().equals(c.value())).findFirst()
        .map(b -> text("%5.0f", 100 * b.accuracy())).orElse("     ")).collect(Collectors.joining());
  }

  /** Who chose the best round. */
  public String chosenBy() {
    return test.isPresent() ? "The validation problems stop the rounds and choose the best; the test problems "
            + "were asked once, at the end."
        : validation == null ? "The best round was chosen on the held-out problems themselves, which flatters it; give "
            + "validate.problems."
        : text("On the validation problems, which stop the rounds and choose the best: base %.1f %%%s.", 100 * validation.accuracy(), rounds.stream()
            .map(r -> text(", round %d %.1f %%", r.round(), 100 * r.validation().accuracy())).collect(Collectors.joining()));
  }

  private static String sampled(String whom, EvalResult r) {
    return text("| %s | %.1f %% | %.1f %% | %s |", whom, 100 * r.meanAtK(), 100 * r.majAtK(), r.passAtK().entrySet().stream()
        .map(e -> text("%d: %.1f %%", e.getKey(), 100 * e.getValue())).collect(Collectors.joining(", ")));
  }

  private static String accuracy(EvalResult r) {
    return text("%.1f %% (%.1f to %.1f)", 100 * r.accuracy(), 100 * r.interval().low(), 100 * r.interval().high());
  }

  private static String metric(Round round, String name) {
    Double value = round.metrics().get(name);
    return value == null ? "" : text("%.3f", value);
  }

  private static String text(String format, Object... values) {
    return String.format(Locale.ROOT, format, values);
  }

  /** The figures by name, as the JSON result has them. */
  public Map<String, Object> toMap() {
    Round last = last();
    Map<String, Object> m = new LinkedHashMap<>();
    m.put("name", name);
    m.put("seed", seed);
    m.put("base", base.toMap());
    if (validation != null) {
      m.put("base_validation", validation.toMap());
    }
    m.put("evolved", last.evaluation().toMap());
    Comparison comparison = test.map(EndTest::comparison).orElse(last.comparison());
    m.put("difference", comparison.difference());
    m.put("difference_low", comparison.interval().low());
    m.put("difference_high", comparison.interval().high());
    m.put("won", comparison.won());
    m.put("lost", comparison.lost());
    m.put("p_value", comparison.pValue());
    test.ifPresent(end -> m.put("test", end.toMap()));
    m.put("pairs", pairs(last.search()));
    m.put("rounds", rounds.stream().map(Round::toMap).toList());
    m.put("artefact", last.artefact().toString());
    m.put("best_round", best().round());
    m.put("best_artefact", best().artefact().toString());
    m.put("seconds", seconds);
    return m;
  }

  private static Map<String, Object> pairs(RunReport report) {
    Map<String, Object> m = new LinkedHashMap<>(report.bySource());
    m.put("total", report.allPairs());
    return m;
  }
}
