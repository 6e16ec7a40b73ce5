package dev.sphere.engine.stage;

import dev.sphere.engine.settings.GivenSettings;
import dev.sphere.engine.settings.Setting;
import dev.sphere.engine.settings.SettingsTree;

/**
 * Which pairs are left out.
 *
 * @param nearDuplicate a pair at least as alike to an earlier one of its problem ({@link NearDuplicates}) is left out;
 *     above 1 only exact repetitions are
 * @param perProblem most pairs of one problem, all stages together
 * @param lengthRatio most that the longer of chosen and rejected may be of the shorter one, in characters; 0: any
 * @param guessed a solution whose answer had to be guessed (the last number of its prose, say) may stand in a pair. A
 *     guess is often wrong on both sides: it swaps chosen and rejected
 */
public record PairRules(
    @Setting(name = "near_duplicates", def = "2", shown = "only exact repetitions", range = "(0, )", label = "S",
        help = "Leave out a pair that is at least so alike to an earlier one of its problem: the same numbers, and a "
            + "share S of the words in common, 0 to 1.")
    double nearDuplicate,
    @Setting(name = "pairs_per_problem", def = "2147483647", shown = "any number", range = "[1, )", label = "N",
        help = "Most pairs of a problem, all stages together.")
    int perProblem,
    @Setting(name = "max_length_ratio", def = "0", shown = "0, any", range = "0 or [1, )", label = "R",
        help = "Leave out a pair of which one side has more than R times the characters of the other.")
    double lengthRatio,
    @Setting(name = "guessed_answers",
        help = "Solutions whose answer is not stated (no box, ####, \"the answer is\" or last line of its own) may "
            + "make pairs, by the last number in them, say.")
    boolean guessed) {
  public PairRules {
    SettingsTree.requireRanges(PairRules.class, nearDuplicate, perProblem, lengthRatio, guessed);
  }

  /** Exact repetitions and guessed answers are left out. */
  public static PairRules defaults() {
    return SettingsTree.of(PairRules.class).make(PairRules.class, GivenSettings.nothing());
  }
}
