package dev.sphere.engine.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sphere.base.SplitMix;
import dev.sphere.engine.DrawKey;
import dev.sphere.engine.Generation;
import dev.sphere.engine.HashPolicy;
import dev.sphere.engine.Policy;
import dev.sphere.engine.PreferencePair;
import dev.sphere.engine.Problem;
import dev.sphere.engine.Progress;
import dev.sphere.engine.TokenPath;
import dev.sphere.engine.embedded.ProblemSource;
import dev.sphere.engine.embedded.StepCaseSource;
import dev.sphere.engine.eval.StepQuality;
import dev.sphere.engine.eval.StepScores;
import dev.sphere.engine.prompt.Prompts;
import dev.sphere.engine.stage.ProblemResult;
import dev.sphere.engine.stage.Reason;
import dev.sphere.engine.stage.Stage;
import dev.sphere.engine.stage.StageResult;
import dev.sphere.engine.stage.StageSettings;
import dev.sphere.engine.store.PairExport;
import dev.sphere.engine.store.Provenance;
import dev.sphere.engine.store.RunFolder;
import dev.sphere.engine.store.RunReader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Which rows are read, which are left out, and which are written. */
class DataRulesTest {
  @TempDir Path dir;

  private static List<String> ids(List<Problem> problems) {
    return problems.stream().map(Problem::id).toList();
  }

  @Test
  void limitsTakeTheFirstOnes() throws Exception {
    StringBuilder rows = new StringBuilder("{\"question\": \"bad\"}\n");
    for (int i = 0; i < 6; i++) {
      rows.append("{\"id\": \"r").append(i).append("\", \"question\": \"q\", \"answer\": \"1\"}\n");
    }
    String file = Files.writeString(dir.resolve("p.jsonl"), rows).toString();
    ReadOptions skip = ReadOptions.defaults().skippingBad();
    assertEquals(List.of("r0", "r1", "r2"), ids(ProblemReader.read(file, skip.withLimit(3)).problems()));
    assertEquals(6, ProblemReader.read(file, skip).problems().size());
    assertEquals(6, ProblemReader.read(file, skip.withLimit(9)).problems().size());
    assertEquals(6, ProblemSource.read(file, skip).problems().size());
    List<Problem> embedded = ProblemSource.embedded("embedded:test").orElseThrow();
    assertEquals(embedded.subList(0, 4), ProblemSource.read("embedded:test",
        ReadOptions.defaults().withLimit(4)).problems());
    Path cases = Files.writeString(dir.resolve("c.jsonl"),
        "{\"problem\":\"Q\",\"steps\":[\"a\"],\"label\":0}\n".repeat(4));
    assertEquals(3, StepCases.read(cases.toString(), 3).size());
    assertEquals(4, StepCases.read(cases.toString(), 0).size());
    assertEquals(2, StepCaseSource.read(cases.toString(), 2).size());
    assertEquals(5, StepCaseSource.read("embedded:steps", 5).size());
  }

  @Test
  void shardsDealProblemsOutOneByOne() {
    List<Problem> all = IntStream.range(0, 7).mapToObj(i -> new Problem("p" + i, "q", "1")).toList();
    assertEquals(List.of("p0", "p3", "p6"), ids(Shard.of("1/3", Map.of()).part(all)));
    assertEquals(List.of("p1", "p4"), ids(Shard.of("2/3", Map.of()).part(all)));
    assertEquals(List.of("p2", "p5"), ids(Shard.of("3/3", Map.of()).part(all)));
    assertNull(Shard.of(null, Map.of()));
    assertEquals(all, Shard.of("1/1", Map.of()).part(all));
    for (String bad : List.of("0/2", "3/2", "1", "a/b", "1/0", "8/9")) {
      assertThrows(IllegalArgumentException.class, () -> Shard.of(bad, Map.of()).part(all), bad);
    }
  }

  /** Half a surrogate pair can be written in JSON, and in nothing else. */
  @Test
  void halfACharacterIsReadAsOneThatCanBeWritten() throws Exception {
    Path rows = Files.writeString(dir.resolve("half.jsonl"),
        "{\"question\":\"x \\ud83d y \\ude00 \\ud83d\\ude00\",\"answer\":\"7\"}\n");
    String question = ProblemSource.read(rows.toString()).getFirst().question();
    assertEquals("x \ufffd y \ufffd \ud83d\ude00", question);
    assertEquals(question, JsonText.MAPPER.readValue(JsonText.MAPPER.writeValueAsBytes(question), String.class));
  }

  @Test
  void thirteenWordsInARowAreAnOverlapAndTwelveAreNot() {
    assertEquals(13, Decontamination.WORDS);
    String words = "a b c d e f g h i j k l m";
    Problem evaluated = new Problem("t", "before " + words + " after that", "one two three");
    Map<String, List<Problem>> sets = Map.of("set", List.of(evaluated));
    List<Problem> problems = List.of(new Problem("thirteen", "x y " + words + " z z", "1"),
        new Problem("twelve", "x y a b c d e f g h i j k l z z z z", "1"),
        new Problem("end", "v w x y z 1 2 3 4 5 6 7 8 " + words, "1"),
        new Problem("answer", "one two three", "1"), new Problem("short", "a b c", "1"));
    Decontamination.Result r = Decontamination.check(problems, sets, Decontamination.WORDS);
    assertEquals(List.of("twelve", "answer", "short"), ids(r.clean()));
    assertEquals(List.of("thirteen", "end"), r.hits().stream().map(Decontamination.Hit::problem).toList());
    assertEquals(words, r.hits().getFirst().words());
    assertEquals(1 / 5.0, r.hits().getFirst().share(), 1e-12, "one of 17 - 12 n-grams");
    assertEquals("set", r.hits().getFirst().set());
    assertEquals(List.of("short"), ids(Decontamination.check(problems.subList(4, 5), sets, 4).clean()));
    assertEquals(List.of(), ids(Decontamination.check(problems.subList(4, 5), sets, 3).clean()));
  }

