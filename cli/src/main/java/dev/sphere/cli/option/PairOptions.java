package dev.sphere.cli.option;

import dev.sphere.engine.prompt.Prompts;
import dev.sphere.engine.stage.PairRules;
import dev.sphere.engine.stage.Stage;
import dev.sphere.engine.stage.StageSettings;
import java.util.List;
import picocli.CommandLine.Option;

/** Which stages run, and which of their solutions become pairs. */
public final class PairOptions {
  @Option(names = "--stages", split = ",", paramLabel = "STAGE",
      description = "Stages to run: generation,correction,diversity (default: all).")
  private List<Stage> stages = List.of(Stage.values());

  @Option(names = "--pairing", paramLabel = "RULE",
      description = "chains: a right Sol_max against a wrong Sol_min; any: any right against any wrong one "
          + "(default: chains; any with --strategy).")
  private StageSettings.Pairing pairing;

  @Option(names = "--pairs-per-stage", paramLabel = "N", description = "Most pairs a stage and problem (default: 4).")
  private int pairsPerStage = 4;

  @Option(names = "--pairs-per-problem", paramLabel = "N",
      description = "Most pairs a problem, all stages together (default: any number).")
  private int pairsPerProblem = Integer.MAX_VALUE;

  @Option(names = "--near-duplicates", paramLabel = "S",
      description = "Leave out a pair that is at least so alike to an earlier one of its problem: the same numbers, and "
          + "a share S of the words in common, 0 to 1 (default: only exact repetitions).")
  private Double nearDuplicates;

  @Option(names = "--max-length-ratio", paramLabel = "R",
      description = "Leave out a pair of which one side is more than R times as long as the other (default: any).")
  private double maxLengthRatio;

  @Option(names = "--guessed-answers",
      description = "Solutions whose answer is not stated (no box, ####, \"the answer is\" or last line of its own) may make pairs, "
          + "by the last number in them, say.")
  private boolean guessed;

  @Option(names = "--diversity-factor", paramLabel = "F",
      description = "Stage 3 samples F times the candidates (default: 2).")
  private int diversityFactor = 2;

  /** The stages to run. */
  public List<Stage> stages() {
    return stages;
  }

  /**
   * The settings of the stages and of what becomes a pair.
   *
   * @param usual pairing, where no flag names one
   */
  public StageSettings settings(Prompts prompts, StageSettings.Pairing usual) {
    PairRules rules = new PairRules(nearDuplicates == null ? PairRules.defaults().nearDuplicate() : nearDuplicates,
        pairsPerProblem, maxLengthRatio, guessed);
    return new StageSettings(prompts, stages.contains(Stage.CORRECTION), stages.contains(Stage.DIVERSITY),
        diversityFactor, pairing != null ? pairing : usual, pairsPerStage, 2, true, false).withRules(rules);
  }
}
