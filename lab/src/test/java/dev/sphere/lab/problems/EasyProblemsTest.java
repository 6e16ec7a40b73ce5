package dev.sphere.lab.problems;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sphere.lab.problems.EasyProblems.Easy;
import dev.sphere.lab.problems.EasyProblems.Split;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

class EasyProblemsTest {
  private static final Pattern NUMBER = Pattern.compile("\\d+");

  /** Worked out from the question's own words and numbers. */
  private static long answer(Easy e) {
    List<Long> n = new ArrayList<>(NUMBER.matcher(e.question()).results().map(m -> Long.parseLong(m.group())).toList());
    n.sort(null);
    return switch (e.kind()) {
      case "addition", "sum" -> n.get(0) + n.get(1);
      case "subtraction", "change", "comparison" -> n.get(1) - n.get(0);
      case "multiplication", "cost", "times" -> n.get(0) * n.get(1);
      case "division" -> n.get(1) / n.get(0);
      default -> throw new AssertionError(e.kind());
    };
  }

  @Test
  void theAnswersAreRight() {
    Set<String> kinds = new HashSet<>();
    for (Easy e : EasyProblems.of(Split.TRAIN, 800, 3)) {
      kinds.add(e.kind());
      if (e.kind().equals("two steps")) {
        List<Long> n = NUMBER.matcher(e.question()).results().map(m -> Long.parseLong(m.group())).toList();
        assertEquals(n.get(0) - n.get(1) + n.get(2), e.answer(), e.question());
      } else {
        assertEquals(answer(e), e.answer(), e.question());
      }
      assertTrue(e.answer() > 0 && !e.question().contains("{"), e.question());
    }
    assertEquals(10, kinds.size());
  }

  @Test
  void splitsShareNoNumbersAndSeedsRepeat() {
    Set<String> trained = EasyProblems.of(Split.TRAIN, 800, 1).stream().map(Easy::key).collect(Collectors.toSet());
    for (Split other : List.of(Split.VALIDATION, Split.TEST)) {
      for (Easy e : EasyProblems.of(other, 150, 2)) {
        assertTrue(!trained.contains(e.key()) && EasyProblems.split(e.key()) == other, e.key());
      }
    }
    List<Easy> some = EasyProblems.of(Split.TEST, 100, 1);
    assertEquals(some, EasyProblems.of(Split.TEST, 100, 1));
    assertNotEquals(some, EasyProblems.of(Split.TEST, 100, 2));
    assertEquals(100, some.stream().map(e -> e.key() + e.phrasing()).distinct().count());
    assertThrows(IllegalArgumentException.class, () -> EasyProblems.of(Split.VALIDATION, 5000, 1));
  }
}
