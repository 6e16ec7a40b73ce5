package dev.sphere.engine.data;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sphere.engine.Problem;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class DecontaminationTest {
  private static Problem p(String id, String question) {
    return new Problem(id, question, "1");
  }

  @Test
  void sharedNgramsAreFoundWhateverCaseAndPunctuation() {
    List<Problem> problems = List.of(
        p("a", "Janet's ducks lay 16 eggs per day. She eats three."),
        p("b", "A robe takes 2 bolts of blue fiber and half that much white fiber."),
        p("c", "What is 2+2?"),
        p("d", "What is 2+3?"));
    Map<String, List<Problem>> sets = Map.of("test", List.of(
        p("t1", "janet’s DUCKS lay 16 eggs, per day! How many?"), p("t2", "what is 2 + 2")));
    Decontamination.Result result = Decontamination.check(problems, sets, 6);
    assertEquals(List.of("b", "d"), result.clean().stream().map(Problem::id).toList());
    assertEquals(List.of("a", "c"), result.hits().stream().map(Decontamination.Hit::problem).toList());
    Decontamination.Hit first = result.hits().getFirst();
    assertEquals("t1", first.evaluated());
    assertTrue(first.words().contains("ducks lay 16 eggs"), first.words());
    assertTrue(first.share() > 0 && first.share() < 1, "a part of it: " + first.share());
    assertEquals(1, result.hits().get(1).share(), "short texts are compared whole");
    assertEquals(4, Decontamination.check(problems, Map.of("none", List.of()), 6).clean().size());
    assertThrows(IllegalArgumentException.class, () -> Decontamination.check(problems, sets, 0));
  }
}
