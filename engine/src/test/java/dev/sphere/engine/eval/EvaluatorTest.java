package dev.sphere.engine.eval;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sphere.engine.Problem;
import dev.sphere.engine.Progress;
import dev.sphere.engine.SamplingSettings;
import dev.sphere.engine.ScriptedPolicy;
import dev.sphere.engine.ToldProgress;
import dev.sphere.engine.prompt.Prompts;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class EvaluatorTest {
  private static final List<Problem> PROBLEMS =
      List.of(new Problem("a", "A?", "1/2"), new Problem("b", "B?", "7"), new Problem("c", "C?", "x=3"));

  /** Draw 0 is also the greedy answer: the script cannot tell them apart. */
  private static ScriptedPolicy policy() {
    ScriptedPolicy p = new ScriptedPolicy();
    Prompts prompts = Prompts.defaults();
    String[][] said = {
        {"so \\boxed{0.5}$", "so \\boxed{3}$", "so \\boxed{\\frac12}$", "so \\boxed{3}$"},
        {"so \\boxed{8}$", "so \\boxed{7}$", "\\boxed{7.0}$", "no idea~"},
        {"so \\boxed{4}$", "so \\boxed{5}$", "so \\boxed{6}$", "so \\boxed{3}$"}};
    for (int i = 0; i < 3; i++) {
      p.after(p.render(prompts.ask(PROBLEMS.get(i))), said[i]);
    }
    return p;
  }

  private static EvalResult run(EvalSettings s) throws InterruptedException {
    return new Evaluator(policy(), Prompts.defaults()).run(PROBLEMS, s, Progress.NONE);
  }

  @Test
  void figuresByHand() throws InterruptedException {
    EvalResult r = run(new EvalSettings(true, 4, SamplingSettings.temperature(0.8f, 50), 1, 2));
    assertEquals(3, r.n());
    assertEquals(1, r.correct());
    assertEquals(1.0 / 3, r.accuracy(), 1e-12);
    assertEquals((2 + 2 + 1) / 12.0, r.meanAtK(), 1e-12);
    // a: 1/2 twice against 3 twice, the first group wins; b: 7 twice; c: four different ones, the first is 4
    assertEquals(2.0 / 3, r.majAtK(), 1e-12);
    assertEquals(5 / 12.0, r.passAtK().get(1), 1e-12);
    assertEquals((5 / 6.0 + 5 / 6.0 + 0.5) / 3, r.passAtK().get(2), 1e-12);
    assertEquals(1, r.passAtK().get(4), 1e-12);
    assertEquals(1, r.truncated());
    assertEquals(Map.of("a", 1.0, "b", 0.0, "c", 0.0), r.scores());
    assertEquals(15, r.answers().size());
  }

  @Test
  void doesNotDependOnWhatIsInFlight() throws InterruptedException {
    List<String> order = new ArrayList<>();
    EvalSettings one = new EvalSettings(true, 3, SamplingSettings.temperature(0.8f, 50), 1, 1);
    EvalSettings many = new EvalSettings(true, 3, SamplingSettings.temperature(0.8f, 50), 1, 64);
    EvalResult a = run(one);
    ToldProgress told = new ToldProgress();
    EvalResult b = new Evaluator(policy(), Prompts.defaults())
        .run(PROBLEMS, many, Map.of(), x -> order.add(x.getFirst().problemId()), told);
    assertEquals(a, b);
    assertEquals(List.of("a", "b", "c"), order.stream().sorted().toList());
    assertEquals(List.of(0, 3, 3), List.of(told.first, told.done, told.total));
    long right = b.answers().stream().filter(Answered::correct).count();
    int tokens = b.answers().stream().mapToInt(Answered::tokens).sum();
    assertEquals(100 * right / 12 + " % right, " + Math.round(tokens / 3.0) + " tokens a problem", told.detail);
  }

  @Test
  void knownAnswersAreNotAskedAgain() throws InterruptedException {
    EvalSettings s = new EvalSettings(true, 3, SamplingSettings.temperature(0.8f, 50), 1, 2);
    EvalResult whole = run(s);
    List<Answered> ofB = whole.answers().stream().filter(x -> x.problemId().equals("b")).toList();
    List<String> asked = new ArrayList<>();
    ToldProgress told = new ToldProgress();
    EvalResult resumed = new Evaluator(policy(), Prompts.defaults())
        .run(PROBLEMS, s, Map.of("b", ofB), x -> asked.add(x.getFirst().problemId()), told);
    assertEquals(whole, resumed);
    assertEquals(List.of("a", "c"), asked.stream().sorted().toList());
    assertEquals(List.of(1, 3, 3), List.of(told.first, told.done, told.total));
  }

  @Test
  void aProcessRewardScoresEachStepAlongThePath() throws InterruptedException {
    ScriptedPolicy p = policy();
    List<Integer> lengths = new java.util.concurrent.CopyOnWriteArrayList<>();
    StepScorer scorer = new StepScorer(p, (problem, path, key, candidates) -> {
      lengths.add(path.length());
      return new double[] {candidates.getFirst().text().contains("0.5") ? 1 : 0.25};
    }, " ");
    EvalResult r = new Evaluator(p, Prompts.defaults(), scorer)
        .run(PROBLEMS.subList(0, 1), new EvalSettings(false, 2, SamplingSettings.temperature(0.8f, 50), 1, 1), Progress.NONE);
    // "so \\boxed{0.5}": two steps, cut after the space
    assertEquals(List.of(0.25, 1.0), r.answers().getFirst().steps());
    assertEquals(4, lengths.size());
    assertTrue(lengths.get(1) > lengths.get(0), lengths.toString());
    assertEquals(1, r.selections().getFirst().bestOfN(), 1e-12);
  }

  @Test
  void samplesAloneGiveMeanAtK() throws InterruptedException {
    EvalResult r = run(new EvalSettings(false, 4, SamplingSettings.temperature(0.8f, 50), 1, 4));
    assertEquals(5 / 12.0, r.accuracy(), 1e-12);
    assertEquals(0.25, r.scores().get("c"), 1e-12);
  }

  @Test
  void storedAnswersGiveTheSameFiguresWithoutTheModel(@TempDir Path dir) throws Exception {
    EvalResult r = run(new EvalSettings(true, 4, SamplingSettings.temperature(0.8f, 50), 1, 2));
    Path file = dir.resolve("answers.jsonl");
    AnswerFile.write(file, r.answers());
    assertEquals(r, Evaluator.regrade(AnswerFile.read(file)));
    Files.writeString(file, Files.readString(file) + "{torn");
    IllegalArgumentException e = assertThrows(IllegalArgumentException.class, () -> AnswerFile.read(file));
    assertTrue(e.getMessage().contains("line 16"), e.getMessage());
  }

  @Test
  void comparesInPairs() throws InterruptedException {
    EvalResult base = run(EvalSettings.greedy(50));
    List<Answered> better = base.answers().stream().map(a -> new Answered(a.problemId(), a.gold(), a.sample(),
        "\\boxed{" + a.gold() + "}", "", false, "", 1, false)).toList();
    Comparison c = Comparison.of(base, Evaluator.regrade(better), 5);
    assertEquals(2, c.won());
    assertEquals(0, c.lost());
    assertEquals(2.0 / 3, c.difference(), 1e-12);
    assertEquals(0.5, c.pValue(), 1e-12);
    assertTrue(c.interval().low() < 0 && c.interval().high() > 0, "two changes show nothing: " + c.interval());
    assertThrows(IllegalArgumentException.class,
        () -> Comparison.of(base, Evaluator.regrade(better.subList(0, 2)), 5));
  }

  @Test
  void aFailureOfTheModelComesThrough() {
    Evaluator e = new Evaluator(new ScriptedPolicy(), Prompts.defaults());
    assertThrows(IllegalStateException.class, () -> e.run(PROBLEMS, EvalSettings.greedy(9), Progress.NONE));
  }
}
