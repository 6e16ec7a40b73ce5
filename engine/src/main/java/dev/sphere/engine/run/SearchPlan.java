package dev.sphere.engine.run;

import dev.sphere.engine.search.SearchSettings;
import dev.sphere.engine.stage.StageSettings;
import dev.sphere.engine.strategy.StrategySettings;
import java.nio.file.Path;
import java.util.Objects;

/**
 * All that a run is told.
 *
 * @param model the policy's GGUF file
 * @param adapter a LoRA adapter over it; null for none
 * @param smallModel the small model of stage 3; null for none, the stage is then skipped with that reason
 * @param prm the process reward
 * @param search how trees are grown
 * @param stages how pairs are made
 * @param seed of every draw
 * @param strategy how problems are explored where it is not the paper's search with its simulations; null for that
 * @param parallel problems in flight; changes the speed, never the result
 */
public record SearchPlan(
    Path model,
    Path adapter,
    Path smallModel,
    PrmSpec prm,
    SearchSettings search,
    StageSettings stages,
    long seed,
    StrategySettings strategy,
    int parallel) {
  /** By the paper's search. */
  public SearchPlan(Path model, Path adapter, Path smallModel, PrmSpec prm, SearchSettings search, StageSettings stages,
      long seed, int parallel) {
    this(model, adapter, smallModel, prm, search, stages, seed, null, parallel);
  }

  public SearchPlan {
    Objects.requireNonNull(model, "model");
    Objects.requireNonNull(prm, "prm");
    Objects.requireNonNull(search, "search");
    Objects.requireNonNull(stages, "stages");
    if (parallel < 1) {
      throw new IllegalArgumentException("at least 1 problem must be in flight, not " + parallel);
    }
  }
}
