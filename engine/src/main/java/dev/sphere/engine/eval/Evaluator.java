package dev.sphere.engine.eval;

import dev.sphere.engine.DrawKey;
import dev.sphere.engine.Generation;
import dev.sphere.engine.Policy;
import dev.sphere.engine.Problem;
import dev.sphere.engine.SamplingSettings;
import dev.sphere.engine.StopRule;
import dev.sphere.engine.TokenPath;
import dev.sphere.engine.grade.AnswerGrader;
import dev.sphere.engine.grade.Verdict;
import dev.sphere.engine.search.Keys;
import dev.sphere.engine.stage.Prompts;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.Consumer;

/**
 * Asks a policy all problems and grades what it says. Several problems are in flight so that the rollout engine's batch
 * stays full; what comes out depends on model, problems and settings alone.
 */
public final class Evaluator {
  private final Policy policy;
  private final Prompts prompts;
  private final AnswerGrader grader = new AnswerGrader();

  public Evaluator(Policy policy, Prompts prompts) {
    this.policy = policy;
    this.prompts = prompts;
  }

  /**
   * Evaluates.
   *
   * @param progress is told each problem's answers, in the order of the problems, from the calling thread
   * @return the answers in the order of the problems: the greedy one first, then the samples
   * @throws InterruptedException when the calling thread was interrupted; nothing goes on in the background
   */
  public EvalResult run(List<Problem> problems, EvalSettings settings, Consumer<List<Answered>> progress)
      throws InterruptedException {
    if (problems.isEmpty()) {
      throw new IllegalArgumentException("there are no problems to evaluate");
    }
    List<Answered> all = new ArrayList<>();
    Deque<Future<List<Answered>>> inFlight = new ArrayDeque<>();
    ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();
    try {
      int next = 0;
      while (next < problems.size() || !inFlight.isEmpty()) {
        while (next < problems.size() && inFlight.size() < settings.inFlight()) {
          Problem p = problems.get(next++);
          inFlight.add(threads.submit(() -> answers(p, settings)));
        }
        List<Answered> done = inFlight.remove().get();
        all.addAll(done);
        progress.accept(done);
      }
    } catch (ExecutionException e) {
      switch (e.getCause()) {
        case RuntimeException r -> throw r;
        case Error error -> throw error;
        default -> throw new IllegalStateException("evaluation failed: " + e.getCause().getMessage(), e.getCause());
      }
    } finally {
      threads.shutdownNow();
      threads.close();
    }
    return EvalResult.of(all, grader);
  }

  private List<Answered> answers(Problem problem, EvalSettings settings) throws InterruptedException {
    String prompt = policy.render(prompts.ask(problem));
    TokenPath path = TokenPath.root(policy.tokenizePrompt(prompt));
    long id = Keys.hash(problem.id());
    List<Policy.Request> requests = new ArrayList<>();
    if (settings.greedy()) {
      requests.add(new Policy.Request(new DrawKey(settings.seed(), id, Keys.hash("eval greedy"), 0),
          SamplingSettings.greedy(settings.sampling().maxTokens()), StopRule.never()));
    }
    for (int k = 0; k < settings.samples(); k++) {
      requests.add(new Policy.Request(
          new DrawKey(settings.seed(), id, Keys.hash("eval sample"), k), settings.sampling(), StopRule.never()));
    }
    List<Generation> generations = policy.generate(path, requests);
    List<Answered> answers = new ArrayList<>();
    for (int i = 0; i < generations.size(); i++) {
      Generation g = generations.get(i);
      int sample = settings.greedy() ? i - 1 : i;
      Verdict v = grader.grade(problem.answer(), g.text());
      answers.add(new Answered(problem.id(), problem.answer(), sample, g.text(), v.pred(), v.equal(), v.how(),
          g.tokens().length, g.finish() == Generation.Finish.LENGTH));
    }
    return answers;
  }

  /** Grades stored answers again, with today's rules. */
  public static EvalResult regrade(List<Answered> stored) {
    AnswerGrader grader = new AnswerGrader();
    List<Answered> again = stored.stream().map(a -> {
      Verdict v = grader.grade(a.gold(), a.text());
      return new Answered(a.problemId(), a.gold(), a.sample(), a.text(), v.pred(), v.equal(), v.how(), a.tokens(),
          a.truncated());
    }).toList();
    return EvalResult.of(again, grader);
  }
}
