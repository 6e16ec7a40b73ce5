package dev.sphere.trainer.job;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sphere.engine.DrawKey;
import dev.sphere.engine.Generation;
import dev.sphere.engine.Policy.Message;
import dev.sphere.engine.Problem;
import dev.sphere.engine.ProcessRewardModel;
import dev.sphere.engine.TokenPath;
import dev.sphere.engine.decode.BatchedPolicy;
import dev.sphere.engine.prompt.Prompts;
import dev.sphere.engine.reward.MonteCarloPrm;
import dev.sphere.engine.run.OpenPrm;
import dev.sphere.engine.run.PrmSpec;
import dev.sphere.gguf.GgmlType;
import dev.sphere.gguf.make.ByteVocabulary;
import dev.sphere.gguf.make.RandomModel;
import dev.sphere.gguf.model.GgufFile;
import dev.sphere.gguf.model.PrmInfo;
import dev.sphere.trainer.PackedBatch;
import dev.sphere.trainer.Parameter;
import dev.sphere.trainer.autodiff.PlainOps;
import dev.sphere.trainer.checkpoint.StepMetrics;
import dev.sphere.trainer.data.Example;
import dev.sphere.trainer.data.Packing;
import dev.sphere.trainer.data.TrainingSequence;
import dev.sphere.trainer.data.TreePacker;
import dev.sphere.trainer.loop.TrainSettings;
import dev.sphere.trainer.loop.TrainingListener;
import dev.sphere.trainer.model.GraphModel;
import dev.sphere.trainer.model.ModelOptions;
import dev.sphere.trainer.model.TrainableModels;
import dev.sphere.trainer.optim.OptimizerSettings;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.json.JsonMapper;

/** A process reward model with a head: trained from rows to a file, then read as the search reads it. */
class HeadPrmTest {
  private static final int PROBLEMS = 8;

  @TempDir
  Path folder;

  private Path model;
  private Path rows;

  @BeforeEach
  void files() throws IOException {
    model = folder.resolve("base.gguf");
    RandomModel.write(RandomModel.like("tiny-qwen2"), ByteVocabulary.metadata(), GgmlType.F32, 5, model);
    JsonMapper json = JsonMapper.builder().build();
    StringBuilder lines = new StringBuilder();
    for (int i = 0; i < PROBLEMS; i++) {
      List<Map<String, String>> prompt = Prompts.defaults().ask(problem(i)).stream()
          .map((Message m) -> Map.of("role", m.role(), "content", m.content()))
          .toList();
      lines.append(json.writeValueAsString(
          Map.of("prompt", prompt, "completions", List.of(step(i, 0), step(i, 1)), "labels", labels(i)))).append('\n');
    }
    rows = Files.writeString(folder.resolve("steps.jsonl"), lines);
  }

  private static Problem problem(int i) {
    return new Problem("p" + i, i + "+1?", Integer.toString(i + 1));
  }

  /** Good first steps; every other second step is bad. */
  private static String step(int i, int index) {
    return index == 0 ? "add 1 to " + i + "\n" : i % 2 == 0 ? "so " + (i + 1) + "\n" : "so " + (i + 7) + "!\n";
  }

  private static List<Boolean> labels(int i) {
    return List.of(true, i % 2 == 0);
  }

  private TrainJob job(String name, Tuning tuning, int steps) {
    TrainSettings settings = TrainSettings.defaults(3e-3).withOptimizer(OptimizerSettings.adamw(3e-3))
        .withBatchSize(2 * PROBLEMS).withMaxSteps(steps).withThreads(2);
    return TrainJob.of(model, folder.resolve(name), settings).withTuning(tuning);
  }

  private TrainJob.Outcome train(TrainJob job, String separator) {
    return job.run(
        new TrainTask.Judge(rows, null, PrmForm.head(separator), "\n"), TrainingListener.NONE, () -> false);
  }

  @ParameterizedTest
  @CsvSource({"true,", "false,", "true,#"})
  void searchReadsTheScoresThatWereTrained(boolean lora, String separator) throws Exception {
    Tuning tuning = lora ? Tuning.lora(4, 8) : Tuning.full();
    TrainJob.Outcome outcome = train(job("run", tuning, 150).withHeldOut(new HeldOut(rows, 0, 0)), separator);
    StepMetrics last = outcome.result().last();
    assertTrue(last.get("loss") < 0.02, last.toString());
    try (GgufFile file = GgufFile.openModel(outcome.artefact())) {
      assertEquals(
          new PrmInfo(PrmInfo.Form.HEAD, PrmInfo.Layout.CHAT, -1, -1, separator == null ? -1 : '#'),
          PrmInfo.of(file).orElseThrow());
    }
    double sum = 0;
    double loss = 0;
    try (BatchedPolicy policy = BatchedPolicy.open(model, null, null, 0);
        OpenPrm prm = new PrmSpec("head:" + outcome.artefact(), MonteCarloPrm.Settings.defaults()).open((p, s) -> true)) {
      ProcessRewardModel reward = prm.factory(model).over(policy);
      for (int i = 0; i < PROBLEMS; i++) {
        TokenPath path = TokenPath.root(policy.tokenize("the policy's own prompt", true));
        for (int index = 0; index < 2; index++) {
          String text = step(i, index);
          int[] tokens = policy.tokenize(text, false);
          Generation candidate = new Generation(tokens, new float[tokens.length], text, Generation.Finish.STOP);
          double score = reward.score(problem(i), path, new DrawKey(1, 2, 3, 0), List.of(candidate))[0];
          boolean good = labels(i).get(index);
          assertEquals(good ? 1 : 0, score, 0.1, "problem " + i + " step " + index);
          sum += score;
          loss -= Math.log(good ? score : 1 - score);
          path = path.extend(tokens);
        }
      }
    }
    // The last reading of the held-out rows is of the model that was written; the rows are the same.
    assertEquals(last.get("eval_mean_score"), sum / (2 * PROBLEMS), 1e-5);
    assertEquals(last.get("eval_loss"), loss / (2 * PROBLEMS), 1e-4);
  }

