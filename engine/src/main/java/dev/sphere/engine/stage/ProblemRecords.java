package dev.sphere.engine.stage;

import dev.sphere.engine.probe.Probed;
import dev.sphere.engine.search.Expansion;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.Consumer;
import java.util.function.Function;

/**
 * The records that a task makes of its problem: the result of a worker. A worker within the run's process hands each
 * record on to the run's log at once; the records of other machines come whole. Safe for many threads.
 */
public final class ProblemRecords implements RunLog {
  private final String problemId;
  private final RunLog log; // null where nothing else keeps the records
  private final Runnable check;
  private final List<Expansion> expansions = new ArrayList<>();
  private final List<StageResult> stages = new ArrayList<>();
  private final LongAdder drawn = new LongAdder();
  private final LongAdder rewards = new LongAdder();
  private final LongAdder used = new LongAdder();
  private final LongAdder expanded = new LongAdder();
  private Probed probed;
  private ProblemResult result;

  /** Records that nothing else keeps. */
  public ProblemRecords(String problemId) {
    this(problemId, null, () -> {});
  }

  /**
   * @param log has what earlier processes recorded of the problem, and is given each record at once
   * @param check called before a record is handed on; throws where it must not be recorded, as when a model's file has
   *     changed
   */
  public ProblemRecords(String problemId, RunLog log, Runnable check) {
    this.problemId = problemId;
    this.log = log;
    this.check = check;
  }

  public String problemId() {
    return problemId;
  }

  /** The probe's solutions; null where the task was not to draw them. */
  public Probed probed() {
    return probed;
  }

  /** The expansions that were made for the task, in order; empty where the run's log has them already. */
  public synchronized List<Expansion> expansions() {
    return List.copyOf(expansions);
  }

  /** The stages' results, in order. */
  public List<StageResult> stages() {
    return List.copyOf(stages);
  }

  /** How the problem ended; null where it was only probed. */
  public ProblemResult result() {
    return result;
  }

  /** Tokens that stand in solutions of a search without expansions. */
  public long used() {
    return used.sum();
  }

  /**
   * Counts tokens.
   *
   * @param all generated tokens
   * @param rolled tokens of the process reward's rollouts, which are among all tokens but may be counted apart
   */
  public void count(long all, long rolled) {
    drawn.add(all);
    rewards.add(rolled);
  }

  /** The tokens that were drawn for the task. */
  public Drawn drawn() {
    return new Drawn(drawn.sum(), probed == null ? 0 : drawn.sum(), rewards.sum(), used() + expanded.sum());
  }

  /** The records that a log does not have yet. Records of a problem are always the same, so they may come twice. */
  public ProblemRecords missing(RunLog there) {
    ProblemRecords missing = new ProblemRecords(problemId);
    missing.probed = probed != null && there.findProbe(problemId) == null ? probed : null;
    if (result != null && there.findProblem(problemId) == null) {
      missing.result = result;
      missing.used.add(used());
      expansions().stream().filter(e -> there.find(problemId, e.search(), e.path()) == null)
          .forEach(missing.expansions::add);
      stages.stream().filter(s -> there.findStage(problemId, s.stage()) == null).forEach(missing.stages::add);
    }
    return missing;
  }

  /** Hands on the records that a log does not have yet. */
  void to(RunLog there) {
    ProblemRecords missing = missing(there);
    if (missing.probed != null) {
      there.append(missing.probed);
    }
    if (missing.result != null) {
      missing.expansions.forEach(there::append);
      missing.stages.forEach(there::append);
      there.append(missing.result);
    }
  }

  @Override
  public Probed findProbe(String problem) {
    return find(l -> l.findProbe(problem));
  }

  @Override
  public Expansion find(String problem, String search, String path) {
    return find(l -> l.find(problem, search, path));
  }

  @Override
  public StageResult findStage(String problem, Stage stage) {
    return find(l -> l.findStage(problem, stage));
  }

  @Override
  public ProblemResult findProblem(String problem) {
    return find(l -> l.findProblem(problem));
  }

  private <T> T find(Function<RunLog, T> finder) {
    return log == null ? null : finder.apply(log);
  }

  @Override
  public void append(Probed draws) {
    handOn(draws.problemId(), l -> l.append(draws));
    probed = draws;
  }

  @Override
  public void append(Expansion expansion) {
    handOn(expansion.problemId(), l -> l.append(expansion));
    expanded.add(expansion.candidates().stream().mapToLong(c -> c.generation().tokens().length).sum());
    if (log == null) {
      synchronized (this) {
        expansions.add(expansion);
      }
    }
  }

  @Override
  public void append(StageResult stage) {
    handOn(stage.problemId(), l -> l.append(stage));
    stages.add(stage);
  }

  @Override
  public void append(ProblemResult ended) {
    handOn(ended.problemId(), l -> l.append(ended));
    result = ended;
  }

  @Override
  public void used(String problem, long tokens) {
    used.add(tokens);
  }

  private void handOn(String problem, Consumer<RunLog> append) {
    if (!problemId.equals(problem)) {
      throw new IllegalArgumentException("a record of problem " + problem + " among those of " + problemId);
    }
    if (log != null) {
      check.run();
      append.accept(log);
    }
  }
}
