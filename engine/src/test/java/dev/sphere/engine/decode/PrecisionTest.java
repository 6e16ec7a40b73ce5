package dev.sphere.engine.decode;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.sphere.bindings.device.Device;
import dev.sphere.bindings.kernel.Activations;
import dev.sphere.bindings.kernel.AttentionKernel;
import dev.sphere.gguf.GgmlType;
import dev.sphere.gguf.make.ByteVocabulary;
import dev.sphere.gguf.make.RandomModel;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What of a run's precision belongs to its identity. */
class PrecisionTest {
  @TempDir Path dir;

  private Path model(int context) {
    return model(context, GgmlType.F32);
  }

  private Path model(int context, GgmlType type) {
    Path file = dir.resolve(context + "-" + type + ".gguf");
    RandomModel.write(new RandomModel.Dimensions("short", "qwen2", 1, 32, 2, 1, 16, 64, context, 1e4f, 1e-6f, true, 0),
        ByteVocabulary.metadata(), type, 1, file);
    return file;
  }

  /** Runs of older versions say nothing or bf16: with quantised weights they are not gone on with by 16-bit integers. */
  @Test
  void integersAreNamedWhereWeightsAreQuantised() {
    Path quantised = model(64, GgmlType.Q8_0);
    Path plain = model(64, GgmlType.BF16);
    assertEquals("int16", new Precision(Activations.INT16).identity(quantised));
    assertEquals("int16", new Precision(Activations.INT16).identity(plain, quantised));
    assertNull(new Precision(Activations.INT16).identity(plain));
    assertEquals("bf16", new Precision(Activations.BF16).identity(quantised));
    assertNull(new Precision(Activations.BF16).identity(plain));
    assertNull(new Precision(Activations.INT8).identity(quantised));
    assertEquals("f32", new Precision(Activations.F32).identity(plain));
    assertEquals(new Precision(Activations.AUTO.here()).identity(quantised), Precision.USUAL.identity(quantised));
  }

  /** With Q8_0 8 bits are what they always were; ggml multiplied the other types, K-quants were unpacked to BF16. */
  @Test
  void eightBitsAreNamedWhereTheirProductsAreNew() {
    Precision eight = new Precision(Activations.INT8);
    Path old = model(64, GgmlType.Q8_0);
    assertNull(eight.identity(old));
    assertNull(eight.identity(model(64, GgmlType.F16), old));
    assertEquals("int8", eight.identity(old, model(64, GgmlType.Q4_0)));
  }

  /** Runs with short contexts go on as they began; others, whose sums have changed, say so. */
  @Test
  void blocksOfAttentionAreNamedWherePathsCanBeLonger() {
    assumeTrue(AttentionKernel.installed() && Device.current().computesOnCores());
    Path fits = model(AttentionKernel.BLOCK);
    Path longer = model(AttentionKernel.BLOCK + 1);
    assertNull(Precision.attention(fits));
    assertNull(Precision.attention(fits, fits));
    assertEquals("blocks of 512", Precision.attention(longer));
    assertEquals("blocks of 512", Precision.attention(fits, longer));
  }
}
