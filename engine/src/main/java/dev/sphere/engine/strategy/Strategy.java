package dev.sphere.engine.strategy;

import dev.sphere.engine.settings.Labelled;
import java.util.Arrays;
import java.util.Locale;
import java.util.stream.Collectors;

/** The strategies by name. */
public enum Strategy implements Labelled {
  /** The paper's pruned tree search: two survivors an expansion, simulations until the budget is spent. */
  SPHERE,
  /** Independent solutions, scored when they are complete (search-and-learn's best_of_n). */
  BEST_OF_N,
  /** Beam search over steps (search-and-learn's beam_search), begun again with other draws while there is budget. */
  BEAM,
  /** Diverse verifier tree search: one greedy subtree after another (search-and-learn's dvts). */
  DVTS,
  /** Monte Carlo tree search that keeps every candidate (OpenR's vanilla MCTS, values from the process reward). */
  MCTS,
  /** Independent solutions without a process reward: what rejection sampling draws from. */
  REJECTION;

  /** The name on command lines, such as best-of-n. */
  @Override
  public String label() {
    return name().toLowerCase(Locale.ROOT).replace('_', '-');
  }

  /** @throws IllegalArgumentException when there is no such strategy; names those that there are */
  public static Strategy of(String label) {
    for (Strategy kind : values()) {
      if (kind.label().equals(label)) {
        return kind;
      }
    }
    throw new IllegalArgumentException("unknown strategy \"" + label + "\"; there are "
        + Arrays.stream(values()).map(Strategy::label).collect(Collectors.joining(", ")));
  }
}
