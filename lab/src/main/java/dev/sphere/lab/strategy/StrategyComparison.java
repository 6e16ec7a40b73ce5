package dev.sphere.lab.strategy;

import dev.sphere.base.InFlight;
import dev.sphere.engine.OutcomeReward;
import dev.sphere.engine.Policy;
import dev.sphere.engine.Problem;
import dev.sphere.engine.Progress;
import dev.sphere.engine.TokenPath;
import dev.sphere.engine.eval.Statistics;
import dev.sphere.engine.prompt.Prompts;
import dev.sphere.engine.reward.GradedAnswers;
import dev.sphere.engine.search.Distinct;
import dev.sphere.engine.search.SearchSettings;
import dev.sphere.engine.stage.PrmFactory;
import dev.sphere.engine.strategy.Solution;
import dev.sphere.engine.strategy.Solver;
import dev.sphere.engine.strategy.StrategyResult;
import dev.sphere.grade.AnswerGrader;
import dev.sphere.grade.Verdict;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;

/**
 * Several strategies on the same problems at the same budgets, over the same policy and process reward. No strategy
 * knows the answers (unless the process reward does, as Monte Carlo): solutions are graded afterwards.
 */
final class StrategyComparison {
  private static final double Z = 1.959963984540054;
  private static final OutcomeReward BLIND = (problem, solution) -> false;

  private final Policy policy;
  private final PrmFactory prm;
  private final int passes;
  private final Runnable forget;
  private final SearchSettings search;
  private final Prompts prompts;
  private final long seed;
  private final int parallel;
  private final AnswerGrader grader = new AnswerGrader();
  private final GradedAnswers outcome = new GradedAnswers();

  /**
   * One problem under one strategy.
   *
   * @param problemId the problem
   * @param right the solution that the strategy ranks highest is right
   * @param voteRight the answer with the highest sum of values is right
   * @param solutions complete solutions that it found
   * @param rightSolutions those that are right
   * @param pairs distinct pairs of a right and a wrong solution, at most four
   * @param tokens spent
   */
  public record Outcome(
      String problemId, boolean right, boolean voteRight, int solutions, int rightSolutions, int pairs, long tokens) {}

  /**
   * One strategy at one budget.
   *
   * @param settings the strategy
   * @param outcomes by problem, in order
   * @param generated tokens generated in all
   * @param read tokens that reward models read in all
   * @param seconds that it took
   */
  public record Cell(
      ComparedSettings settings, List<Outcome> outcomes, long generated, long read, double seconds) {
    int right() {
      return (int) outcomes.stream().filter(Outcome::right).count();
    }

    int voteRight() {
      return (int) outcomes.stream().filter(Outcome::voteRight).count();
    }

    /** Share of problems whose best-ranked solution is right. */
    public double accuracy() {
      return (double) right() / outcomes.size();
    }

    /** Share of problems that the weighted vote solves. */
    public double voteAccuracy() {
      return (double) voteRight() / outcomes.size();
    }

    /** Share of problems for which any solution found is right. */
    public double coverage() {
      return outcomes.stream().filter(o -> o.rightSolutions > 0).count() / (double) outcomes.size();
    }

    Statistics.Interval interval() {
      return Statistics.wilson(right(), outcomes.size(), Z);
    }

    /** Tokens spent on a problem, on average. */
    public double tokensPerProblem() {
      return (double) (generated + read) / outcomes.size();
    }

    /** Distinct pairs in all. */
    public int pairs() {
      return outcomes.stream().mapToInt(Outcome::pairs).sum();
    }

    /** Problems that gave a pair. */
    public int withPairs() {
      return (int) outcomes.stream().filter(o -> o.pairs > 0).count();
    }

    /** Pairs for a million tokens. */
    public double pairsPerMillion() {
      return pairs() * 1e6 / (generated + read);
    }
  }

  private record Solved(Outcome outcome, long generated, long read) {}

  /**
   * @param passes how many models read a step to score it
   * @param forget makes the process reward forget known scores, so that every cell pays for its own
   * @param parallel problems in flight; changes the speed alone
   */
  public StrategyComparison(Policy policy, PrmFactory prm, int passes, Runnable forget, SearchSettings search,
      Prompts prompts, long seed, int parallel) {
    this.policy = policy;
    this.prm = prm;
    this.passes = passes;
    this.forget = forget;
    this.search = search;
    this.prompts = prompts;
    this.seed = seed;
    this.parallel = parallel;
  }

