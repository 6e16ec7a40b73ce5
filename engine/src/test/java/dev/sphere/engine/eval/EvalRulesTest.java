package dev.sphere.engine.eval;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sphere.base.SplitMix;
import dev.sphere.engine.Generation;
import dev.sphere.engine.HashPolicy;
import dev.sphere.engine.Policy;
import dev.sphere.engine.Problem;
import dev.sphere.engine.Progress;
import dev.sphere.engine.SamplingSettings;
import dev.sphere.engine.TokenPath;
import dev.sphere.engine.data.ProblemSet;
import dev.sphere.engine.embedded.ModelSource;
import dev.sphere.engine.prompt.Prompts;
import dev.sphere.grade.AnswerGrader;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** What an evaluation draws with, how votes and comparisons count, and what makes an evaluation another one. */
class EvalRulesTest {
  private static final List<Problem> PROBLEMS = List.of(new Problem("a", "A", "7"), new Problem("b", "B", "7"));

  @Test
  void theGreedyAnswerIsGreedyAndSamplesAreDrawnAsTheSettingsSay() throws InterruptedException {
    List<Policy.Request> asked = new java.util.concurrent.CopyOnWriteArrayList<>();
    HashPolicy policy = new HashPolicy(0.5) {
      @Override
      public List<Generation> generate(TokenPath path, List<Request> requests) {
        asked.addAll(requests);
        return super.generate(path, requests);
      }
    };
    SamplingSettings sampling = new SamplingSettings(0.7f, 5, 0.9f, 0.1f, 40);
    new Evaluator(policy, Prompts.defaults()).run(PROBLEMS, new EvalSettings(true, 3, sampling, 9, 1, List.of("Q:")),
        Progress.NONE);
    assertEquals(8, asked.size());
    for (int p = 0; p < 2; p++) {
      Policy.Request greedy = asked.get(4 * p);
      assertEquals(SamplingSettings.greedy(40), greedy.sampling());
      for (int k = 0; k < 3; k++) {
        Policy.Request sample = asked.get(4 * p + 1 + k);
        assertEquals(sampling, sample.sampling());
        assertEquals(k, sample.key().draw());
        assertEquals(9, sample.key().seed());
        assertEquals(SplitMix.hash(PROBLEMS.get(p).id()), sample.key().problem());
        assertNotEquals(greedy.key().node(), sample.key().node());
        assertTrue(sample.stop().stop("x Q:", 3));
      }
    }
  }

  private static Answered answer(String problem, int sample, String answer, boolean correct) {
    return new Answered(problem, "7", sample, answer, answer, correct, "", 1, false);
  }

  @Test
  void theFirstGroupWinsAmongEqualsAndNoAnswerIsNoVote() {
    List<Answered> tie = List.of(answer("a", 0, "", false), answer("a", 1, "", false), answer("a", 2, "3", false),
        answer("a", 3, "7", true), answer("a", 4, "7.0", true), answer("a", 5, "3", false));
    List<Majority.Group> groups = Majority.groups(tie, new AnswerGrader());
    assertEquals(List.of(2, 2), groups.stream().map(g -> g.samples().size()).toList());
    assertEquals("3", Majority.elect(tie, groups, a -> 1).answer());
    assertEquals("7", Majority.elect(tie, groups, a -> a.correct() ? 1.1 : 1).answer());
    List<Answered> silent = tie.subList(0, 2);
    assertEquals(silent.getFirst(), Majority.elect(silent, Majority.groups(silent, new AnswerGrader()), a -> 1));
  }

  /** Shares of right samples: above one half counts as solved. */
  private static EvalResult shares(int... right) {
    List<Answered> all = new ArrayList<>();
    for (int p = 0; p < right.length; p++) {
      for (int k = 0; k < 4; k++) {
        boolean yes = k < right[p];
        all.add(answer("p" + p, k, yes ? "7" : "3", yes));
      }
    }
    return EvalResult.of(all, new AnswerGrader());
  }

  @Test
  void comparisonsCountWhatTheSecondWon() {
    EvalResult base = shares(4, 2, 3, 0, 2, 0, 1);
    EvalResult evolved = shares(4, 3, 2, 0, 4, 4, 2);
    Comparison c = Comparison.of(base, evolved, 3);
    assertEquals(7, c.n());
    assertEquals(List.of(3, 1), List.of(c.won(), c.lost()));
    assertEquals(12 / 28.0, c.base(), 1e-12);
    assertEquals(19 / 28.0, c.evolved(), 1e-12);
    assertEquals(7 / 28.0, c.difference(), 1e-12);
    assertEquals(Statistics.mcnemar(3, 1), c.pValue());
    assertTrue(c.interval().low() < c.difference() && c.difference() < c.interval().high());
    assertTrue(c.interval().low() > -0.15 && c.interval().high() > 0.45, c.interval().toString());
    Comparison back = Comparison.of(evolved, base, 3);
    assertEquals(-7 / 28.0, back.difference(), 1e-12);
    assertEquals(List.of(1, 3), List.of(back.won(), back.lost()));
    EvalReport report = new EvalReport("x", Map.of(), evolved, c);
    assertTrue(report.markdown().contains("| difference | +25.0 points |"), report.markdown());
    assertTrue(report.markdown().contains("| won, lost | 3, 1 |"));
    assertTrue(report.markdown().contains("| baseline | 42.9 % |"));
  }

