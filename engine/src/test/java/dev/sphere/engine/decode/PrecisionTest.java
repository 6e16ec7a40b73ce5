package dev.sphere.engine.decode;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.sphere.bindings.device.Device;
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
    Path file = dir.resolve(context + ".gguf");
    RandomModel.write(new RandomModel.Like("short", "qwen2", 1, 32, 2, 1, 16, 64, context, 1e4f, 1e-6f, true, 0),
        ByteVocabulary.metadata(), GgmlType.F32, 1, file);
    return file;
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
