package dev.sphere.engine.stage;

import dev.sphere.engine.search.Expansion;
import dev.sphere.engine.search.ExpansionLog;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/** Where a run is kept while it grows. Safe for many threads; each problem is worked on by one of them. */
public interface RunLog extends ExpansionLog {
  /** What an earlier run left of a stage; null when it did not get there. */
  StageResult findStage(String problemId, Stage stage);

  /** Keeps a stage's result; when it returns, the result is safe. */
  void append(StageResult result);

  /** How the problem ended in an earlier run; null when it did not. */
  ProblemResult findProblem(String problemId);

  /** Keeps a problem's result, all of whose stages were appended before. */
  void append(ProblemResult result);

  /** Keeps everything in memory. */
  static RunLog inMemory() {
    Map<String, Expansion> expansions = new ConcurrentHashMap<>();
    Map<String, StageResult> stages = new ConcurrentHashMap<>();
    Map<String, ProblemResult> problems = new ConcurrentHashMap<>();
    return new RunLog() {
      @Override
      public Expansion find(String problemId, String search, String path) {
        return expansions.get(problemId + '\n' + search + '\n' + path);
      }

      @Override
      public void append(Expansion e) {
        expansions.put(e.problemId() + '\n' + e.search() + '\n' + e.path(), e);
      }

      @Override
      public StageResult findStage(String problemId, Stage stage) {
        return stages.get(problemId + '\n' + stage);
      }

      @Override
      public void append(StageResult result) {
        stages.put(result.problemId() + '\n' + result.stage(), result);
      }

      @Override
      public ProblemResult findProblem(String problemId) {
        return problems.get(problemId);
      }

      @Override
      public void append(ProblemResult result) {
        problems.put(result.problemId(), result);
      }
    };
  }
}
