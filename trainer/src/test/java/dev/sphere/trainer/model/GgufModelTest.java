package dev.sphere.trainer.model;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sphere.bindings.llama.Model;
import dev.sphere.bindings.tensor.Rope;
import dev.sphere.bindings.tensor.TrainingKernels;
import dev.sphere.engine.decode.Scorer;
import dev.sphere.gguf.GgmlType;
import dev.sphere.gguf.make.ByteVocabulary;
import dev.sphere.gguf.make.RandomModel;
import dev.sphere.gguf.make.RandomModel.Dimensions;
import dev.sphere.trainer.PackedBatch;
import dev.sphere.trainer.Parameter;
import dev.sphere.trainer.TrainableModel;
import dev.sphere.bindings.kernel.Activations;
import dev.sphere.bindings.tensor.Tensor;
import dev.sphere.bindings.tensor.TensorType;
import dev.sphere.gguf.model.GgufFile;
import dev.sphere.trainer.autodiff.MatmulPrecision;
import dev.sphere.trainer.autodiff.PlainOps;
import java.util.Set;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Models out of GGUF files of every type, against llama.cpp's inference and against the plain operations. */
class GgufModelTest {
  @TempDir
  Path folder;

  private Path model(String shape, GgmlType type) {
    Dimensions like =
        switch (shape) {
          // Rope factors as Llama 3 has them, a head as wide as width/heads, GQA.
          case "llama" -> new Dimensions("llama-3.2-test", "llama", 2, 96, 6, 2, 16, 160, 1024, 5e5f, 1e-5f, false, 0);
          // A head width, a context and a base at which YaRN and the long factors make a difference.
          case "yarn" -> RandomModel.like("tiny-qwen3-yarn");
          case "longrope" -> RandomModel.like("tiny-phi4");
          case "linear" -> RandomModel.like("tiny-qwen2").withRotary(new RandomModel.Rotary(0, "linear", 4, 256));
          // Rows that are whole blocks of the K types.
          case "blocks" -> new Dimensions("blocks", "qwen2", 2, 256, 4, 2, 64, 512, 1024, 1e4f, 1e-6f, true, 0);
          case "fused-blocks" -> new Dimensions("fused-blocks", "phi3", 2, 256, 4, 2, 64, 512, 1024, 1e4f, 1e-6f, false, 0);
          // A feed-forward part so wide that its columns are shared out in dequantised blocks.
          case "wide" -> new Dimensions("wide", "qwen2", 1, 64, 2, 1, 32, 1568, 1024, 1e4f, 1e-6f, true, 0);
          default -> RandomModel.like(shape);
        };
    Path file = folder.resolve(shape + type + ".gguf");
    RandomModel.write(like, ByteVocabulary.metadata(), type, 3, file);
    return file;
  }

  /**
   * In F32 to 2e-4. In other types ggml rounds the activations too, so that the last digit of one sum turns into a
   * rounding step of the next; random weights, whose layers add little, show it most.
   */
  @ParameterizedTest
  @CsvSource({
    "tiny-qwen2,F32,2e-4", "tiny-qwen2,BF16,5e-3", "tiny-qwen2,Q8_0,5e-3", "llama,F32,2e-4", "llama,F16,5e-3",
    "tiny-qwen3,F32,2e-4", "tiny-qwen3,BF16,5e-3", "tiny-phi3,F32,2e-4", "tiny-phi3,Q8_0,5e-3", "yarn,F32,2e-4",
    "longrope,F32,2e-4", "linear,F32,2e-4", "tiny-llama,F32,2e-4", "blocks,Q4_K,3e-2", "blocks,Q6_K,3e-2",
    "blocks,Q5_K,3e-2", "blocks,Q4_0,3e-2", "fused-blocks,Q4_K,3e-2"
  })
  void logProbsAreThoseOfInference(String shape, GgmlType type, double tolerance) throws InterruptedException {
    Path file = model(shape, type);
    int[] tokens = new SplittableRandom(9).ints(75, 0, 256).toArray();
    float[] inference = inference(file, tokens);
    try (TrainableModel lora =
            TrainableModels.open(file, ModelOptions.lora(2, 4, ModelOptions.LINEAR_LAYERS, 1, 1));
        TrainableModel full = TrainableModels.open(file, ModelOptions.full(1))) {
      assertClose(inference, lora.logProbs(sequence(tokens), true), tolerance);
      assertArrayEquals(lora.logProbs(sequence(tokens), true), lora.logProbs(sequence(tokens), false));
      // The tolerance would notice a wrong rotation: positions that run backwards are another model.
      PackedBatch right = sequence(tokens);
      int[] backwards = new int[tokens.length];
      java.util.Arrays.setAll(backwards, i -> tokens.length - i);
      float[] wrong = lora.logProbs(
          new PackedBatch(1, tokens.length, tokens, backwards, right.parents(), right.sources(), right.targets()), true);
      double furthest = furthest(inference, wrong);
      assertTrue(type != GgmlType.F32 || furthest > 5 * tolerance, "only " + furthest);
      // Full fine-tuning computes in F32 what inference computes in the file's type.
      assertClose(
          inference, full.logProbs(sequence(tokens), false),
          type == GgmlType.F32 ? tolerance : type.blockSize() > 1 ? 5e-2 : 1e-2);
    }
  }

