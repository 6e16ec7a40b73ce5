package dev.sphere.trainer.job;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sphere.base.InsufficientMemoryException;
import dev.sphere.bindings.kernel.GgmlQuantizer;
import dev.sphere.bindings.kernel.TargetLogProbs;
import dev.sphere.bindings.llama.Adapter;
import dev.sphere.bindings.llama.Batch;
import dev.sphere.bindings.llama.Context;
import dev.sphere.bindings.llama.ContextOptions;
import dev.sphere.bindings.llama.KvType;
import dev.sphere.bindings.llama.Model;
import dev.sphere.gguf.GgmlType;
import dev.sphere.gguf.GgufTensor;
import dev.sphere.gguf.make.ByteVocabulary;
import dev.sphere.gguf.make.MergeType;
import dev.sphere.gguf.make.ModelMerge;
import dev.sphere.gguf.make.RandomModel;
import dev.sphere.gguf.make.Rounding;
import dev.sphere.gguf.model.GgufFile;
import dev.sphere.gguf.model.PrmInfo;
import dev.sphere.trainer.data.RowReport.OnBadRow;
import dev.sphere.trainer.job.TrainJob.Outcome;
import dev.sphere.trainer.loop.NonFiniteLossException;
import dev.sphere.trainer.loop.TrainSettings;
import dev.sphere.trainer.loop.TrainingListener;
import dev.sphere.trainer.loss.LossSettings;
import dev.sphere.trainer.optim.OptimizerSettings;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** The whole way with real (tiny, random) models: rows in, an artefact out that llama.cpp computes alike. */
class TrainJobTest {
  @TempDir
  static Path folder;

  private static Path pairs;

  @BeforeAll
  static void files() throws IOException {
    for (String name : List.of("tiny-qwen2", "tiny-llama")) {
      RandomModel.write(RandomModel.like(name), ByteVocabulary.metadata(), GgmlType.F32, 5, model(name));
    }
    StringBuilder lines = new StringBuilder();
    for (int i = 0; i < 12; i++) {
      int a = i / 2 + 2;
      lines.append("{\"prompt\":\"What is %d+%d?\\n\",\"chosen\":\"It is %d.\",\"rejected\":\"It is %d, or so%d.\"}%n"
          .formatted(a, a, 2 * a, 2 * a + 1 + i % 2, i));
    }
    pairs = Files.writeString(folder.resolve("pairs.jsonl"), lines + "{\"prompt\":\"x\"}\n");
  }

  private static Path model(String name) {
    return folder.resolve(name + ".gguf");
  }

  private static TrainSettings settings(int steps) {
    return TrainSettings.defaults(2e-3).withBatchSize(12).withMaxSteps(steps).withThreads(2);
  }

  private Outcome dpo(String model, Path out, Tuning tuning, int steps) {
    return TrainJob.of(model(model), out, settings(steps))
        .withTuning(tuning)
        .dpo(pairs, LossSettings.defaults(), TrainingListener.NONE, () -> false);
  }

  private static List<JsonNode> metrics(Path run) throws IOException {
    JsonMapper json = JsonMapper.builder().build();
    return Files.readAllLines(run.resolve("metrics.jsonl")).stream().map(json::readTree).toList();
  }

  @ParameterizedTest
  @ValueSource(strings = {"tiny-qwen2", "tiny-llama"})
  void anAdapterThatLlamaComputesAlike(String name) throws IOException {
    Path run = folder.resolve("lora-" + name);
    Outcome outcome = dpo(name, run, Tuning.lora(4, 8), 30);
    List<JsonNode> metrics = metrics(run);
    assertEquals(0.693147, metrics.getFirst().path("loss").asDouble(), 5e-7);
    assertTrue(metrics.getLast().path("rewards/margins").asDouble() > 0.05, metrics.getLast().toString());
    assertEquals(12, outcome.rows().usedCount());
    assertEquals("line 13", outcome.rows().badRows().getFirst().row());
    assertEquals(run.resolve("adapter.gguf"), outcome.artefact());
    try (GgufFile adapter = GgufFile.open(outcome.artefact()); GgufFile base = GgufFile.openModel(model(name))) {
      assertEquals(base.sha256(), adapter.metadata().requireString("sphere.base_sha256"));
      assertEquals(8, adapter.metadata().f32("adapter.lora.alpha").orElseThrow());
      assertEquals("dpo", adapter.metadata().requireString("sphere.method"));
    }
    // Log-probabilities by llama.cpp: the margin that the trainer reports is there, the bare model has none.
    double[] with = margins(model(name), outcome.artefact());
    double[] without = margins(model(name), null);
    double reward = 0;
    for (int i = 0; i < with.length; i++) {
      reward += 0.1 * (with[i] - without[i]) / with.length;
    }
    Path next = folder.resolve("next-" + name);
    dpo(name, next, Tuning.lora(4, 8), 31);
    double reported = metrics(next).getLast().path("rewards/margins").asDouble();
    assertEquals(reported, reward, 1e-4, "step 31 reads all pairs with the weights after step 30");
  }

