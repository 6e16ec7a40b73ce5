package dev.sphere.grade;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Hand-labelled cases by kind of answer (cases.jsonl), and what follows from them for rewritten answers. */
class LabelledCasesTest {
  private final AnswerGrader grader = new AnswerGrader();

  private record Case(String category, String gold, String pred, boolean equal) {}

  private static List<Case> cases() throws IOException {
    List<Case> cases = new ArrayList<>();
    try (BufferedReader in = new BufferedReader(new InputStreamReader(
        LabelledCasesTest.class.getResourceAsStream("cases.jsonl"), StandardCharsets.UTF_8))) {
      for (String s = in.readLine(); s != null; s = in.readLine()) {
        JsonNode n = JsonMapper.shared().readTree(s);
        cases.add(new Case(n.get("category").asString(), n.get("gold").asString(), n.get("pred").asString(),
            n.get("equal").asBoolean()));
      }
    }
    return cases;
  }

  @Test
  void everyCaseIsGradedAsLabelled() throws IOException {
    List<Case> cases = cases();
    List<String> wrong = new ArrayList<>();
    for (Case c : cases) {
      Verdict v = grader.grade(c.gold(), c.pred());
      if (v.equal() != c.equal()) {
        wrong.add(c + " -> " + v.how());
      }
    }
    assertTrue(cases.size() >= 500);
    assertEquals(List.of(), wrong);
  }

  @Test
  void everyGoldEqualsItselfInItsRewritings() throws IOException {
    List<String> wrong = new ArrayList<>();
    for (Case c : cases()) {
      String g = c.gold();
      if (g.contains("\\boxed") || g.equals("10^{10^{10}}") || g.contains("\\frac{1}{0}")) {
        continue;
      }
      String inner = g.startsWith("$") && g.endsWith("$") && g.indexOf("$", 1) == g.length() - 1
          ? g.substring(1, g.length() - 1) : g;
      List<String> rewritten = new ArrayList<>(List.of(
          "We conclude that the answer is \\boxed{" + g + "}.",
          " " + g + " ",
          g.replace("\\frac", "\\dfrac"),
          inner.replace("\\left", "").replace("\\right", "").replace("\\cdot", "\\times")));
      if (inner.indexOf('$') < 0) {
        rewritten.add("$" + inner + "$");
        rewritten.add("\\( " + inner + " \\)");
      }
      for (String r : rewritten) {
        if (!grader.grade(g, r).equal()) {
          wrong.add(g + " <> " + r + " " + grader.grade(g, r).how());
        }
      }
    }
    assertEquals(List.of(), wrong);
  }

  @Test
  void plainValuesAreSymmetric() throws IOException {
    List<String> wrong = new ArrayList<>();
    for (Case c : cases()) {
      boolean promised = List.of("integers", "fractions", "roots", "sets", "intervals", "matrices", "complex numbers",
          "algebra", "trigonometry", "several answers", "ratios", "tuples", "percent").contains(c.category());
      if (promised && grader.grade(c.gold(), c.pred()).equal() != grader.grade(c.pred(), c.gold()).equal()) {
        wrong.add(c.toString());
      }
    }
    assertEquals(List.of(), wrong);
  }
}
