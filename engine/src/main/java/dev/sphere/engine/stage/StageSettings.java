package dev.sphere.engine.stage;

import dev.sphere.engine.prompt.Prompts;
import dev.sphere.engine.settings.FromSettings;
import dev.sphere.engine.settings.GivenSettings;
import dev.sphere.engine.settings.Nested;
import dev.sphere.engine.settings.Setting;
import dev.sphere.engine.settings.SettingsTree;
import io.soabase.recordbuilder.core.RecordBuilder;
import java.util.List;
import java.util.Map;

/**
 * Settings of the three stages, besides those of the search.
 *
 * @param prompts of the models
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
@RecordBuilder
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
    PairRules rules) implements StageSettingsBuilder.With {

  /** From a user's settings, which name the stages. */
  @FromSettings
  static StageSettings of(
      @Nested(heading = "What is said to the models", section = "prompt") Prompts prompts,
      @Setting(name = "stages", def = "generation,correction,diversity", label = "STAGE", must = "generation",
          source = "paper", help = "Stages to run; the others build on generation.")
      List<Stage> stages,
      @Setting(name = "pairing", label = "RULE", shown = "chains; with a strategy any", source = "paper",
          help = "chains: a right Sol_max against a wrong Sol_min; any: any right solution against any wrong one.")
      Pairing pairing,
      @Setting(name = "strategy", help = "") String strategy,
      @Setting(name = "pairs_per_stage", def = "4", range = "[1, )", label = "N",
          help = "Most pairs that a stage makes of a problem.")
      int pairsPerStage,
      @Setting(name = "corrections", def = "2", range = "[1, )", label = "N", needs = "stages=correction",
          help = "Most wrong attempts of a problem that stage 2 tries to correct.")
      int corrections,
      @Setting(name = "correct_paired", def = "true", needs = "stages=correction",
          help = "Stage 2 also corrects the wrong attempts of problems from which stage 1 made a pair.")
      boolean correctPaired,
      @Setting(name = "diversity_factor", def = "2", range = "[1, 100]", label = "F", needs = "stages=diversity",
          source = "paper", help = "Stage 3 samples F times the candidates.")
      int diversityFactor,
      @Setting(name = "truncated_rejected", help = "Solutions that were cut at a limit may be rejected ones.")
      boolean truncatedRejected,
      @Nested PairRules rules) {
    return new StageSettings(prompts, stages.contains(Stage.CORRECTION), stages.contains(Stage.DIVERSITY),
        diversityFactor, pairing != null ? pairing : strategy == null ? Pairing.CHAINS : Pairing.ANY, pairsPerStage,
        corrections, correctPaired, truncatedRejected, rules);
  }

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
    return SettingsTree.of(StageSettings.class).make(
        StageSettings.class, GivenSettings.nothing(), Prompts.defaults().values(), Map.of());
  }
}
