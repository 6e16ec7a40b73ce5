package dev.sphere.engine.eval;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sphere.engine.grade.AnswerGrader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class EvalReportTest {
  private static Answered a(String problem, int sample, String answer, boolean correct, double... steps) {
    return new Answered(problem, "g", sample, "<b>" + answer + "</b>", answer, correct, "by hand", 10, false,
        java.util.Arrays.stream(steps).boxed().toList(), Map.of("level", problem.equals("p") ? "1" : "2", "subject", "s"));
  }

  private static EvalResult result() {
    List<Answered> all = new ArrayList<>();
    // p: the vote goes wrong (7, 7), the best last step and the weighted vote go right
    all.add(a("p", 0, "7", false, 0.9, 0.1));
    all.add(a("p", 1, "7", false, 0.2, 0.2));
    all.add(a("p", 2, "8", true, 0.1, 0.9));
    // q: product and min prefer the second, last prefers the first
    all.add(a("q", 0, "1", false, 0.1, 0.8));
    all.add(a("q", 1, "2", true, 0.6, 0.7));
    all.add(a("q", 2, "3", false, 0.0, 0.1));
    return EvalResult.of(all, new AnswerGrader());
  }

  @Test
  void stepScoresSelectByHand() {
    EvalResult r = result();
    assertEquals(0, r.majAtK(), 1e-12);
    Map<String, Selection> s = new java.util.HashMap<>();
    r.selections().forEach(x -> s.put(x.aggregation(), x));
    assertEquals(List.of("last", "min", "mean", "product"), r.selections().stream().map(Selection::aggregation).toList());
    assertEquals(0.5, s.get("last").bestOfN(), 1e-12);
    // p: minima 0.1, 0.2, 0.1; q: 0.1, 0.6, 0
    assertEquals(0.5, s.get("min").bestOfN(), 1e-12);
    // p: means 0.5, 0.2, 0.5, the first among equals; q: 0.45, 0.65, 0.05
    assertEquals(0.5, s.get("mean").bestOfN(), 1e-12);
    // p: 0.09, 0.04, 0.09; q: 0.08, 0.42, 0
    assertEquals(0.5, s.get("product").bestOfN(), 1e-12);
    // weighted by last: p 7: 0.3, 8: 0.9; q 0.8, 0.7, 0.1
    assertEquals(0.5, s.get("last").weightedVote(), 1e-12);
    // weighted by min: p 7: 0.3, 8: 0.1; q 0.1, 0.6
    assertEquals(0.5, s.get("min").weightedVote(), 1e-12);
  }

  @Test
  void aFieldThatTellsProblemsApartGetsATable() {
    EvalResult r = result();
    assertEquals(List.of("level", "level"), r.breakdowns().stream().map(Breakdown::field).toList());
    assertEquals(List.of("1", "2"), r.breakdowns().stream().map(Breakdown::value).toList());
    assertEquals(1 / 3.0, r.breakdowns().getFirst().accuracy(), 1e-12);
  }

  @Test
  void reportsEscapeWhatModelsSay() {
    EvalReport report = new EvalReport("A & B", Map.of("model", "<m>"), result(), null);
    String html = report.html();
    assertTrue(html.contains("A &amp; B") && html.contains("&lt;m&gt;") && html.contains("&lt;b&gt;8&lt;/b&gt;"));
    assertTrue(!html.contains("<b>8"));
    String md = report.markdown();
    assertTrue(md.contains("| maj@3 | 0.0 % |") && md.contains("## By level"), md);
    assertTrue(report.text().contains("pass@1, unbiased"), report.text());
  }

  @Test
  void recipesNameWhatTheyDoNotKnow(@TempDir Path dir) throws IOException {
    Path file = dir.resolve("r.yaml");
    Files.writeString(file, "name: X\nsamples: 8\ntop_p: 0.9\nstop: [\"Question:\"]\n");
    EvalRecipe r = EvalRecipe.read(file);
    assertEquals(8, r.samples());
    assertEquals(0.9f, r.topP());
    assertEquals(List.of("Question:"), r.stop());
    Files.writeString(file, "sampels: 8\n");
    String m = assertThrows(IllegalArgumentException.class, () -> EvalRecipe.read(file)).getMessage();
    assertTrue(m.contains("sampels") && m.contains("max_tokens"), m);
  }

  @Test
  void aStopTextEndsAnAnswerAndIsNoPartOfIt() {
    EvalSettings s = new EvalSettings(true, 0, dev.sphere.engine.SamplingSettings.greedy(9), 0, 1, List.of("Q:", "##"));
    assertEquals("it is 4 ", s.cut("it is 4 ## Q:"));
    assertTrue(s.stopRule().stop("a Q:", 3));
    assertTrue(!s.stopRule().stop("a Q", 2));
  }
}
