package dev.sphere.engine.run;

import dev.sphere.engine.OutcomeReward;
import dev.sphere.engine.data.WorkedExamples;
import dev.sphere.engine.decode.BatchedPolicy;
import dev.sphere.engine.decode.RolloutCounters;
import dev.sphere.engine.reward.GradedAnswers;
import dev.sphere.engine.search.Permits;
import dev.sphere.engine.stage.Actor;
import dev.sphere.engine.stage.Exploration;
import dev.sphere.engine.stage.PrmFactory;
import dev.sphere.engine.stage.ProblemSolver;
import dev.sphere.engine.stage.SolverOptions;
import dev.sphere.engine.store.RecordLines;
import dev.sphere.engine.strategy.Solver;
import dev.sphere.engine.strategy.StrategyExplorer;
import java.util.Optional;
import java.util.function.LongConsumer;

/** A search plan's models, loaded. Safe for many threads, but for closing. */
final class SearchSession implements WorkerPlan.Models {
  private final SearchPlan plan;
  private final Optional<WorkedExamples> examples;
  private final OutcomeReward outcome;
  private final BatchedPolicy policy;
  private final BatchedPolicy small; // null for none
  private final PrmFactory prm;

  private SearchSession(SearchPlan plan, Optional<WorkedExamples> examples, OutcomeReward outcome, BatchedPolicy policy,
      BatchedPolicy small, PrmFactory prm) {
    this.plan = plan;
    this.examples = examples;
    this.outcome = outcome;
    this.policy = policy;
    this.small = small;
    this.prm = prm;
  }

  /** @param examples the plan's, read */
  static SearchSession open(SearchPlan plan, Optional<WorkedExamples> examples) {
    plan.prm().requireReads(plan.model());
    if (plan.smallModel() != null) {
      plan.prm().requireReads(plan.smallModel());
    }
    OutcomeReward outcome = new GradedAnswers();
    BatchedPolicy policy = BatchedPolicy.open(plan.model(), plan.adapter(), plan.stages().prompts().template(), 0);
    BatchedPolicy small = null;
    try {
      small = plan.smallModel() == null ? null : BatchedPolicy.open(plan.smallModel(), null, null, 0);
      return new SearchSession(plan, examples, outcome, policy, small, plan.prm().open(outcome));
    } catch (Throwable t) {
      BatchedPolicy opened = small;
      try (policy; opened) {
        throw t;
      }
    }
  }

  /** Solves problems with these models; the parameters are those of {@link ProblemSolver}. */
  ProblemSolver solver(Permits room, LongConsumer meter) {
    Actor large = new Actor(policy, prm);
    Optional<Actor> other = Optional.ofNullable(small).map(p -> new Actor(p, prm));
    return new ProblemSolver(new ProblemSolver.Models(large, other), options(), room, meter);
  }

  private SolverOptions options() {
    Optional<Exploration> strategy = Optional.ofNullable(plan.strategy()).map(kind -> (model, reward) ->
        new StrategyExplorer(new Solver(model, reward, prm.passes(), outcome, plan.search(), kind, plan.seed()), model,
            outcome));
    return SolverOptions.of(outcome, plan.search(), plan.stages(), plan.seed())
        .withAsked(examples.map(e -> e.before(plan.stages().prompts())).orElse(plan.stages().prompts()))
        .withProbe(plan.probe())
        .withWhole(plan.prm().monteCarlo().sampling())
        .withStrategy(strategy);
  }

  /** The tokens computed so far. */
  RolloutCounters.Reading counters() {
    return small == null ? policy.counters() : policy.counters().plus(small.counters());
  }

  @Override
  public BatchedPolicy policy() {
    return policy;
  }

  @Override
  public byte[] work(byte[] task) throws InterruptedException {
    return RecordLines.of(solver(new Permits(1), tokens -> {}).work(RecordLines.task(task)));
  }

  @Override
  public void close() {
    try (policy; small; prm) {
      // nothing but closing them, the reward first
    }
  }
}
