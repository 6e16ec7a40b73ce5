package dev.sphere.engine.stage;

import dev.sphere.base.InFlight;
import dev.sphere.engine.OutcomeReward;
import dev.sphere.engine.Policy;
import dev.sphere.engine.Problem;
import dev.sphere.engine.search.Expansion;
import dev.sphere.engine.search.SearchSettings;
import java.util.EnumMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.Consumer;

/**
 * Takes a set of problems through the three stages, many at a time: one virtual thread a problem, so that the policy's
 * batch stays full. The results come in the problems' order and do not depend on how many are in flight.
 */
public final class SearchRun {
  private final ThreeStages stages;
  private final int parallel;
  private final LongAdder tokens = new LongAdder();

  /**
   * The models of a run.
   *
   * @param policy π
   * @param prm makes the process reward over π
   * @param small π_small of stage 3; null for none
   * @param smallPrm makes the process reward over π_small; null when there is none
   */
  public record Models(Policy policy, PrmFactory prm, Policy small, PrmFactory smallPrm) {
    public Models {
      Objects.requireNonNull(policy, "policy");
      Objects.requireNonNull(prm, "prm");
      if (small != null) {
        Objects.requireNonNull(smallPrm, "smallPrm");
      }
    }
  }

  /** @param parallel most problems in flight */
  public SearchRun(
      Models models, OutcomeReward outcome, SearchSettings search, StageSettings stages, long seed, int parallel) {
    if (parallel < 1) {
      throw new IllegalArgumentException("at least 1 problem must be in flight, not " + parallel);
    }
    this.parallel = parallel;
    Actor actor = actor(models.policy(), models.prm());
    Actor small = models.small() == null ? null : actor(models.small(), models.smallPrm());
    this.stages = new ThreeStages(actor, small, outcome, search, stages, seed);
  }

  /** Makes the way in which a model explores problems: over its metered policy, with its process reward. */
  @FunctionalInterface
  public interface Exploration {
    Explorer over(Policy policy, PrmFactory prm);
  }

  /** A run in which both models explore problems in another way than by the paper's search. */
  public SearchRun(
      Models models, Exploration way, StageSettings stages, int parallel) {
    if (parallel < 1) {
      throw new IllegalArgumentException("at least 1 problem must be in flight, not " + parallel);
    }
    this.parallel = parallel;
    Actor actor = actor(models.policy(), models.prm());
    Actor small = models.small() == null ? null : actor(models.small(), models.smallPrm());
    this.stages = new ThreeStages(actor, small, way.over(actor.policy(), models.prm()),
        small == null ? null : way.over(small.policy(), models.smallPrm()), stages);
  }

  private Actor actor(Policy policy, PrmFactory prm) {
    Policy metered = new MeteredPolicy(policy, tokens);
    return new Actor(metered, prm.over(metered));
  }

  /** Tokens generated so far, rollouts of the process reward included. */
  public long tokens() {
    return tokens.sum();
  }

  /**
   * Runs to the end, or on to the end from where {@code log} was left.
   *
   * @param listener told of every expansion and every stage, one call at a time, from the working threads
   * @return the results in the problems' order
   * @throws RuntimeException the first failure; the other problems are interrupted, and what was logged stays
   */
  public List<ProblemResult> run(List<Problem> problems, RunLog log, Consumer<Progress> listener)
      throws InterruptedException {
    refuseRepeatedIds(problems);
    Watched watched = new Watched(problems, log, listener);
    return InFlight.run(problems, parallel, watched::solve, (index, result) -> {});
  }

  private static void refuseRepeatedIds(List<Problem> problems) {
    Set<String> ids = new HashSet<>();
    for (Problem problem : problems) {
      if (!ids.add(problem.id())) {
        throw new IllegalArgumentException("two problems have the id " + problem.id() + ": ids must be unique");
      }
    }
  }

  /** The log with a listener at its side: counts what passes. */
  private final class Watched implements RunLog {
    private final List<Problem> problems;
    private final RunLog log;
    private final Consumer<Progress> listener;
    private final long start = System.nanoTime();
    private final Map<Stage, Integer> inFlight = new EnumMap<>(Stage.class);
    private final Map<Stage, Integer> pairs = new EnumMap<>(Stage.class);
    private long expansions;
    private int done;
    private int resumed;

    Watched(List<Problem> problems, RunLog log, Consumer<Progress> listener) {
      this.problems = problems;
      this.log = log;
      this.listener = listener;
      for (Stage stage : Stage.values()) {
        inFlight.put(stage, 0);
        pairs.put(stage, 0);
      }
    }

    ProblemResult solve(Problem problem) throws InterruptedException {
      boolean known = log.findProblem(problem.id()) != null;
      if (!known) {
        move(null, Stage.GENERATION);
      }
      ProblemResult result = stages.solve(problem, this);
      if (known) {
        ended(result);
      }
      return result;
    }

    private synchronized void move(Stage from, Stage to) {
      if (from != null) {
        inFlight.merge(from, -1, Integer::sum);
      }
      if (to != null) {
        inFlight.merge(to, 1, Integer::sum);
      }
    }

    private synchronized void ended(ProblemResult result) {
      result.stages().forEach(s -> pairs.merge(s.stage(), s.pairs().size(), Integer::sum));
      done++;
      resumed++;
      tell();
    }

    @Override
    public Expansion find(String problemId, String search, String path) {
      return log.find(problemId, search, path);
    }

    @Override
    public void append(Expansion expansion) {
      log.append(expansion);
      synchronized (this) {
        expansions++;
        tell();
      }
    }

    @Override
    public StageResult findStage(String problemId, Stage stage) {
      StageResult result = log.findStage(problemId, stage);
      if (result != null) {
        passed(result);
      }
      return result;
    }

    @Override
    public void append(StageResult result) {
      log.append(result);
      passed(result);
    }

    private synchronized void passed(StageResult result) {
      pairs.merge(result.stage(), result.pairs().size(), Integer::sum);
      int next = result.stage().ordinal() + 1;
      move(result.stage(), next < Stage.values().length ? Stage.values()[next] : null);
      tell();
    }

    @Override
    public ProblemResult findProblem(String problemId) {
      return log.findProblem(problemId);
    }

    @Override
    public void append(ProblemResult result) {
      log.append(result);
      synchronized (this) {
        done++;
        tell();
      }
    }

    private void tell() {
      double seconds = (System.nanoTime() - start) / 1e9;
      listener.accept(new Progress(problems.size(), done, resumed, Map.copyOf(inFlight), Map.copyOf(pairs), expansions,
          tokens.sum(), seconds));
    }
  }
}
