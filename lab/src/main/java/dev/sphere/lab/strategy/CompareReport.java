package dev.sphere.lab.strategy;

import dev.sphere.engine.eval.Statistics;
import dev.sphere.lab.strategy.StrategyComparison.Cell;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** A comparison of strategies as table and JSON. */
final class CompareReport {
  private static final int RESAMPLES = 10_000;
  private final List<Cell> cells;
  private final boolean knowsAnswers;

  /** @param knowsAnswers whether the process reward knows the answers: accuracies say nothing about skill then */
  CompareReport(List<Cell> cells, boolean knowsAnswers) {
    this.cells = List.copyOf(cells);
    this.knowsAnswers = knowsAnswers;
  }

  /** The gain over best-of-n at the same budget; null for best-of-n itself, or where it did not run. */
  private Map<String, Object> against(Cell cell) {
    Cell base = cells.stream().filter(c -> c.settings().kind() == ComparedStrategy.BEST_OF_N
        && c.settings().budget() == cell.settings().budget()).findFirst().orElse(null);
    if (base == null || base == cell) {
      return null;
    }
    int n = cell.outcomes().size();
    double[] first = new double[n];
    double[] second = new double[n];
    int won = 0;
    int lost = 0;
    for (int i = 0; i < n; i++) {
      boolean a = base.outcomes().get(i).right();
      boolean b = cell.outcomes().get(i).right();
      first[i] = a ? 1 : 0;
      second[i] = b ? 1 : 0;
      won += b && !a ? 1 : 0;
      lost += a && !b ? 1 : 0;
    }
    Statistics.Interval interval = Statistics.pairedBootstrap(first, second, RESAMPLES, 0.95, 1);
    Map<String, Object> m = new LinkedHashMap<>();
    m.put("difference", cell.accuracy() - base.accuracy());
    m.put("difference_low", interval.low());
    m.put("difference_high", interval.high());
    m.put("won", won);
    m.put("lost", lost);
    m.put("p_value", Statistics.mcnemar(won, lost));
    return m;
  }

  /** The figures by name, as the JSON result has them. */
  Map<String, Object> toMap() {
    List<Map<String, Object>> rows = new ArrayList<>();
    for (Cell c : cells) {
      Map<String, Object> m = new LinkedHashMap<>();
      m.put("strategy", c.settings().kind().label());
      m.put("budget", c.settings().budget());
      m.put("problems", c.outcomes().size());
      m.put("accuracy", c.accuracy());
      m.put("accuracy_low", c.interval().low());
      m.put("accuracy_high", c.interval().high());
      m.put("vote_accuracy", c.voteAccuracy());
      m.put("coverage", c.coverage());
      m.put("tokens_per_problem", c.tokensPerProblem());
      m.put("generated_tokens", c.generated());
      m.put("read_tokens", c.read());
      m.put("seconds", c.seconds());
      m.put("pairs", c.pairs());
      m.put("problems_with_pairs", c.withPairs());
      m.put("pairs_per_million_tokens", c.pairsPerMillion());
      Map<String, Object> against = against(c);
      if (against != null) {
        m.put("against_best_of_n", against);
      }
      rows.add(m);
    }
    Map<String, Object> all = new LinkedHashMap<>();
    all.put("reward_knows_answers", knowsAnswers);
    all.put("rows", rows);
    return all;
  }

  /** A Markdown table, a line each. */
  List<String> table() {
    List<String> lines = new ArrayList<>();
    lines.add("| strategy | budget | tokens/problem | s | best-ranked (95 %) | weighted vote | any right | "
        + "against best-of-n (95 %; won/lost, p) | pairs | per million tokens |");
    lines.add("|---|---|---|---|---|---|---|---|---|---|");
    for (Cell c : cells) {
      Map<String, Object> a = against(c);
      String diff = a == null ? "" : text("%+.1f (%+.1f to %+.1f; %d/%d, %.2g)", 100 * (double) a.get("difference"),
          100 * (double) a.get("difference_low"), 100 * (double) a.get("difference_high"), a.get("won"), a.get("lost"),
          a.get("p_value"));
      lines.add(text("| %s | %d | %.0f | %.1f | %.1f %% (%.1f to %.1f) | %.1f %% | %.1f %% | %s | %d | %.0f |",
          c.settings().kind().label(), c.settings().budget(), c.tokensPerProblem(), c.seconds(), 100 * c.accuracy(),
          100 * c.interval().low(), 100 * c.interval().high(), 100 * c.voteAccuracy(), 100 * c.coverage(), diff,
          c.pairs(), c.pairsPerMillion()));
    }
    if (knowsAnswers) {
      lines.add("");
      lines.add("The process reward knows the answers (Monte Carlo, outcome): best-ranked and vote say nothing about skill; "
          + "pairs do count.");
    }
    return lines;
  }

  private static String text(String format, Object... values) {
    return String.format(Locale.ROOT, format, values);
  }
}
