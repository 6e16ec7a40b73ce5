package dev.sphere.engine.stage;

import dev.sphere.engine.probe.Probed;
import dev.sphere.engine.search.ExpansionLog;
import java.util.List;

/** Where a run is kept while it grows. Safe for many threads; each problem is worked on by one of them. */
public interface RunLog extends ExpansionLog {
  /** What an earlier run's probe drew of a problem; null when it did not get there. */
  Probed findProbe(String problemId);

  /** Keeps what the probe drew of a problem; when it returns, it is safe. */
  void append(Probed probed);

  /** What an earlier run left of a stage; null when it did not get there. */
  StageResult findStage(String problemId, Stage stage);

  /** Keeps a stage's result; when it returns, the result is safe. */
  void append(StageResult result);

  /** How the problem ended in an earlier run; null when it did not. */
  ProblemResult findProblem(String problemId);

  /** Keeps a problem's result, all of whose stages were appended before. */
  void append(ProblemResult result);

  /** Keeps what was recorded of problems elsewhere, as far as it is not on record; when it returns, it is safe. */
  default void append(List<ProblemRecords> records) {
    records.forEach(r -> r.to(this));
  }
}
