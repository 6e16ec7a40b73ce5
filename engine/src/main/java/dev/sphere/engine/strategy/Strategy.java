package dev.sphere.engine.strategy;

import dev.sphere.engine.settings.Labelled;
import java.util.Arrays;
import java.util.Locale;
import java.util.stream.Collectors;

/** Other ways to search than the paper's search with a number of simulations; each goes on until a budget is spent. */
public enum Strategy implements Labelled {
  /** The paper's pruned tree search: two survivors an expansion, simulations until the budget is spent. */
  SPHERE,
  /** Independent solutions, scored when they are complete (search-and-learn's best_of_n). */
  BEST_OF_N,
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