  /** DoRA: llama.cpp refuses the adapter by name, and computes the merged model as the trainer does the adapted one. */
  @Test
  void aMergedDoraAdapterIsWhatWasTrained() throws IOException {
    Tuning dora = Tuning.lora(4, 8).withMagnitudes(true);
    Path adapter = dpo("tiny-llama", folder.resolve("dora"), dora, 30).artefact();
    try (Model model = Model.load(model("tiny-llama"))) {
      String message = assertThrows(RuntimeException.class, () -> Adapter.load(model, adapter)).getMessage();
      assertTrue(message.contains("DoRA") && message.contains("model merge"), message);
    }
    Path merged = folder.resolve("dora-merged.gguf");
    ModelMerge.merge(model("tiny-llama"), adapter, MergeType.AUTO, GgmlQuantizer::quantize, merged, name -> {});
    double[] with = margins(merged, null);
    double[] without = margins(model("tiny-llama"), null);
    double reward = 0;
    for (int i = 0; i < with.length; i++) {
      reward += 0.1 * (with[i] - without[i]) / with.length;
    }
    Path next = folder.resolve("dora-next");
    dpo("tiny-llama", next, dora, 31);
    assertEquals(0.693147, metrics(next).getFirst().path("loss").asDouble(), 5e-7);
    assertEquals(metrics(next).getLast().path("rewards/margins").asDouble(), reward, 1e-4);
    assertTrue(reward > 0.05, "margin " + reward);
  }

  @Test
  void aWholeModelThatLlamaComputesAlike() throws IOException {
    Path run = folder.resolve("full");
    Outcome outcome = dpo("tiny-qwen2", run, Tuning.full(), 6);
    assertEquals(run.resolve("model.gguf"), outcome.artefact());
    assertEquals(0.693147, metrics(run).getFirst().path("loss").asDouble(), 5e-7);
    try (GgufFile trained = GgufFile.openModel(outcome.artefact()); GgufFile base = GgufFile.openModel(model("tiny-qwen2"))) {
      assertEquals(base.tensors().keySet(), trained.tensors().keySet());
      assertTrue(trained.metadata().values().keySet().containsAll(base.metadata().values().keySet()));
    }
    double[] before = margins(model("tiny-qwen2"), null);
    double[] after = margins(outcome.artefact(), null);
    double gain = 0;
    for (int i = 0; i < before.length; i++) {
      gain += (after[i] - before[i]) / before.length;
    }
    assertTrue(gain > 1, "mean gain " + gain);
  }

