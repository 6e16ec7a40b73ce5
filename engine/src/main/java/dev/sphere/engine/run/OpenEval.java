package dev.sphere.engine.run;

import dev.sphere.base.HeldFiles;
import dev.sphere.bindings.load.NativeRuntime;
import dev.sphere.engine.Problem;
import dev.sphere.engine.Progress;
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
import dev.sphere.engine.stage.Workers;
import dev.sphere.engine.store.RecordLines;
import dev.sphere.engine.store.StoreException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.function.Supplier;

/** An evaluation whose models are loaded. Thread-safe but for closing. */
public final class OpenEval implements Worker {
  /** Problems that an executor is given at once at most: an answer has few rows. */
  private static final int TOGETHER = 16;

  /**
   * What is asked, and how.
   *
   * @param model the policy's file
   * @param adapter null for none
   * @param prompts what is said to it
   * @param settings how it answers
   * @param reward judges the answers' steps; null for none
   * @param separator that ends a step
   * @param precision how exactly the model computes
   */
  public record Plan(Path model, Path adapter, Prompts prompts, EvalSettings settings, PrmSpec reward, String separator,
      Precision precision) {
    /** All model files, null among them. */
    public List<Path> files() {
      return reward == null ? Arrays.asList(model, adapter) : reward.filesWith(model, adapter);
    }

    /** Opens all files, see {@link HeldFiles}. */
    public HeldFiles hold() {
      return new HeldFiles(files());
    }

    /** Everything but the problems that decides the answers, as text by name; {@code set} puts the problems among it. */
    public Map<String, String> identity(ProblemSet set) {
      precision.use();
      Map<String, String> made = EvalIdentity.of(model, adapter, set, prompts, settings);
      String activations = precision.identity(model);
      if (activations != null) {
        made.put("activations", activations);
      }
      String attention = Precision.attention(model);
      if (attention != null) {
        made.put("attention", attention);
      }
      if (reward != null) {
        made.put("process reward", reward.kind() + (reward.kind().equals("mc") ? ", " + reward.monteCarlo().rollouts() + " rollouts" : "")
            + (reward.knowsAnswers() ? " (knows the answers: what it selects proves nothing about skill)" : ""));
      }
      return made;
    }

    /** What other machines must agree in. */
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
  private final HeldFiles files; // null: the caller holds them
  private final BatchedPolicy policy;
  private final OpenPrm judge; // null for none
  private final Evaluator evaluator;

  private OpenEval(Plan plan, HeldFiles files, BatchedPolicy policy, OpenPrm judge) {
    this.plan = plan;
    this.files = files;
    this.policy = policy;
    this.judge = judge;
    StepScorer scorer = judge == null ? null
        : new StepScorer(policy, judge.factory(plan.model()).over(policy), plan.separator());
    this.evaluator = new Evaluator(policy, plan.prompts(), scorer);
  }

  /**
   * Loads the models in a process that works for another's evaluation.
   *
   * @param asked {@link Plan#forWorkers} of that one
   * @param parallel answers that step together; 0 for as many as are efficient
   * @throws IllegalArgumentException when this process would give other answers
   */
  public static OpenEval open(Plan plan, Map<String, String> asked, int parallel) {
    NativeRuntime.require();
    HeldFiles files = plan.hold();
    try {
      Worker.requireSame(asked, plan.forWorkers());
      return load(plan, files, parallel);
    } catch (Throwable t) {
      files.close();
      throw t;
    }
  }

  private static OpenEval load(Plan plan, HeldFiles files, int parallel) {
    plan.precision().use();
    BatchedPolicy policy = BatchedPolicy.open(plan.model(), plan.adapter(), plan.prompts().template(), parallel);
    try {
      return new OpenEval(plan, files, policy, plan.reward() == null ? null : plan.reward().open(new GradedAnswers()));
    } catch (Throwable t) {
      policy.close();
      throw t;
    }
  }

  /**
   * Asks what is not known, here or on other machines.
   *
   * @param files the plan's, held
   * @param parallel answers that step together here; 0 for as many as are efficient
   * @param crew other machines, asked for when there is something to do; null: this process asks
   * @param known the stored answers by problem
   * @param keep given each problem's answers as they come
   * @throws dev.sphere.base.FileChangedException when a model's file has changed; answers that came after are not kept
   */
  public static EvalResult run(Plan plan, HeldFiles files, int parallel, Supplier<Cluster.Crew> crew, List<Problem> problems,
      Map<String, List<Answered>> known, Consumer<List<Answered>> keep, Progress progress) throws InterruptedException {
    Consumer<List<Answered>> checked = answers -> {
      files.requireUnchanged();
      keep.accept(answers);
    };
    EvalResult result;
    if (crew == null) {
      try (OpenEval here = load(plan, null, parallel)) {
        result = here.evaluator.run(problems, plan.settings(), known, checked, progress);
      }
    } else {
      int each = plan.settings().answers();
      result = Evaluator.run(problems, each, elsewhere(crew, each), known, checked, progress);
    }
    files.requireUnchanged();
    return result;
  }

  private static Evaluator.Asking elsewhere(Supplier<Cluster.Crew> crew, int perProblem) {
    return (problems, done) -> {
      if (problems.isEmpty()) {
        return; // nobody needs to be there
      }
      Map<String, Integer> places = new HashMap<>();
      List<byte[]> tasks = new ArrayList<>();
      for (Problem p : problems) {
        if (places.put(p.id(), tasks.size()) != null) {
          throw new IllegalArgumentException("two problems have the id " + p.id() + ": ids must be unique");
        }
        tasks.add(RecordLines.of(new Workers.Task(Workers.Kind.SOLVE, p, null, null)));
      }
      crew.get().run("eval", tasks, TOGETHER, some -> {
        for (byte[] lines : some) {
          List<Answered> answers = RecordLines.rows(lines, Answered.class);
          if (answers.size() != perProblem) {
            throw new StoreException("a worker gave " + answers.size() + " answers in place of " + perProblem);
          }
          done.accept(places.get(answers.getFirst().problemId()), answers);
        }
      });
    };
  }

  @Override
  public byte[] work(byte[] task) throws InterruptedException {
    byte[] lines = RecordLines.of(evaluator.answers(RecordLines.task(task).problem(), plan.settings()));
    files.requireUnchanged();
    return lines;
  }

  @Override
  public String fingerprint() throws InterruptedException {
    return Worker.fingerprint(policy);
  }

  @Override
  public void close() {
    if (judge != null) {
      judge.close();
    }
    policy.close();
    if (files != null) {
      files.close();
    }
  }
}
