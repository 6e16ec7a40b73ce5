package dev.sphere.trainer.job;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sphere.engine.Generation;
import dev.sphere.engine.PreferencePair;
import dev.sphere.engine.Problem;
import dev.sphere.engine.prompt.Prompts;
import dev.sphere.engine.search.Candidate;
import dev.sphere.engine.search.Expansion;
import dev.sphere.engine.store.PairFlags;
import dev.sphere.engine.store.Provenance;
import dev.sphere.engine.store.RunFolder;
import dev.sphere.gguf.GgmlType;
import dev.sphere.gguf.make.ByteVocabulary;
import dev.sphere.gguf.make.RandomModel;
import dev.sphere.gguf.model.PrmInfo;
import dev.sphere.trainer.data.Example;
import dev.sphere.trainer.data.RunTrees.LabelSource;
import dev.sphere.trainer.data.TrainingSequence;
import dev.sphere.trainer.loop.TrainSettings;
import dev.sphere.trainer.loss.LossSettings;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What each task takes out of a run or a file, and what of it is held out, with a vocabulary of bytes. */
class TrainingDataTest {
  private static final int PROBLEMS = 30;

  @TempDir
  static Path folder;

  private static Path model;
  private static Path run;
  private static Path pairs;
  private static Path rows;
  private static Path steps;

  private static Candidate step(String text, double reward, Boolean right) {
    int[] tokens = text.chars().toArray();
    Generation.Finish finish = right != null && right ? Generation.Finish.END : Generation.Finish.STOP;
    Generation g = new Generation(tokens, new float[tokens.length], text, finish);
    return new Candidate(g, 0, 1, right != null, false, right != null && right, Math.clamp(reward, 0, 1), reward);
  }

  /** Each problem has three right solutions of rewards 0.5, 0.9 and 0.7 in this order, and a wrong one. */
  @BeforeAll
  static void files() throws IOException {
    model = folder.resolve("m.gguf");
    RandomModel.write(RandomModel.like("tiny-qwen2"), ByteVocabulary.metadata(), GgmlType.F32, 5, model);
    List<Problem> problems = new ArrayList<>();
    StringBuilder p = new StringBuilder();
    StringBuilder r = new StringBuilder();
    StringBuilder s = new StringBuilder();
    for (int i = 0; i < PROBLEMS; i++) {
      problems.add(new Problem("p" + i, "what is " + i + "?", "1", Map.of()));
      for (int k = 0; k < 3; k++) {
        p.append("{\"prompt\":\"q%d\",\"chosen\":\"c%d\",\"rejected\":\"r%d\"}%n".formatted(i, k, k));
        r.append("{\"prompt\":\"q%d\",\"completion\":\"c%d\"}%n".formatted(i, k));
        s.append("{\"prompt\":\"q%d\",\"completions\":[\"c%d\"],\"labels\":[true]}%n".formatted(i, k));
      }
    }
    pairs = Files.writeString(folder.resolve("pairs.jsonl"), p);
    rows = Files.writeString(folder.resolve("rows.jsonl"), r);
    steps = Files.writeString(folder.resolve("steps.jsonl"), s);
    run = folder.resolve("run");
    Provenance provenance = Provenance.builder()
        .identity("model.sha256", "abc")
        .settings("stages.prompts", new Prompts("", "Q: {question}", "again", "", "{{ messages[-1]['content'] }}|"))
        .build();
    try (RunFolder store = RunFolder.open(run, provenance, problems, false)) {
      for (Problem q : problems) {
        store.append(new Expansion(q.id(), "generation", "",
            List.of(step("a/", 0.75, null), step("b/", 0.25, null), step("low", 0.5, true)), 0, 1, 5));
        store.append(new Expansion(q.id(), "generation", "+",
            List.of(step("top", 0.9, true), step("bad", 0, false), step("mid", 0.7, true)), 0, 1, 5));
      }
    }
  }

  private static TrainJob job() {
    return TrainJob.of(model, folder.resolve("out"), TrainSettings.defaults(0.1).withSeed(3));
  }

  private static String text(TrainingSequence s, int from, int to) {
    int[] tokens = Arrays.copyOfRange(s.tokens(), from, to);
    StringBuilder text = new StringBuilder();
    for (int t : tokens) {
      text.append(t < 256 ? new String(new byte[] {(byte) t}, StandardCharsets.ISO_8859_1) : "");
    }
    return text.toString();
  }

  private static String question(Example e) {
    TrainingSequence s = e.sequences().getFirst();
    String text = text(s, 0, s.promptLength());
    return text.replaceAll("(?s).*?(what is \\d+|q\\d+).*", "$1");
  }

