package dev.sphere.gguf.model;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sphere.bindings.llama.Model;
import dev.sphere.bindings.load.LlamaException;
import dev.sphere.gguf.GgmlType;
import dev.sphere.gguf.GgufException;
import dev.sphere.gguf.GgufValue;
import dev.sphere.gguf.GgufWriter;
import dev.sphere.gguf.make.ByteVocabulary;
import dev.sphere.gguf.make.RandomModel;
import java.nio.file.Path;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PrmInfoTest {
  @TempDir Path dir;

  private Path base() {
    Path path = dir.resolve("base.gguf");
    RandomModel.write(RandomModel.like("tiny-qwen2"), ByteVocabulary.metadata(), GgmlType.F32, 1, path);
    return path;
  }

  /** The base with other keys and, if asked for, a head whose weights come from the seed. */
  private Path with(boolean head, int width, Object... keysAndValues) {
    Path out = dir.resolve("prm-" + System.nanoTime() + ".gguf");
    try (GgufFile file = GgufFile.open(base())) {
      GgufWriter writer = new GgufWriter().putAll(file.metadata());
      for (int i = 0; i < keysAndValues.length; i += 2) {
        Object v = keysAndValues[i + 1];
        writer.put((String) keysAndValues[i], v instanceof String s ? GgufValue.string(s) : GgufValue.u32((Integer) v));
      }
      file.tensors().values().forEach(t -> writer.copy(file, t));
      if (head) {
        long w = width;
        writer.tensor("cls.weight", GgmlType.F32, List.of(w, w), random(width * width, 3));
        writer.tensor("cls.bias", GgmlType.F32, List.of(w), random(width, 4));
        writer.tensor("cls.output.weight", GgmlType.F32, List.of(w, 2L), random(2 * width, 5));
        writer.tensor("cls.output.bias", GgmlType.F32, List.of(2L), random(2, 6));
      }
      writer.write(out);
    }
    return out;
  }

  private static float[] random(int n, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    float[] values = new float[n];
    for (int i = 0; i < n; i++) {
      values[i] = (float) random.nextDouble(-1, 1);
    }
    return values;
  }

  private int width() {
    return RandomModel.like("tiny-qwen2").width();
  }

  @Test
  void whatIsDeclaredIsRead() {
    try (GgufFile plain = GgufFile.open(base())) {
      assertTrue(PrmInfo.of(plain).isEmpty());
    }
    try (GgufFile f = GgufFile.open(with(false, 0, "sphere.prm.form", "token", "sphere.prm.good_token", 43,
        "sphere.prm.bad_token", 45, "sphere.prm.separator_token", 10, "sphere.prm.layout", "plain"))) {
      assertEquals(new PrmInfo(PrmInfo.Form.TOKEN, PrmInfo.Layout.PLAIN, 43, 45, 10), PrmInfo.of(f).orElseThrow());
    }
    try (GgufFile f = GgufFile.open(with(true, width(), "sphere.prm.form", "head"))) {
      assertEquals(new PrmInfo(PrmInfo.Form.HEAD, PrmInfo.Layout.CHAT, -1, -1, -1), PrmInfo.of(f).orElseThrow());
    }
  }

  @Test
  void whatContradictsItselfIsRefused() {
    refused(with(false, 0, "sphere.prm.form", "head"), "missing");
    refused(with(true, width(), "sphere.prm.form", "token", "sphere.prm.good_token", 1, "sphere.prm.bad_token", 2),
        "head");
    refused(with(true, width() + 1, "sphere.prm.form", "head"), "cls.weight");
    refused(with(true, width()), "<extra_0>");
    refused(with(false, 0, "sphere.prm.form", "token", "sphere.prm.good_token", 1), "sphere.prm.bad_token");
    refused(with(false, 0, "sphere.prm.form", "token", "sphere.prm.good_token", 1, "sphere.prm.bad_token", 1),
        "both 1");
    refused(with(false, 0, "sphere.prm.form", "token", "sphere.prm.good_token", 1, "sphere.prm.bad_token", 1 << 20),
        "tokens");
    refused(with(false, 0, "sphere.prm.form", "tokens"), "expected token or head");
  }

  private static void refused(Path file, String because) {
    String message = assertThrows(GgufException.class, () -> GgufFile.open(file).close()).getMessage();
    assertTrue(message.contains(because), message);
  }

  @Test
  void theHeadIsNoLanguageModelAndComputesWhatItsFormulaSays() {
    Path file = with(true, width(), "sphere.prm.form", "head");
    assertTrue(assertThrows(LlamaException.class, () -> Model.load(file)).getMessage().contains("--prm"));
    int w = width();
    float[] h = random(w, 9);
    float[] w1 = random(w * w, 3);
    float[] b1 = random(w, 4);
    float[] w2 = random(2 * w, 5);
    float[] b2 = random(2, 6);
    double[] logits = {b2[0], b2[1]};
    for (int c = 0; c < 2; c++) {
      for (int i = 0; i < w; i++) {
        double inner = b1[i];
        for (int j = 0; j < w; j++) {
          inner += (double) w1[i * w + j] * h[j];
        }
        logits[c] += w2[c * w + i] * Math.max(0, inner);
      }
    }
    double expected = Math.exp(logits[1]) / (Math.exp(logits[0]) + Math.exp(logits[1]));
    try (GgufFile open = GgufFile.open(file)) {
      assertEquals(expected, PrmHead.of(open).score(h), 1e-12);
    }
  }
}