  @Test
  void theIntervalHasTheLevelThatItSays() {
    // Differences of n fair coins in {0, 1}: mean 1/2, standard error sqrt(1/4 / n).
    double[] zero = new double[400];
    double[] coins = IntStream.range(0, 400).mapToDouble(i -> i % 2).toArray();
    for (double[] level : new double[][] {{0.95, 1.96}, {0.5, 0.6745}, {0.9, 1.6449}}) {
      Statistics.Interval i = Statistics.pairedBootstrap(zero, coins, 20_000, level[0], 5);
      assertEquals(0.5 - level[1] * 0.025, i.low(), 0.0026);
      assertEquals(0.5 + level[1] * 0.025, i.high(), 0.0026);
    }
    assertNotEquals(Statistics.pairedBootstrap(zero, coins, 50, 0.95, 5), Statistics.pairedBootstrap(zero, coins, 50,
        0.95, 6));
  }

  @Test
  void figuresOfSamplesWithoutAGreedyAnswer() {
    EvalResult r = shares(4, 3, 0, 1);
    assertEquals(4, r.samples());
    assertEquals(2, r.correct(), "what the vote solves");
    assertEquals(8 / 16.0, r.accuracy(), 1e-12);
    assertEquals(Statistics.wilson(2, 4, EvalResult.Z95), r.interval());
    assertEquals(List.of(1, 2, 4), List.copyOf(r.passAtK().keySet()));
    assertEquals(8 / 16.0, r.passAtK().get(1), 1e-12);
    assertEquals((1 + 1 + 0 + 0.5) / 4, r.passAtK().get(2), 1e-12);
    assertEquals(3 / 4.0, r.passAtK().get(4), 1e-12);
    assertEquals(16, r.tokens());
    Map<String, Object> m = r.toMap();
    assertEquals(0.5, m.get("maj_at_k"));
    assertEquals(8 / 16.0, m.get("mean_at_k"));
    assertEquals(Map.of("1", 0.5, "2", 0.625, "4", 0.75), m.get("pass_at_k"));
  }

  @Test
  void whateverChangesTheAnswersChangesTheIdentity() {
    Path model = ModelSource.resolve("embedded");
    Path other = ModelSource.resolve("embedded-small");
    ProblemSet set = new ProblemSet("s", PROBLEMS, List.of());
    SamplingSettings s = new SamplingSettings(0.8f, 3, 0.9f, 0.1f, 40);
    EvalSettings settings = new EvalSettings(true, 2, s, 1, 4, List.of());
    Prompts p = Prompts.defaults();
    Set<Map<String, String>> all = new HashSet<>();
    List<EvalSettings> others = List.of(settings, new EvalSettings(false, 2, s, 1, 4), new EvalSettings(true, 3, s, 1,
        4),
        new EvalSettings(true, 2, s, 2, 4), new EvalSettings(true, 2, s, 1, 4, List.of("Q:")),
        new EvalSettings(true, 2, new SamplingSettings(0.7f, 3, 0.9f, 0.1f, 40), 1, 4),
        new EvalSettings(true, 2, new SamplingSettings(0.8f, 4, 0.9f, 0.1f, 40), 1, 4),
        new EvalSettings(true, 2, new SamplingSettings(0.8f, 3, 0.8f, 0.1f, 40), 1, 4),
        new EvalSettings(true, 2, new SamplingSettings(0.8f, 3, 0.9f, 0.2f, 40), 1, 4),
        new EvalSettings(true, 2, new SamplingSettings(0.8f, 3, 0.9f, 0.1f, 41), 1, 4));
    others.forEach(o -> all.add(EvalIdentity.of(model, null, set, p, o)));
    all.add(EvalIdentity.of(other, null, set, p, settings));
    all.add(EvalIdentity.of(model, other, set, p, settings));
    for (Problem changed : List.of(new Problem("c", "B", "7"), new Problem("b", "C", "7"), new Problem("b", "B",
        "8"))) {
      all.add(EvalIdentity.of(model, null, new ProblemSet("s", List.of(PROBLEMS.get(0), changed), List.of()), p,
          settings));
    }
    all.add(EvalIdentity.of(model, null, set, p.with("x", null, null, null, null), settings));
    all.add(EvalIdentity.of(model, null, set, p.with(null, "{question}", null, null, null), settings));
    all.add(EvalIdentity.of(model, null, set, p.with(null, null, null, null, "t"), settings));
    assertEquals(others.size() + 8, all.size());
    assertTrue(all.contains(EvalIdentity.of(model, null, set, p, new EvalSettings(true, 2, s, 1, 9))), "speed alone");
    assertThrows(IllegalArgumentException.class, () -> new EvalSettings(false, 0, s, 1, 1));
    assertThrows(IllegalArgumentException.class, () -> new EvalSettings(true, -1, s, 1, 1));
    assertThrows(IllegalArgumentException.class, () -> new EvalSettings(true, 1, s, 1, 0));
    assertThrows(IllegalArgumentException.class, () -> new EvalSettings(true, 1, s, 1, 1, List.of("")));
    assertEquals(3, settings.answers());
  }
}
