package dev.sphere.engine.run;

import dev.sphere.engine.decode.RolloutCounters;
import dev.sphere.engine.stage.Drawn;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * The uses of the tokens that a search computed. A token is drawn, or it is computed so that others can be drawn after
 * it; of several draws that one row makes, each counts. {@link #all} is the sum of the parts. Tokens that reward models
 * read are not counted.
 *
 * @param kept drawn tokens that stand in a candidate that was kept (of a strategy: in a solution)
 * @param thrown drawn tokens of candidates that were not: repetitions of others, and paths that came to no solution
 * @param probe drawn tokens of the probe's solutions
 * @param rewards drawn tokens of the process reward's rollouts
 * @param lost drawn tokens of calls that were given up
 * @param paths tokens of prompts and steps, computed so that something can be drawn after them
 * @param again tokens that were computed a second time: their cells were needed, or another lane went on
 * @param padding tokens that only fill a micro-batch
 * @param steps micro-batches
 * @param rows tokens after which something was drawn, in all steps together: {@code rows / steps} were at work
 * @param displaced how often a rollout lost its place in a full cache
 */
public record TokenUse(long kept, long thrown, long probe, long rewards, long lost, long paths, long again,
    long padding, long steps, long rows, long displaced) {

  /** Of what was counted where tokens are computed, and where they are used. */
  static TokenUse of(RolloutCounters.Reading c, Drawn drawn) {
    return new TokenUse(drawn.kept(), drawn.all() - drawn.probe() - drawn.rewards() - drawn.kept(), drawn.probe(),
        drawn.rewards(), c.drawn() - drawn.all(),
        c.paths(), c.again(), c.padding(), c.steps(), c.drawn() - c.shared(), c.displaced());
  }

  /** All parts together. */
  public long all() {
    return kept + thrown + probe + rewards + lost + paths + again + padding;
  }

  /** The part of all that was kept, 0 where nothing was computed. */
  public double share() {
    return all() == 0 ? 0 : (double) kept / all();
  }

  private double rowsAtWork() {
    return steps == 0 ? 0 : (double) rows / steps;
  }

  private double drawsOfRow() {
    return rows == 0 ? 0 : (double) (kept + thrown + probe + rewards + lost) / rows;
  }

  /** One line for people: the share, and the largest other uses. */
  public String line() {
    return String.format(Locale.ROOT, "useful: %.0f %% of the computed tokens stand in a kept candidate or solution",
        100 * share());
  }

  /** Some lines for people. */
  public List<String> lines() {
    return List.of(
        String.format(Locale.ROOT, "what %,d tokens were computed for (%.1f rows drew in a step on average, each for "
            + "%.1f draws):", all(), rowsAtWork(),
            drawsOfRow()),
        part("kept in candidates or solutions", kept), part("rollouts of the reward", rewards),
            part("solutions of the probe", probe),
        part("thrown away (repetitions, paths without an end)", thrown), part("prompts and steps before a draw", paths),
        part(String.format(Locale.ROOT, "computed again (%,d rollouts lost their place)", displaced), again),
        part("given up", lost), part("padding", padding));
  }

  private String part(String name, long tokens) {
    return String.format(Locale.ROOT, "  %5.1f %%  %,14d  %s", 100.0 * tokens / Math.max(1, all()), tokens, name);
  }

  /** For JSON. */
  public Map<String, Object> toMap() {
    Map<String, Object> m = new LinkedHashMap<>();
    m.put("useful", share());
    m.put("computed", all());
    m.put("kept", kept);
    m.put("probe", probe);
    m.put("rewards", rewards);
    m.put("thrown", thrown);
    m.put("paths", paths);
    m.put("again", again);
    m.put("lost", lost);
    m.put("padding", padding);
    m.put("rows_per_step", rowsAtWork());
    m.put("draws_per_row", drawsOfRow());
    m.put("displaced", displaced);
    return m;
  }
}
