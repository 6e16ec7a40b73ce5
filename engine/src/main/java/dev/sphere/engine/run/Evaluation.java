package dev.sphere.engine.run;

import dev.sphere.base.HeldFiles;
import dev.sphere.bindings.load.NativeRuntime;
import dev.sphere.engine.Problem;
import dev.sphere.engine.Progress;
import dev.sphere.engine.Workers;
import dev.sphere.engine.data.ProblemSet;
import dev.sphere.engine.decode.BatchedPolicy;
import dev.sphere.engine.decode.Precision;
import dev.sphere.engine.eval.Answered;
import dev.sphere.engine.eval.EvalIdentity;
import dev.sphere.engine.eval.EvalResult;
import dev.sphere.engine.eval.EvalSettings;
import dev.sphere.engine.eval.Evaluator;
import dev.sphere.engine.eval.StepScorer;
import dev.sphere.engine.prompt.Prompts;
import dev.sphere.engine.reward.GradedAnswers;
import dev.sphere.engine.stage.PrmFactory;
import dev.sphere.engine.stage.Task;
import dev.sphere.engine.store.RecordLines;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;

/** An evaluation whose models are loaded. Thread-safe but for closing. */
public final class Evaluation implements WorkerPlan.Models {
  /** Problems that an executor is given at once at most: an answer has few rows. */
  private static final int TOGETHER = 16;

  /**
   * The model, its prompts and settings.
   *
   * @param model the policy's file
   * @param adapter null for none
   * @param prompts of the model
   * @param settings how it answers
   * @param reward judges the answers' steps; null for none
   * @param separator that ends a step
   * @param precision how exactly the model computes
   */
  public record Plan(Path model, Path adapter, Prompts prompts, EvalSettings settings, RewardSettings reward,
      String separator, Precision precision) {
    /** All model files, null among them. */
    public List<Path> files() {
      return reward == null ? Arrays.asList(model, adapter) : reward.filesWith(model, adapter);
    }

    /** Opens all files, see {@link HeldFiles}. */
    public HeldFiles hold() {
      return new HeldFiles(files());
    }

    /**
     * The identity of the answers, as text by name.
     *
     * @param set the problems; null where they are not part of it
     */
    public Map<String, String> identity(ProblemSet set) {
      precision.use();
      Map<String, String> made = EvalIdentity.of(model, adapter, set, prompts, settings);
      made.put("activations", precision.identity());
      if (reward != null) {
        made.put("process reward", reward.kind() + (reward.kind().equals("mc")
            ? ", " + reward.monteCarlo().rollouts() + " rollouts" : "")
            + (reward.knowsAnswers() ? " (knows the answers: what it selects proves nothing about skill)" : ""));
      }
      return made;
    }

    /** The identity in which other machines must agree. */
    public Map<String, String> forWorkers() {
      Map<String, String> made = identity(null);
      made.put("version.llama_cpp", NativeRuntime.status().llamaVersion());
      made.put("seed", String.valueOf(settings.seed()));
      if (reward != null) {
        made.put("reward", reward.monteCarlo() + " " + reward.beta() + " " + reward.sha256());
      }
      return made;
    }
  }

  private final Plan plan;
  private final BatchedPolicy policy;
  private final PrmFactory judge; // null for none
  private final Evaluator evaluator;

  private Evaluation(Plan plan, BatchedPolicy policy, PrmFactory judge) {
    this.plan = plan;
    this.policy = policy;
    this.judge = judge;
    StepScorer scorer = judge == null ? null
        : new StepScorer(policy, judge.over(policy), plan.separator());
    this.evaluator = new Evaluator(policy, plan.prompts(), scorer);
  }

  private static Evaluation load(Plan plan, int parallel) {
    plan.precision().use();
    if (plan.reward() != null) {
      plan.reward().requireReads(plan.model());
    }
    BatchedPolicy policy = BatchedPolicy.open(plan.model(), plan.adapter(), plan.prompts().template(), parallel);
    try {
      return new Evaluation(plan, policy, plan.reward() == null ? null : plan.reward().open(new GradedAnswers()));
    } catch (Throwable t) {
      policy.close();
      throw t;
    }
  }

  /**
   * The plan by which another process opens the models to answer problems of an evaluation.
   *
   * @param parallel answers that step together; 0 for as many as are efficient
   */
  public static WorkerPlan worker(Plan plan, int parallel) {
    return new WorkerPlan(plan.files(), plan::forWorkers, () -> load(plan, parallel));
  }

  /**
   * Asks the problems whose answers are not known.
   *
   * @param files the plan's, held
   * @param parallel answers that step together in this process; 0 for as many as are efficient
   * @param remote other machines that answer; without them this process does
   * @param known the stored answers by problem
   * @param keep given each problem's answers as they come
   * @throws dev.sphere.base.FileChangedException when a model's file has changed; answers that came after are not kept
   */
  public static EvalResult run(Plan plan, HeldFiles files, int parallel, Optional<Cluster.Remote> remote,
      List<Problem> problems, Map<String, List<Answered>> known, Consumer<List<Answered>> keep, Progress progress)
      throws InterruptedException {
    Consumer<List<Answered>> checked = answers -> {
      files.requireUnchanged();
      keep.accept(answers);
    };
    try (Evaluation here = remote.isPresent() ? null : load(plan, parallel)) {
      Workers<Problem, List<Answered>> workers = here != null
          ? Workers.threads(plan.settings().inFlight(), p -> here.evaluator.answers(p, plan.settings()))
          : remote.get().workers("eval", plan.forWorkers(), TOGETHER,
              p -> RecordLines.of(new Task.Solve(p, Optional.empty())), line -> RecordLines.rows(line, Answered.class));
      EvalResult result = Evaluator.run(problems, plan.settings().answers(), workers, known, checked, progress);
      files.requireUnchanged();
      return result;
    }
  }

  @Override
  public byte[] work(byte[] task) throws InterruptedException {
    return RecordLines.of(evaluator.answers(RecordLines.task(task).problem(), plan.settings()));
  }

  @Override
  public BatchedPolicy policy() {
    return policy;
  }

  @Override
  public void close() {
    try (policy; judge) {
      // nothing but closing them, the reward first
    }
  }
}
