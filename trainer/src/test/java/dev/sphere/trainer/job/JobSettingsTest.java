package dev.sphere.trainer.job;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sphere.bindings.kernel.Activations;
import dev.sphere.bindings.tensor.TrainingKernels;
import dev.sphere.engine.decode.Precision;
import dev.sphere.gguf.GgmlType;
import dev.sphere.gguf.make.ByteVocabulary;
import dev.sphere.gguf.make.RandomModel;
import dev.sphere.gguf.model.GgufFile;
import dev.sphere.trainer.data.RowReport.OnBadRow;
import dev.sphere.trainer.job.TrainJob.Outcome;
import dev.sphere.trainer.loop.TrainSettings;
import dev.sphere.trainer.loop.TrainingListener;
import dev.sphere.trainer.loss.LossSettings;
import dev.sphere.trainer.model.ModelOptions;
import dev.sphere.trainer.optim.OptimizerSettings;
import dev.sphere.trainer.optim.Schedule;
import java.io.IOException;
import java.lang.reflect.RecordComponent;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Every component of a job and of a tuning, changed alone, changes what it should in what comes out. */
class JobSettingsTest {
  private static final TrainTask.Prefer NOTHING_TO_LEARN =
      new TrainTask.Prefer(null, LossSettings.of(List.of("sigmoid"), List.of(0.0)));

  @TempDir
  static Path folder;

  private static Path model;
  private static Path pairs;
  private static int runs;

  @BeforeAll
  static void files() throws IOException {
    model = folder.resolve("m.gguf");
    RandomModel.write(RandomModel.like("tiny-qwen2"), ByteVocabulary.metadata(), GgmlType.F32, 5, model);
    StringBuilder lines = new StringBuilder();
    for (int i = 0; i < 6; i++) {
      lines.append("{\"prompt\":\"What is %d?\",\"chosen\":\"It is %d.\",\"rejected\":\"No, %d\"}%n".formatted(i, i,
          i));
    }
    pairs = Files.writeString(folder.resolve("pairs.jsonl"), lines);
  }

  /** One step of plain descent over all rows. */
  private TrainJob job(double rate) {
    TrainSettings s = TrainSettings.defaults(rate)
        .withOptimizer(OptimizerSettings.sgd(rate, 0).withMaxGradNorm(0))
        .withSchedule(new Schedule(Schedule.Kind.CONSTANT, 0))
        .withBatchSize(6).withMaxSteps(1).withThreads(1).withSeed(3);
    return TrainJob.of(model, folder.resolve("run" + runs++), s).withTuning(Tuning.lora(4, 8));
  }

  private static Outcome dpo(TrainJob job) {
    return job.dpo(pairs, LossSettings.defaults(), TrainingListener.NONE, () -> false);
  }

  private static Map<String, float[]> tensors(Path gguf) {
    Map<String, float[]> all = new TreeMap<>();
    try (GgufFile file = GgufFile.open(gguf)) {
      file.tensors().keySet().forEach(name -> all.put(name, file.readFloats(name)));
    }
    return all;
  }

  private static List<JsonNode> metrics(Path run) throws IOException {
    JsonMapper json = JsonMapper.builder().build();
    return Files.readAllLines(run.resolve("metrics.jsonl")).stream().map(json::readTree).toList();
  }

  private static float largest(float[] values) {
    float most = 0;
    for (float v : values) {
      most = Math.max(most, Math.abs(v));
    }
    return most;
  }

  private static String layer(String tensor) {
    return tensor.replaceAll("blk\\.\\d+\\.(\\w+)\\.weight.*", "$1");
  }

