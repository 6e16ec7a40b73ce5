package dev.sphere.engine.search;

import java.util.List;

/**
 * The result of one expansion of a node: the unit in which a growing tree is stored.
 *
 * @param problemId the problem
 * @param search name of the search within the problem: its stage, and what it corrects
 * @param path the node's place in the tree: from the root, {@code +} for each S_max and {@code -} for each S_min taken
 * @param candidates the distinct candidates in the order of their first draw, pruned ones included
 * @param max index of S_max, the highest R (the first among equals) of the candidates that were not cut at a limit
 * @param min index of S_min, the lowest R of them (the last among equals); equals {@code max} when there is one only
 * @param draws how many candidates were sampled, duplicates included
 * @param rolled tokens of the rollouts that the candidates' scores stand on; 0 where there are none
 */
public record Expansion(
    String problemId, String search, String path, List<Candidate> candidates, int max, int min, int draws,
        long rolled) {
  /** An expansion whose candidates' scores stand on no rollouts. */
  public Expansion(String problemId, String search, String path, List<Candidate> candidates, int max, int min,
      int draws) {
    this(problemId, search, path, candidates, max, min, draws, 0);
  }

  public Expansion {
    candidates = List.copyOf(candidates);
  }

  public Candidate sMax() {
    return candidates.get(max);
  }

  public Candidate sMin() {
    return candidates.get(min);
  }
}
