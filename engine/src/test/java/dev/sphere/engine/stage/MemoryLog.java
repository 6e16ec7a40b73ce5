package dev.sphere.engine.stage;

import dev.sphere.engine.probe.Probed;
import dev.sphere.engine.search.Expansion;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/** Keeps everything in memory. */
final class MemoryLog implements RunLog {
  private final Map<String, Expansion> expansions = new ConcurrentHashMap<>();
  private final Map<String, Probed> probes = new ConcurrentHashMap<>();
  private final Map<String, StageResult> stages = new ConcurrentHashMap<>();
  private final Map<String, ProblemResult> problems = new ConcurrentHashMap<>();

  @Override
  public Probed findProbe(String problemId) {
    return probes.get(problemId);
  }

  @Override
  public void append(Probed probed) {
    probes.put(probed.problemId(), probed);
  }

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
}
