package dev.sphere.trainer.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.sphere.engine.Generation;
import dev.sphere.engine.Problem;
import dev.sphere.engine.probe.ProbeSettings;
import dev.sphere.engine.probe.Probed;
import dev.sphere.engine.prompt.Prompts;
import dev.sphere.engine.search.Candidate;
import dev.sphere.engine.search.Expansion;
import dev.sphere.engine.stage.Attempt;
import dev.sphere.engine.stage.Reason;
import dev.sphere.engine.stage.Stage;
import dev.sphere.engine.stage.StageResult;
import dev.sphere.engine.store.PairExport;
import dev.sphere.engine.store.PairExport.Format;
import dev.sphere.engine.store.Provenance;
import dev.sphere.engine.store.RunReader;
import dev.sphere.engine.store.RunFolder;
import dev.sphere.trainer.data.RunTrees.LabelSource;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What training takes out of a run's trees, from a run that is written here by hand. */
class RunTreesTest {
  @TempDir
  Path folder;

  private RunTrees trees;

  private static Candidate step(String text, double prm, double reward, Boolean right) {
    int[] tokens = text.chars().toArray();
    Generation.Finish finish = right != null && right ? Generation.Finish.END : Generation.Finish.STOP;
    Generation g = new Generation(tokens, new float[tokens.length], text, finish);
    return new Candidate(g, 0, 1, right != null, false, right != null && right, prm, reward);
  }

  /** Root: a (max), b (min), c. Under a: two ends, right and wrong. Under b: only wrong ones. */
  @BeforeEach
  void run() {
    Problem problem = new Problem("p1", "one?", "1", Map.of());
    Provenance provenance = Provenance.builder()
        .identity("model.sha256", "abc")
        .settings("stages.prompts", new Prompts("be brief", "Q: {question}", "again", ""))
        .build();
    try (RunFolder store = RunFolder.open(folder.resolve("run"), provenance, List.of(problem), false)) {
      store.append(new Expansion("p1", "generation", "",
          List.of(step("a/", 0.75, 0.75, null), step("b/", 0, 0, null), step("c/", 0.5, 0.5, null)), 0, 1, 5));
      store.append(new Expansion("p1", "generation", "+",
          List.of(step("A", 1, 1.25, true), step("x", 0, -0.75, false)), 0, 1, 5));
      store.append(new Expansion("p1", "generation", "-",
          List.of(step("y", 0, 0, false), step("z", 0, 0, false)), 0, 1, 5));
      store.append(new Expansion("p1", "diversity", "",
          List.of(step("s/", 1, 1, null), step("t/", 0, 0, null)), 0, 1, 5));
    }
    trees = new RunTrees(RunReader.read(folder.resolve("run")));
  }

  private static String text(RunTrees.Placed p) {
    return p.id() + ":" + p.text();
  }

  @Test
  void siblingsAreTheSurvivorsOfEachExpansion() {
    assertEquals(
        List.of("p1 at its start:a/ b/", "p1 at +:a/A x"),
        trees.siblings(0).stream().map(s -> text(s.max()) + " " + s.min().step().generation().text()).toList());
    assertEquals(1, trees.siblings(1).size(), "a margin of 1: only the ends under a");
    RowReport report = new RowReport("run", RowReport.OnBadRow.SKIP);
    List<Example.Preference> pairs =
        new StepEncoder(new Characters(), 99, report, true).siblings(trees.siblings(0));
    assertEquals(2, pairs.size());
    assertEquals(pairs.get(0).tree(), pairs.get(1).tree());
    int[] prompt = "\u0001s:be brief|u:Q: one?|a:".chars().toArray();
    int[] expected = java.util.Arrays.copyOf(prompt, prompt.length + 3);
    "a/A".chars().forEach(new java.util.function.IntConsumer() {
      private int at = prompt.length;

      @Override
      public void accept(int c) {
        expected[at++] = c;
      }
    });
    assertArrayEquals(expected, pairs.get(1).chosen().tokens(), "as drawn, with no end added");
    assertEquals(prompt.length + 2, pairs.get(1).chosen().promptLength());
  }