  private Map<String, Executable> jobCases() {
    Map<String, Executable> c = new LinkedHashMap<>();
    TrainTask prefer = new TrainTask.Prefer(pairs, LossSettings.defaults());
    c.put("model", () -> {
      Path other = folder.resolve("other.gguf");
      RandomModel.write(RandomModel.like("tiny-qwen2"), ByteVocabulary.metadata(), GgmlType.F32, 6, other);
      TrainJob job = job(1);
      TrainJob on = job.withModel(other);
      try (GgufFile base = GgufFile.open(other); GgufFile made = GgufFile.open(dpo(on).artefact())) {
        assertEquals(base.sha256(), made.metadata().requireString("sphere.base_sha256"));
      }
    });
    c.put("precision", () -> {
      Path q8 = folder.resolve("q8.gguf");
      RandomModel.write(RandomModel.like("tiny-qwen2"), ByteVocabulary.metadata(), GgmlType.Q8_0, 6, q8);
      TrainJob job = job(2).withModel(q8);
      Map<String, float[]> usual = tensors(dpo(job).artefact());
      for (Activations other : List.of(Activations.F32, Activations.INT8)) {
        TrainJob on = job.withOutput(folder.resolve("in-" + other)).withPrecision(new Precision(other));
        Map<String, float[]> mine = tensors(dpo(on).artefact());
        boolean differs = mine.keySet().stream().anyMatch(name -> !Arrays.equals(mine.get(name), usual.get(name)));
        assertTrue(differs || other == Activations.F32 && !TrainingKernels.hasBf16(), other.name());
        TrainJob usually = on.withPrecision(Precision.USUAL).withResume(true);
        String message = assertThrows(RuntimeException.class, () -> dpo(usually)).getMessage();
        assertTrue(message.contains("activations"), message);
      }
    });
    c.put("output", () -> {
      TrainJob job = job(1);
      assertEquals(job.output().resolve("adapter.gguf"), dpo(job).artefact());
      assertTrue(Files.exists(job.output().resolve("metrics.jsonl")));
    });
    c.put("artefact", () -> {
      Path told = folder.resolve("told.gguf");
      assertEquals(told, dpo(job(1).withArtefact(told)).artefact());
      assertTrue(Files.exists(told));
    });
    c.put("tuning", () -> {
      assertTrue(tensors(dpo(job(1)).artefact()).keySet().stream().allMatch(n -> n.contains(".lora_")));
      assertEquals("model.gguf", dpo(job(1).withTuning(Tuning.full())).artefact().getFileName().toString());
    });
    c.put("settings", () -> {
      float[] one = tensors(dpo(job(1)).artefact()).get("blk.0.attn_q.weight.lora_b");
      float[] half = tensors(dpo(job(0.5)).artefact()).get("blk.0.attn_q.weight.lora_b");
      for (int i = 0; i < one.length; i++) {
        assertEquals(one[i] / 2, half[i], 1e-6 * largest(one));
      }
    });
    c.put("maxLength", () -> {
      TrainJob job = job(1).withMaxLength(16);
      assertEquals(16, Opened.length(job));
      Outcome cut = dpo(job);
      assertTrue(cut.rows().summary().contains("completions cut to max-length"), cut.rows().summary());
      assertEquals(6 * 2 * 16, cut.result().last().get("num_tokens"));
      try (GgufFile file = GgufFile.openModel(model)) {
        assertEquals(file.shape().context(), Opened.length(job.withMaxLength(1 << 30)), "not more than the model's");
      }
    });
    c.put("onBadRow", () -> {
      Path bad = Files.writeString(folder.resolve("bad.jsonl"), Files.readString(pairs) + "{\"prompt\":\"x\"}\n");
      TrainJob job = job(1);
      assertEquals(1, job.dpo(bad, LossSettings.defaults(), TrainingListener.NONE,
          () -> false).rows().badRows().size());
      assertThrows(IllegalArgumentException.class, () -> job(1).withOnBadRow(OnBadRow.REFUSE)
          .dpo(bad, LossSettings.defaults(), TrainingListener.NONE, () -> false));
      TrainJob beside = job(1).withHeldOut(new HeldOut(bad, 0, 0)).withOnBadRow(OnBadRow.REFUSE);
      assertThrows(IllegalArgumentException.class, () -> dpo(beside), "held-out rows too");
    });
    c.put("type", () -> {
      Path whole = dpo(job(1).withTuning(Tuning.full()).withType(GgmlType.F16)).artefact();
      Path merged = judge(job(1).withType(GgmlType.BF16)).artefact();
      try (GgufFile a = GgufFile.open(whole); GgufFile b = GgufFile.open(merged)) {
        assertEquals(GgmlType.F16, a.tensor("blk.0.ffn_up.weight").type());
        assertEquals(GgmlType.BF16, b.tensor("blk.0.ffn_up.weight").type(), "a process reward model of an adapter too");
      }
    });
    c.put("resume", () -> {
      TrainJob job = job(1);
      assertNull(job.dpo(pairs, LossSettings.defaults(), TrainingListener.NONE, () -> true).artefact(),
          "stopped at once");
      assertThrows(RuntimeException.class, () -> dpo(job));
      assertEquals(1, dpo(job.withResume(true)).result().steps());
    });
    c.put("stepSeparator", () -> assertNotEquals(
        Opened.prepared(job(1), prefer).examples(), Opened.prepared(job(1).withStepSeparator(","), prefer).examples()));
    c.put("stepsAlone", () -> assertNotEquals(
        Opened.prepared(job(1).withStepSeparator(" "), prefer).examples(),
        Opened.prepared(job(1).withStepPairs(" "), prefer).examples()));
    c.put("heldOut", () -> {
      TrainJob job = job(1);
      TrainSettings four = job.settings().withMaxSteps(4);
      for (int every : new int[] {0, 3}) {
        TrainJob measured = TrainJob.of(model, folder.resolve("held" + every), four).withTuning(Tuning.lora(2, 4))
            .withHeldOut(new HeldOut(pairs, 0, every));
        assertEquals(6, dpo(measured).heldOut());
        List<Integer> read = metrics(measured.output()).stream().filter(m -> m.has("eval_loss"))
            .map(m -> m.path("step").asInt()).toList();
        assertEquals(every == 0 ? List.of(0, 4) : List.of(0, 3, 4), read);
      }
    });
    c.put("template", () -> {
      Path talk = Files.writeString(folder.resolve("talk.jsonl"),
          "{\"messages\":[{\"role\":\"user\",\"content\":\"q\"},"
          + "{\"role\":\"assistant\",\"content\":\"a\"}]}\n");
      TrainTask task = new TrainTask.Imitate(talk);
      assertNotEquals(
          Opened.prepared(job(1), task).examples(),
          Opened.prepared(job(1).withTemplate("said {{ messages[0]['content'] }}:"), task).examples());
    });
    c.put("activationBytes", () -> {
      assertEquals(1L << 20, Opened.options(job(1).withActivationBytes(1L << 20), prefer).activationBytes());
      assertTrue(job(1).plan(prefer).activations() >= job(1).withActivationBytes(1).plan(prefer).activations());
    });
    return c;
  }