  private static float[] inference(Path file, int[] tokens) throws InterruptedException {
    try (Model model = Model.load(file);
        Scorer scorer = Scorer.of(model, null, 1, 1, 256)) {
      int[] rest = java.util.Arrays.copyOfRange(tokens, 1, tokens.length);
      return scorer.score(List.of(new Scorer.Row(new int[] {tokens[0]}, rest))).getFirst();
    }
  }

  private static double furthest(float[] a, float[] b) {
    double furthest = 0;
    for (int i = 0; i < a.length; i++) {
      furthest = Math.max(furthest, Math.abs(a[i] - b[i]));
    }
    return furthest;
  }

  /** Each way of scaling the rotation shows in the log-probabilities, so that leaving it out would be noticed above. */
  @ParameterizedTest
  @CsvSource({"yarn,tiny-qwen3-yarn", "longrope,tiny-phi4", "linear,tiny-qwen2"})
  void scaledRotationsMatter(String shape, String plain) {
    Path scaled = model(shape, GgmlType.F32);
    Dimensions like = RandomModel.like(plain);
    Path straight = folder.resolve("straight.gguf");
    int turned = like.rotary().width();
    RandomModel.write(
        like.withRotary(new RandomModel.Rotary(turned, "none", 1, 0)), ByteVocabulary.metadata(), GgmlType.F32, 3,
        straight);
    int[] tokens = new SplittableRandom(9).ints(75, 0, 256).toArray();
    try (TrainableModel a = TrainableModels.open(scaled, ModelOptions.full(1));
        TrainableModel b = TrainableModels.open(straight, ModelOptions.full(1))) {
      double furthest = furthest(a.logProbs(sequence(tokens), false), b.logProbs(sequence(tokens), false));
      assertTrue(furthest > 5 * 2e-4, "only " + furthest);
    }
  }

  /** longrope has two tables of factors: the sequences' length says which, and none is taken for the other. */
  @Test
  void longSequencesTakeTheLongFactors() {
    Path file = model("longrope", GgmlType.F32); // 256 tokens before the context grew
    int[] tokens = new SplittableRandom(9).ints(300, 0, 256).toArray();
    try (TrainableModel brief = TrainableModels.open(file, ModelOptions.full(1));
        TrainableModel far = TrainableModels.open(file, ModelOptions.full(1).withContext(300))) {
      String message = assertThrows(
              IllegalArgumentException.class, () -> brief.logProbs(sequence(tokens), false)).getMessage();
      assertTrue(message.contains("position"), message);
      far.logProbs(sequence(tokens), false);
      int[] beginning = java.util.Arrays.copyOf(tokens, 75);
      double furthest =
          furthest(brief.logProbs(sequence(beginning), false), far.logProbs(sequence(beginning), false));
      assertTrue(furthest > 1e-3, "only " + furthest);
    }
  }

  /** Frozen weights of other types: the gradient goes back through their dequantised values. */
  @ParameterizedTest
  @CsvSource({
    "tiny-qwen2,Q8_0", "tiny-qwen2,BF16", "llama,F16", "wide,Q8_0", "wide,BF16", "tiny-qwen3,BF16", "tiny-phi3,Q8_0",
    "blocks,Q4_K", "blocks,Q6_K", "blocks,Q5_K", "blocks,Q4_0", "fused-blocks,Q4_K"})
  void loraOnFrozenTypes(String shape, GgmlType type) {
    Path file = model(shape, type);
    int[] tokens = new SplittableRandom(4).ints(21, 0, 256).toArray();
    PackedBatch batch = sequence(tokens);
    float[] weights = Batches.weights(batch.predictions(), 2);
    ModelOptions options = ModelOptions.lora(3, 6, ModelOptions.LINEAR_LAYERS, 5, 2);
    List<List<float[]>> gradients = new ArrayList<>();
    for (boolean fused : new boolean[] {true, false}) {
      try (TrainableModel model = TrainableModels.open(file, options.withOperations(PlainOps.unless(fused)))) {
        SplittableRandom random = new SplittableRandom(8);
        for (Parameter p : model.parameters()) {
          for (long i = 0; i < p.value().size(); i++) {
            // Small enough for the adapters not to blow up what the rounding of activations differs by.
            p.value().set(i, (float) (0.2 * (random.nextDouble() - 0.5)));
          }
        }
        model.backward(batch, weights);
        List<float[]> all = new ArrayList<>();
        for (Parameter p : model.parameters()) {
          float[] g = new float[(int) p.gradient().size()];
          p.gradient().read(0, g);
          all.add(g);
        }
        gradients.add(all);
      }
    }
    for (int i = 0; i < gradients.get(0).size(); i++) {
      double largest = 0;
      for (float g : gradients.get(1).get(i)) {
        largest = Math.max(largest, Math.abs(g));
      }
      assertTrue(largest > 0);
      // Activations are rounded to the weight's type on the way forward, SwiGLU's once more (ours): differences grow.
      assertArrayEquals(gradients.get(1).get(i), gradients.get(0).get(i), (float) (4e-2 * largest), "parameter " + i);
    }
  }

