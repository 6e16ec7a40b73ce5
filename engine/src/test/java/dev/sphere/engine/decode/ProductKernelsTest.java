package dev.sphere.engine.decode;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.sphere.bindings.kernel.AttentionKernel;
import dev.sphere.bindings.llama.Batch;
import dev.sphere.bindings.llama.Context;
import dev.sphere.bindings.llama.ContextOptions;
import dev.sphere.bindings.llama.Model;
import dev.sphere.gguf.GgmlType;
import java.nio.file.Path;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * libsphere's products with weights: a row's bits are the same whatever is multiplied together, at every border of the
 * kernels' tiles (1 to 6 rows for F32, F16, BF16 and what is turned into it, 16 for Q8_0 and in the matrix unit), and
 * ggml's own products give the same numbers. Where there is a matrix unit, the same without it.
 */
class ProductKernelsTest {
  private static final int MOST = 65;

  @TempDir static Path dir;

  @ParameterizedTest
  @EnumSource(names = {"F32", "F16", "BF16", "Q8_0", "Q4_0", "Q4_K", "Q5_K", "Q6_K"})
  void aRowHasTheSameBitsInAnyCompany(GgmlType type) {
    boolean unpacked = type.blockSize() > 1;
    assumeTrue(AttentionKernel.oneRow());
    float[] first = compare(type, unpacked ? 2e-2f : 5e-3f);
    boolean tiles = AttentionKernel.tiles(false);
    try {
      float[] without = tiles ? compare(type, unpacked ? 2e-2f : 5e-3f) : first;
      assertArrayEquals(first, without, unpacked || type == GgmlType.BF16 ? 2e-3f : 0f, type + ", matrix unit and vectors");
    } finally {
      AttentionKernel.tiles(true);
    }
  }

  private static float[] compare(GgmlType type, float ggml) {
    try (Model model = Model.load(TestModels.write(dir, "tiny-qwen2", type))) {
      float[] alone = firstRow(model, 1, 1);
      for (int rows : new int[] {2, 3, 4, 5, 7, 8, 11, 13, 15, 16, 17, 31, 33, 48, MOST}) {
        assertArrayEquals(alone, firstRow(model, rows, 1), 0f, type + ", " + rows + " rows");
      }
      assertArrayEquals(alone, firstRow(model, 1, 3), 0f, type + ", three threads");
      assertArrayEquals(alone, firstRow(model, 19, 2), 0f, type + ", 19 rows, two threads");
      AttentionKernel.enable(false);
      try {
        assertArrayEquals(firstRow(model, 9, 1), alone, ggml, type + ", ggml's kernels");
      } finally {
        AttentionKernel.enable(true);
      }
      return alone;
    }
  }

  /** Logits of a sequence's only token, the first of {@code rows} sequences of one token. */
  private static float[] firstRow(Model model, int rows, int threads) {
    try (Context context = Context.open(model, ContextOptions.invariant(256, MOST + 1, threads));
        Batch batch = new Batch(MOST)) {
      for (int s = 0; s < rows; s++) {
        batch.add(40 + s, 0, s, true);
      }
      context.decode(batch);
      float[] row = new float[model.vocabulary().size()];
      context.logits().read(0, row);
      return row;
    }
  }
}
