package dev.sphere.engine.stage;

import dev.sphere.engine.probe.Probed;
import dev.sphere.engine.search.ExpansionLog;
import java.util.List;

/** Where a run is kept while it grows. Safe for many threads; each problem is worked on by one of them. */
public interface RunLog extends ExpansionLog {
  /** The probe's solutions of a problem; null where they are not on record. */
  Probed findProbe(String problemId);

  /** Keeps the probe's solutions of a problem; when it returns, they are safe. */
  void append(Probed probed);

  /** A stage's result that an earlier process recorded; null where it is not on record. */
  StageResult findStage(String problemId, Stage stage);

  /** Keeps a stage's result; when it returns, the result is safe. */
  void append(StageResult result);

  /** How a problem ended; null where that is not on record. */
  ProblemResult findProblem(String problemId);

  /** Keeps a problem's result, all of whose stages were appended before. */
  void append(ProblemResult result);

  /**
   * Keeps the records of problems that other machines solved, unless they are there; when it returns, they are safe.
   */
  default void append(List<ProblemRecords> records) {
    records.forEach(r -> r.to(this));
  }
}
