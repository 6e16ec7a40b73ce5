package dev.sphere.engine.probe;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;

/**
 * A probe in figures. Shares are in [0, 1], and NaN where there is nothing to divide by.
 *
 * @param problems how many were probed
 * @param draws of each
 * @param range the pass rate that is searched, LOW..HIGH
 * @param passRate mean share of solved draws
 * @param rates by number of solved draws, 0 to {@code draws}: how many problems
 * @param taken problems that are searched
 * @param below problems below the range
 * @param above problems above it
 * @param surplus problems within it that are not searched, since enough were taken
 * @param ended share of draws that came to an end by themselves
 * @param stated share of those that state their answer
 * @param guessed share of those that are right by a guess
 * @param single share of those that are one step
 * @param overlong share of all draws with a step that is longer than the search allows
 * @param tokens that were generated, in all draws
 * @param longest tokens of the longest draw
 */
public record ProbeReport(int problems, int draws, String range, double passRate, Map<Integer, Integer> rates,
    int taken, int below, int above, int surplus, double ended, double stated, double guessed, double single,
    double overlong, long tokens, int longest) {
  private static final double FEW = 0.5; // of the draws: below that, something is wrong with how the model is asked
  private static final double MANY = 0.2;

  /**
   * The figures of probes.
   *
   * @param probed in the problems' order
   * @param selection of {@code settings} among them
   */
  public static ProbeReport of(ProbeSettings settings, List<Probed> probed, ProbeSettings.Selection selection) {
    Map<Integer, Integer> rates = new TreeMap<>();
    for (int k = 0; k <= settings.draws(); k++) {
      rates.put(k, 0);
    }
    int all = 0;
    int ended = 0;
    int stated = 0;
    int guessed = 0;
    int single = 0;
    int overlong = 0;
    int longest = 0;
    double sum = 0;
    for (Probed p : probed) {
      rates.merge(p.solved(), 1, Integer::sum);
      sum += p.passRate();
      for (Probed.Draw d : p.draws()) {
        all++;
        overlong += d.overlong() ? 1 : 0;
        longest = Math.max(longest, d.tokens().length);
        if (d.ended()) {
          ended++;
          boolean states = d.form().stated();
          stated += states ? 1 : 0;
          guessed += d.correct() && !states ? 1 : 0;
          single += d.steps() < 2 ? 1 : 0;
        }
      }
    }
    return new ProbeReport(probed.size(), settings.draws(), settings.passRate(), sum / probed.size(), rates,
        selection.taken().size(), selection.below().size(), selection.above().size(), selection.surplus().size(),
        (double) ended / all, (double) stated / ended, (double) guessed / ended, (double) single / ended,
        (double) overlong / all, probed.stream().mapToLong(Probed::tokens).sum(), longest);
  }

  /** Problems of which no draw is solved. */
  public int never() {
    return rates.getOrDefault(0, 0);
  }

  /** Problems of which every draw is solved. */
  public int always() {
    return rates.getOrDefault(draws, 0);
  }

  /** Mean tokens of a draw. */
  public double tokensPerSolution() {
    return (double) tokens / ((long) problems * draws);
  }

  /** The probe in some lines for people, without {@link #notes}. */
  public List<String> lines() {
    List<String> lines = new ArrayList<>();
    lines.add(text("probe: %d problems, %d draws each, %.1f %% of the draws right; solved never %d, sometimes %d, "
        + "always %d",
        problems, draws, 100 * passRate, never(), problems - never() - always(), always()));
    lines.add(text("  %d searched (pass rate %s): %d left out below, %d above%s; %.0f tokens a solution, %.0f %% end, "
        + "%.0f %% of these state an answer", taken, range, below, above, surplus == 0 ? "" : ", " + surplus
        + " more than --take",
        tokensPerSolution(), 100 * ended, 100 * stated));
    List<String> parts = new ArrayList<>();
    rates.forEach((k, n) -> {
      if (n > 0) {
        parts.add(k + ": " + n);
      }
    });
    lines.add("  problems by right draws of " + draws + ": " + String.join(", ", parts));
    return lines;
  }

  /** Faults of model, prompt or problems, each with the setting to change; empty where there is none. */
  public List<String> notes() {
    List<String> notes = new ArrayList<>();
    if (problems == 0) {
      return notes;
    }
    if (ended < FEW) {
      notes.add(text("only %.0f %% of the draws come to an end within %d tokens: raise --max-tokens; or, if the model "
          + "does not stop by itself, check --chat-template and show it by --few-shot how a solution ends", 100 * ended,
          longest));
    }
    if (overlong > MANY) {
      notes.add(text("%.0f %% of the draws have a step that is longer than a search over steps allows, which cuts "
          + "them: raise --max-step-tokens, or give a --separator that the model writes more often", 100 * overlong));
    }
    if (single > FEW) {
      notes.add(text("%.0f %% of the complete draws are one step: a search over steps has nothing to branch at. Give "
          + "the --separator that the model writes between steps, ask for steps by --question or --few-shot, or take "
          + "--strategy best-of-n", 100 * single));
    }
    if (stated < FEW) {
      notes.add(text("only %.0f %% of the complete draws state their answer (a box, ####, \"the answer is\", a last "
          + "line of its own), and %.0f %% are right by a guess: only stated answers make pairs. Ask for one by "
          + "--question or --few-shot, or allow --guessed-answers", 100 * stated, 100 * guessed));
    }
    if (never() == problems) {
      notes.add(text("not one problem was solved in %d draws: a search has nothing to tell right from wrong by. Take "
          + "easier --problems, more draws (--probe), or show the form by --few-shot", draws));
    } else if (always() == problems) {
      notes.add("every draw of every problem is right: there is nothing to learn. Take harder --problems, or a higher "
          + "--temperature");
    } else if (taken == 0) {
      notes.add(text("no problem has a pass rate of %s (%d below, %d above): change --pass-rate, or draw more "
          + "(--probe)", range,
          below, above));
    }
    return notes;
  }

  /** The figures by name, as JSON results have them; those that do not exist are left out. */
  public Map<String, Object> toMap() {
    Map<String, Object> m = new LinkedHashMap<>();
    m.put("problems", problems);
    m.put("draws", draws);
    put(m, "pass_rate", passRate);
    m.put("never", never());
    m.put("always", always());
    m.put("range", range);
    m.put("taken", taken);
    m.put("below", below);
    m.put("above", above);
    m.put("surplus", surplus);
    put(m, "ended", ended);
    put(m, "stated", stated);
    put(m, "guessed", guessed);
    put(m, "single_step", single);
    put(m, "overlong", overlong);
    m.put("tokens", tokens);
    put(m, "tokens_per_solution", tokensPerSolution());
    m.put("rates", rates);
    m.put("notes", notes());
    return m;
  }

  private static void put(Map<String, Object> m, String name, double value) {
    if (!Double.isNaN(value)) {
      m.put(name, value);
    }
  }

  private static String text(String format, Object... values) {
    return String.format(Locale.ROOT, format, values);
  }
}
