package dev.sphere.engine.stage;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sphere.engine.MarkedText;
import dev.sphere.engine.PreferencePair;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class PairRulesTest {
  private static final int[] NONE = {};

  private static PreferencePair pair(String chosen, String rejected) {
    return new PreferencePair("p", "generation", "q", chosen, rejected, NONE, NONE, NONE);
  }

  private static StageResult stage(PairRules rules, String... sides) {
    Pairs pairs = new Pairs("p", Stage.GENERATION, MarkedText.of("q"), NONE, 10, rules, new Pairs.Seen());
    for (int i = 0; i < sides.length; i += 2) {
      pairs.add(sides[i], NONE, sides[i + 1], NONE);
    }
    return pairs.result(Reason.BOTH_RIGHT, List.of());
  }

  @Test
  void theSameNumbersInOtherWordsAreAlikeAndOtherNumbersNever() {
    assertEquals(1, NearDuplicates.similarity("Then 3+4 = 7 apples.", "then 3 + 4 = 7, apples"));
    assertEquals(0.5, NearDuplicates.similarity("He has 7 red apples", "He has 7 red green apples pears and"), 0.1);
    assertEquals(0, NearDuplicates.similarity("Then there are 40-3=37 people.", "Then there are 40-3=47 people."));
    assertEquals(0, NearDuplicates.similarity("3 then 4", "4 then 3"), "the order of the numbers counts");
  }

  @Test
  void rulesLeaveOutWhatTheySayAndGiveTheReason() {
    String[] alike = {"We get 3+4=7 in all.", "We get 3+4=8 in all.", "We get 3+4=7, in all!",
        "We get 3+4=8 - in all."};
    assertEquals(2, stage(new PairRules(2, 99, 0, true), alike).pairs().size());
    assertEquals(1, stage(new PairRules(0.9, 99, 0, true), alike).pairs().size());
    assertEquals(1, stage(new PairRules(2, 1, 0, true), alike).pairs().size());
    StageResult tooLong = stage(new PairRules(2, 99, 1.5, true), "7", "this is far longer than the other");
    assertEquals(Reason.LENGTH_RATIO, tooLong.reason());
    assertThrows(IllegalArgumentException.class, () -> new PairRules(0.9, 0, 0, false));
    assertThrows(IllegalArgumentException.class, () -> new PairRules(0.9, 1, 0.5, false));
  }

  /** Seen with a real model, gold 15: the guess of the last number made the wrong one chosen and the right one rejected. */
  @Test
  void aGuessedAnswerMakesNoPair() {
    String[] swapped = {"5 of the books would cost 24 dollars, not 15 dollars", "So, 15 dollars is the total cost of 5 books."};
    assertEquals(Reason.GUESSED, stage(PairRules.defaults(), swapped).reason());
    assertEquals(1, stage(new PairRules(2, 99, 0, true), swapped).pairs().size());
    assertEquals(Reason.GUESSED, stage(PairRules.defaults(), "So \\boxed{15}.", swapped[1]).reason());
    assertEquals(1, stage(PairRules.defaults(), "So \\boxed{15}.", "5 times 3 is\n16").pairs().size());
  }

  @Test
  void lengthBiasByHand() {
    LengthBias always = LengthBias.of(List.of(pair("aaaa", "b"), pair("aaaaaa", "bb"), pair("aaaaaaaa", "bbb")));
    assertEquals(6, always.chosen());
    assertEquals(2, always.rejected());
    assertEquals(1, always.chosenLonger());
    assertEquals(1, always.correlation(), 1e-12);
    assertTrue(always.bias() > 0.7, "length tells which is chosen: " + always.bias());
    SplittableRandom random = new SplittableRandom(3);
    List<PreferencePair> pairs = new ArrayList<>();
    for (int i = 0; i < 2000; i++) {
      pairs.add(pair("a".repeat(1 + random.nextInt(50)), "b".repeat(1 + random.nextInt(50))));
    }
    LengthBias none = LengthBias.of(pairs);
    assertEquals(0, none.bias(), 0.06);
    assertEquals(0, none.correlation(), 0.08);
    assertEquals(0.5, none.chosenLonger(), 0.04);
    assertEquals(0, LengthBias.of(List.of()).pairs());
    assertEquals(1, LengthBias.of(List.of()).toMap().size(), "figures that do not exist are left out");
  }
}
