package dev.sphere.engine.stage;

import dev.sphere.engine.probe.Probed;
import dev.sphere.engine.search.Expansion;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;

/** What is recorded of one problem, in memory: the log of a worker that hands its records on. For one thread. */
public final class ProblemRecords implements RunLog {
  private final String problemId;
  private Probed probed;
  private final List<Expansion> expansions = new ArrayList<>();
  private final List<StageResult> stages = new ArrayList<>();
  private ProblemResult result;
  private long used;

  public ProblemRecords(String problemId) {
    this.problemId = problemId;
  }

  public String problemId() {
    return problemId;
  }

  /** What the probe drew; null for a record without it. */
  public Probed probed() {
    return probed;
  }

  public List<Expansion> expansions() {
    return List.copyOf(expansions);
  }

  /** The stages' results, in order. */
  public List<StageResult> stages() {
    return List.copyOf(stages);
  }

  /** How the problem ended; null for one that was only probed. */
  public ProblemResult result() {
    return result;
  }

  /** Tokens that stand in solutions of a search without expansions. */
  public long used() {
    return used;
  }

  /** What the log does not have yet. What is recorded of a problem is always the same, so that it may come twice. */
  public ProblemRecords missing(RunLog log) {
    ProblemRecords missing = new ProblemRecords(problemId);
    missing.probed = probed != null && log.findProbe(problemId) == null ? probed : null;
    if (result != null && log.findProblem(problemId) == null) {
      missing.result = result;
      missing.used = used;
      expansions.stream().filter(e -> log.find(problemId, e.search(), e.path()) == null).forEach(missing.expansions::add);
      stages.stream().filter(s -> log.findStage(problemId, s.stage()) == null).forEach(missing.stages::add);
    }
    return missing;
  }

  /** Hands on what the log does not have yet. */
  public void to(RunLog log) {
    ProblemRecords missing = missing(log);
    if (missing.probed != null) {
      log.append(missing.probed);
    }
    if (missing.result != null) {
      missing.expansions.forEach(log::append);
      log.used(problemId, missing.used);
      missing.stages.forEach(log::append);
      log.append(missing.result);
    }
  }

  @Override
  public Probed findProbe(String problem) {
    return problemId.equals(problem) ? probed : null;
  }

  @Override
  public void append(Probed drawn) {
    require(drawn.problemId());
    probed = drawn;
  }

  @Override
  public Expansion find(String problem, String search, String path) {
    return null; // nothing is searched twice within one worker's task
  }

  @Override
  public void append(Expansion expansion) {
    require(expansion.problemId());
    expansions.add(expansion);
  }

  @Override
  public StageResult findStage(String problem, Stage stage) {
    return null;
  }

  @Override
  public void append(StageResult stage) {
    require(stage.problemId());
    stages.add(stage);
  }

  @Override
  public ProblemResult findProblem(String problem) {
    return null;
  }

  @Override
  public void append(ProblemResult ended) {
    require(ended.problemId());
    result = ended;
  }

  @Override
  public void used(String problem, long tokens) {
    used += tokens;
  }

  private void require(String problem) {
    if (!Objects.equals(problemId, problem)) {
      throw new IllegalArgumentException("a record of problem " + problem + " among those of " + problemId);
    }
  }
}
