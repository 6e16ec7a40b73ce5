package dev.sphere.engine.run;

import dev.sphere.base.HeldFiles;
import dev.sphere.base.Sha256;
import dev.sphere.bindings.load.NativeRuntime;
import dev.sphere.engine.DrawKey;
import dev.sphere.engine.Generation;
import dev.sphere.engine.OutcomeReward;
import dev.sphere.engine.Policy;
import dev.sphere.engine.SamplingSettings;
import dev.sphere.engine.StopRule;
import dev.sphere.engine.TokenPath;
import dev.sphere.engine.data.WorkedExamples;
import dev.sphere.engine.decode.BatchedPolicy;
import dev.sphere.engine.decode.RolloutCounters;
import dev.sphere.engine.grade.AnswerGrader;
import dev.sphere.engine.stage.PrmFactory;
import dev.sphere.engine.stage.SearchRun;
import dev.sphere.engine.store.Provenance;
import dev.sphere.engine.strategy.Solver;
import dev.sphere.engine.strategy.StrategyExplorer;
import java.nio.ByteBuffer;
import java.util.List;

/** A search plan whose models are loaded. Thread-safe but for closing. */
public final class OpenSearch implements AutoCloseable {
  private static final int FINGERPRINT_TOKENS = 8;

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
    HeldFiles files = plan.prm().hold(plan.model(), plan.adapter(), plan.smallModel());
    try {
      List<String> differences = lead.differences(PairSearch.provenance(plan, examples, null));
      if (!differences.isEmpty()) {
        throw new IllegalArgumentException("this worker would make another run: " + String.join("; ", differences)
            + ". Give all workers the same files and the same version of Sphere");
      }
      return open(plan, examples, new AnswerGrader(), files);
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

  /** @throws dev.sphere.base.FileChangedException when a model's file has changed since it was opened */
  public void requireUnchanged() {
    files.requireUnchanged();
  }

  /**
   * What this machine's kernels make of the policy: the SHA-256 of the bits of some log-probabilities. Machines whose
   * fingerprints are equal draw the same tokens; one whose kernels add in another order has another.
   */
  public String fingerprint() throws InterruptedException {
    TokenPath path = TokenPath.root(policy.tokenize("Question: 12 * 7 + 5 = ? Answer: 12 * 7 =", true));
    Policy.Request request =
        new Policy.Request(new DrawKey(0, 0, 0, 0), SamplingSettings.greedy(FINGERPRINT_TOKENS), StopRule.never());
    Generation made = policy.generate(path, List.of(request)).getFirst();
    ByteBuffer bits = ByteBuffer.allocate(8 * made.tokens().length);
    for (int i = 0; i < made.tokens().length; i++) {
      bits.putInt(made.tokens()[i]).putInt(Float.floatToRawIntBits(made.logProbs()[i]));
    }
    return Sha256.of(bits.array());
  }

  @Override
  public void close() {
    close(prm, small, policy, files);
  }
}
