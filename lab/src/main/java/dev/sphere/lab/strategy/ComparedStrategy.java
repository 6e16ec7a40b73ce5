package dev.sphere.lab.strategy;

import dev.sphere.engine.settings.Labelled;
import java.util.Arrays;
import java.util.Locale;

/** The strategies of a comparison: those of {@code search --strategy}, and three tree searches of other projects. */
enum ComparedStrategy implements Labelled {
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
  /** Independent solutions without a process reward. */
  REJECTION;

  @Override
  public String label() {
    return name().toLowerCase(Locale.ROOT).replace('_', '-');
  }

  /** @throws IllegalArgumentException when there is no such strategy */
  static ComparedStrategy of(String label) {
    return Arrays.stream(values()).filter(s -> s.label().equals(label)).findFirst()
        .orElseThrow(() -> new IllegalArgumentException("unknown strategy \"" + label + "\""));
  }
}
