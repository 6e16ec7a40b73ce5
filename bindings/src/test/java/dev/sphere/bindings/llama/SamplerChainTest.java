package dev.sphere.bindings.llama;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sphere.bindings.kernel.BenchKernels;
import dev.sphere.bindings.kernel.Draws;
import dev.sphere.bindings.tensor.NativeFloats;
import dev.sphere.gguf.GgmlType;
import dev.sphere.gguf.make.ByteVocabulary;
import dev.sphere.gguf.make.RandomModel;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Ours, llama.cpp's chain and its sampling in the graph draw from the same distribution (chi-squared, fixed seeds). */
class SamplerChainTest {
  private static final float TEMPERATURE = 0.7f;
  private static final int DRAWS = 6_000;

  @TempDir Path dir;

  @Test
  void allThreeDrawFromTheExactDistribution() {
    Path file = dir.resolve("tiny.gguf");
    RandomModel.write(RandomModel.like("tiny-qwen2"), ByteVocabulary.metadata(), GgmlType.F32, 3, file);
    try (Model model = Model.load(file)) {
      int vocabulary = model.vocabulary().size();
      float[] row = row(model, vocabulary);
      double[] exact = softMax(row);
      fits("ours", exact, ours(row));
      fits("llama.cpp's chain", exact, chain(row));
      fits("llama.cpp in the graph", exact, inGraph(model, vocabulary));
    }
  }

  @Test
  void theGreedyChainAndOursAgree() {
    float[] row = {0.5f, -1, 7, 7, Float.NEGATIVE_INFINITY};
    try (SamplerChain chain = new SamplerChain(0, 0, 1, 0, 1);
        NativeFloats logits = NativeFloats.allocate(row.length)) {
      logits.write(0, row);
      assertEquals(2, SamplerChain.draw(List.of(chain), logits, row.length)[0]);
      assertEquals(7f, BenchKernels.largest(logits, 2));
    }
  }

  private static float[] row(Model model, int vocabulary) {
    try (Context context = Context.open(model, ContextOptions.invariant(256, 4, 1));
        Batch batch = new Batch(4)) {
      prompt(batch, 0);
      context.decode(batch);
      float[] row = new float[vocabulary];
      context.logits().read(0, row);
      for (int i = 0; i < row.length; i++) {
        assertTrue(Float.isFinite(row[i]));
      }
      return row;
    }
  }

  private static void prompt(Batch batch, int sequence) {
    batch.add(65, 0, sequence, false);
    batch.add(66, 1, sequence, true);
  }

  private static int[] ours(float[] row) {
    int[] counts = new int[row.length];
    try (NativeFloats logits = NativeFloats.allocate(row.length);
        Draws draws = new Draws(DRAWS)) {
      logits.write(0, row);
      for (int i = 0; i < DRAWS; i++) {
        draws.add(0, 11, 0, 0, i, 0, TEMPERATURE, 0, 1, 0);
      }
      draws.sample(logits, row.length, 2);
      for (int i = 0; i < DRAWS; i++) {
        counts[draws.token(i)]++;
      }
    }
    return counts;
  }

  private static int[] chain(float[] row) {
    int[] counts = new int[row.length];
    try (NativeFloats logits = NativeFloats.allocate((long) DRAWS * row.length);
        SamplerChain a = new SamplerChain(TEMPERATURE, 0, 1, 0, 5);
        SamplerChain b = new SamplerChain(TEMPERATURE, 0, 1, 0, 6)) {
      for (int i = 0; i < DRAWS; i++) {
        logits.write((long) i * row.length, row);
      }
      for (int token : SamplerChain.draw(List.of(a, b), logits, row.length)) {
        counts[token]++;
      }
    }
    return counts;
  }

  private static int[] inGraph(Model model, int vocabulary) {
    int sequences = 30;
    int[] counts = new int[vocabulary];
    List<SamplerChain> chains = new ArrayList<>();
    for (int s = 0; s < sequences; s++) {
      chains.add(new SamplerChain(TEMPERATURE, 0, 1, 0, 100 + s));
    }
    try (Context context = SamplerChain.open(model, ContextOptions.invariant(256, sequences, 1), chains);
        Batch batch = new Batch(63)) {
      for (int i = 0; i < DRAWS / sequences; i++) {
        context.clear();
        batch.clear();
        for (int s = 0; s < sequences; s++) {
          prompt(batch, s);
        }
        context.decode(batch);
        for (int s = 0; s < sequences; s++) {
          counts[chains.get(s).sample(context, 2 * s + 1)]++;
        }
      }
    } finally {
      chains.forEach(SamplerChain::close);
    }
    return counts;
  }

  private static double[] softMax(float[] row) {
    double max = Double.NEGATIVE_INFINITY;
    for (float v : row) {
      max = Math.max(max, v);
    }
    double sum = 0;
    double[] p = new double[row.length];
    for (int i = 0; i < p.length; i++) {
      p[i] = Math.exp((row[i] - max) / TEMPERATURE);
      sum += p[i];
    }
    for (int i = 0; i < p.length; i++) {
      p[i] /= sum;
    }
    return p;
  }

  private static void fits(String who, double[] exact, int[] counts) {
    double chi = 0;
    int cells = 0;
    double restExpected = 0;
    double restCount = 0;
    int all = 0;
    for (int i = 0; i < exact.length; i++) {
      all += counts[i];
      double expected = exact[i] * DRAWS;
      if (expected < 5) { // too rare for the test: all of them together
        restExpected += expected;
        restCount += counts[i];
      } else {
        chi += (counts[i] - expected) * (counts[i] - expected) / expected;
        cells++;
      }
    }
    if (restExpected > 0) {
      chi += (restCount - restExpected) * (restCount - restExpected) / restExpected;
      cells++;
    }
    assertEquals(DRAWS, all, who);
    assertTrue(cells > 5, "only " + cells + " cells");
    double limit = cells + 5 * Math.sqrt(2.0 * cells); // five standard deviations above the mean
    assertTrue(chi < limit, who + ": chi-squared " + chi + " of " + cells + " cells, limit " + limit);
  }
}
