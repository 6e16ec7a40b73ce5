package dev.sphere.cli.command;

import dev.sphere.cli.progress.EvolveProgress;
import dev.sphere.engine.run.Search;
import dev.sphere.engine.stage.LengthBias;
import dev.sphere.engine.stage.Reason;
import dev.sphere.engine.stage.RunReport;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * What a search came to: lines for people, a map for programs.
 *
 * @param contaminated problems that were left out
 * @param run the run's directory
 */
public record SearchReport(Search.Outcome outcome, int contaminated, Path run) {

  /** Some lines for people. */
  void print(PrintWriter out) {
    RunReport r = outcome.report();
    if (r.probe() != null) {
      r.probe().lines().forEach(out::println);
      r.probe().notes().forEach(note -> out.println("  " + note));
    }
    out.printf("%d problems: Sol_max right on %d, Sol_min on %d%n", r.problems(), r.solMaxRight(), r.solMinRight());
    out.printf("%d pairs from %d problems: %s%n", outcome.pairs().size(), r.withPairs(), EvolveProgress.sources(r));
    for (Map.Entry<Reason, Integer> reason : r.reasons().entrySet()) {
      out.printf("  no pair from %d: %s%n", reason.getValue(), reason.getKey().text());
    }
    if (r.guessed() > 0) {
      out.printf("%d of %d complete solutions do not state their answer (no box, ####, \"the answer is\"): it is guessed, and makes no "
          + "pair unless --guessed-answers says so%n", r.guessed(), r.answered());
    }
    LengthBias l = r.lengths();
    if (l.pairs() > 0) {
      out.printf("mean length in characters: chosen %.0f, rejected %.0f; chosen is longer in %.0f %%%s%s%n", l.chosen(),
          l.rejected(), 100 * l.chosenLonger(), correlation(", length and being chosen correlate", l.bias()),
          correlation(", the two lengths", l.correlation()));
    }
    if (r.nearDuplicates() > 0) {
      out.printf("%d pairs are nearly another one of their problem (--near-duplicates leaves them out)%n",
          r.nearDuplicates());
    }
    outcome.use().ifPresent(use -> out.println(use.line()));
    out.printf("%d tokens in %.1f s; pairs in %s%n", outcome.tokens(), outcome.seconds(), run.resolve("pairs.jsonl"));
  }

  /** Nothing where the lengths never change. */
  private static String correlation(String words, double value) {
    return Double.isNaN(value) ? "" : "%s %+.2f".formatted(words, value);
  }

  /** The same for programs, by the names of {@code --json}. */
  Map<String, Object> toMap() {
    RunReport r = outcome.report();
    Map<String, Object> pairCounts = new LinkedHashMap<>();
    pairCounts.put("all", outcome.pairs().size());
    pairCounts.putAll(r.bySource());
    Map<String, Object> reasons = new LinkedHashMap<>();
    r.reasons().forEach((reason, n) -> reasons.put(reason.label(), n));
    Map<String, Object> all = new LinkedHashMap<>();
    all.put("problems", r.problems());
    if (r.probe() != null) {
      all.put("probe", r.probe().toMap());
    }
    all.put("sol_max_right", r.solMaxRight());
    all.put("sol_min_right", r.solMinRight());
    all.put("with_pairs", r.withPairs());
    all.put("pairs", pairCounts);
    all.put("without_pairs", reasons);
    all.put("chosen_characters", r.chosenCharacters());
    all.put("rejected_characters", r.rejectedCharacters());
    all.put("length_bias", r.lengths().toMap());
    all.put("answered", r.answered());
    all.put("guessed", r.guessed());
    all.put("near_duplicates", r.nearDuplicates());
    all.put("contaminated", contaminated);
    all.put("tokens", outcome.tokens());
    all.put("seconds", outcome.seconds());
    outcome.use().ifPresent(use -> all.put("token_use", use.toMap()));
    all.put("run", run.toString());
    return all;
  }
}
