package dev.sphere.engine.eval;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sphere.engine.run.EvalRecipe;
import dev.sphere.grade.AnswerGrader;
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
        java.util.Arrays.stream(steps).boxed().toList(), Map.of("level", problem.equals("p") ? "1" : "2", "subject",
            "s"));
  }

  /** A wrong answer, a right one, and the wrong one again: the plain vote goes wrong. */
  private static List<Answered> problem(String name, double... steps) {
    return List.of(a(name, 0, "7", false, steps[0], steps[1]), a(name, 1, "8", true, steps[2], steps[3]),
        a(name, 2, "7", false, .3, .3));
  }

  private static EvalResult result() {
    List<Answered> all = new ArrayList<>();
    all.addAll(problem("p", .6, .7, .1, .9)); // last alone prefers the right one
    all.addAll(problem("q", .1, .8, .6, .7)); // min, mean and product do
    all.addAll(problem("r", .5, .5, .2, .9)); // last and mean
    all.addAll(problem("s", .25, 1, .3, .8)); // min, where the first of two equals is the right one
    all.addAll(problem("t", .6, .7, .1, .9)); // as p
    all.addAll(problem("u", .5, .5, .2, .9)); // as r
    for (int i = 0; i < 3; i++) {
      all.add(a("v", i, "8", true, .5, .5));
    }
    return EvalResult.of(all, new AnswerGrader());
  }

  @Test
  void stepScoresSelectByHand() {
    EvalResult r = result();
    assertEquals(1 / 7.0, r.majAtK(), 1e-12);
    assertEquals((6 / 3.0 + 1) / 7, r.meanAtK(), 1e-12);
    assertEquals(List.of("last", "min", "mean", "product"),
        r.selections().stream().map(Selection::aggregation).toList());
    Map<String, Selection> s = new java.util.HashMap<>();
    r.selections().forEach(x -> s.put(x.aggregation(), x));
    assertEquals(5 / 7.0, s.get("last").bestOfN(), 1e-12); // p, r, t, u, v
    assertEquals(3 / 7.0, s.get("min").bestOfN(), 1e-12); // q, s, v
    assertEquals(4 / 7.0, s.get("mean").bestOfN(), 1e-12); // q, r, u, v
    assertEquals(2 / 7.0, s.get("product").bestOfN(), 1e-12); // q, v
    // Right against wrong. last: p .9, 1; q .7, 1.1; r .9, .8; s .8, 1.3
    assertEquals(3 / 7.0, s.get("last").weightedVote(), 1e-12); // r, u, v
    // min: p .1, .9; q .6, .4; r .2, .8; s .3, .55
    assertEquals(2 / 7.0, s.get("min").weightedVote(), 1e-12); // q, v
    // mean: p .5, .95; q .65, .75; r .55, .8; s .55, .925
    assertEquals(1 / 7.0, s.get("mean").weightedVote(), 1e-12); // v
    // product: p .09, .51; q .42, .17; r .18, .34; s .24, .34
    assertEquals(2 / 7.0, s.get("product").weightedVote(), 1e-12); // q, v
  }

  @Test
  void aFieldThatTellsProblemsApartGetsATable() {
    EvalResult r = result();
    assertEquals(List.of("level", "level"), r.breakdowns().stream().map(Breakdown::field).toList());
    assertEquals(List.of("1", "2"), r.breakdowns().stream().map(Breakdown::value).toList());
    assertEquals(1 / 3.0, r.breakdowns().getFirst().accuracy(), 1e-12);
    assertEquals((5 / 3.0 + 1) / 6, r.breakdowns().getLast().accuracy(), 1e-12);
    assertEquals(List.of(1, 6), r.breakdowns().stream().map(Breakdown::n).toList());
  }

  @Test
  void reportsEscapeWhatModelsSay() {
    EvalReport report = new EvalReport("A & B", Map.of("model", "<m>"), result(), null);
    String html = report.html();
    assertTrue(html.contains("A &amp; B") && html.contains("&lt;m&gt;") && html.contains("&lt;b&gt;8&lt;/b&gt;"));
    assertTrue(!html.contains("<b>8"));
    String md = report.markdown();
    assertTrue(md.contains("| maj@3 | 14.3 % |") && md.contains("## By level"), md);
    assertTrue(md.contains("| mean@3 | 42.9 % |  |"), md);
    assertTrue(md.contains("| best of 3 by step scores, mean | 57.1 % |"), md);
    assertTrue(md.contains("| vote weighted by step scores, last | 42.9 % |"), md);
    assertTrue(md.contains("| 2 | 6 | 44.4 % |"), md);
    assertTrue(report.text().contains("pass@1, unbiased"), report.text());
  }

  @Test
  void recipesNameWhatTheyDoNotKnow(@TempDir Path dir) throws IOException {
    Path file = dir.resolve("r.yaml");
    Files.writeString(file, "name: X\nsamples: 8\ntop_p: 0.9\nstop: [\"Question:\"]\n");
    EvalRecipe r = EvalRecipe.read(file);
    assertEquals("X", r.head().name());
    EvalSettings told = EvalRecipe.SETTINGS.make(
        EvalSettings.class, r.told(), java.util.Map.of("max_tokens", 9), java.util.Map.of("inFlight", 4));
    assertEquals(new EvalSettings(true, 8, new dev.sphere.engine.SamplingSettings(0.8f, 0, 0.9f, 0, 9), 1, 4,
        List.of("Question:")), told);
    Files.writeString(file, "sampels: 8\n");
    String m = assertThrows(IllegalArgumentException.class, () -> EvalRecipe.read(file)).getMessage();
    assertTrue(m.endsWith("unknown key 'sampels': did you mean 'samples'?"), m);
  }

  @Test
  void aStopTextEndsAnAnswerAndIsNoPartOfIt() {
    EvalSettings s = new EvalSettings(true, 0, dev.sphere.engine.SamplingSettings.greedy(9), 0, 1, List.of("Q:", "##"));
    assertEquals("it is 4 ", s.cut("it is 4 ## Q:"));
    assertTrue(s.stopRule().stop("a Q:", 3));
    assertTrue(!s.stopRule().stop("a Q", 2));
  }
}
