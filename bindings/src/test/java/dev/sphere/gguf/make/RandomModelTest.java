package dev.sphere.gguf.make;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sphere.bindings.llama.Batch;
import dev.sphere.bindings.llama.Context;
import dev.sphere.bindings.llama.ContextOptions;
import dev.sphere.bindings.llama.Model;
import dev.sphere.gguf.GgmlType;
import dev.sphere.gguf.Specimens;
import dev.sphere.gguf.model.GgufFile;
import dev.sphere.gguf.model.ModelInfo;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RandomModelTest {
  @TempDir Path dir;

  private Path write(String like, GgmlType type, long seed) {
    Path path = dir.resolve(like + "-" + type.label() + "-" + seed + ".gguf");
    RandomModel.write(RandomModel.like(like), ByteVocabulary.metadata(), type, seed, path);
    return path;
  }

  @Test
  void everyTinyShapeLoadsAndComputesInLlamaCpp() {
    for (String like : List.of("tiny-qwen2", "tiny-qwen3", "tiny-llama", "tiny-phi3")) {
      for (GgmlType type : List.of(GgmlType.F32, GgmlType.F16, GgmlType.BF16, GgmlType.Q8_0)) {
        try (Model model = Model.load(write(like, type, 1));
            Context context = Context.open(model, ContextOptions.invariant(64, 1, 1)); Batch batch = new Batch(8)) {
          int[] tokens = model.vocabulary().tokenize("Größe 1", false, true);
          assertEquals("Größe 1", model.vocabulary().detokenize(tokens));
          assertEquals("Größe 1".getBytes(StandardCharsets.UTF_8).length, tokens.length);
          for (int i = 0; i < 8; i++) {
            batch.add(tokens[i % tokens.length], i, 0, i == 7);
          }
          context.decode(batch);
          float[] logits = new float[ByteVocabulary.SIZE];
          context.logits().read(0, logits);
          double square = 0;
          for (float logit : logits) {
            square += (double) logit * logit / logits.length;
          }
          assertTrue(square > 0.01 && square < 1, like + " " + type + ": logits of size " + Math.sqrt(square));
        }
      }
    }
  }

  @Test
  void theSameSeedGivesTheSameFile() throws IOException {
    Path first = write("tiny-qwen2", GgmlType.F32, 5);
    Path again = dir.resolve("again.gguf");
    RandomModel.write(RandomModel.like("tiny-qwen2"), ByteVocabulary.metadata(), GgmlType.F32, 5, again);
    assertEquals(-1, Files.mismatch(first, again));
    assertNotEquals(-1, Files.mismatch(first, write("tiny-qwen2", GgmlType.F32, 6)));
  }

  /** Mean, deviation and tails of the weights are the normal distribution's, and neighbours are independent. */
  @Test
  void theWeightsAreNormal() {
    try (GgufFile file = GgufFile.open(write("tiny-qwen2", GgmlType.F32, 7))) {
      float[] values = file.readFloats("token_embd.weight");
      double mean = 0;
      double square = 0;
      double product = 0;
      double fourth = 0;
      for (int i = 0; i < values.length; i++) {
        double v = values[i] / 0.02;
        mean += v / values.length;
        square += v * v / values.length;
        fourth += v * v * v * v / values.length;
        product += v * values[(i + 1) % values.length] / 0.02 / values.length;
      }
      double error = 5 / Math.sqrt(values.length);
      assertEquals(0, mean, error);
      assertEquals(1, square, 2 * error);
      assertEquals(3, fourth, 10 * error);
      assertEquals(0, product, error);
    }
  }

  @Test
  void fillsAVocabularyUpToTheModelsOwn() {
    var like = new RandomModel.Dimensions("test", "qwen2", 1, 64, 4, 2, 16, 96, 128, 1e4f, 1e-6f, true, 300);
    Path path = dir.resolve("padded.gguf");
    RandomModel.write(like, ByteVocabulary.metadata(), GgmlType.BF16, 0, path);
    try (Model model = Model.load(path)) {
      assertEquals(300, model.vocabulary().size());
      assertEquals("[PAD299]", model.vocabulary().name(299));
    }
  }

  @Test
  void ropeFactorsGoFromOneToTheWholeFactor() {
    float[] factors = RotaryEntries.llama3Factors(64, 500000, 32);
    assertEquals(32, factors.length);
    assertEquals(1, factors[0]);
    assertEquals(32, factors[31]);
    for (int i = 1; i < 32; i++) {
      assertTrue(factors[i] >= factors[i - 1]);
    }
    // Frequency 15 of Llama 3.2 (wavelength 2948.3): smooth = (8192 / 2948.3 - 1) / 3 = 0.59285.
    assertEquals(1 / ((1 - 0.59285) / 32 + 0.59285), factors[15], 1e-4);
  }

  @Test
  void unknownShapesAndTypesAreNamed() {
    var e = assertThrows(IllegalArgumentException.class, () -> RandomModel.like("gpt-5"));
    assertTrue(e.getMessage().contains("gpt-5") && e.getMessage().contains("qwen2.5-0.5b"), e.getMessage());
    assertThrows(IllegalArgumentException.class, () -> write("tiny-qwen2", GgmlType.Q3_K, 0));
  }

  @Test
  void infoSaysWhatIsThere() {
    try (GgufFile file = GgufFile.open(write("tiny-qwen2", GgmlType.Q8_0, 0))) {
      ModelInfo info = ModelInfo.of(file, Optional.of(100L));
      // Embedding, 2 layers of (attention 64x64 + 2 x 64x32 + 64x64 and biases 128, feed-forward 3 x 64x160, 2 norms), norm.
      assertEquals(259 * 64 + 2 * (2 * 4096 + 2 * 2048 + 128 + 3 * 10240 + 128) + 64, info.parameters());
      assertEquals(2L * 2 * 32 * 4 * 100, info.memory().cache());
      assertTrue(info.lines().stream().anyMatch(line -> line.contains("15 q8_0")), info.lines().toString());
      assertEquals(Integer.valueOf(2), ((java.util.Map<?, ?>) info.toMap().get("shape")).get("layers"));
    }
    ModelInfo adapter = ModelInfo.of(GgufFile.open(Specimens.adapter(dir, Specimens.qwen2(dir))), Optional.empty());
    assertEquals(3, adapter.targets().size());
    assertEquals("adapter", adapter.toMap().get("kind"));
  }
}