  @Test
  void labelsAreOfAllCandidates() {
    assertEquals(
        List.of("a/ 0.75", "b/ 0.0", "c/ 0.5", "a/A 1.0", "a/x 0.0", "b/y 0.0", "b/z 0.0"), labels(LabelSource.PRM));
    assertEquals(
        List.of("a/ 1.0", "b/ 0.0", "c/ 1.0", "a/A 1.0", "a/x 0.0", "b/y 0.0", "b/z 0.0"),
        labels(LabelSource.PRM_HARD));
    assertEquals(
        List.of("a/ 0.5", "b/ 0.0", "a/A 1.0", "a/x 0.0", "b/y 0.0", "b/z 0.0"),
        labels(LabelSource.TREE), "c has nothing below it");
    RowReport report = new RowReport("run", RowReport.OnBadRow.SKIP);
    List<Example.Step> steps = new StepEncoder(new Characters(), 99, report, false)
        .labelled(trees.labelled(LabelSource.PRM), new StepEncoder.Labels('+', '-', '#'));
    int[] tokens = steps.get(3).sequences().getFirst().tokens();
    assertEquals("a/#A#+", new String(tokens, tokens.length - 6, 6));
    assertEquals('-', steps.get(3).sequences().getLast().tokens()[tokens.length - 1]);
  }

  /**
   * With early_stop and K = 8: a share of fewer rollouts is no label; that one of them was right is one. What nobody
   * counted may be either.
   */
  @Test
  void scoresOfTooFewRolloutsAreNoLabels() {
    Problem problem = new Problem("p1", "one?", "1", Map.of());
    Provenance provenance = Provenance.builder()
        .settings("stages.prompts", new Prompts("be brief", "Q: {question}", "again", ""))
        .identity("prm.monteCarlo.stopWhenDecided", true).identity("prm.monteCarlo.rollouts", 8)
        .build();
    try (RunFolder store = RunFolder.open(folder.resolve("early"), provenance, List.of(problem), false)) {
      store.append(new Expansion("p1", "generation", "", List.of(rolled("a/", 0.5, 4), rolled("b/", 0, 4), rolled("c/", 0.25, 8),
          rolled("d/", 0, 8), rolled("e/", 0.5, 0)), 0, 1, 5));
      store.append(new Expansion("p1", "generation", "+",
          List.of(step("A", 1, 1.25, true), step("x", 0, -0.75, false)), 0, 1, 5));
      store.append(new Expansion("p1", "generation", "-",
          List.of(step("y", 0, 0, false), step("z", 0, 0, false)), 0, 1, 5));
    }
    trees = new RunTrees(RunReader.read(folder.resolve("early")));
    assertEquals(List.of("c/ 0.25", "d/ 0.0", "a/A 1.0", "a/x 0.0", "b/y 0.0", "b/z 0.0"), labels(LabelSource.PRM));
    assertEquals(3, trees.stoppedEarly(LabelSource.PRM));
    assertEquals(List.of("a/ 1.0", "c/ 1.0", "d/ 0.0", "e/ 1.0", "a/A 1.0", "a/x 0.0", "b/y 0.0", "b/z 0.0"),
        labels(LabelSource.PRM_HARD));
    assertEquals(1, trees.stoppedEarly(LabelSource.PRM_HARD), "b");
    assertEquals(0, trees.stoppedEarly(LabelSource.TREE));
    assertEquals(2, StepwiseExport.write(trees, Format.TRL_JSONL, folder.resolve("early.jsonl")), "those under b are left out");
  }

  private static Candidate rolled(String text, double prm, int rollouts) {
    Candidate c = step(text, prm, prm, null);
    return new Candidate(c.generation(), 0, 1, false, false, false, prm, prm, rollouts);
  }

  private List<String> labels(LabelSource source) {
    return trees.labelled(source).stream().map(l -> l.step().text() + " " + l.label()).toList();
  }

  /** Out of the run, through Parquet, and back in: the labelled steps are the trees' own. */
  @Test
  void stepwiseSupervisionIsReadBack() {
    for (Format format : Format.values()) {
      Path file = folder.resolve("steps" + (format == Format.TRL_PARQUET ? ".parquet" : ".jsonl"));
      assertEquals(4, StepwiseExport.write(trees, format, file));
      RowReport report = new RowReport("steps", RowReport.OnBadRow.SKIP);
      List<RowReader.StepRow> rows = new RowReader(new Characters(), report).steps(file);
      assertEquals(
          List.of("a/,A", "a/,x", "b/,y", "b/,z"), rows.stream().map(r -> String.join(",", r.steps())).toList());
      assertArrayEquals(new double[] {1, 0}, rows.get(1).labels());
      assertEquals("s:be brief|u:Q: one?|a:", rows.getFirst().prompt().text());
      assertEquals(List.of(), report.badRows());
    }
  }

