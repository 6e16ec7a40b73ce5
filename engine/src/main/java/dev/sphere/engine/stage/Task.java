package dev.sphere.engine.stage;

import dev.sphere.engine.Problem;
import dev.sphere.engine.probe.Probed;
import java.util.Optional;

/** A task of {@link ProblemSolver}: one problem, drawn, solved or left out. */
public sealed interface Task {
  Problem problem();

  /** Draws the probe's solutions. */
  record Draw(Problem problem) implements Task {}

  /**
   * Takes the problem through the three stages.
   *
   * @param probed solutions that stage 1 makes pairs of besides its own
   */
  record Solve(Problem problem, Optional<Probed> probed) implements Task {}

  /**
   * Ends the problem without a search.
   *
   * @param probed solutions that stage 1 makes pairs of
   */
  record LeaveOut(Problem problem, Optional<Probed> probed, Reason reason) implements Task {}
}
