package dev.sphere.engine.search;

import dev.sphere.engine.SamplingSettings;
import java.util.Objects;

/**
 * Everything that shapes a pruned search. The defaults ({@link #paper()}) are the paper's where it gives a figure.
 *
 * @param candidates E, distinct candidate steps that are sampled at an expansion; at least 2 (paper: 5)
 * @param sampling how each token of a step is drawn (paper: temperature 0.8); {@code maxTokens} bounds one step
 * @param maxDepth most steps of a solution; a path that reaches it without an answer is marked as truncated
 * @param simulations N; one simulation is the paper's two chains, more of them widen the search by UCT
 * @param uct exploration constant c of UCT: {@code Q + c * sqrt(ln(parent visits) / visits)}
 * @param advantageWeight w in {@code R(s_t) = prm(s_t) + w * (prm(s_t) - prm(s_(t-1)))}. The paper speaks of "an
 *     advantage reward that accounts for progress made"; weight 1 is our reading of it
 * @param outcomeWeight what a right answer adds to the reward of its terminal node before it is backed up
 * @param separator the text that ends a step
 * @param resampleRounds most extra rounds of sampling when candidates came out equal
 * @param distinct when two candidates count as equal
 * @param stopAtAnswer a step that holds a final answer (a closed {@code \boxed{...}} or a {@code #### x} line) ends the
 *     path, although the model did not draw its end token
 */
public record SearchSettings(
    int candidates,
    SamplingSettings sampling,
    int maxDepth,
    int simulations,
    double uct,
    double advantageWeight,
    double outcomeWeight,
    String separator,
    int resampleRounds,
    Distinct distinct,
    boolean stopAtAnswer) {

  public SearchSettings {
    Objects.requireNonNull(sampling, "sampling");
    Objects.requireNonNull(distinct, "distinct");
    require(candidates >= 2, "candidates must be at least 2 (the best and the worst survive)", candidates);
    require(maxDepth >= 1, "the depth limit must be at least 1 step", maxDepth);
    require(simulations >= 1, "simulations must be at least 1", simulations);
    require(uct >= 0 && Double.isFinite(uct), "the UCT constant must be finite and not negative", uct);
    require(
        advantageWeight >= 0 && Double.isFinite(advantageWeight),
        "the advantage weight must be finite and not negative",
        advantageWeight);
    require(Double.isFinite(outcomeWeight), "the outcome weight must be finite", outcomeWeight);
    require(!separator.isEmpty(), "the step separator must not be empty", "\"\"");
    require(resampleRounds >= 0, "resample rounds must not be negative", resampleRounds);
  }

  private static void require(boolean holds, String what, Object value) {
    if (!holds) {
      throw new IllegalArgumentException(what + ", not " + value);
    }
  }

  /** E = 5, temperature 0.8, one simulation, steps end in an empty line. */
  public static SearchSettings paper() {
    return new SearchSettings(
        5,
        SamplingSettings.temperature(0.8f, 512),
        24,
        1,
        Math.sqrt(2),
        1,
        1,
        "\n\n",
        3,
        Distinct.WHITESPACE,
        true);
  }

  /** The same settings with another number of candidates. */
  public SearchSettings withCandidates(int e) {
    return new SearchSettings(e, sampling, maxDepth, simulations, uct, advantageWeight, outcomeWeight, separator,
        resampleRounds, distinct, stopAtAnswer);
  }

  /** The same settings with another number of simulations. */
  public SearchSettings withSimulations(int n) {
    return new SearchSettings(candidates, sampling, maxDepth, n, uct, advantageWeight, outcomeWeight, separator,
        resampleRounds, distinct, stopAtAnswer);
  }

  /** The same settings with another sampling. */
  public SearchSettings withSampling(SamplingSettings s) {
    return new SearchSettings(candidates, s, maxDepth, simulations, uct, advantageWeight, outcomeWeight, separator,
        resampleRounds, distinct, stopAtAnswer);
  }

  /** The same settings with another step separator. */
  public SearchSettings withSeparator(String s) {
    return new SearchSettings(candidates, sampling, maxDepth, simulations, uct, advantageWeight, outcomeWeight, s,
        resampleRounds, distinct, stopAtAnswer);
  }

  /** The same settings with another depth limit. */
  public SearchSettings withMaxDepth(int steps) {
    return new SearchSettings(candidates, sampling, steps, simulations, uct, advantageWeight, outcomeWeight, separator,
        resampleRounds, distinct, stopAtAnswer);
  }
}