  /**
   * Runs every strategy at every budget.
   *
   * @param progress hears of each that is done, with its figures
   */
  public List<Cell> run(List<Problem> problems, List<ComparedSettings> strategies, Progress progress)
      throws InterruptedException {
    List<Cell> cells = new ArrayList<>();
    progress.begin("compare", "strategies and budgets", 0, strategies.size());
    for (ComparedSettings settings : strategies) {
      forget.run();
      Cell cell = cell(problems, settings);
      cells.add(cell);
      progress.note(String.format(Locale.ROOT, "%s, budget %d: %.1f %%, %.0f tokens a problem, %.1f s",
          settings.kind().label(), settings.budget(), 100 * cell.accuracy(), cell.tokensPerProblem(), cell.seconds()));
      progress.at(cells.size(), () -> settings.kind().label());
    }
    return cells;
  }

  private Cell cell(List<Problem> problems, ComparedSettings settings) throws InterruptedException {
    long start = System.nanoTime();
    Solved[] all = new Solved[problems.size()];
    InFlight.run(problems, parallel, p -> solve(p, settings), (i, done) -> all[i] = done);
    return new Cell(settings, Arrays.stream(all).map(Solved::outcome).toList(),
        Arrays.stream(all).mapToLong(Solved::generated).sum(), Arrays.stream(all).mapToLong(Solved::read).sum(),
        (System.nanoTime() - start) / 1e9);
  }

  /** Solves one problem by a strategy. */
  StrategyResult found(Problem problem, String name, TokenPath prompt, ComparedSettings settings)
      throws InterruptedException {
    Solution root = Solution.root(prompt);
    StepSampler sampler = new StepSampler(problem, name, policy, prm, passes, search, settings, seed);
    return switch (settings.kind()) {
      case SPHERE, BEST_OF_N, REJECTION ->
          new Solver(policy, prm, passes, BLIND, search, settings.ofSearch(), seed).solve(problem, name, prompt);
      case BEAM -> sampler.result(Beams.beams(sampler, root, settings.beams() / settings.width()));
      case DVTS -> sampler.result(Beams.beams(sampler, root, 1));
      case MCTS -> sampler.result(new Mcts(sampler, search.uct()).run(root));
    };
  }

  private Solved solve(Problem problem, ComparedSettings settings) throws InterruptedException {
    TokenPath prompt = TokenPath.root(policy.tokenizePrompt(policy.prompt(prompts.ask(problem))));
    StrategyResult found = found(problem, settings.kind().label(), prompt, settings);
    List<Verdict> verdicts = new ArrayList<>();
    Set<String> right = new HashSet<>();
    Set<String> wrong = new HashSet<>();
    int complete = 0;
    int rights = 0;
    for (Solution s : found.solutions()) {
      Verdict v = outcome.grade(problem, s.text());
      verdicts.add(v);
      if (!s.truncated()) {
        complete++;
        rights += v.equal() ? 1 : 0;
        (v.equal() ? right : wrong).add(Distinct.WHITESPACE.normalise(s.text()));
      }
    }
    Solution best = settings.kind() == ComparedStrategy.REJECTION ? vote(found, verdicts) : found.best();
    boolean bestRight = !best.truncated() && verdicts.get(found.solutions().indexOf(best)).equal();
    Solution voted = vote(found, verdicts);
    boolean voteRight = !voted.truncated() && verdicts.get(found.solutions().indexOf(voted)).equal();
    Outcome outcome = new Outcome(problem.id(), bestRight, voteRight, complete, rights,
        (int) Math.min(4, (long) right.size() * wrong.size()), found.spent());
    return new Solved(outcome, found.generated(), found.read());
  }

  /** A solution of the answer whose solutions have the highest sum of values; the first among equals. */
  private Solution vote(StrategyResult found, List<Verdict> verdicts) {
    List<Integer> heads = new ArrayList<>();
    List<Double> sums = new ArrayList<>();
    for (int i = 0; i < found.solutions().size(); i++) {
      String answer = verdicts.get(i).pred();
      if (found.solutions().get(i).truncated() || answer == null || answer.isBlank()) {
        continue;
      }
      int home = -1;
      for (int h = 0; h < heads.size() && home < 0; h++) {
        String known = verdicts.get(heads.get(h)).pred();
        home = known.equals(answer) || grader.grade(known, answer).equal() ? h : -1;
      }
      if (home < 0) {
        heads.add(i);
        sums.add(found.values().get(i));
      } else {
        sums.set(home, sums.get(home) + found.values().get(i));
      }
    }
    int best = -1;
    for (int h = 0; h < heads.size(); h++) {
      best = best < 0 || sums.get(h) > sums.get(best) ? h : best;
    }
    return best < 0 ? found.solutions().getFirst() : found.solutions().get(heads.get(best));
  }
}