  /** The head's gradient, and the body's through it, against differences; in one piece and in segments and chunks. */
  @Test
  void theGradientIsThatOfFiniteDifferences() {
    List<Example.Imitation> ends = new ArrayList<>();
    for (int i = 0; i < 6; i++) {
      ends.add(new Example.Imitation("e" + i, "t" + i / 2, TrainingSequence.of(new int[] {65 + i / 2, 70, 71 + i}, new int[] {0})));
    }
    PackedBatch batch = new TreePacker(Packing.defaults()).pack(ends).getFirst().batch();
    float[] weights = new float[batch.predictions()];
    for (int i = 0; i < weights.length; i++) {
      weights[i] = 1 + 0.5f * i;
    }
    ModelOptions whole = ModelOptions.full(2).withRewardHead(true);
    List<Map<String, float[]>> gradients = new ArrayList<>();
    for (ModelOptions options : List.of(whole, whole.withSegmentLayers(1).withMicroTokens(4), whole.withOperations((tape, products, half) -> new PlainOps(tape)))) {
      try (GraphModel model = TrainableModels.open(this.model, options)) {
        float[] logits = model.backward(batch, z -> weights);
        assertArrayEquals(model.logProbs(batch, false), logits, 1e-6f);
        Map<String, float[]> all = new HashMap<>();
        for (Parameter p : model.parameters()) {
          float[] gradient = new float[(int) p.gradient().size()];
          p.gradient().read(0, gradient);
          all.put(p.name(), gradient);
          if (gradients.isEmpty() && (p.name().startsWith("cls.") || p.name().contains("ffn_down"))) {
            compare(model, p, gradient, batch, weights);
          }
        }
        gradients.add(all);
      }
    }
    gradients.getFirst().forEach((name, gradient) -> {
      assertArrayEquals(gradient, gradients.get(1).get(name), 1e-5f, name);
      assertArrayEquals(gradient, gradients.get(2).get(name), 1e-5f, name);
    });
  }

  private static void compare(GraphModel model, Parameter p, float[] gradient, PackedBatch batch, float[] weights) {
    for (int i = 0; i < gradient.length; i += 1 + gradient.length / 7) {
      float at = p.value().get(i);
      p.value().set(i, at + 1e-3f);
      double up = sum(model.logProbs(batch, false), weights);
      p.value().set(i, at - 1e-3f);
      double down = sum(model.logProbs(batch, false), weights);
      p.value().set(i, at);
      assertEquals((up - down) / 2e-3, gradient[i], 3e-3 + 2e-2 * Math.abs(gradient[i]), p.name() + " " + i);
    }
  }

  private static double sum(float[] logits, float[] weights) {
    double sum = 0;
    for (int i = 0; i < logits.length; i++) {
      sum += (double) weights[i] * logits[i];
    }
    return sum;
  }

  /** Resume, and one batch of 16 against 16 micro-batches of one. */
  @Test
  void aStoppedRunGoesOnWithTheSameBitsAndMicroBatchesChangeNothing() throws IOException {
    Path whole = train(job("whole", Tuning.lora(2, 4), 6), null).artefact();
    TrainJob parts = job("parts", Tuning.lora(2, 4), 6).withResume(true);
    int[] asked = {0};
    parts.run(new TrainTask.Judge(rows, null, PrmForm.head(null), "\n"), TrainingListener.NONE, () -> ++asked[0] > 3);
    assertEquals(-1, Files.mismatch(whole, train(parts, null).artefact()), "the same bytes");
    TrainJob alone = job("alone", Tuning.lora(2, 4), 1);
    TrainSettings sgd = alone.settings().withOptimizer(OptimizerSettings.sgd(0.5, 0).withMaxGradNorm(0));
    List<float[]> heads = new ArrayList<>();
    for (int tokens : new int[] {4096, 1}) {
      TrainJob job = TrainJob.of(model, folder.resolve("micro" + tokens), sgd
          .withPacking(sgd.packing().withMicroBatchTokens(tokens))).withTuning(Tuning.lora(2, 4));
      try (GgufFile file = GgufFile.openModel(train(job, null).artefact())) {
        heads.add(file.readFloats("cls.weight"));
      }
    }
    for (int i = 0; i < heads.getFirst().length; i++) {
      assertEquals(heads.getFirst()[i], heads.getLast()[i], 2e-6, "weight " + i);
    }
  }
}