  private static Outcome judge(TrainJob job) throws IOException {
    Path steps = Files.writeString(
        folder.resolve("steps.jsonl"), "{\"prompt\":\"1?\",\"completions\":[\"2\",\"3\"],\"labels\":[true,false]}\n");
    return job.run(new TrainTask.Judge(steps, null, PrmForm.tokens(), "\n"), TrainingListener.NONE, () -> false);
  }

  private Map<String, Executable> tuningCases() {
    Map<String, Executable> c = new LinkedHashMap<>();
    c.put("method", () -> assertEquals(Tuning.full(), Tuning.lora(4, 8).withMethod(Tuning.Method.FULL), "the rest is without effect"));
    c.put("rank", () -> {
      try (GgufFile file = GgufFile.open(dpo(job(1).withTuning(Tuning.lora(3, 8))).artefact())) {
        assertEquals(3, file.tensor("blk.0.attn_q.weight.lora_b").dim(0));
        assertEquals(3, file.tensor("blk.0.attn_q.weight.lora_a").dim(1));
      }
    });
    // B's first gradient is the adapter's scale times what does not depend on it.
    c.put("alpha", () -> firstStep(Tuning.lora(4, 8), Tuning.lora(4, 12), 1.5, 12));
    c.put("targets", () -> {
      for (Set<String> told : List.of(Set.of("attn_v"), Set.of("ffn_up", "attn_q"))) {
        Set<String> adapted = tensors(dpo(job(1).withTuning(Tuning.lora(2, 4).withTargets(told))).artefact()).keySet().stream()
            .map(JobSettingsTest::layer).collect(Collectors.toSet());
        assertEquals(told, adapted);
      }
    });
    c.put("rankStabilised",
        () -> firstStep(Tuning.lora(4, 8), Tuning.lora(4, 8).withRankStabilised(true), Math.sqrt(4), 8 * Math.sqrt(4)));
    c.put("magnitudes", () -> {
      Set<String> names = tensors(dpo(job(1).withTuning(Tuning.lora(4, 8).withMagnitudes(true))).artefact()).keySet();
      assertTrue(names.contains("blk.0.attn_q.weight.lora_magnitude"), names.toString());
      assertFalse(tensors(dpo(job(1)).artefact()).containsKey("blk.0.attn_q.weight.lora_magnitude"));
    });
    return c;
  }