  /** The trained numbers are F32: what the file's type makes of them is said, and which type keeps them. */
  @Test
  void aWholeModelSaysWhatRoundingDid() throws IOException {
    List<String> notes = new ArrayList<>();
    TrainingListener listener = new TrainingListener() {
      @Override
      public void note(String line) {
        notes.add(line);
      }
    };
    TrainJob job = TrainJob.of(model("tiny-qwen2"), folder.resolve("exact"), settings(3)).withTuning(Tuning.full());
    Path exact = job.dpo(pairs, LossSettings.defaults(), listener, () -> false).artefact();
    assertTrue(notes.getLast().endsWith("f32 is off by 0.0 % of it and keeps 100.0 % of it."), notes.toString());
    Path rounded = job.withOutput(folder.resolve("rounded")).withType(GgmlType.Q8_0)
        .dpo(pairs, LossSettings.defaults(), listener, () -> false).artefact();
    double update = 0;
    double off = 0;
    try (GgufFile base = GgufFile.open(model("tiny-qwen2")); GgufFile a = GgufFile.open(exact); GgufFile b = GgufFile.open(rounded)) {
      for (GgufTensor tensor : b.tensors().values()) {
        if (tensor.shape().size() > 1) {
          float[] before = base.readFloats(tensor.name());
          float[] wide = a.readFloats(tensor.name());
          float[] narrow = b.readFloats(tensor.name());
          for (int i = 0; i < wide.length; i++) {
            update += Math.pow((double) wide[i] - before[i], 2);
            off += Math.pow((double) narrow[i] - wide[i], 2);
          }
        }
      }
    }
    double share = 100 * Math.sqrt(off / update);
    assertTrue(notes.getLast().contains(String.format(Locale.ROOT, "q8_0 is off by %.1f %% of it", share)), share + ": " + notes);
    assertEquals(share > 20, notes.getLast().endsWith(" The type f32 keeps it."), notes.toString());
  }

  /** A small update would be lost in BF16, and a large one is not: each matrix is written as what keeps it. */
  @Test
  void aWholeModelIsWrittenInTypesThatKeepItsTraining() throws IOException {
    TrainJob first = TrainJob.of(model("tiny-qwen2"), folder.resolve("base"), settings(1)).withTuning(Tuning.full());
    Path base = first.withType(GgmlType.BF16).dpo(pairs, LossSettings.defaults(), TrainingListener.NONE, () -> false).artefact();
    for (double rate : new double[] {1e-6, 3e-2}) {
      TrainSettings settings = settings(3).withOptimizer(OptimizerSettings.adamw(rate));
      TrainJob job = TrainJob.of(base, folder.resolve("auto-" + rate), settings).withTuning(Tuning.full());
      Path auto = job.dpo(pairs, LossSettings.defaults(), TrainingListener.NONE, () -> false).artefact();
      Path exact = job.withOutput(folder.resolve("f32-" + rate)).withType(GgmlType.F32)
          .dpo(pairs, LossSettings.defaults(), TrainingListener.NONE, () -> false).artefact();
      try (GgufFile before = GgufFile.open(base); GgufFile a = GgufFile.open(auto); GgufFile e = GgufFile.open(exact)) {
        Set<GgmlType> types = new HashSet<>();
        for (GgufTensor tensor : a.tensors().values()) {
          if (tensor.shape().size() > 1) {
            types.add(tensor.type());
            float[] from = before.readFloats(tensor.name());
            float[] wide = e.readFloats(tensor.name());
            float[] written = a.readFloats(tensor.name());
            double update = 0;
            double off = 0;
            for (int i = 0; i < wide.length; i++) {
              update += Math.pow((double) wide[i] - from[i], 2);
              off += Math.pow((double) written[i] - wide[i], 2);
            }
            assertTrue(off <= Rounding.MOST * Rounding.MOST * update, tensor.name() + " is off by " + Math.sqrt(off / update));
          }
        }
        assertEquals(rate < 1e-3, !types.contains(GgmlType.BF16), types.toString());
        assertEquals(rate < 1e-3 ? 0 : 32, a.metadata().requireU32("general.file_type"), "the most numbers' type: F32, BF16");
      }
    }
  }

  @Test
  void aStoppedRunSavesNoArtefactAndGoesOn() throws IOException {
    Path whole = folder.resolve("whole");
    Path parts = folder.resolve("parts");
    dpo("tiny-qwen2", whole, Tuning.lora(2, 4), 5);
    int[] asked = {0};
    TrainJob job = TrainJob.of(model("tiny-qwen2"), parts, settings(5)).withTuning(Tuning.lora(2, 4)).withResume(true);
    Outcome first = job.dpo(pairs, LossSettings.defaults(), TrainingListener.NONE, () -> ++asked[0] > 2);
    assertNull(first.artefact());
    Outcome second = job.dpo(pairs, LossSettings.defaults(), TrainingListener.NONE, () -> false);
    assertEquals(5, second.result().steps());
    assertEquals(-1, Files.mismatch(whole.resolve("adapter.gguf"), second.artefact()), "the same bytes");
  }

