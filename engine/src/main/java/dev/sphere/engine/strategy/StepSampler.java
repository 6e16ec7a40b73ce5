package dev.sphere.engine.strategy;

import dev.sphere.base.SplitMix;
import dev.sphere.engine.DrawKey;
import dev.sphere.engine.Generation;
import dev.sphere.engine.Policy;
import dev.sphere.engine.Problem;
import dev.sphere.engine.ProcessRewardModel;
import dev.sphere.engine.SamplingSettings;
import dev.sphere.engine.StopRule;
import dev.sphere.engine.TokenPath;
import dev.sphere.engine.reward.Aggregation;
import dev.sphere.engine.search.FinalAnswer;
import dev.sphere.engine.search.SearchSettings;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Samples whole solutions of one problem, scores them, and counts the tokens of both in the budget. */
final class StepSampler {
  private final Problem problem;
  private final String name;
  private final Policy policy;
  private final ProcessRewardModel prm;
  private final int passes;
  private final SearchSettings search;
  private final StrategySettings settings;
  private final long seed;
  private final TokenBudget budget;
  private final StopRule endOfStep;

  /**
   * @param name of this piece of work within the problem: part of the random numbers' key
   * @param policy counts what it generates in the budget
   * @param passes how many models read a step to score it
   */
  StepSampler(Problem problem, String name, Policy policy, ProcessRewardModel prm, int passes, SearchSettings search,
      StrategySettings settings, long seed, TokenBudget budget) {
    this.problem = problem;
    this.name = name;
    this.policy = policy;
    this.prm = prm;
    this.passes = passes;
    this.search = search;
    this.settings = settings;
    this.seed = seed;
    this.budget = budget;
    this.endOfStep = StopRule.afterStep(search.separator());
  }

  TokenBudget budget() {
    return budget;
  }

  double value(Solution solution) {
    return settings.aggregation().of(solution.scores());
  }

  /** Samples {@code n} whole solutions; they are cut into steps, but not scored. */
  List<Solution> complete(Solution root, String node, int n) throws InterruptedException {
    SamplingSettings one = search.sampling();
    int most = Math.multiplyExact(one.maxTokens(), search.maxDepth());
    SamplingSettings whole = new SamplingSettings(one.temperature(), one.topK(), one.topP(), one.minP(), most);
    List<Solution> solutions = new ArrayList<>();
    StopRule stop = FinalAnswer.stop(root.path().marker(), root.text());
    for (Generation g : policy.generate(root.path(), requests(node, n, whole, stop))) {
      Solution solution = root;
      for (Generation step : split(g)) {
        solution = solution.extend(step, Double.NaN, search);
      }
      solutions.add(new Solution(solution.path(), solution.steps(), List.of(), true,
          g.finish() == Generation.Finish.LENGTH));
    }
    return solutions;
  }

  /** Cuts a generation into steps, at the places at which {@link StopRule#afterStep} would have stopped. */
  private List<Generation> split(Generation whole) {
    List<Generation> steps = new ArrayList<>();
    int from = 0;
    String before = "";
    for (int i = 1; i <= whole.tokens().length; i++) {
      boolean last = i == whole.tokens().length;
      String text = last ? whole.text() : policy.detokenize(Arrays.copyOf(whole.tokens(), i));
      String step = text.startsWith(before) ? text.substring(before.length()) : text;
      if (last || endOfStep.stop(step, 0)) {
        steps.add(new Generation(Arrays.copyOfRange(whole.tokens(), from, i),
            Arrays.copyOfRange(whole.logProbs(), from, i), step,
            last ? whole.finish() : Generation.Finish.STOP));
        from = i;
        before = text;
      }
    }
    return steps;
  }

  /** A complete solution with the scores that its rank needs: of the last step, or of all. */
  Solution scored(Solution whole, String node) throws InterruptedException {
    List<TokenPath> before = new ArrayList<>();
    for (TokenPath p = whole.path().parent(); p != null && before.size() < whole.steps().size(); p = p.parent()) {
      before.addFirst(p);
    }
    int n = whole.steps().size();
    if (n == 0) {
      return whole; // the prompt left no room
    }
    boolean lastOnly = settings.aggregation() == Aggregation.LAST;
    List<Double> scores = new ArrayList<>();
    for (int i = lastOnly ? n - 1 : 0; i < n; i++) {
      scores.add(score(before.get(i), node + "/" + i, whole.steps().subList(i, i + 1))[0]);
    }
    if (lastOnly) { // a model reads all that stands before, too
      budget.read((long) passes * (before.getLast().length() - before.getFirst().length()));
    }
    return new Solution(whole.path(), whole.steps(), scores, true, whole.truncated());
  }

  private double[] score(TokenPath path, String node, List<Generation> steps) throws InterruptedException {
    double[] scores = prm.score(problem, path, new DrawKey(seed, problemKey(), key(node + "#"), 0), steps);
    budget.read((long) passes * steps.stream().mapToInt(s -> s.tokens().length).sum());
    return scores;
  }

  private List<Policy.Request> requests(String node, int n, SamplingSettings sampling, StopRule stop) {
    List<Policy.Request> requests = new ArrayList<>();
    for (int i = 0; i < n; i++) {
      requests.add(new Policy.Request(new DrawKey(seed, problemKey(), key(node), i), sampling, stop));
    }
    return requests;
  }

  private long problemKey() {
    return SplitMix.hash(problem.id());
  }

  private long key(String node) {
    return SplitMix.hash(name + ':' + settings.kind().label() + '/' + node);
  }
}
