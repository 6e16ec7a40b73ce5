package dev.sphere.engine.run;

import dev.sphere.engine.Progress;
import dev.sphere.engine.search.Permits;
import dev.sphere.engine.stage.ProblemSolver;
import dev.sphere.engine.stage.RunLog;
import dev.sphere.engine.stage.SolverOptions;

/** A search over fake models, without a plan. */
public final class OpenedSearch {
  private OpenedSearch() {}

  public static Search of(ProblemSolver.Models models, SolverOptions options, int parallel, RunLog log, Progress listener) {
    RunProgress progress = new RunProgress(listener);
    ProblemSolver solver = new ProblemSolver(models, options, new Permits(parallel), progress::generated);
    return new Search(options.probe(), options.seed(), parallel, Search.here(solver, () -> {}, log), log, progress);
  }
}