  private static StepCase stepCase(int label, int steps) {
    return new StepCase(new Problem("p", "q", "1"), java.util.Collections.nCopies(steps, "step"), label, "");
  }

  @Test
  void theThresholdIsTunedOnOneHalfAndMeasuredOnTheOther() {
    // Even of either kind: wrong .3, right .6: any threshold between tells them apart, .3 is the lowest. Odd: wrong
    // .5, right
    // .4 : at nextUp(.3) nothing is accused.
    List<StepCase> cases = List.of(stepCase(0, 1), stepCase(0, 1), stepCase(-1, 1), stepCase(-1, 1));
    List<double[]> scores = List.of(new double[] {.3}, new double[] {.5}, new double[] {.6}, new double[] {.4});
    StepQuality q = StepQuality.of(cases, scores, .5, 1);
    assertEquals(Math.nextUp(.3), q.tunedThreshold());
    assertEquals(0, q.tuned().onWrong());
    assertEquals(1, q.tuned().onRight());
    assertEquals(0.5, q.atThreshold().onWrong(), "equal to the threshold is not below it");
    assertEquals(0.5, q.atThreshold().onRight());
  }

  @Test
  void givenStepsAreScoredAlongTheirPathAsASearchWould() throws Exception {
    List<String> texts = new ArrayList<>();
    List<DrawKey> keys = new ArrayList<>();
    HashPolicy policy = new HashPolicy(0.5);
    StepCase c = new StepCase(new Problem("p", "q", "1"), List.of("one \n", "two", "three"), -1, "");
    List<double[]> scores = StepScores.of(List.of(c), policy, (problem, path, key, steps) -> {
      texts.add(policy.detokenize(path.toArray()) + "|" + steps.getFirst().text() + steps.getFirst().finish());
      keys.add(key);
      return new double[] {texts.size() / 4.0};
    }, new Prompts("", "{question}", "c", ""), ";", 6, 1, Map.of(), (i, s) -> {}, Progress.NONE);
    assertEquals(List.of("u[q]a:|one;STOP", "u[q]a:one;|two;STOP", "u[q]a:one;two;|threeEND"), texts);
    assertArrayEquals(new double[] {.25, .5, .75}, scores.getFirst());
    for (DrawKey key : keys) {
      assertEquals(6, key.seed());
      assertEquals(SplitMix.hash("p"), key.problem());
    }
    assertEquals(3, keys.stream().distinct().count());
  }

  @Test
  void exportsSayWhatWasChosen() throws Exception {
    Prompts prompts = new Prompts("Sys", "{question}?", "c", "");
    Provenance provenance = Provenance.builder().identity("seed", 1)
        .settings("stages", StageSettings.defaults().withPrompts(prompts)).build();
    int[] none = {};
    try (RunFolder store = RunFolder.open(dir.resolve("run"), provenance, List.of(new Problem("p", "Q", "7")), false)) {
      StageResult pairs = new StageResult("p", Stage.GENERATION,
          List.of(new PreferencePair("p", "generation", "PROMPT", "good", "bad", none, none, none)), null, List.of());
      StageResult second = new StageResult("p", Stage.CORRECTION, List.of(), Reason.NOT_CORRECTED, List.of());
      StageResult third = new StageResult("p", Stage.DIVERSITY, List.of(), Reason.DISABLED, List.of());
      for (StageResult s : List.of(pairs, second, third)) {
        store.append(s);
      }
      store.append(new ProblemResult("p", List.of(pairs, second, third)));
      store.finish();
    }
    String end = ",\"problem_id\":\"p\",\"stage\":\"generation\"}\n";
    String asked = "{\"role\":\"system\",\"content\":\"Sys\"},{\"role\":\"user\",\"content\":\"Q?\"}";
    String good = "{\"role\":\"assistant\",\"content\":\"good\"}]";
    String bad = "{\"role\":\"assistant\",\"content\":\"bad\"}]";
    assertEquals("{\"prompt\":\"PROMPT\",\"chosen\":\"good\",\"rejected\":\"bad\"" + end, exported(false, false));
    assertEquals("{\"chosen\":\"PROMPTgood\",\"rejected\":\"PROMPTbad\"" + end, exported(false, true));
    assertEquals("{\"prompt\":[" + asked + "],\"chosen\":[" + good + ",\"rejected\":[" + bad + end, exported(true,
        false));
    assertEquals("{\"chosen\":[" + asked + "," + good + ",\"rejected\":[" + asked + "," + bad + end, exported(true,
        true));
  }

  private String exported(boolean conversational, boolean implicit) throws Exception {
    Path out = dir.resolve("out.jsonl");
    PairExport.write(RunReader.read(dir.resolve("run")), new PairExport.Shape(conversational, implicit),
        PairExport.Format.TRL_JSONL, out);
    return Files.readString(out);
  }

  @Test
  void aRewardWithoutScoresIsNoReward() {
    Policy policy = new HashPolicy(0.5);
    StepCase c = stepCase(-1, 1);
    assertTrue(assertThrows(IllegalStateException.class, () -> StepScores.of(List.of(c), policy,
        (Problem problem, TokenPath path, DrawKey key, List<Generation> steps) -> {
          throw new IllegalStateException("no score");
        }, Prompts.defaults(), "\n", 1, 1, Map.of(), (i, s) -> {}, Progress.NONE)).getMessage().contains("no score"));
  }
}