  private void firstStep(Tuning plain, Tuning other, double factor, double alpha) throws IOException {
    Map<String, float[]> before = tensors(dpo(job(1).withTuning(plain)).artefact());
    Path file = dpo(job(1).withTuning(other)).artefact();
    tensors(file).forEach((name, values) -> {
      float[] expected = before.get(name);
      float most = largest(expected);
      assertTrue(most > 0, name);
      for (int i = 0; i < values.length; i++) {
        assertEquals(name.endsWith("lora_b") ? factor * expected[i] : expected[i], values[i], 1e-5 * factor * most,
            name);
      }
    });
    try (GgufFile adapter = GgufFile.open(file)) {
      assertEquals(alpha, adapter.metadata().f32("adapter.lora.alpha").orElseThrow(), 1e-5);
    }
    // Where the adapter ends up in the weights, it has the same scale: W + s B A.
    Map<String, float[]> start = tensors(model);
    TrainJob small = job(1).withTuning(other);
    Map<String, float[]> judge = tensors(judge(small).artefact());
    Map<String, float[]> usual = tensors(judge(job(1).withTuning(plain)).artefact());
    float[] w = start.get("blk.0.ffn_down.weight");
    float[] a = usual.get("blk.0.ffn_down.weight");
    float[] b = judge.get("blk.0.ffn_down.weight");
    double most = 0;
    for (int i = 0; i < w.length; i++) {
      most = Math.max(most, Math.abs(a[i] - w[i]));
    }
    assertTrue(most > 1e-5, "a step that shows: " + most);
    for (int i = 0; i < w.length; i++) {
      assertEquals(factor * factor * (a[i] - w[i]), b[i] - w[i], 1e-3 * factor * factor * most + 1e-7, "weight " + i);
    }
  }

  @TestFactory
  Stream<DynamicTest> changedAloneItChangesWhatItShould() {
    return Stream.concat(
        check(TrainJob.class, jobCases()), check(Tuning.class, tuningCases()));
  }

  private static Stream<DynamicTest> check(Class<? extends Record> type, Map<String, Executable> cases) {
    TreeSet<String> names = new TreeSet<>();
    Arrays.stream(type.getRecordComponents()).map(RecordComponent::getName).forEach(names::add);
    List<DynamicTest> all = new ArrayList<>();
    all.add(DynamicTest.dynamicTest(
        type.getSimpleName() + " has a case for everything", () -> assertEquals(names, new TreeSet<>(cases.keySet()))));
    cases.forEach((name, check) -> all.add(DynamicTest.dynamicTest(type.getSimpleName() + "." + name, check)));
    return all.stream();
  }

