package dev.sphere.engine.eval;

import dev.sphere.base.SplitMix;
import dev.sphere.engine.DrawKey;
import dev.sphere.engine.Generation;
import dev.sphere.engine.MarkedText;
import dev.sphere.engine.Policy;
import dev.sphere.engine.Problem;
import dev.sphere.engine.Progress;
import dev.sphere.engine.SamplingSettings;
import dev.sphere.engine.StopRule;
import dev.sphere.engine.TokenPath;
import dev.sphere.engine.Workers;
import dev.sphere.engine.prompt.Prompts;
import dev.sphere.engine.reward.GradedAnswers;
import dev.sphere.grade.AnswerGrader;
import dev.sphere.grade.Verdict;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Consumer;

/**
 * Asks a policy all problems and grades its answers. Several problems are in flight so that the rollout engine's batch
 * stays full; the answers depend on model, problems and settings alone.
 */
public final class Evaluator {
  private final Policy policy;
  private final Prompts prompts;
  private final StepScorer scorer; // null when no process reward judges
  private final GradedAnswers grader = new GradedAnswers();

  public Evaluator(Policy policy, Prompts prompts) {
    this(policy, prompts, null);
  }

  /**
   * @param scorer scores each answer's steps, for best-of-N and weighted votes; null for none
   */
  public Evaluator(Policy policy, Prompts prompts, StepScorer scorer) {
    this.policy = policy;
    this.prompts = prompts;
    this.scorer = scorer;
  }

  /**
   * Evaluates from the beginning.
   *
   * @param progress is given each problem that is done, from the calling thread
   * @return the answers in the order of the problems: the greedy one first, then the samples
   * @throws InterruptedException when the calling thread was interrupted; nothing goes on in the background
   */
  public EvalResult run(List<Problem> problems, EvalSettings settings, Progress progress) throws InterruptedException {
    return run(problems, settings, Map.of(), answers -> {}, progress);
  }

  /**
   * Evaluates what is missing.
   *
   * @param known the answers to problems that were asked before, by problem id; they are not asked again
   * @param keep is given the answers to each problem that is asked now, in the order in which they are done, from the
   *     calling thread
   * @param progress is given each problem after that
   */
  public EvalResult run(List<Problem> problems, EvalSettings settings, Map<String, List<Answered>> known,
      Consumer<List<Answered>> keep, Progress progress) throws InterruptedException {
    return run(problems, settings.answers(), Workers.threads(settings.inFlight(), p -> answers(p, settings)), known,
        keep, progress);
  }

  /**
   * Evaluates what is missing by any workers.
   *
   * @param perProblem answers to a problem
   * @param workers give all answers to a problem
   */
  public static EvalResult run(List<Problem> problems, int perProblem, Workers<Problem, List<Answered>> workers,
      Map<String, List<Answered>> known, Consumer<List<Answered>> keep, Progress progress) throws InterruptedException {
    if (problems.isEmpty()) {
      throw new IllegalArgumentException("there are no problems to evaluate");
    }
    List<Problem> open = problems.stream().filter(p -> !known.containsKey(p.id())).toList();
    int before = problems.size() - open.size();
    progress.begin("evaluate", "problems", before, problems.size());
    List<List<Answered>> answered = new ArrayList<>(Collections.nCopies(open.size(), List.of()));
    List<Answered> fresh = new ArrayList<>();
    workers.run(open, some -> {
      for (Workers.Result<List<Answered>> done : some) {
        keep.accept(done.value());
        answered.set(done.index(), done.value());
        fresh.addAll(done.value());
        progress.at(before + fresh.size() / perProblem, () -> words(fresh, perProblem));
      }
    });
    List<Answered> all = new ArrayList<>();
    int next = 0;
    for (Problem p : problems) {
      List<Answered> stored = known.get(p.id());
      all.addAll(stored != null ? stored : answered.get(next++));
    }
    return EvalResult.of(all, new AnswerGrader());
  }

  private static String words(List<Answered> answers, int perProblem) {
    double problems = (double) answers.size() / perProblem;
    return String.format(Locale.ROOT, "%d %% right, %,.0f tokens a problem",
        100 * answers.stream().filter(Answered::correct).count() / answers.size(),
        answers.stream().mapToInt(Answered::tokens).sum() / problems);
  }

  /** Asks one problem: the greedy answer first, then the samples. Safe for many threads. */
  public List<Answered> answers(Problem problem, EvalSettings settings) throws InterruptedException {
    MarkedText prompt = policy.prompt(prompts.ask(problem));
    TokenPath path = TokenPath.root(policy.tokenizePrompt(prompt));
    long id = SplitMix.hash(problem.id());
    StopRule stop = settings.stopRule();
    List<Policy.Request> requests = new ArrayList<>();
    if (settings.greedy()) {
      requests.add(new Policy.Request(new DrawKey(settings.seed(), id, SplitMix.hash("eval greedy"), 0),
          SamplingSettings.greedy(settings.sampling().maxTokens()), stop));
    }
    for (int k = 0; k < settings.samples(); k++) {
      requests.add(new Policy.Request(
          new DrawKey(settings.seed(), id, SplitMix.hash("eval sample"), k), settings.sampling(), stop));
    }
    List<Generation> generations = policy.generate(path, requests);
    List<Answered> answers = new ArrayList<>();
    for (int i = 0; i < generations.size(); i++) {
      Generation g = generations.get(i);
      int sample = settings.greedy() ? i - 1 : i;
      String text = settings.cut(g.text());
      Verdict v = grader.grade(problem, text);
      List<Double> steps = scorer == null ? List.of()
          : scorer.score(problem, path, g, new DrawKey(settings.seed(), id, SplitMix.hash("eval steps"), sample + 1));
      answers.add(new Answered(problem.id(), problem.answer(), sample, text, v.pred(), v.equal(), v.how(),
          g.tokens().length, g.finish() == Generation.Finish.LENGTH, steps, problem.metadata()));
    }
    return answers;
  }

  /** Grades stored answers again, with today's rules. */
  public static EvalResult regrade(List<Answered> stored) {
    GradedAnswers grader = new GradedAnswers();
    List<Answered> again = stored.stream().map(a -> {
      Verdict v = grader.grade(new Problem(a.problemId(), "", a.gold(), a.metadata()), a.text());
      return new Answered(a.problemId(), a.gold(), a.sample(), a.text(), v.pred(), v.equal(), v.how(), a.tokens(),
          a.truncated(), a.steps(), a.metadata());
    }).toList();
    return EvalResult.of(again, new AnswerGrader());
  }
}
