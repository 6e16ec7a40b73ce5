package dev.sphere.trainer.evolve;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sphere.engine.Problem;
import dev.sphere.engine.embedded.ProblemSource;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Three parts by a hash of the words. */
class ProblemSplitTest {
  @TempDir private Path temporary;

  private static List<Problem> problems(int n) {
    return IntStream.range(0, n).mapToObj(i -> new Problem("p" + i, "How much is " + i + " + 1?", "" + (i + 1)))
        .toList();
  }

  @Test
  void thePartsHaveTheirSharesAndNoProblemTwice() {
    ProblemSplit split = ProblemSplit.of(problems(1200), List.of(), List.of());
    assertEquals(720, split.searched().size(), 50);
    assertEquals(180, split.validation().size(), 40);
    assertEquals(300, split.test().size(), 45);
    Set<Problem> all = new HashSet<>(split.searched());
    all.addAll(split.validation());
    all.addAll(split.test());
    assertEquals(1200, all.size());
    ProblemSplit many = ProblemSplit.of(problems(8000), List.of(), List.of());
    assertEquals(List.of(400, 400), List.of(many.validation().size(), many.test().size()), "at most");
  }

  /** What else is in the file, its order, and white space move no problem. */
  @Test
  void aQuestionStaysInItsPart() {
    ProblemSplit small = ProblemSplit.of(problems(300), List.of(), List.of());
    ProblemSplit large = ProblemSplit.of(problems(1200).reversed(), List.of(), List.of());
    assertTrue(large.searched().containsAll(small.searched()) && large.test().containsAll(small.test()));
    Problem again = new Problem("other", " How much  is 7 + 1?\n", "8");
    ProblemSplit both = ProblemSplit.of(List.of(problems(8).getLast(), again), List.of(), List.of());
    assertTrue(List.of(both.searched().size(), both.validation().size(), both.test().size()).contains(2),
        both.toString());
    assertFalse(small.searched().stream().map(Problem::id).toList().equals(
        small.searched().stream().map(Problem::id).sorted().toList()), "the first ones are any problems");
  }

  @Test
  void partsThatAreToldComeFromTheirFiles() {
    List<Problem> own = List.of(new Problem("own", "What?", "1"));
    ProblemSplit usual = ProblemSplit.of(problems(300), List.of(), List.of());
    ProblemSplit validation = ProblemSplit.of(problems(300), own, List.of());
    assertEquals(own, validation.validation());
    assertEquals(usual.test(), validation.test());
    assertEquals(usual.searched().size() + usual.validation().size(), validation.searched().size());
    ProblemSplit test = ProblemSplit.of(problems(300), own, own);
    assertEquals(own, test.test());
    assertEquals(300, test.searched().size());
  }

  @Test
  void whatIsWrittenIsReadAgain() {
    List<Problem> odd = List.of(new Problem("a", "One \"quoted\"\nline", "\\frac{1}{2}",
        Map.of("level", "3", "unit", "cm")),
        new Problem("b", "Countdown", "24", Map.of("nums", "1, 2, 3, 4")), new Problem("c:7", "Ünïcode", "1, 2"));
    Path file = temporary.resolve("set.jsonl");
    ProblemSplit.write(odd, file);
    List<Problem> read = ProblemSource.read(file.toString());
    ProblemSplit.write(read, temporary.resolve("again.jsonl"));
    assertEquals(read, ProblemSource.read(temporary.resolve("again.jsonl").toString()));
    assertEquals(odd.subList(1, 3), read.subList(1, 3));
    assertEquals(odd.getFirst().question(), read.getFirst().question());
    assertEquals(odd.getFirst().metadata(), read.getFirst().metadata());
  }
}
