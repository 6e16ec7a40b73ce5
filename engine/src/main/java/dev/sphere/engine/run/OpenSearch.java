package dev.sphere.engine.run;

import dev.sphere.base.HeldFiles;
import dev.sphere.bindings.load.NativeRuntime;
import dev.sphere.engine.OutcomeReward;
import dev.sphere.engine.data.WorkedExamples;
import dev.sphere.engine.decode.BatchedPolicy;
import dev.sphere.engine.decode.RolloutCounters;
import dev.sphere.engine.reward.GradedAnswers;
import dev.sphere.engine.stage.PrmFactory;
import dev.sphere.engine.stage.SearchRun;
import dev.sphere.engine.store.Provenance;
import dev.sphere.engine.store.RecordLines;
import dev.sphere.engine.strategy.Solver;
import dev.sphere.engine.strategy.StrategyExplorer;
import java.util.List;

/** A search plan whose models are loaded. Thread-safe but for closing. */
public final class OpenSearch implements Worker {
  private final HeldFiles files;
  private final BatchedPolicy policy;
  private final BatchedPolicy small; // null for none
  private final OpenPrm prm;
  private final SearchRun run;

  private OpenSearch(HeldFiles files, BatchedPolicy policy, BatchedPolicy small, OpenPrm prm, SearchRun run) {
    this.files = files;
    this.policy = policy;
    this.small = small;
    this.prm = prm;
    this.run = run;
  }

  /**
   * Loads a plan's models in a process that works for another's run.
   *
   * @param lead what that run is made from
   * @throws IllegalArgumentException when this process would make another run: other files, settings or versions
   */
  public static OpenSearch open(SearchPlan plan, Provenance lead) {
    NativeRuntime.require();
    plan.precision().use();
    WorkedExamples examples = plan.examples().read();
    HeldFiles files = plan.hold();
    try {
      List<String> differences = lead.differences(PairSearch.provenance(plan, examples, null));
      if (!differences.isEmpty()) {
        throw Worker.refusal(differences);
      }
      return open(plan, examples, new GradedAnswers(), files);
    } catch (Throwable t) {
      files.close();
      throw t;
    }
  }

  /** @param files held open as long as this; closed with it. Null: the caller holds them */
  static OpenSearch open(SearchPlan plan, WorkedExamples examples, OutcomeReward outcome, HeldFiles files) {
    BatchedPolicy policy = BatchedPolicy.open(plan.model(), plan.adapter(), plan.stages().prompts().template(), 0);
    BatchedPolicy small = null;
    OpenPrm prm = null;
    try {
      small = plan.smallModel() == null ? null : BatchedPolicy.open(plan.smallModel(), null, null, 0);
      prm = plan.prm().open(outcome);
      PrmFactory smallPrm = small == null ? null : prm.factory(plan.smallModel());
      SearchRun.Models models = new SearchRun.Models(policy, prm.factory(plan.model()), small, smallPrm);
      SearchRun run = plan.strategy() == null
          ? new SearchRun(models, outcome, plan.search(), plan.stages(), plan.seed(), plan.parallel())
          : new SearchRun(models, exploration(plan, prm, outcome), plan.stages(), plan.parallel(), plan.strategy().budget());
      probing(run, plan, outcome);
      if (examples != null) {
        run.asking(examples.before(plan.stages().prompts()));
      }
      return new OpenSearch(files, policy, small, prm, run);
    } catch (Throwable t) {
      close(prm, small, policy);
      throw t;
    }
  }

  private static void close(AutoCloseable... opened) {
    for (AutoCloseable each : opened) {
      try {
        if (each != null) {
          each.close();
        }
      } catch (RuntimeException e) {
        throw e;
      } catch (Exception e) {
        throw new IllegalStateException(e);
      }
    }
  }

  /** Gives a run the plan's probe, if it has one. */
  static SearchRun probing(SearchRun run, SearchPlan plan, OutcomeReward outcome) {
    return run.probing(new SearchRun.Probe(plan.probe(), outcome, plan.search(), plan.prm().monteCarlo().sampling(),
        plan.stages().rules().guessed(), plan.seed()),
        plan.prm().form().equals("mc") ? plan.prm().monteCarlo().rollouts() : 0);
  }

  private static SearchRun.Exploration exploration(SearchPlan plan, OpenPrm prm, OutcomeReward outcome) {
    return (policy, factory) -> new StrategyExplorer(
        new Solver(policy, factory, prm.passes(), outcome, plan.search(), plan.strategy(), plan.seed()), policy, outcome);
  }

  /** The search over these models. */
  public SearchRun run() {
    return run;
  }

  /** What was computed so far. */
  RolloutCounters.Reading counters() {
    return small == null ? policy.counters() : policy.counters().plus(small.counters());
  }

  @Override
  public byte[] work(byte[] task) throws InterruptedException {
    byte[] lines = RecordLines.of(run.work(RecordLines.task(task)));
    files.requireUnchanged();
    return lines;
  }

  @Override
  public String fingerprint() throws InterruptedException {
    return Worker.fingerprint(policy);
  }

  @Override
  public void close() {
    close(prm, small, policy, files);
  }
}
