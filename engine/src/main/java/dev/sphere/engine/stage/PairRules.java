package dev.sphere.engine.stage;

/**
 * Which pairs are left out.
 *
 * @param nearDuplicate a pair at least as alike to an earlier one of its problem ({@link NearDuplicates}) is left out;
 *     above 1 only exact repetitions are
 * @param perProblem most pairs of one problem, all stages together
 * @param lengthRatio most that the longer of chosen and rejected may be of the shorter one, in characters; 0: any
 * @param guessed a solution whose answer had to be guessed (the last number of its prose, say) may stand in a pair. A guess
 *     is often wrong on both sides: it swaps chosen and rejected
 */
public record PairRules(double nearDuplicate, int perProblem, double lengthRatio, boolean guessed) {
  public PairRules {
    if (!(nearDuplicate > 0) || perProblem < 1 || !(lengthRatio == 0 || lengthRatio >= 1)) {
      throw new IllegalArgumentException("near duplicates from " + nearDuplicate + ", " + perProblem
          + " pairs a problem, length ratio " + lengthRatio
          + ": expected a positive number, at least 1, and 0 (any) or at least 1");
    }
  }

  /** Exact repetitions and guessed answers are left out. */
  public static PairRules defaults() {
    return new PairRules(2, Integer.MAX_VALUE, 0, false);
  }
}