  /** What the model is opened with. */
  @Test
  void modelsAreOpenedAsTold() {
    TrainJob job = job(1).withMaxLength(77).withActivationBytes(123_456_789);
    TrainSettings s = job.settings().withSeed(9).withThreads(3)
        .withPacking(job.settings().packing().withMicroBatchTokens(55));
    TrainJob told = TrainJob.of(model, folder, s).withTuning(new Tuning(Tuning.Method.LORA, 3, 6.0, Set.of("attn_k"), true, true))
        .withMaxLength(77).withActivationBytes(123_456_789);
    ModelOptions options = Opened.options(told, NOTHING_TO_LEARN);
    assertEquals(
        ModelOptions.lora(3, (float) (6 * Math.sqrt(3)), Set.of("attn_k"), 9,
            3).withMagnitudes(true).withMicroTokens(55)
            .withContext(77).withActivationBytes(123_456_789), options);
    assertTrue(Opened.options(told, new TrainTask.Judge(null, null, PrmForm.head(null), "")).rewardHead());
    assertFalse(Opened.options(told, new TrainTask.Judge(null, null, PrmForm.tokens(), "")).rewardHead());
    assertEquals(
        ModelOptions.full(3).withMicroTokens(55).withContext(77).withActivationBytes(123_456_789),
        Opened.options(told.withTuning(Tuning.full()), NOTHING_TO_LEARN));
  }

  /** A is uniform in plus and minus 1 / sqrt(inputs) and follows the seed, B is 0: the adapter starts as nothing. */
  @Test
  void adaptersStartAsNothing() {
    Map<String, float[]> start = tensors(dpo(job(0)).artefact());
    TrainJob other = job(0);
    Map<String, float[]> seeded = tensors(dpo(TrainJob.of(
        model, other.output(), other.settings().withSeed(4)).withTuning(other.tuning())).artefact());
    start.forEach((name, values) -> {
      if (name.endsWith("lora_b")) {
        assertEquals(0, largest(values), name);
        return;
      }
      double bound = 1 / Math.sqrt(values.length / 4.0);
      double sum = 0;
      double squares = 0;
      for (float v : values) {
        assertTrue(Math.abs(v) <= bound, name);
        sum += v;
        squares += v * v;
      }
      assertEquals(0, sum / values.length, 0.25 * bound, name + ": its mean");
      assertEquals(bound * bound / 3, squares / values.length, 0.15 * bound * bound, name + ": its variance");
      assertFalse(Arrays.equals(values, seeded.get(name)), name + " follows the seed");
    });
    assertFalse(Arrays.equals(start.get("blk.0.attn_k.weight.lora_a"), start.get("blk.1.attn_k.weight.lora_a")));
  }

  /** With nothing to learn only the decay moves weights: matrices shrink by 1 - rate * decay, norms and biases stay. */
  @Test
  void onlyMatricesDecay() {
    TrainJob job = job(0.1);
    TrainSettings s = job.settings().withOptimizer(job.settings().optimizer().withWeightDecay(0.5)).withMaxSteps(2);
    Path made = TrainJob.of(model, job.output(), s).withTuning(Tuning.full())
        .dpo(pairs, NOTHING_TO_LEARN.loss(), TrainingListener.NONE, () -> false).artefact();
    Map<String, float[]> before = tensors(model);
    Map<String, float[]> after = tensors(made);
    try (GgufFile file = GgufFile.open(model)) {
      before.forEach((name, values) -> {
        double kept = file.tensor(name).shape().size() > 1 ? 0.95 * 0.95 : 1;
        for (int i = 0; i < values.length; i += 7) {
          assertEquals(kept * values[i], after.get(name)[i], 1e-6 * (1 + Math.abs(values[i])), name);
        }
      });
    }
  }
}
