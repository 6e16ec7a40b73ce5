package dev.sphere.engine.stage;

import dev.sphere.engine.OutcomeReward;
import dev.sphere.engine.SamplingSettings;
import dev.sphere.engine.probe.ProbeSettings;
import dev.sphere.engine.prompt.Prompts;
import dev.sphere.engine.search.SearchSettings;
import io.soabase.recordbuilder.core.RecordBuilder;
import java.util.Optional;

/**
 * How {@link ProblemSolver} solves problems.
 *
 * @param outcome whether a solution's answer is right
 * @param search how trees are grown; for the probe, which text ends a step and whether an answer ends a solution
 * @param stages how pairs are made
 * @param asked the prompts that the models are given; pairs are written under those of {@code stages}
 * @param probe what is drawn of a problem before it is searched, and which problems are searched
 * @param whole how the tokens of a probe's solution are drawn
 * @param strategy explores problems in place of the paper's search
 * @param seed of every draw
 */
@RecordBuilder
public record SolverOptions(OutcomeReward outcome, SearchSettings search, StageSettings stages, Prompts asked,
    ProbeSettings probe, SamplingSettings whole, Optional<Exploration> strategy, long seed)
    implements SolverOptionsBuilder.With {
  /** The paper's search without a probe; the models are asked in the words under which pairs are written. */
  public static SolverOptions of(OutcomeReward outcome, SearchSettings search, StageSettings stages, long seed) {
    return new SolverOptions(outcome, search, stages, stages.prompts(), ProbeSettings.none(), search.sampling(),
        Optional.empty(), seed);
  }
}
