package dev.sphere.engine.strategy;

import dev.sphere.base.InFlight;
import dev.sphere.engine.Generation;
import dev.sphere.engine.OutcomeReward;
import dev.sphere.engine.Policy;
import dev.sphere.engine.Problem;
import dev.sphere.engine.ProcessRewardModel;
import dev.sphere.engine.TokenPath;
import dev.sphere.engine.search.ExpansionLog;
import dev.sphere.engine.search.SearchNode;
import dev.sphere.engine.search.SearchSettings;
import dev.sphere.engine.search.SearchTree;
import dev.sphere.engine.search.SphereSearch;
import dev.sphere.engine.stage.MeteredPolicy;
import dev.sphere.engine.stage.PrmFactory;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;

/**
 * Spends a budget on a problem by a strategy. The result is a pure function of policy, reward, settings, seed, problem
 * and prompt. Safe for many threads, one problem each; calls block.
 */
public final class Solver {
  private final Policy policy;
  private final PrmFactory prm;
  private final int passes;
  private final OutcomeReward outcome;
  private final SearchSettings search;
  private final StrategySettings settings;
  private final long seed;

  /**
   * @param prm makes the process reward over the policy
   * @param passes how many models read a step to score it; their tokens count in the budget
   * @param outcome grades the ends of the paper's search, which backs the grades up; the others do not use it
   */
  public Solver(Policy policy, PrmFactory prm, int passes, OutcomeReward outcome, SearchSettings search,
      StrategySettings settings, long seed) {
    this.policy = policy;
    this.prm = prm;
    this.passes = passes;
    this.outcome = outcome;
    this.search = search;
    this.settings = settings;
    this.seed = seed;
  }

  /**
   * Solves one problem.
   *
   * @param name of this piece of work within the problem: part of the random numbers' key
   * @param prompt the prompt's tokens
   */
  public StrategyResult solve(Problem problem, String name, TokenPath prompt) throws InterruptedException {
    TokenBudget budget = new TokenBudget(settings.budget());
    Policy metered = new MeteredPolicy(policy, tokens -> budget.generated().add(tokens));
    ProcessRewardModel reward = prm.over(metered);
    StepSampler sampler = new StepSampler(problem, name, metered, reward, passes, search, settings, seed, budget);
    Solution root = Solution.root(prompt);
    List<Solution> solutions = switch (settings.kind()) {
      case SPHERE -> sphere(problem, name, prompt, metered, reward, budget);
      case BEST_OF_N -> independent(sampler, root, true);
      case REJECTION -> independent(sampler, root, false);
    };
    List<Double> values = solutions.stream()
        .map(s -> settings.kind() == Strategy.REJECTION ? 1.0 : sampler.value(s)).toList();
    return new StrategyResult(solutions, values, budget.generated().sum(), budget.readTokens());
  }

  /** Independent solutions, {@code width} at a time, until the budget is spent. */
  private List<Solution> independent(StepSampler sampler, Solution root, boolean score) throws InterruptedException {
    List<Solution> found = new ArrayList<>();
    for (int wave = 0; wave == 0 || sampler.budget().left(); wave++) {
      String node = "wave " + wave;
      long before = sampler.budget().spent();
      List<Solution> drawn = sampler.complete(root, node, settings.width());
      if (score) {
        List<Callable<Solution>> scoring = new ArrayList<>();
        for (int i = 0; i < drawn.size(); i++) {
          int index = i;
          scoring.add(() -> sampler.scored(drawn.get(index), node + "/" + index));
        }
        found.addAll(InFlight.together(scoring));
      } else {
        found.addAll(drawn);
      }
      if (sampler.budget().spent() == before) {
        break; // the prompt leaves no room
      }
    }
    return found;
  }

  /** Simulations in one tree, and in another one when it is exhausted. */
  private List<Solution> sphere(Problem problem, String name, TokenPath prompt, Policy metered,
      ProcessRewardModel reward, TokenBudget budget) throws InterruptedException {
    ProcessRewardModel paid = (p, path, key, candidates) -> {
      double[] scores = reward.score(p, path, key, candidates);
      budget.read((long) passes * candidates.stream().mapToInt(s -> s.tokens().length).sum());
      return scores;
    };
    SphereSearch pruned = new SphereSearch(metered, paid, outcome, search.withSimulations(Integer.MAX_VALUE), seed);
    List<Solution> found = new ArrayList<>();
    for (int tree = 0; tree == 0 || budget.left(); tree++) {
      long before = budget.spent();
      String tag = tree == 0 ? name : name + "." + (tree + 1);
      SearchTree grown = pruned.search(problem, tag, prompt, ExpansionLog.none(), budget::left);
      for (SearchTree.Simulation s : grown.simulations()) {
        found.add(solution(s.solMax()));
        if (s.solMin() != s.solMax()) {
          found.add(solution(s.solMin()));
        }
      }
      if (budget.spent() == before) {
        break; // the prompt leaves no room
      }
    }
    return found;
  }

  private static Solution solution(SearchNode end) {
    List<Generation> steps = new ArrayList<>();
    List<Double> scores = new ArrayList<>();
    for (SearchNode node = end; node.step() != null; node = node.parent()) {
      steps.addFirst(node.step().generation());
      scores.addFirst(node.step().prm());
    }
    return new Solution(end.tokens(), steps, scores, true, end.step().truncated());
  }
}
