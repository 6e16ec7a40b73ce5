package dev.sphere.engine.stage;

import dev.sphere.base.InFlight;
import dev.sphere.engine.OutcomeReward;
import dev.sphere.engine.Policy;
import dev.sphere.engine.Problem;
import dev.sphere.engine.Progress;
import dev.sphere.engine.search.SearchSettings;
import java.util.HashSet;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.atomic.LongAdder;

/**
 * Takes a set of problems through the three stages, many at a time: one virtual thread a problem, so that the policy's
 * batch stays full. The results come in the problems' order and do not depend on how many are in flight.
 */
public final class SearchRun {
  private final Models models;
  private final Stages stages;
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

  /** Makes the three stages of the two models; the small one is null where there is none. */
  private interface Stages {
    ThreeStages of(Actor actor, Actor small);
  }

  /** Makes the way in which a model explores problems: over its metered policy, with its process reward. */
  @FunctionalInterface
  public interface Exploration {
    Explorer over(Policy policy, PrmFactory prm);
  }

  /** @param parallel most problems in flight */
  public SearchRun(
      Models models, OutcomeReward outcome, SearchSettings search, StageSettings stages, long seed, int parallel) {
    this(models, (actor, small) -> new ThreeStages(actor, small, outcome, search, stages, seed), parallel);
  }

  /** A run in which both models explore problems in another way than by the paper's search. */
  public SearchRun(Models models, Exploration way, StageSettings stages, int parallel) {
    this(models, (actor, small) -> new ThreeStages(actor, small, way.over(actor.policy(), models.prm()),
        small == null ? null : way.over(small.policy(), models.smallPrm()), stages), parallel);
  }

  private SearchRun(Models models, Stages stages, int parallel) {
    if (parallel < 1) {
      throw new IllegalArgumentException("at least 1 problem must be in flight, not " + parallel);
    }
    this.models = models;
    this.stages = stages;
    this.parallel = parallel;
  }

  private static Actor actor(Policy policy, PrmFactory prm, SearchTally tally) {
    Policy metered = new MeteredPolicy(policy, tally::generated);
    return new Actor(metered, prm.over(metered));
  }

  /** Tokens generated so far, rollouts of the process reward included. */
  public long tokens() {
    return tokens.sum();
  }

  /**
   * Runs to the end, or on to the end from where {@code log} was left.
   *
   * @param progress told of problems, and of pairs and tokens while they come, from the working threads
   * @return the results in the problems' order
   * @throws RuntimeException the first failure; the other problems are interrupted, and what was logged stays
   */
  public List<ProblemResult> run(List<Problem> problems, RunLog log, Progress progress) throws InterruptedException {
    refuseRepeatedIds(problems);
    long before = problems.stream().filter(p -> log.findProblem(p.id()) != null).count();
    progress.begin("search", "problems", (int) before, problems.size());
    SearchTally tally = new SearchTally(tokens, progress);
    Actor actor = actor(models.policy(), models.prm(), tally);
    Actor small = models.small() == null ? null : actor(models.small(), models.smallPrm(), tally);
    ThreeStages three = stages.of(actor, small);
    return InFlight.run(problems, parallel, p -> three.solve(p, log), (index, result) -> tally.ended(result));
  }

  private static void refuseRepeatedIds(List<Problem> problems) {
    Set<String> ids = new HashSet<>();
    for (Problem problem : problems) {
      if (!ids.add(problem.id())) {
        throw new IllegalArgumentException("two problems have the id " + problem.id() + ": ids must be unique");
      }
    }
  }
}