  /** The file's weights as numbers in F32. */
  private record InFloats(WeightSource file) implements WeightSource {
    @Override
    public Set<String> names() {
      return file.names();
    }

    @Override
    public TensorType type(String name) {
      return TensorType.F32;
    }

    @Override
    public long[] shape(String name) {
      return file.shape(name);
    }

    @Override
    public void load(String name, Tensor target) {
      file.load(name, target);
    }
  }

  /**
   * How far the log-ratios of a slightly changed model are from those of the same weights in F32, for texts of 200
   * tokens. Activations of 8 bits make them noise; those in BF16 are off by a little, those in F32 hardly.
   */
  @ParameterizedTest
  @CsvSource({"BF16", "F16", "Q8_0", "Q4_0", "Q4_K", "Q6_K"})
  void logRatiosAreAsExactAsActivations(GgmlType type) {
    Path path = folder.resolve("deep.gguf");
    RandomModel.write(
        new Dimensions("deep", "qwen2", 6, 256, 4, 2, 64, 512, 1024, 1e4f, 1e-6f, true, 0), ByteVocabulary.metadata(), type, 3,
        path);
    ModelOptions options = ModelOptions.lora(2, 4, ModelOptions.LINEAR_LAYERS, 5, 2);
    try (GgufFile file = GgufFile.openModel(path)) {
      double[] truth;
      try (GraphModel plain = new GraphModel(
          GgufWeights.architecture(file), new InFloats(new GgufWeights(file)), options.withProducts(MatmulPrecision.F32))) {
        truth = logRatios(plain);
      }
      double exact = deviation(truth, file, options.withProducts(MatmulPrecision.F32));
      double usual = deviation(truth, file, options);
      double coarse;
      try {
        Activations.INT8.use();
        coarse = deviation(truth, file, options.withProducts(MatmulPrecision.INT8));
      } finally {
        Activations.BF16.use();
      }
      String what = type + ": F32 " + exact + ", usual " + usual + ", 8 bits " + coarse;
      assertTrue(exact < 0.001, what);
      assertTrue(usual < 0.05, what);
      // Training's products are F32 on a CPU that multiplies no BF16.
      assertTrue(usual > 2 * exact || !TrainingKernels.hasBf16(), what);
      assertTrue(type.blockSize() == 1 || coarse > usual, what);
    }
  }

  private static double deviation(double[] truth, GgufFile file, ModelOptions options) {
    try (GraphModel model = TrainableModels.open(file, options)) {
      double[] ratios = logRatios(model);
      double sum = 0;
      for (int i = 0; i < truth.length; i++) {
        sum += (ratios[i] - truth[i]) * (ratios[i] - truth[i]);
      }
      return Math.sqrt(sum / truth.length);
    }
  }

  private static double[] logRatios(TrainableModel model) {
    SplittableRandom random = new SplittableRandom(8);
    for (Parameter p : model.parameters()) {
      for (long i = 0; i < p.value().size(); i++) {
        p.value().set(i, (float) (1e-2 * (random.nextDouble() - 0.5)));
      }
    }
    double[] ratios = new double[8];
    for (int t = 0; t < ratios.length; t++) {
      PackedBatch text = sequence(random.ints(200, 0, 256).toArray());
      float[] changed = model.logProbs(text, false);
      float[] before = model.logProbs(text, true);
      for (int i = 0; i < before.length; i++) {
        ratios[t] += changed[i] - before[i];
      }
    }
    return ratios;
  }

  @Test
  void refusesByName() {
    Path file = model("tiny-phi3", GgmlType.F32);
    ModelOptions options = ModelOptions.lora(2, 4, Set.of("attn_q"), 1, 1);
    String message =
        assertThrows(IllegalArgumentException.class, () -> TrainableModels.open(file, options).close()).getMessage();
    assertTrue(message.contains("attn_q,") && message.contains("attn_qkv"), message);
    assertTrue(
        assertThrows(
                IllegalArgumentException.class,
                () -> new Architecture("gemma", 1, 8, 1, 1, 8, 8, 8, 1e-6f, Rope.plain(8, true, 1e4f)))
            .getMessage().contains("gemma"));
  }

  private static PackedBatch sequence(int[] tokens) {
    int n = tokens.length;
    int[] positions = new int[n];
    int[] parents = new int[n];
    int[] sources = new int[n - 1];
    int[] targets = new int[n - 1];
    for (int i = 0; i < n; i++) {
      positions[i] = i;
      parents[i] = i - 1;
      if (i > 0) {
        sources[i - 1] = i - 1;
        targets[i - 1] = tokens[i];
      }
    }
    return new PackedBatch(1, n, tokens, positions, parents, sources, targets);
  }

  private static void assertClose(float[] expected, float[] actual, double tolerance) {
    assertEquals(expected.length, actual.length);
    for (int i = 0; i < expected.length; i++) {
      assertEquals(expected[i], actual[i], tolerance, "log-probability " + i);
    }
  }
}