  @Test
  void sftLearnsItsRows() throws IOException {
    Path data = Files.writeString(
        folder.resolve("sft.jsonl"),
        "{\"prompt\":\"1+1=\",\"completion\":\"2\"}\n{\"messages\":[{\"role\":\"user\",\"content\":\"hi\"},"
            + "{\"role\":\"assistant\",\"content\":\"ho\"}]}\n");
    Path run = folder.resolve("sft");
    TrainSettings s = settings(60).withOptimizer(OptimizerSettings.adamw(5e-3));
    Outcome o = TrainJob.of(model("tiny-qwen2"), run, s)
        .withTuning(Tuning.full())
        .withType(GgmlType.BF16)
        .sft(data, TrainingListener.NONE, () -> false);
    List<JsonNode> metrics = metrics(run);
    assertTrue(metrics.getLast().path("loss").asDouble() < 0.02, metrics.getLast().toString());
    try (GgufFile file = GgufFile.openModel(o.artefact())) {
      assertEquals(GgmlType.BF16, file.tensor("blk.0.ffn_up.weight").type());
      assertEquals(GgmlType.F32, file.tensor("blk.0.ffn_norm.weight").type());
    }
  }

  /** One batch, again and again: the preference and the completions are learnt by heart. */
  @Test
  void oneBatchIsOverfitted() throws IOException {
    Path run = folder.resolve("overfit");
    TrainSettings s = settings(80).withOptimizer(OptimizerSettings.adamw(5e-3));
    TrainJob.of(model("tiny-llama"), run, s)
        .withTuning(Tuning.lora(8, 16))
        .dpo(pairs, LossSettings.defaults().withBeta(0.5), TrainingListener.NONE, () -> false);
    JsonNode last = metrics(run).getLast();
    assertTrue(last.path("loss").asDouble() < 0.01, last.toString());
    assertEquals(1, last.path("rewards/accuracies").asDouble());
  }

  @Test
  void twoRunsHaveTheSameBits() throws IOException {
    LossSettings loss = LossSettings.defaults().withWpo(true).withSync(new LossSettings.Sync(2, 0.5));
    List<Path> artefacts = new ArrayList<>();
    for (String name : List.of("one", "two")) {
      TrainSettings s = settings(5).withBatchSize(5);
      artefacts.add(TrainJob.of(model("tiny-qwen2"), folder.resolve(name), s)
          .withTuning(Tuning.lora(2, 4).withRankStabilised(true))
          .withHeldOut(new HeldOut(pairs, 0, name.equals("one") ? 0 : 2))
          .dpo(pairs, loss, TrainingListener.NONE, () -> false)
          .artefact());
    }
    assertEquals(-1, Files.mismatch(artefacts.getFirst(), artefacts.getLast()), "held-out rows or not");
    try (GgufFile adapter = GgufFile.open(artefacts.getFirst())) {
      assertEquals(4 * Math.sqrt(2), adapter.metadata().f32("adapter.lora.alpha").orElseThrow(), 1e-6);
    }
    JsonNode weights = metrics(folder.resolve("one")).getLast();
    assertTrue(weights.path("wpo_weight").asDouble() > 0, weights.toString());
  }

  /** What WPO reads of the whole distribution, against the model's log-probabilities of every token. */
  @Test
  void collisionsAreThoseOfTheDistribution() {
    try (var model = dev.sphere.trainer.model.TrainableModels.open(
        model("tiny-qwen2"), dev.sphere.trainer.model.ModelOptions.full(2))) {
      List<dev.sphere.trainer.data.Example.Imitation> all = new ArrayList<>();
      for (int v = 0; v < model.architecture().vocabulary(); v++) {
        all.add(new dev.sphere.trainer.data.Example.Imitation(
            "v" + v, "t", dev.sphere.trainer.data.TrainingSequence.of(new int[] {65, 66, 67}, new int[] {v})));
      }
      var batch = new dev.sphere.trainer.data.TreePacker(dev.sphere.trainer.data.Packing.defaults()).pack(all).getFirst();
      double sum = 0;
      for (float l : model.logProbs(batch.batch(), false)) {
        sum += Math.exp(2.0 * l);
      }
      float[] collisions = model.logCollisions(batch.batch());
      assertEquals(all.size(), collisions.length);
      assertEquals(Math.log(sum), collisions[0], 1e-5);
      assertEquals(collisions[0], collisions[all.size() - 1]);
    }
  }