  @Test
  void pairsAreReadBackInEveryShape() {
    Problem problem = new Problem("p1", "one?", "1", Map.of());
    Provenance provenance = Provenance.builder()
        .settings("stages.prompts", new Prompts("", "Q: {question}", "again", ""))
        .build();
    var pair = new dev.sphere.engine.PreferencePair(
        "p1", "generation", "u:Q: one?|a:", "It's 1 \n\"x\"", "no", new int[0], new int[0], new int[0]);
    try (RunFolder store = RunFolder.open(folder.resolve("pairs"), provenance, List.of(problem), false)) {
      store.append(new StageResult("p1", Stage.GENERATION, List.of(pair), null, List.of()));
    }
    RunReader run = RunReader.read(folder.resolve("pairs"));
    for (Format format : Format.values()) {
      for (boolean talk : new boolean[] {false, true}) {
        for (boolean implicit : new boolean[] {false, true}) {
          Path file = folder.resolve(talk + "" + implicit + (format == Format.TRL_PARQUET ? ".parquet" : ".jsonl"));
          PairExport.write(run, new PairExport.Shape(talk, implicit), format, file);
          RowReport report = new RowReport("pairs", RowReport.OnBadRow.SKIP);
          var read = new RowReader(new Characters(), report).preferences(file).getFirst();
          assertEquals("p1 generation", read.problemId() + " " + read.stage(), file.toString());
          assertEquals(pair.prompt() + pair.chosen(), read.prompt() + read.chosen(), file.toString());
          assertEquals(pair.prompt() + pair.rejected(), read.prompt() + read.rejected(), file.toString());
        }
      }
    }
  }

  @Test
  void rightSolutionsAreDistinct() {
    assertEquals(List.of("p1 at +:a/A 1.25"), right(trees).get("p1"));
    assertEquals("abc", trees.modelHash());
  }

  /**
   * What was drawn without a tree and what the probe drew were paid for too. Wrong, cut and guessed ones are nothing
   * to imitate.
   */
  @Test
  void rightSolutionsAreThoseOfDrawsAndProbesToo() {
    List<Problem> problems = List.of(new Problem("p1", "one?", "1", Map.of()), new Problem("p2", "two?", "2", Map.of()),
        new Problem("p3", "three?", "3", Map.of()));
    Provenance provenance = Provenance.builder().settings("stages.prompts", new Prompts("be brief", "Q: {question}", "again", ""))
        .settings("probe", new ProbeSettings(3, "0.2..0.8", ProbeSettings.Order.FILE, 0, true)).build();
    try (RunFolder store = RunFolder.open(folder.resolve("draws"), provenance, problems, false)) {
      store.append(new Probed("p1", List.of(draw("a/A ", true, true), draw("q", true, true), draw("w", false, false))));
      store.append(new Probed("p2", List.of(draw("two", true, true), draw("two", true, true), draw("guess", true, false))));
      store.append(new Expansion("p1", "generation", "",
          List.of(step("a/", 0.75, 0.75, null), step("b", 0, 0, false)), 0, 1, 5));
      store.append(new Expansion("p1", "generation", "+", List.of(step("A", 1, 1.25, true), step("x", 0, -0.75, false)), 0, 1, 5));
      store.append(new StageResult("p1", Stage.GENERATION, List.of(), Reason.IDENTICAL,
          List.of(attempt("drawn", true, false), attempt("a/A", true, false), attempt("cut", true, true), attempt("bad", false, false))));
      store.append(new StageResult("p1", Stage.CORRECTION, List.of(), Reason.NOT_CORRECTED, List.of(attempt("corrected", true, false))));
    }
    Map<String, List<String>> right = right(new RunTrees(RunReader.read(folder.resolve("draws"))));
    assertEquals(Map.of("p1", List.of("p1 at +:a/A 1.25", "p1 drawn:drawn 1.0", "p1 probed:q 1.0"), "p2", List.of("p2 probed:two 1.0")), right);
  }

  private static Probed.Draw draw(String text, boolean correct, boolean solved) {
    return new Probed.Draw(text, new int[] {1}, Generation.Finish.END, correct, solved, 1, false);
  }

  private static Attempt attempt(String text, boolean correct, boolean truncated) {
    return new Attempt("generation", 0, true, "", correct, truncated, text, new int[0]);
  }

  private static Map<String, List<String>> right(RunTrees trees) {
    Map<String, List<String>> all = new LinkedHashMap<>();
    trees.rightSolutions().forEach((id, s) -> all.put(id, s.stream().map(x -> x.id() + ":" + x.text() + " " + x.reward()).toList()));
    return all;
  }
}
