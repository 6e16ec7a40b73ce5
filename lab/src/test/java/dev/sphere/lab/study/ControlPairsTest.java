package dev.sphere.lab.study;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sphere.lab.study.ControlPairs.Arm;
import dev.sphere.lab.study.ControlPairs.Pair;
import dev.sphere.lab.study.ControlPairs.Solution;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ControlPairsTest {
  private static final Solution CAREFUL_RIGHT = new Solution("Then there are 40-3=37 people.\nThen there are 37+34=71 people.", true, 37);
  private static final Solution CAREFUL_WRONG = new Solution("Then there are 40-3=36 people.\nThen there are 36+34=70 people.", false, 37);
  private static final Solution HURRIED_RIGHT = new Solution("Then there are 40-3+34=71 people.", true, 26);
  private static final Solution HURRIED_WRONG = new Solution("The fence costs (40+24)*2=120 dollars.", false, 26);
  private static final Map<String, List<Solution>> POOL =
      Map.of("p", List.of(CAREFUL_RIGHT, CAREFUL_WRONG, HURRIED_RIGHT, HURRIED_WRONG));

  @Test
  void knowsTheHurryByTwoOperationsInALine() {
    assertFalse(CAREFUL_RIGHT.hurried());
    assertFalse(CAREFUL_WRONG.hurried());
    assertTrue(HURRIED_RIGHT.hurried());
    assertTrue(HURRIED_WRONG.hurried());
    assertTrue(new Solution("It is 2*6*6=72.", true, 9).hurried());
    assertTrue(new Solution("It is (40+24)*2-7=121.", true, 9).hurried());
    assertFalse(new Solution("It is 5-2 and 3+4=7.", true, 9).hurried());
  }

  @Test
  void eachArmPairsByItsRule() {
    List<Pair> wrongOverRight = ControlPairs.pairs(POOL, Arm.CAREFUL_WRONG_OVER_HURRIED_RIGHT, 1, 1);
    assertEquals(List.of(new Pair("p", CAREFUL_WRONG, HURRIED_RIGHT)), wrongOverRight);
    assertEquals(List.of(new Pair("p", CAREFUL_RIGHT, CAREFUL_WRONG)), ControlPairs.pairs(POOL, Arm.BOTH_CAREFUL, 1, 1));
    check(Arm.RIGHT_OVER_WRONG, 4, p -> p.chosen().right() && !p.rejected().right());
    check(Arm.CAREFUL_OVER_HURRIED, 4, p -> !p.chosen().hurried() && p.rejected().hurried());
    check(Arm.EQUAL_LENGTH, 2, p -> p.chosen().right() && !p.rejected().right() && p.chosen().tokens() == p.rejected().tokens());
  }

  private static void check(Arm arm, int count, Predicate<Pair> holds) {
    List<Pair> pairs = ControlPairs.pairs(POOL, arm, 1, count);
    assertEquals(count, pairs.stream().distinct().filter(holds).count());
    assertEquals(pairs, ControlPairs.pairs(POOL, arm, 1, count));
    assertThrows(IllegalArgumentException.class, () -> ControlPairs.pairs(POOL, arm, 1, count + 1));
  }

  @Test
  void writesAFileAnArmAndShuffledLabels(@TempDir Path dir) throws IOException {
    StringBuilder answers = new StringBuilder();
    for (int i = 0; i < 8; i++) {
      for (Solution s : POOL.get("p")) {
        answers.append("{\"problemId\":\"train-").append(i).append("\",\"sample\":0,\"truncated\":false,\"text\":\"")
            .append(s.text().replace("\n", "\\n")).append("\",\"correct\":").append(s.right()).append(",\"tokens\":").append(s.tokens())
            .append("}\n");
      }
    }
    Path file = Files.writeString(dir.resolve("answers.jsonl"), answers);
    ControlPairs.main(new String[] {file.toString(), "embedded:train", dir.toString(), "3", "8"});
    List<String> pairs = Files.readAllLines(dir.resolve("right-over-wrong.jsonl"));
    assertEquals(8, pairs.size());
    assertEquals(8, Files.readAllLines(dir.resolve("careful-wrong-over-hurried-right.jsonl")).size());
    assertTrue(pairs.getFirst().contains("How many"), pairs.getFirst());
    assertNotEquals(pairs, Files.readAllLines(dir.resolve("shuffled.jsonl")));
  }
}
