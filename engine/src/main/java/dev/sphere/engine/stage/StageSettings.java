package dev.sphere.engine.stage;

import dev.sphere.engine.prompt.Prompts;

/**
 * What shapes the three stages, besides the search itself.
 *
 * @param prompts what is said to the models
 * @param correction run stage 2
 * @param diversity run stage 3
 * @param diversityFactor how many times E the small model samples (paper: 2)
 * @param pairing which solutions may be set against each other in stage 1
 * @param pairsPerStage most pairs that one stage makes of one problem
 * @param corrections most wrong attempts of a problem that stage 2 tries to correct
 * @param correctPaired stage 2 also corrects the wrong attempts of problems from which stage 1 made a pair
 * @param truncatedRejected solutions that were cut at a limit may be rejected ones
 * @param rules which pairs are left out
 */
public record StageSettings(
    Prompts prompts,
    boolean correction,
    boolean diversity,
    int diversityFactor,
    Pairing pairing,
    int pairsPerStage,
    int corrections,
    boolean correctPaired,
    boolean truncatedRejected,
    PairRules rules) {

  /** With the usual rules. */
  public StageSettings(Prompts prompts, boolean correction, boolean diversity, int diversityFactor, Pairing pairing,
      int pairsPerStage, int corrections, boolean correctPaired, boolean truncatedRejected) {
    this(prompts, correction, diversity, diversityFactor, pairing, pairsPerStage, corrections, correctPaired,
        truncatedRejected, PairRules.defaults());
  }

  /** Which solutions make a pair of stage 1. */
  public enum Pairing {
    /** A right Sol_max against a wrong Sol_min: the paper's. */
    CHAINS,
    /** Any right solution against any wrong one, whichever chain found it. */
    ANY
  }

  public StageSettings {
    if (diversityFactor < 1 || pairsPerStage < 1 || corrections < 1) {
      throw new IllegalArgumentException("diversity factor (" + diversityFactor + "), pairs per stage (" + pairsPerStage
          + ") and corrections (" + corrections + ") must be at least 1");
    }
  }

  /** The paper's three stages. With one simulation a problem gives at most one pair in stage 1. */
  public static StageSettings defaults() {
    return new StageSettings(Prompts.defaults(), true, true, 2, Pairing.CHAINS, 4, 2, true, false);
  }

  /** The same settings with other prompts. */
  public StageSettings withPrompts(Prompts p) {
    return new StageSettings(p, correction, diversity, diversityFactor, pairing, pairsPerStage, corrections,
        correctPaired, truncatedRejected, rules);
  }

  /** The same settings with stages 2 and 3 on or off. */
  public StageSettings withStages(boolean correct, boolean diversify) {
    return new StageSettings(prompts, correct, diversify, diversityFactor, pairing, pairsPerStage, corrections,
        correctPaired, truncatedRejected, rules);
  }

  /** The same settings with another way to pair. */
  public StageSettings withPairing(Pairing p) {
    return new StageSettings(prompts, correction, diversity, diversityFactor, p, pairsPerStage, corrections,
        correctPaired, truncatedRejected, rules);
  }

  /** The same settings with other rules. */
  public StageSettings withRules(PairRules r) {
    return new StageSettings(prompts, correction, diversity, diversityFactor, pairing, pairsPerStage, corrections,
        correctPaired, truncatedRejected, r);
  }
}
