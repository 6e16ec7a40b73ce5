package dev.sphere.trainer.model;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sphere.bindings.tensor.Rope;
import dev.sphere.trainer.Distributions;
import dev.sphere.trainer.PackedBatch;
import dev.sphere.trainer.Parameter;
import dev.sphere.trainer.TrainableModel;
import dev.sphere.trainer.autodiff.PlainOps;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Whole models against a double-precision reference and its finite differences. */
class GraphModelTest {
  private static final Set<String> ALL = ModelOptions.LINEAR_LAYERS;

  private static TinyModel qwen2(boolean tied) {
    return new TinyModel(TinyModel.qwen2(2), tied, true, false, 1);
  }

  @ParameterizedTest
  @CsvSource({
    "qwen2,true,true,1024", "qwen2,false,false,1", "llama,false,true,20", "llama,true,false,1024",
    "qwen3,true,true,20", "qwen3,false,false,1024", "phi3,false,true,1024", "phi3,true,false,20"
  })
  void logProbsAndGradientsAreTheReference(String name, boolean tied, boolean fused, int microTokens) {
    TinyModel tiny = TinyModel.of(name, 2, tied, 7);
    PackedBatch batch = Batches.trees(3, 13, tiny.shape.vocabulary(), 5);
    float[] weights = Batches.weights(batch.predictions(), 3);
    ReferenceModel reference = new ReferenceModel(tiny);
    ModelOptions options = ModelOptions.full(2).withOperations(PlainOps.unless(fused)).withMicroTokens(microTokens);
    try (TrainableModel model = new GraphModel(tiny.shape, tiny, options)) {
      close(reference.logProbs(batch), model.logProbs(batch, false), 1e-5, "log-probabilities");
      close(reference.logProbs(batch), model.backward(batch, weights), 1e-5, "log-probabilities of backward");
      assertEquals(tiny.names().size() - (name.equals("llama") ? 1 : 0), model.parameters().size());
      checkGradients(reference, batch, weights, model);
    }
  }

  @ParameterizedTest
  @CsvSource({
    "qwen2,true,false", "qwen2,false,false", "llama,true,false", "qwen3,true,false", "qwen3,false,false", "phi3,true,false",
    "phi3,false,false", "qwen2,true,true", "llama,false,true", "phi3,true,true"
  })
  void loraGradientsAreTheReference(String name, boolean fused, boolean magnitudes) {
    TinyModel tiny = TinyModel.of(name, 2, true, 1);
    PackedBatch batch = Batches.trees(2, 11, tiny.shape.vocabulary(), 6);
    float[] weights = Batches.weights(batch.predictions(), 4);
    ReferenceModel reference = new ReferenceModel(tiny);
    reference.loraScale = 6.0 / 3;
    try (TrainableModel model =
        new GraphModel(tiny.shape, tiny, ModelOptions.lora(3, 6, ALL, 11, 2).withOperations(PlainOps.unless(fused)).withMagnitudes(magnitudes))) {
      assertEquals(2 * (name.equals("phi3") ? 4 : 7) * (magnitudes ? 3 : 2), model.parameters().size());
      randomise(model);
      for (Parameter p : model.parameters()) {
        reference.weight(p.name(), doubles(p));
      }
      reference.holdNorms(); // the backward pass takes them as constants
      close(reference.logProbs(batch), model.logProbs(batch, false), 1e-5, "log-probabilities");
      model.backward(batch, weights);
      checkGradients(reference, batch, weights, model);
    }
  }

  @Test
  void freshAdapterIsTheReferencePolicyToTheBit() {
    TinyModel tiny = qwen2(false);
    PackedBatch batch = Batches.trees(2, 11, tiny.shape.vocabulary(), 6);
    for (boolean magnitudes : new boolean[] {false, true}) {
      freshAdapter(tiny, batch, magnitudes);
    }
  }

  private static void freshAdapter(TinyModel tiny, PackedBatch batch, boolean magnitudes) {
    ModelOptions options = ModelOptions.lora(4, 8, Set.of("attn_q"), 1, 1).withMagnitudes(magnitudes);
    try (TrainableModel model = new GraphModel(tiny.shape, tiny, options)) {
      assertEquals(magnitudes ? 6 : 4, model.parameters().size());
      assertArrayEquals(model.logProbs(batch, true), model.logProbs(batch, false));
      float[] before = model.logProbs(batch, true);
      randomise(model);
      assertArrayEquals(before, model.logProbs(batch, true));
      int last = before.length - 1;
      assertTrue(Math.abs(before[last] - model.logProbs(batch, false)[last]) > 1e-4);
    }
  }