  private static String completion(Example e, int sequence) {
    TrainingSequence s = e.sequences().get(sequence);
    return text(s, s.promptLength(), s.length());
  }

  private static List<TrainTask> tasks() {
    LossSettings loss = LossSettings.defaults();
    List<PreferencePair> inMemory = new ArrayList<>();
    for (int i = 0; i < 3 * PROBLEMS; i++) {
      int[] none = {};
      inMemory.add(new PreferencePair("p" + i / 3, "", "q" + i / 3, "c" + i % 3, "r" + i % 3, none, none, none));
    }
    return List.of(
        new TrainTask.Imitate(rows), new TrainTask.ImitateRun(run, 0, 0), new TrainTask.Prefer(pairs, loss),
        new TrainTask.PreferPairs(inMemory, loss), new TrainTask.PreferSiblings(run, 0, loss),
        new TrainTask.Judge(steps, LabelSource.PRM, PrmForm.tokens(), "\n"),
        new TrainTask.Judge(run, LabelSource.PRM, PrmForm.tokens(), "\n"));
  }

  @Test
  void flaggedPairsAreLeftOutWhereThatIsAsked() throws Exception {
    Path beside = Files.createDirectories(folder.resolve("flagged"));
    Path data = Files.copy(pairs, beside.resolve("pairs.jsonl"));
    PairFlags.add(beside, PairFlags.key("q1", "c2", "r2"), "p1", "generation", PairFlags.Flag.SAME);
    PairFlags.add(beside, PairFlags.key("q0", "c0", "r0"), "p0", "generation", PairFlags.Flag.CHOSEN_WRONG);
    PairFlags.add(beside, PairFlags.key("q0", "c0", "r0"), "p0", "generation", null);
    LossSettings loss = LossSettings.defaults();
    int all = Opened.prepared(job(), new TrainTask.Prefer(data, loss)).examples().size();
    TrainingData<?> kept = Opened.prepared(job(), new TrainTask.Prefer(data, true, loss));
    assertEquals(3 * PROBLEMS, all);
    assertEquals(all - 1, kept.examples().size());
    assertFalse(kept.examples().stream().anyMatch(e -> question(e).equals("q1") && completion(e, 0).startsWith("c2")));
    assertTrue(kept.report().summary().contains("1 flagged by a reader and left out"), kept.report().summary());
  }

  /** Whatever is trained: the two parts are all there is, and no problem is in both. */
  @Test
  void noProblemIsTrainedAndHeldOut() {
    for (TrainTask task : tasks()) {
      TrainingData<?> all = Opened.prepared(job(), task);
      TrainingData<?> parts = Opened.prepared(job().withHeldOut(new HeldOut(null, 0.4, 0)), task);
      String what = task.getClass().getSimpleName();
      assertEquals(all.examples().size(), parts.examples().size() + parts.heldOut().size(), what);
      Set<String> trained = parts.examples().stream().map(TrainingDataTest::question).collect(Collectors.toSet());
      Set<String> held = parts.heldOut().stream().map(TrainingDataTest::question).collect(Collectors.toSet());
      assertEquals(PROBLEMS, trained.size() + held.size(), what + ": a problem is in both parts");
      assertTrue(held.size() > PROBLEMS / 10 && held.size() < 3 * PROBLEMS / 4, what + ": " + held.size());
      assertTrue(parts.report().summary().contains("held out"), parts.report().summary());
    }
  }

  /** The rows of a file beside are measured, all of them, and none of them is trained on. */
  @Test
  void aFileBesideIsMeasured() throws IOException {
    Path beside = Files.writeString(folder.resolve("beside.jsonl"),
        "{\"prompt\":\"q99\",\"chosen\":\"c\",\"rejected\":\"r\"}\n");
    TrainingData<?> p = Opened.prepared(
        job().withHeldOut(new HeldOut(beside, 0, 0)), new TrainTask.Prefer(pairs, LossSettings.defaults()));
    assertEquals(3 * PROBLEMS, p.examples().size());
    assertEquals(List.of("q99"), p.heldOut().stream().map(TrainingDataTest::question).toList());
  }

