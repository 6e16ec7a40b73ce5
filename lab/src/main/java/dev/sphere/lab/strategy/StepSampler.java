package dev.sphere.lab.strategy;

import dev.sphere.base.SplitMix;
import dev.sphere.engine.DrawKey;
import dev.sphere.engine.Generation;
import dev.sphere.engine.Policy;
import dev.sphere.engine.Problem;
import dev.sphere.engine.ProcessRewardModel;
import dev.sphere.engine.StopRule;
import dev.sphere.engine.TokenPath;
import dev.sphere.engine.search.SearchSettings;
import dev.sphere.engine.stage.MeteredPolicy;
import dev.sphere.engine.stage.PrmFactory;
import dev.sphere.engine.strategy.Solution;
import dev.sphere.engine.strategy.StrategyResult;
import dev.sphere.engine.strategy.TokenBudget;
import java.util.ArrayList;
import java.util.List;

/** Samples the steps of a tree search over one problem, scores them, and counts the tokens of both in the budget. */
final class StepSampler {
  private final Problem problem;
  private final String name;
  private final Policy policy;
  private final ProcessRewardModel prm;
  private final int passes;
  private final SearchSettings search;
  private final ComparedSettings settings;
  private final long seed;
  private final TokenBudget budget;

  /**
   * @param name of this piece of work within the problem: part of the random numbers' key
   * @param passes how many models read a step to score it
   */
  StepSampler(Problem problem, String name, Policy policy, PrmFactory prm, int passes, SearchSettings search,
      ComparedSettings settings, long seed) {
    this.problem = problem;
    this.name = name;
    this.budget = new TokenBudget(settings.budget());
    this.policy = new MeteredPolicy(policy, tokens -> budget.generated().add(tokens));
    this.prm = prm.over(this.policy);
    this.passes = passes;
    this.search = search;
    this.settings = settings;
    this.seed = seed;
  }

  TokenBudget budget() {
    return budget;
  }

  ComparedSettings settings() {
    return settings;
  }

  /** The score by which a solution is ranked. */
  double value(Solution solution) {
    return settings.aggregation().of(solution.scores());
  }

  /** The result of a strategy that found these solutions. */
  StrategyResult result(List<Solution> solutions) {
    return new StrategyResult(
        solutions, solutions.stream().map(this::value).toList(), budget.generated().sum(), budget.readTokens());
  }

  /** Samples {@code n} next steps and scores them. */
  List<Solution> extend(Solution from, String node, int n) throws InterruptedException {
    List<Policy.Request> requests = new ArrayList<>();
    for (int i = 0; i < n; i++) {
      requests.add(new Policy.Request(key(node, i), search.sampling(), StopRule.afterStep(search.separator())));
    }
    TokenPath path = from.path();
    List<Generation> steps = policy.generate(path, requests);
    double[] scores = prm.score(problem, path, key(node + "#", 0), steps);
    budget.read((long) passes * steps.stream().mapToInt(s -> s.tokens().length).sum());
    List<Solution> extended = new ArrayList<>();
    for (int i = 0; i < steps.size(); i++) {
      extended.add(from.extend(steps.get(i), scores[i], search));
    }
    return extended;
  }

  private DrawKey key(String node, int draw) {
    return new DrawKey(seed, SplitMix.hash(problem.id()),
        SplitMix.hash(name + ':' + settings.kind().label() + '/' + node), draw);
  }
}
