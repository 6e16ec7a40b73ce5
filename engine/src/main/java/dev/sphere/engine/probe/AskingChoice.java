package dev.sphere.engine.probe;

import dev.sphere.base.InFlight;
import dev.sphere.engine.OutcomeReward;
import dev.sphere.engine.Policy;
import dev.sphere.engine.Problem;
import dev.sphere.engine.Progress;
import dev.sphere.engine.SamplingSettings;
import dev.sphere.engine.TokenPath;
import dev.sphere.engine.data.WorkedExamples;
import dev.sphere.engine.prompt.Prompts;
import dev.sphere.engine.search.SearchSettings;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.stream.IntStream;

/**
 * Chooses how to ask a model, by halving: each way draws two solutions of 12 validation problems, the better half of
 * the ways goes on to 48 problems, the better two to 100. A way is better with more right answers that are stated,
 * since only those make pairs; among equals, with fewer tokens. The solutions are drawn as a search draws them, so the
 * choice depends on model, ways, problems and seed alone.
 *
 * @param policy the model
 * @param sampling how the tokens of a solution are drawn; its limit holds for every way
 * @param seed of the draws
 */
public record AskingChoice(Policy policy, OutcomeReward outcome, SamplingSettings sampling, long seed) {
  private static final int[] HEATS = {12, 48, 100}; // problems
  private static final int DRAWS = 2;
  private static final int AT_ONCE = 128; // problems
  private static final int WORKS = 50; // one right draw in so many: below that a search meets too few to learn from
  private static final String LINE = "\n";
  private static final String PARAGRAPH = "\n\n";

  /** A way to ask. */
  public record Way(String name, Prompts prompts) {}

  /**
   * What came of a way in a heat.
   *
   * @param drawn of each problem so far
   */
  public record Tried(Way way, List<Probed> drawn) {
    /** All solutions. */
    public List<Probed.Draw> draws() {
      return drawn.stream().flatMap(p -> p.draws().stream()).toList();
    }

    /** Solutions with a right answer that is stated. */
    public int right() {
      return drawn.stream().mapToInt(Probed::solved).sum();
    }

    /** Mean tokens of a solution. */
    public double tokens() {
      return draws().stream().mapToInt(d -> d.tokens().length).average().orElse(0);
    }

    /** Whether so many draws are right that a search has something to tell right from wrong by. */
    public boolean works() {
      return right() * WORKS >= draws().size();
    }

    /**
     * A limit that nearly all right solutions keep, twice what nine in ten of them take; that of the trial, if none is
     * right.
     */
    public int limit(int trial) {
      int[] lengths = draws().stream().filter(Probed.Draw::solved).mapToInt(d -> d.tokens().length).sorted().toArray();
      return lengths.length == 0 ? trial : Math.clamp(2L * lengths[lengths.length * 9 / 10], 32, trial);
    }

    /** What ends a step: an empty line where half of the complete solutions have one inside, else a line feed. */
    public String separator() {
      List<Probed.Draw> complete = draws().stream().filter(Probed.Draw::ended).toList();
      long paragraphs = complete.stream().filter(d -> Prober.steps(d.text(), PARAGRAPH).size() > 1).count();
      return 2 * paragraphs > complete.size() ? PARAGRAPH : LINE;
    }

    /** Steps that are enough: twice those of the longest right solution, 4 to 24. */
    public int depth() {
      int most = draws().stream().filter(Probed.Draw::solved)
          .mapToInt(d -> Prober.steps(d.text(), separator()).size()).max().orElse(0);
      return Math.clamp(2L * most, 4, 24);
    }
  }

  /**
   * The choice.
   *
   * @param best the way that won, with what it drew in the last heat
   * @param heats of each heat all ways that were in it, the best first
   */
  public record Chosen(Tried best, List<List<Tried>> heats) {
    /** The heats as a table, a line a way. */
    public List<String> table() {
      List<String> lines = new ArrayList<>();
      lines.add(text("  %-16s %8s %18s %8s %8s", "way to ask", "problems", "right and stated", "ended", "tokens"));
      for (List<Tried> heat : heats) {
        for (Tried t : heat) {
          int draws = t.draws().size();
          lines.add(text("  %-16s %8d %5d of %3d (%2.0f %%) %6.0f %% %8.0f", t.way().name(), t.drawn().size(),
              t.right(), draws, 100.0 * t.right() / draws,
              100.0 * t.draws().stream().filter(Probed.Draw::ended).count() / draws, t.tokens()));
        }
      }
      return lines;
    }