  @Test
  void aProcessRewardModelSaysHowItIsRead() throws IOException {
    StringBuilder rows = new StringBuilder();
    for (int i = 0; i < 8; i++) {
      rows.append("{\"prompt\":\"%d?\",\"completions\":[\"good %d\",\"bad %d\"],\"labels\":[true,false]}%n".formatted(i, i, i));
    }
    Path data = Files.writeString(folder.resolve("steps.jsonl"), rows);
    for (Tuning tuning : List.of(Tuning.full(), Tuning.lora(4, 8))) {
      Path run = folder.resolve("prm" + tuning.isLora());
      TrainSettings s = settings(60).withOptimizer(OptimizerSettings.adamw(5e-3)).withBatchSize(16);
      Outcome o = TrainJob.of(model("tiny-qwen2"), run, s).withTuning(tuning).run(
          new TrainTask.Judge(data, null, PrmForm.tokens(), "\n"), TrainingListener.NONE, () -> false);
      JsonNode last = metrics(run).getLast();
      assertTrue(last.path("loss").asDouble() < 0.3, last.toString());
      assertEquals(1, last.path("accuracy").asDouble());
      try (GgufFile file = GgufFile.openModel(o.artefact())) {
        PrmInfo info = PrmInfo.of(file).orElseThrow();
        assertEquals(new PrmInfo(PrmInfo.Form.TOKEN, PrmInfo.Layout.CHAT, '+', '-', -1), info);
      }
      try (Stream<Path> left = Files.list(run)) {
        assertEquals(0, left.filter(p -> p.toString().endsWith(".tmp")).count());
      }
    }
  }

  @Test
  void aPlanIsMadeWithoutTraining() throws IOException {
    Path run = folder.resolve("planned");
    TrainSettings s = settings(7).withBatchSize(4);
    TrainPlan plan = TrainJob.of(model("tiny-qwen2"), run, s)
        .withTuning(Tuning.lora(2, 4))
        .withHeldOut(new HeldOut(null, 0.3, 0))
        .plan(new TrainTask.Prefer(pairs, LossSettings.defaults()));
    assertTrue(Files.notExists(run), "nothing is written");
    assertEquals(12, plan.rows() + plan.heldOut());
    assertTrue(plan.heldOut() > 0 && plan.rows() > 0, plan.toString());
    assertEquals(7, plan.workload().steps());
    long elements = 0;
    long adapters = 0;
    try (GgufFile file = GgufFile.openModel(model("tiny-qwen2"))) {
      for (var t : file.tensors().values()) {
        elements += t.elements();
        adapters += t.name().startsWith("blk.") && t.shape().size() == 2 ? 2 * (t.dim(0) + t.dim(1)) : 0;
      }
    }
    assertEquals(elements, plan.parameters());
    assertEquals(adapters, plan.trainable());
    assertEquals(4 * adapters, plan.gradients());
    assertEquals(8 * adapters, plan.optimizer());
    assertTrue(plan.seconds() > 0 && plan.peak() > plan.weights(), plan.toString());
    assertTrue(plan.tried() >= 2, "the time is one of steps that were made: " + plan);
  }

  @Test
  void whatDoesNotFitIsRefusedWithTheNumbers() {
    TrainJob job = TrainJob.of(model("tiny-qwen2"), folder.resolve("large"), settings(1)).withTuning(Tuning.full());
    TrainTask task = new TrainTask.Prefer(pairs, LossSettings.defaults());
    var prepared = Opened.prepared(job, task);
    TrainPlan plan = job.plan(task);
    long need = plan.weights() + plan.gradients() + plan.optimizer() + plan.activations();
    try (GgufFile base = GgufFile.openModel(job.model())) {
      TrainPlan.requireMemory(job, task, prepared, base, need);
      String message = assertThrows(InsufficientMemoryException.class,
          () -> TrainPlan.requireMemory(job, task, prepared, base, need - 1)).getMessage();
      assertTrue(message.contains("GiB") && message.contains("tiny-qwen2"), message);
    }
  }

