package dev.sphere.engine;

import java.util.List;

/** Scores reasoning steps: the paper's π_prm. */
public interface ProcessRewardModel {
  /**
   * Scores candidate next steps after the same path.
   *
   * @param problem the problem that is being solved
   * @param path prompt and the steps so far
   * @param key names the random numbers a sampling scorer may use; the candidate's index is its {@code draw}
   * @param candidates the next steps
   * @return a score in [0, 1] for each candidate, in order
   */
  double[] score(Problem problem, TokenPath path, DrawKey key, List<Generation> candidates) throws InterruptedException;

  /**
   * Scores, and what stands behind them.
   *
   * @param scores in [0, 1], one for each candidate
   * @param rollouts completions that each score is the share of; 0 where it is none
   * @param drawn tokens of all these completions
   */
  record Judgement(double[] scores, int[] rollouts, long drawn) {}

  /** As {@link #score}; a reward that rolls out says how many rollouts it took, and how many tokens they have. */
  default Judgement judge(Problem problem, TokenPath path, DrawKey key, List<Generation> candidates)
      throws InterruptedException {
    double[] scores = score(problem, path, key, candidates);
    return new Judgement(scores, new int[scores.length], 0);
  }
}