    private static String text(String format, Object... values) {
      return String.format(Locale.ROOT, format, values);
    }
  }

  /**
   * The ways that are tried.
   *
   * @param usual what is usual for the model
   * @param examples problems with their solutions, for a way that shows them; empty where the problems have none
   */
  public static List<Way> ways(Prompts usual, Optional<WorkedExamples> examples) {
    List<Way> ways = new ArrayList<>();
    ways.add(new Way("usual", usual));
    ways.add(way("one line", usual, "{question} Write the calculation in one line. End with: The answer is"));
    ways.add(way("the answer is", usual,
        "{question}\n\nThink step by step, in short sentences. End with the line \"The answer is\" and the answer."));
    if (!usual.question().equals(Prompts.defaults().question())) { // a model that is usually asked otherwise
      ways.add(way("step by step", usual, Prompts.defaults().question()));
    }
    examples.ifPresent(shown ->
        ways.add(way("with " + shown.examples().size() + " examples", usual,
            shown.before("Problem: {question}\n\nSolution:"))));
    return ways;
  }

  private static Way way(String name, Prompts usual, String question) {
    return new Way(name, usual.with(null, question, null, null, null));
  }

  /**
   * Chooses.
   *
   * @param problems of which the first are asked; none of them may be among those that compare models later
   */
  public Chosen choose(List<Way> ways, List<Problem> problems, Progress progress) throws InterruptedException {
    List<List<Tried>> heats = new ArrayList<>();
    List<Tried> left = ways.stream().map(way -> new Tried(way, List.of())).toList();
    for (int heat : HEATS) {
      left = ranked(heat(left, problems.subList(0, Math.min(heat, problems.size())), progress));
      heats.add(left);
      left = left.subList(0, Math.min(left.size(), Math.max(2, (left.size() + 1) / 2)));
    }
    return new Chosen(heats.getLast().getFirst(), heats);
  }

  /** Asks the problems that a way has not been asked yet, all ways side by side. */
  private List<Tried> heat(List<Tried> ways, List<Problem> problems, Progress progress) throws InterruptedException {
    record Draw(Way way, Problem problem) {}
    List<Draw> open = ways.stream()
        .flatMap(t -> problems.stream().skip(t.drawn().size()).map(p -> new Draw(t.way(), p))).toList();
    progress.begin("ways to ask", "problems", 0, open.size());
    int[] done = {0};
    List<Probed> drawn = InFlight.run(open, AT_ONCE, d -> draw(d.way().prompts(), d.problem(), DRAWS),
        (index, result) -> progress.at(++done[0], () -> ways.size() + " ways"));
    Map<Way, List<Probed>> all = new LinkedHashMap<>();
    ways.forEach(t -> all.put(t.way(), new ArrayList<>(t.drawn())));
    IntStream.range(0, open.size()).forEach(i -> all.get(open.get(i).way()).add(drawn.get(i)));
    return all.entrySet().stream().map(e -> new Tried(e.getKey(), List.copyOf(e.getValue()))).toList();
  }

  private static List<Tried> ranked(List<Tried> ways) {
    return ways.stream().sorted(Comparator.comparingInt(Tried::right).reversed().thenComparingDouble(Tried::tokens))
        .toList();
  }

  /** Draws whole solutions of a problem that is asked in one way. */
  public Probed draw(Prompts prompts, Problem problem, int draws) throws InterruptedException {
    TokenPath prompt = TokenPath.root(policy.tokenizePrompt(policy.prompt(prompts.ask(problem))));
    return new Prober(policy, outcome, SearchSettings.paper(), sampling, false, draws, seed).draw(problem, prompt);
  }
}