  /** The tree's one pass and its paths' many: the same log-probabilities and gradients to 1e-5. */
  @ParameterizedTest
  @CsvSource({"qwen2,true", "qwen2,false", "llama,true", "qwen3,true", "phi3,true"})
  void treeEqualsItsPathsOneByOne(String name, boolean fused) {
    TinyModel tiny = TinyModel.of(name, 2, true, 1);
    PackedBatch tree = Batches.trees(3, 17, tiny.shape.vocabulary(), 8);
    PackedBatch paths = Batches.paths(tree);
    float[] weights = Batches.weights(tree.predictions(), 9);
    ModelOptions options = ModelOptions.full(2).withOperations(PlainOps.unless(fused));
    try (TrainableModel a = new GraphModel(tiny.shape, tiny, options);
        TrainableModel b = new GraphModel(tiny.shape, tiny, options)) {
      float[] x = a.backward(tree, weights);
      float[] y = b.backward(paths, weights);
      for (int i = 0; i < x.length; i++) {
        assertEquals(x[i], y[i], 1e-5 * (1 + Math.abs(x[i])));
      }
      for (int i = 0; i < a.parameters().size(); i++) {
        close(gradient(a.parameters().get(i)), floats(gradient(b.parameters().get(i))), 1e-5, a.parameters().get(i).name());
      }
    }
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void checkpointsDoNotChangeGradients(boolean fused) {
    TinyModel tiny = new TinyModel(TinyModel.llama(5), false, false, true, 3);
    PackedBatch batch = Batches.trees(3, 9, tiny.shape.vocabulary(), 4);
    float[] weights = Batches.weights(batch.predictions(), 2);
    Map<String, double[]> whole = new LinkedHashMap<>();
    for (int segment : new int[] {5, 1, 2}) {
      ModelOptions options = ModelOptions.full(1).withSegmentLayers(segment).withMicroTokens(18).withOperations(PlainOps.unless(fused));
      try (TrainableModel model = new GraphModel(tiny.shape, tiny, options)) {
        model.backward(batch, weights);
        for (Parameter p : model.parameters()) {
          if (segment == 5) {
            whole.put(p.name(), gradient(p));
          }
          close(whole.get(p.name()), floats(gradient(p)), 1e-6, p.name() + " in segments of " + segment);
        }
      }
    }
  }

  /** The loss's weights may come out of the forward pass: in one graph, in segments, in several chunks. */
  @ParameterizedTest
  @CsvSource({"true,0,1024", "false,0,1024", "true,1,1024", "true,2,10", "true,0,10"})
  void weightsFromTheForwardPass(boolean fused, int segment, int microTokens) {
    TinyModel tiny = new TinyModel(TinyModel.llama(3), true, false, false, 3);
    PackedBatch batch = Batches.trees(3, 9, tiny.shape.vocabulary(), 4);
    ModelOptions options =
        ModelOptions.full(1).withOperations(PlainOps.unless(fused)).withSegmentLayers(segment).withMicroTokens(microTokens);
    try (TrainableModel a = new GraphModel(tiny.shape, tiny, options);
        TrainableModel b = new GraphModel(tiny.shape, tiny, options)) {
      float[] seen = new float[batch.predictions()];
      float[] logProbs =
          a.backward(
              batch,
              l -> {
                System.arraycopy(l, 0, seen, 0, l.length);
                return squares(l);
              });
      assertArrayEquals(seen, logProbs);
      assertArrayEquals(logProbs, b.logProbs(batch, false));
      b.backward(batch, squares(logProbs));
      for (int i = 0; i < a.parameters().size(); i++) {
        close(gradient(b.parameters().get(i)), floats(gradient(a.parameters().get(i))), 1e-6, a.parameters().get(i).name());
      }
      Parameter first = a.parameters().getFirst();
      double[] before = gradient(first);
      assertThrows(
          IllegalStateException.class,
          () ->
              a.backward(
                  batch,
                  l -> {
                    throw new IllegalStateException("no loss today");
                  }));
      assertArrayEquals(before, gradient(first));
    }
  }

  private static float[] squares(float[] values) {
    float[] s = values.clone();
    for (int i = 0; i < s.length; i++) {
      s[i] *= s[i];
    }
    return s;
  }

  /**
   * What a pass saw of whole distributions: forward and backward, a trained and a frozen head, in one graph, in
   * segments, in several chunks. A pass of the reference leaves it as it is.
   */
  @ParameterizedTest
  @CsvSource({"false,0,1024", "false,1,20", "true,0,1024", "true,1,20", "true,0,20"})
  void distributionsAreTheReferences(boolean lora, int segment, int microTokens) {
    TinyModel tiny = qwen2(false);
    PackedBatch batch = Batches.trees(3, 13, tiny.shape.vocabulary(), 5);
    double[][] logits = new ReferenceModel(tiny).logits(batch);
    for (int i = 0; i < logits.length; i += 2) { // random targets are hardly ever the arg max
      batch.targets()[i] = top(logits[i]);
    }
    float[] weights = Batches.weights(batch.predictions(), 3);
    ModelOptions options = (lora ? ModelOptions.lora(3, 6, ALL, 11, 2) : ModelOptions.full(2))
        .withSegmentLayers(segment).withMicroTokens(microTokens);
    try (TrainableModel model = new GraphModel(tiny.shape, tiny, options);
        TrainableModel plain = new GraphModel(tiny.shape, tiny, options.withOperations((tape, products, half) -> new PlainOps(tape)))) {
      model.logProbs(batch, false);
      distributions(logits, batch, model.distributions());
      model.backward(batch, weights);
      distributions(logits, batch, model.distributions());
      model.backward(batch, logProbs -> weights);
      distributions(logits, batch, model.distributions());
      if (lora) {
        var before = model.distributions();
        model.logProbs(Batches.trees(1, 5, tiny.shape.vocabulary(), 2), true);
        assertSame(before, model.distributions());
      }
      plain.logProbs(batch, false);
      assertNull(plain.distributions(), "ggml's own operations tell of one token alone");
    }
  }

  private static void distributions(double[][] logits, PackedBatch batch, Distributions seen) {
    int right = 0;
    for (int i = 0; i < logits.length; i++) {
      double lse = ReferenceModel.logSumExp(logits[i]);
      double entropy = 0;
      double mean = 0;
      for (double v : logits[i]) {
        entropy -= Math.exp(v - lse) * (v - lse);
        mean += v / logits[i].length;
      }
      assertEquals(entropy, seen.entropies()[i], 2e-5, "entropy " + i);
      assertEquals(mean, seen.meanLogits()[i], 2e-5, "mean " + i);
      assertEquals(top(logits[i]) == batch.targets()[i], seen.tops()[i], "arg max " + i);
      right += seen.tops()[i] ? 1 : 0;
    }
    assertTrue(right >= logits.length / 2 && right < logits.length, right + " of " + logits.length);
  }

  private static int top(double[] values) {
    int top = 0;
    for (int i = 1; i < values.length; i++) {
      top = values[i] > values[top] ? i : top;
    }
    return top;
  }

  @Test
  void gradientsAddUpAndAreBitEqualEachTime() {
    TinyModel tiny = qwen2(true);
    PackedBatch batch = Batches.trees(2, 12, tiny.shape.vocabulary(), 4);
    float[] weights = Batches.weights(batch.predictions(), 2);
    try (TrainableModel a = new GraphModel(tiny.shape, tiny, ModelOptions.full(2));
        TrainableModel b = new GraphModel(tiny.shape, tiny, ModelOptions.full(2))) {
      assertArrayEquals(a.backward(batch, weights), b.backward(batch, weights));
      a.backward(batch, weights);
      for (int i = 0; i < a.parameters().size(); i++) {
        double[] once = gradient(b.parameters().get(i));
        double[] twice = gradient(a.parameters().get(i));
        for (int j = 0; j < once.length; j++) {
          twice[j] /= 2;
        }
        close(once, floats(twice), 1e-6, b.parameters().get(i).name());
        b.parameters().get(i).gradient().write(0, new float[once.length]);
      }
      b.backward(batch, weights);
      try (TrainableModel c = new GraphModel(tiny.shape, tiny, ModelOptions.full(2))) {
        c.backward(batch, weights);
        for (int i = 0; i < c.parameters().size(); i++) {
          assertArrayEquals(gradient(b.parameters().get(i)), gradient(c.parameters().get(i)));
        }
      }
    }
  }

  /** The estimate against what the buffers then are, with activations large enough to count. */
  @ParameterizedTest
  @CsvSource({"true,0", "true,1", "false,2"})
  void footprintIsWhatIsThenTaken(boolean full, int segment) {
    Architecture shape = new Architecture("qwen2", 4, 96, 6, 2, 16, 256, 300, 1e-6f, Rope.plain(16, true, 10000));
    TinyModel tiny = new TinyModel(shape, true, true, false, 1);
    ModelOptions options = (full ? ModelOptions.full(1) : ModelOptions.lora(4, 8, ALL, 1, 1)).withSegmentLayers(segment);
    Footprint estimate = Footprint.of(shape, tiny, options, 2, 400);
    int[] tokens = new int[800];
    int[] parents = new int[800];
    int[] positions = new int[800];
    for (int i = 0; i < 800; i++) {
      positions[i] = i % 400;
      parents[i] = i % 400 - 1;
    }
    int[] sources = new int[800];
    java.util.Arrays.setAll(sources, i -> i);
    PackedBatch batch = new PackedBatch(2, 400, tokens, positions, parents, sources, tokens);
    try (GraphModel model = new GraphModel(shape, tiny, options)) {
      model.backward(batch, new float[800]);
      assertEquals(model.weightBytes(), estimate.weights() + estimate.gradients());
      assertEquals(model.scratchBytes(), estimate.activations(), 0.15 * model.scratchBytes());
    }
  }

  @Test
  @SuppressWarnings("try") // closes twice on purpose
  void refusesWhatItCannotCompute() {
    TinyModel tiny = qwen2(true);
    try (TrainableModel model = new GraphModel(tiny.shape, tiny, ModelOptions.full(1))) {
      PackedBatch batch = Batches.trees(1, 5, tiny.shape.vocabulary(), 4);
      assertThrows(UnsupportedOperationException.class, () -> model.logProbs(batch, true));
      assertThrows(IllegalArgumentException.class, () -> model.backward(batch, new float[99]));
      PackedBatch wild = new PackedBatch(1, 1, new int[] {37}, new int[1], new int[] {-1}, new int[0], new int[0]);
      assertTrue(
          assertThrows(IllegalArgumentException.class, () -> model.logProbs(wild, false)).getMessage()
              .contains("token 0 is 37"));
      PackedBatch nothing = new PackedBatch(1, 1, new int[1], new int[1], new int[] {-1}, new int[0], new int[0]);
      assertEquals(0, model.logProbs(nothing, false).length);
      assertEquals(0, model.backward(nothing, new float[0]).length);
      model.close();
      assertThrows(IllegalStateException.class, () -> model.logProbs(batch, false));
    }
    tiny.values.put("blk.0.attn_q_norm.weight", new float[6]);
    assertTrue(
        assertThrows(
                IllegalArgumentException.class, () -> new GraphModel(tiny.shape, tiny, ModelOptions.full(1)).close())
            .getMessage().contains("blk.0.attn_q_norm.weight"));
    tiny.values.remove("blk.0.attn_q_norm.weight");
    tiny.values.remove("blk.1.ffn_up.weight");
    assertTrue(
        assertThrows(
                IllegalArgumentException.class, () -> new GraphModel(tiny.shape, tiny, ModelOptions.full(1)).close())
            .getMessage().contains("blk.1.ffn_up.weight"));
  }

  /** Central differences of the reference, at a few elements of every parameter and at its largest gradient. */
  private static void checkGradients(
      ReferenceModel reference, PackedBatch batch, float[] weights, TrainableModel model) {
    SplittableRandom random = new SplittableRandom(1);
    for (Parameter p : model.parameters()) {
      double[] value = reference.weight(p.name());
      assertNotNull(value, p.name());
      double[] gradient = gradient(p);
      double largest = 0;
      for (double g : gradient) {
        largest = Math.max(largest, Math.abs(g));
      }
      assertTrue(largest > 1e-6, p.name() + " has no gradient");
      for (int trial = 0; trial < 6; trial++) {
        int at = random.nextInt(value.length);
        for (int i = 0; trial == 0 && i < gradient.length; i++) {
          at = Math.abs(gradient[i]) == largest ? i : at;
        }
        double saved = value[at];
        double step = 1e-4;
        value[at] = saved + step;
        double up = objective(reference, batch, weights);
        value[at] = saved - step;
        double down = objective(reference, batch, weights);
        value[at] = saved;
        assertEquals((up - down) / (2 * step), gradient[at], 1e-4 * largest, p.name() + "[" + at + "]");
      }
    }
  }

  private static double objective(ReferenceModel reference, PackedBatch batch, float[] weights) {
    double[] logProbs = reference.logProbs(batch);
    double sum = 0;
    for (int i = 0; i < weights.length; i++) {
      sum += weights[i] * logProbs[i];
    }
    return sum;
  }

  private static void randomise(TrainableModel model) {
    SplittableRandom random = new SplittableRandom(5);
    for (Parameter p : model.parameters()) {
      for (long i = 0; i < p.value().size(); i++) {
        p.value().set(i, (float) (random.nextDouble() - 0.5));
      }
    }
  }

  private static double[] doubles(Parameter p) {
    double[] d = new double[(int) p.value().size()];
    for (int i = 0; i < d.length; i++) {
      d[i] = p.value().get(i);
    }
    return d;
  }

  private static double[] gradient(Parameter p) {
    double[] d = new double[(int) p.gradient().size()];
    for (int i = 0; i < d.length; i++) {
      d[i] = p.gradient().get(i);
    }
    return d;
  }

  private static float[] floats(double[] values) {
    float[] f = new float[values.length];
    for (int i = 0; i < f.length; i++) {
      f[i] = (float) values[i];
    }
    return f;
  }

  private static void close(double[] expected, float[] actual, double tolerance, String what) {
    double largest = 0;
    for (double e : expected) {
      largest = Math.max(largest, Math.abs(e));
    }
    assertEquals(expected.length, actual.length);
    for (int i = 0; i < expected.length; i++) {
      assertEquals(expected[i], actual[i], tolerance * largest, what + "[" + i + "]");
    }
  }
}
