package dev.sphere.cli.progress;

import dev.sphere.engine.PreferencePair;
import dev.sphere.engine.eval.Comparison;
import dev.sphere.engine.eval.EvalResult;
import dev.sphere.engine.run.Search;
import dev.sphere.engine.stage.RunReport;
import dev.sphere.trainer.evolve.EvolveListener;
import dev.sphere.trainer.evolve.EvolveReport;
import dev.sphere.trainer.loop.TrainingListener;
import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Supplier;
import java.util.stream.Collectors;

/**
 * Prints the progress of an evolution: each step and its reason, bars with rate and time left, one pair side by side.
 */
public final class EvolveProgress implements EvolveListener, AutoCloseable {
  private static final int COLUMN = 54;
  private static final Map<String, String> SOURCES = Map.of(
      "generation", "self-generation", "correction", "self-correction",
      "diversity", "diversity induction", "probe", "the probe's draws");

  private final PrintWriter out;
  private final PrintWriter err;
  private final ProgressBars bars;
  private TrainProgress train;

  /**
   * @param out where the account goes
   * @param err where the progress goes
   */
  public EvolveProgress(PrintWriter out, PrintWriter err) {
    this.out = out;
    this.err = err;
    this.bars = new ProgressBars("evolve", err);
  }

  private void say(String format, Object... values) {
    out.println(String.format(Locale.ROOT, format, values));
    out.flush();
  }

  @Override
  public void begin(String task, String unit, int done, int total) {
    bars.begin(task, unit, done, total);
  }

  @Override
  public void at(int done, Supplier<String> detail) {
    bars.at(done, detail);
  }

  @Override
  public void note(String line) {
    bars.note(line);
  }

  @Override
  public void said(String line) {
    close();
    out.println(line);
    out.flush();
  }

  @Override
  public void evaluated(String whom, EvalResult result) {
    close();
    say("%s: %.1f %% of %d held-out problems solved (greedy).", capital(whom), 100 * result.accuracy(), result.n());
  }

  @Override
  public void searching(int round, int problems) {
    say("");
    say("Round %d, search: %d problems; the policy grows good and flawed solutions, step by step.", round, problems);
  }

  @Override
  public void found(int round, Search.Outcome outcome, List<PreferencePair> pairs) {
    close();
    if (outcome.report().probe() != null) {
      outcome.report().probe().lines().forEach(line -> say("%s", line)); // its notes were printed before
    }
    say("Pairs: %s.", sources(outcome.report()));
    if (!outcome.report().reasons().isEmpty()) {
      say("Problems without a pair: %s.", reasons(outcome));
    }
    pairs.stream().max(Comparator.comparingDouble(pair -> -Math.abs(together(pair) - 0.5))).ifPresent(this::sideBySide);
  }

  /** "292 from self-generation, 346 from the probe's draws": what made no pair is not named, but for stage 1. */
  public static String sources(RunReport report) {
    return report.bySource().entrySet().stream().filter(e -> e.getValue() > 0 || e.getKey().equals("generation"))
        .map(e -> e.getValue() + " from " + SOURCES.get(e.getKey())).collect(Collectors.joining(", "));
  }

  /**
   * How far the two solutions go together, as a share of the longer one; where they part in the middle, a reader sees
   * both what they share and what differs.
   */
  private static double together(PreferencePair pair) {
    int at = Arrays.mismatch(pair.chosen().toCharArray(), pair.rejected().toCharArray());
    return (double) at / Math.max(pair.chosen().length(), pair.rejected().length());
  }

  private static String reasons(Search.Outcome outcome) {
    List<String> words = new ArrayList<>();
    outcome.report().reasons().forEach((reason, n) ->
        words.add(n + " " + reason.name().toLowerCase(Locale.ROOT).replace('_', ' ')));
    return String.join(", ", words);
  }

  private void sideBySide(PreferencePair pair) {
    say("");
    say("One of them (%s):", pair.stage());
    wrap(pair.prompt().replaceAll("<\\|[a-z_]+\\|>", "").strip(), 2 * COLUMN + 1).forEach(line -> say("  %s", line));
    say("  %-" + COLUMN + "s | %s", "chosen", "rejected");
    say("  %s-+-%s", "-".repeat(COLUMN), "-".repeat(COLUMN));
    List<String> left = wrap(pair.chosen().strip(), COLUMN);
    List<String> right = wrap(pair.rejected().strip(), COLUMN);
    for (int i = 0; i < Math.max(left.size(), right.size()); i++) {
      say("  %-" + COLUMN + "s | %s", i < left.size() ? left.get(i) : "", i < right.size() ? right.get(i) : "");
    }
    say("");
  }

  /** Lines of at most {@code width} characters, broken at spaces where there are some. */
  private static List<String> wrap(String text, int width) {
    List<String> lines = new ArrayList<>();
    for (String line : text.split("\n", -1)) {
      String rest = line;
      while (rest.length() > width) {
        int at = rest.lastIndexOf(' ', width);
        int end = at > 0 ? at : width;
        lines.add(rest.substring(0, end));
        rest = rest.substring(end).strip();
      }
      lines.add(rest);
    }
    return lines;
  }

  @Override
  public TrainingListener training(int round) {
    say("Round %d, training on the pairs.", round);
    train = new TrainProgress(err);
    return train;
  }

  @Override
  public void round(EvolveReport.Round round) {
    Comparison c = round.comparison();
    say("Round %d: base %.1f %%, evolved %.1f %%: %s.", round.round(), 100 * c.base(), 100 * c.evolved(), change(c));
    if (round.round() > 1) {
      say("  of these since round %d: %s.", round.round() - 1, change(round.before()));
    }
  }

  private static String change(Comparison c) {
    return String.format(Locale.ROOT, "%+.1f points (95 %% interval %+.1f to %+.1f; %d won, %d lost, p = %s)",
        100 * c.difference(),
        100 * c.interval().low(), 100 * c.interval().high(), c.won(), c.lost(), p(c.pValue()));
  }

  private static String p(double value) {
    return value < 1e-4 ? String.format(Locale.ROOT, "%.0e", value) : String.format(Locale.ROOT, "%.4f", value);
  }

  private static String capital(String words) {
    return Character.toUpperCase(words.charAt(0)) + words.substring(1);
  }

  @Override
  public void close() {
    bars.close();
    if (train != null) {
      train.close();
      train = null;
    }
  }
}