  /** The trainer's own pass stays finite with weights of a million; llama.cpp's does not. */
  @Test
  void aRuinedAdapterIsNotKept() {
    Path out = folder.resolve("ruined");
    TrainSettings wild = TrainSettings.defaults(1e6).withBatchSize(12).withMaxSteps(5).withThreads(2);
    var e = assertThrows(NonFiniteLossException.class, () -> TrainJob.of(model("tiny-qwen2"), out, wild)
        .dpo(pairs, LossSettings.defaults(), TrainingListener.NONE, () -> false));
    assertTrue(e.getMessage().contains("adapter.gguf") && e.getMessage().contains("learning rate"), e.getMessage());
    assertFalse(Files.exists(out.resolve("adapter.gguf")));
  }

  @Test
  void mistakesAreSaid() throws IOException {
    Path none = Files.writeString(folder.resolve("none.jsonl"), "{}\n");
    TrainJob job = TrainJob.of(model("tiny-qwen2"), folder.resolve("x"), settings(1));
    var e = assertThrows(
        IllegalArgumentException.class,
        () -> job.dpo(none, LossSettings.defaults(), TrainingListener.NONE, () -> false));
    assertTrue(e.getMessage().contains("nothing to train on") && e.getMessage().contains("line 1"), e.getMessage());
    assertThrows(
        IllegalArgumentException.class,
        () -> job.withOnBadRow(OnBadRow.REFUSE).dpo(pairs, LossSettings.defaults(), TrainingListener.NONE, () -> false));
    var missing = assertThrows(
        IllegalArgumentException.class,
        () -> TrainJob.of(folder.resolve("no.gguf"), folder.resolve("y"), settings(1))
            .dpo(pairs, LossSettings.defaults(), TrainingListener.NONE, () -> false));
    assertTrue(missing.getMessage().contains("no.gguf"), missing.getMessage());
  }

  /** For each pair log π(chosen) - log π(rejected), computed by llama.cpp. */
  private static double[] margins(Path file, Path adapterFile) throws IOException {
    JsonMapper json = JsonMapper.builder().build();
    List<Double> margins = new ArrayList<>();
    try (Model model = Model.load(file)) {
      ContextOptions options = new ContextOptions(256, 256, 256, 1, 2, true, true, KvType.F32, false);
      try (Context context = Context.open(model, options);
          Adapter adapter = adapterFile == null ? null : Adapter.load(model, adapterFile)) {
        if (adapter != null) {
          context.useAdapters(List.of(adapter));
        }
        for (String line : Files.readAllLines(pairs).subList(0, 12)) {
          JsonNode row = json.readTree(line);
          int[] prompt = model.vocabulary().tokenize(row.path("prompt").asString(), true, true);
          margins.add(logProb(context, prompt, row.path("chosen").asString())
              - logProb(context, prompt, row.path("rejected").asString()));
        }
      }
    }
    return margins.stream().mapToDouble(Double::doubleValue).toArray();
  }

  private static double logProb(Context context, int[] prompt, String completion) {
    var vocabulary = context.model().vocabulary();
    int[] answer = vocabulary.tokenize(completion, false, true);
    int end = vocabulary.end();
    int n = prompt.length + answer.length;
    try (Batch batch = new Batch(n); TargetLogProbs targets = new TargetLogProbs(answer.length + 1)) {
      for (int i = 0; i < n; i++) {
        int token = i < prompt.length ? prompt[i] : answer[i - prompt.length];
        batch.add(token, i, 0, i >= prompt.length - 1);
      }
      for (int i = 0; i <= answer.length; i++) {
        targets.add(i, i < answer.length ? answer[i] : end);
      }
      context.clear();
      context.decode(batch);
      targets.compute(context.logits(), vocabulary.size(), 2);
      double sum = 0;
      for (int i = 0; i <= answer.length; i++) {
        sum += targets.logProb(i);
      }
      return sum;
    }
  }
}
