package dev.sphere.engine.strategy;

import dev.sphere.base.InFlight;
import dev.sphere.engine.Policy;
import dev.sphere.engine.Problem;
import dev.sphere.engine.TokenPath;
import dev.sphere.engine.eval.Statistics;
import dev.sphere.engine.prompt.Prompts;
import dev.sphere.engine.reward.Aggregation;
import dev.sphere.engine.reward.GradedAnswers;
import dev.sphere.engine.search.SearchSettings;
import dev.sphere.engine.stage.PrmFactory;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.Semaphore;

/**
 * The gain of choosing by a process reward among N sampled solutions over taking one of them blindly.
 *
 * @param problems number of problems
 * @param samples N
 * @param mean share of right samples: the blind choice
 * @param coverage share of problems with any right sample: the best possible choice
 * @param chosen share of problems whose chosen sample is right, by aggregation
 * @param gain chosen minus mean, by aggregation, with its paired bootstrap interval
 * @param generated tokens generated, rollouts of the process reward included
 * @param read tokens that reward models read
 */
public record BestOfNGain(int problems, int samples, double mean, double coverage, Map<Aggregation, Double> chosen,
    Map<Aggregation, Statistics.Interval> gain, long generated, long read) {
  private static final int RESAMPLES = 10_000;

  private record Row(int right, boolean[] chosen, long generated, long read) {}

  /** Measures: one set of samples, every step scored, all aggregations. */
  public static BestOfNGain measure(Policy policy, PrmFactory prm, int passes, SearchSettings search, Prompts prompts,
      List<Problem> problems, int samples, long seed, int parallel) throws InterruptedException {
    // MIN needs the scores of all steps; a budget of one token ends after the first N samples.
    StrategySettings settings = new StrategySettings(Strategy.BEST_OF_N, 1, samples, Aggregation.MIN);
    Solver solver = new Solver(policy, prm, passes, (p, s) -> false, search, settings, seed);
    GradedAnswers grader = new GradedAnswers();
    Semaphore places = new Semaphore(parallel);
    List<Callable<Row>> work = new ArrayList<>();
    for (Problem problem : problems) {
      work.add(() -> {
        places.acquire();
        try {
          TokenPath prompt = TokenPath.root(policy.tokenizePrompt(policy.prompt(prompts.ask(problem))));
          return row(solver.solve(problem, "best-of-n", prompt), problem, grader);
        } finally {
          places.release();
        }
      });
    }
    return of(InFlight.together(work), samples);
  }

  private static Row row(StrategyResult found, Problem problem, GradedAnswers grader) {
    List<Solution> solutions = found.solutions();
    boolean[] right = new boolean[solutions.size()];
    int count = 0;
    for (int i = 0; i < right.length; i++) {
      right[i] = !solutions.get(i).truncated() && grader.correct(problem, solutions.get(i).text());
      count += right[i] ? 1 : 0;
    }
    boolean[] chosen = new boolean[Aggregation.values().length];
    for (Aggregation a : Aggregation.values()) {
      int best = -1;
      for (int i = 0; i < right.length; i++) {
        if (!solutions.get(i).truncated()
            && (best < 0 || a.of(solutions.get(i).scores()) > a.of(solutions.get(best).scores()))) {
          best = i;
        }
      }
      chosen[a.ordinal()] = best >= 0 && right[best];
    }
    return new Row(count, chosen, found.generated(), found.read());
  }

  private static BestOfNGain of(List<Row> rows, int samples) {
    int n = rows.size();
    double[] blind = rows.stream().mapToDouble(r -> (double) r.right / samples).toArray();
    Map<Aggregation, Double> chosen = new LinkedHashMap<>();
    Map<Aggregation, Statistics.Interval> gain = new LinkedHashMap<>();
    double mean = 0;
    for (double b : blind) {
      mean += b / n;
    }
    for (Aggregation a : Aggregation.values()) {
      double[] picked = rows.stream().mapToDouble(r -> r.chosen[a.ordinal()] ? 1 : 0).toArray();
      double sum = 0;
      for (double p : picked) {
        sum += p;
      }
      chosen.put(a, sum / n);
      gain.put(a, Statistics.pairedBootstrap(blind, picked, RESAMPLES, 0.95, 1));
    }
    return new BestOfNGain(n, samples, mean, rows.stream().filter(r -> r.right > 0).count() / (double) n, chosen, gain,
        rows.stream().mapToLong(Row::generated).sum(), rows.stream().mapToLong(Row::read).sum());
  }

  /** The figures by name, as the JSON result has them. */
  public Map<String, Object> toMap() {
    Map<String, Object> m = new LinkedHashMap<>();
    m.put("problems", problems);
    m.put("samples", samples);
    m.put("mean", mean);
    m.put("coverage", coverage);
    Map<String, Object> by = new LinkedHashMap<>();
    for (Aggregation a : Aggregation.values()) {
      Map<String, Object> one = new LinkedHashMap<>();
      one.put("accuracy", chosen.get(a));
      one.put("gain", chosen.get(a) - mean);
      one.put("gain_low", gain.get(a).low());
      one.put("gain_high", gain.get(a).high());
      by.put(a.label(), one);
    }
    m.put("best_of_n", by);
    m.put("generated_tokens", generated);
    m.put("read_tokens", read);
    return m;
  }
}