  /** The solutions of the highest rewards, exp(R / T) of each problem's with a mean of 1. */
  @Test
  void theBestSolutionsAreImitatedByTheirRewards() {
    List<? extends Example> all = Opened.prepared(job(), new TrainTask.ImitateRun(run, 0, 0)).examples();
    assertEquals(3 * PROBLEMS, all.size());
    assertEquals(List.of("a/top", "a/mid", "low"), all.subList(0, 3).stream().map(e -> completion(e, 0)).toList());
    assertEquals(Set.of(1.0), all.stream().map(Example::weight).collect(Collectors.toSet()));
    List<? extends Example> two = Opened.prepared(job(), new TrainTask.ImitateRun(run, 2, 0.5)).examples();
    assertEquals(2 * PROBLEMS, two.size());
    assertEquals(List.of("a/top", "a/mid"), two.subList(0, 2).stream().map(e -> completion(e, 0)).toList());
    double top = Math.exp(0.9 / 0.5);
    double mid = Math.exp(0.7 / 0.5);
    assertEquals(2 * top / (top + mid), two.get(0).weight(), 1e-9);
    assertEquals(2 * mid / (top + mid), two.get(1).weight(), 1e-9);
  }

  @Test
  void siblingsDifferByTheMarginAtLeast() {
    for (double[] margin : new double[][] {{0, 2}, {0.5, 2}, {0.6, 1}, {0.95, 0}}) {
      TrainTask task = new TrainTask.PreferSiblings(run, margin[0], LossSettings.defaults());
      if (margin[1] == 0) {
        org.junit.jupiter.api.Assertions.assertThrows(IllegalArgumentException.class, () -> Opened.prepared(job(),
            task));
      } else {
        assertEquals((int) margin[1] * PROBLEMS, Opened.prepared(job(), task).examples().size(), "margin " + margin[0]);
      }
    }
    Example e = Opened.prepared(job(), new TrainTask.PreferSiblings(run, 0.6,
        LossSettings.defaults())).examples().getFirst();
    assertEquals("top bad", completion(e, 0) + " " + completion(e, 1));
  }

  /** Labels, forms, the text that ends a step, and where a run's labels come from. */
  @Test
  void stepsAreJudgedAsToldTo() {
    Set<String> seen = new HashSet<>();
    for (LabelSource source : LabelSource.values()) {
      List<? extends Example> labelled =
          Opened.prepared(job(), new TrainTask.Judge(run, source, PrmForm.tokens(), "\n")).examples();
      seen.add(labelled.stream().map(e -> Double.toString(((Example.Step) e).label())).collect(Collectors.joining(" ")));
    }
    assertEquals(3, seen.size(), "each source has labels of its own");
    TrainTask told = new TrainTask.Judge(steps, LabelSource.PRM, new PrmForm(PrmInfo.Form.TOKEN, "y", "n", "#"), "!");
    Example e = Opened.prepared(job(), told).examples().getFirst();
    assertTrue(text(e.sequences().getFirst(), 0, e.sequences().getFirst().length()).endsWith("c0!#y"));
    assertTrue(text(e.sequences().getLast(), 0, e.sequences().getLast().length()).endsWith("c0!#n"));
    TrainingData<?> head = Opened.prepared(job(), new TrainTask.Judge(steps, LabelSource.PRM, PrmForm.head("#"),
        "!"));
    assertEquals(1, head.examples().getFirst().sequences().size());
    assertTrue(head.labels().isHead() && head.labels().separator() == '#');
  }

  /**
   * The run's own template renders its dialogues; one that is told takes its place; a folder that is no run has
   * none.
   */
  @Test
  void dialoguesAreRenderedAsTheRunWas() {
    TrainTask task = new TrainTask.ImitateRun(run, 1, 0);
    assertEquals("Q: what is 0?|", prompt(job(), task));
    assertEquals("told Q: what is 0?", prompt(job().withTemplate("told {{ messages[-1]['content'] }}"), task));
    assertTrue(prompt(job().withTemplate(""), task).contains("Q: what is 0?"));
    assertTrue(!prompt(job().withTemplate(""), task).endsWith("|"), "the model's own");
  }

  private static String prompt(TrainJob job, TrainTask task) {
    TrainingSequence s = Opened.prepared(job, task).examples().getFirst().sequences().getFirst();
    return text(s, 0, s.promptLength());
  }

  /** A step separator cuts the rejected side at its first differing step, or makes the two steps the pair. */
  @Test
  void pairsAreCutAtTheirSteps() {
    int[] none = {};
    TrainTask task = new TrainTask.PreferPairs(
        List.of(new PreferencePair("p", "", "q1", "a/b/c", "a/x/y", none, none, none)), LossSettings.defaults());
    assertEquals("a/b/c a/x/y", both(job(), task));
    assertEquals("a/b/c a/x/", both(job().withStepSeparator("/"), task));
    assertEquals("b/ x/", both(job().withStepPairs("/"), task));
    assertEquals("a/b/c a/x/y", both(job().withStepSeparator(null), task));
  }

  private static String both(TrainJob job, TrainTask task) {
    Example e = Opened.prepared(job, task).examples().getFirst();
    return completion(e, 0) + " " + completion(e, 1);
  }
}
