package dev.sphere.engine.eval;

import dev.sphere.grade.AnswerGrader;
import dev.sphere.grade.extract.AnswerExtractor;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * The figures of an evaluation. Accuracies are shares in [0, 1].
 *
 * @param n problems
 * @param correct problems whose greedy answer is right; where there is no greedy answer, those that the vote solves
 * @param accuracy pass@1: of the greedy answers; where there are none, mean@k
 * @param interval Wilson's 95 % interval of {@code correct} of {@code n}
 * @param samples sampled answers a problem, k
 * @param meanAtK share of right samples; NaN without samples
 * @param majAtK share of problems that a majority vote over the k samples solves; NaN without samples
 * @param passAtK unbiased pass@j for j = 1, 2, 4, ... and k
 * @param scores for each problem 1 or 0 (greedy), or its share of right samples, in the order of the problems
 * @param truncated answers that a limit ended
 * @param guessed answers that are not stated, but had to be guessed from the text; those that a limit ended are not
 *     counted
 * @param tokens tokens generated
 * @param selections what a process reward makes of the samples, for each aggregation; empty without scores
 * @param breakdowns the accuracy by level, subject and the like
 * @param answers all answers
 */
public record EvalResult(
    int n,
    int correct,
    double accuracy,
    Statistics.Interval interval,
    int samples,
    double meanAtK,
    double majAtK,
    SortedMap<Integer, Double> passAtK,
    Map<String, Double> scores,
    int truncated,
    int guessed,
    long tokens,
    List<Selection> selections,
    List<Breakdown> breakdowns,
    List<Answered> answers) {
  /** The normal quantile of 95 %. */
  public static final double Z95 = 1.959963984540054;

  /** Computes the figures from the answers, which stand together by problem. */
  public static EvalResult of(List<Answered> answers, AnswerGrader grader) {
    Map<String, List<Answered>> byProblem = new LinkedHashMap<>();
    for (Answered a : answers) {
      byProblem.computeIfAbsent(a.problemId(), k -> new ArrayList<>()).add(a);
    }
    if (byProblem.isEmpty()) {
      throw new IllegalArgumentException("there are no answers to evaluate");
    }
    int n = byProblem.size();
    int greedyRight = 0;
    int greedy = 0;
    int k = Integer.MAX_VALUE;
    for (List<Answered> of : byProblem.values()) {
      k = Math.min(k, (int) of.stream().filter(a -> a.sample() >= 0).count());
      for (Answered a : of) {
        greedy += a.sample() < 0 ? 1 : 0;
        greedyRight += a.sample() < 0 && a.correct() ? 1 : 0;
      }
    }
    boolean hasGreedy = greedy == n;
    Map<String, Double> scores = new LinkedHashMap<>();
    SortedMap<Integer, Double> pass = new TreeMap<>();
    double mean = 0;
    int voted = 0;
    boolean scored = k > 0 && answers.stream().allMatch(a -> a.sample() < 0 || a.tokens() == 0 || !a.steps().isEmpty());
    Map<String, double[]> chosen = new LinkedHashMap<>();
    Map<String, Map<String, String>> metadata = new LinkedHashMap<>();
    for (Map.Entry<String, List<Answered>> e : byProblem.entrySet()) {
      List<Answered> samples = e.getValue().stream().filter(a -> a.sample() >= 0).limit(k).toList();
      int right = (int) samples.stream().filter(Answered::correct).count();
      double share = k == 0 ? Double.NaN : (double) right / k;
      mean += share / n;
      scores.put(e.getKey(), hasGreedy
          ? e.getValue().stream().anyMatch(a -> a.sample() < 0 && a.correct()) ? 1.0 : 0.0 : share);
      for (int j = 1; j <= k; j = j < k && 2 * j > k ? k : 2 * j) {
        pass.merge(j, Statistics.passAtK(k, right, j) / n, Double::sum);
      }
      metadata.put(e.getKey(), e.getValue().getFirst().metadata());
      if (k > 0) {
        List<Majority.Group> groups = Majority.groups(samples, grader);
        voted += Majority.elect(samples, groups, a -> 1).correct() ? 1 : 0;
        for (String way : scored ? Selection.ways() : List.<String>of()) {
          double[] won = chosen.computeIfAbsent(way, w -> new double[2]);
          won[0] += Selection.best(samples, way).correct() ? 1 : 0;
          won[1] += Majority.elect(samples, groups, a -> Selection.score(a, way)).correct() ? 1 : 0;
        }
      }
    }
    List<Selection> selections = chosen.entrySet().stream()
        .map(c -> new Selection(c.getKey(), c.getValue()[0] / n, c.getValue()[1] / n)).toList();
    int correct = hasGreedy ? greedyRight : voted;
    return new EvalResult(n, correct, hasGreedy ? (double) greedyRight / n : mean,
        Statistics.wilson(correct, n, Z95), k, k == 0 ? Double.NaN : mean,
        k == 0 ? Double.NaN : (double) voted / n, pass, scores,
        (int) answers.stream().filter(Answered::truncated).count(),
        (int) answers.stream()
            .filter(a -> !a.truncated() && !AnswerExtractor.extract(a.text()).form().stated()).count(),
        answers.stream().mapToLong(Answered::tokens).sum(), selections, Breakdown.of(scores, metadata),
        List.copyOf(answers));
  }

  /** The figures by name, as the JSON result has them; without the answers. */
  public Map<String, Object> toMap() {
    Map<String, Object> m = new LinkedHashMap<>();
    m.put("accuracy", accuracy);
    m.put("n", n);
    m.put("correct", correct);
    m.put("interval_low", interval.low());
    m.put("interval_high", interval.high());
    if (samples > 0) {
      m.put("samples", samples);
      m.put("mean_at_k", meanAtK);
      m.put("maj_at_k", majAtK);
      Map<String, Object> pass = new LinkedHashMap<>();
      passAtK.forEach((j, v) -> pass.put(String.valueOf(j), v));
      m.put("pass_at_k", pass);
    }
    if (!selections.isEmpty()) {
      Map<String, Object> bySteps = new LinkedHashMap<>();
      selections.forEach(c -> bySteps.put(c.aggregation(), Map.of("best_of_n", c.bestOfN(), "weighted_vote",
          c.weightedVote())));
      m.put("by_step_scores", bySteps);
    }
    if (!breakdowns.isEmpty()) {
      m.put("breakdown", breakdowns.stream().map(Breakdown::toMap).toList());
    }
    m.put("truncated", truncated);
    m.put("guessed", guessed);
    m.put("tokens", tokens);
    return m;
  }
}
