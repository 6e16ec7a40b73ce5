package dev.sphere.gguf;

import java.nio.ByteBuffer;

/** Quantises to the types that {@link Quantization} can't write: in this project ggml does, beyond these packages. */
@FunctionalInterface
public interface BlockQuantizer {
  /**
   * Quantises {@code count} elements (whole blocks) of {@code values} from {@code from} on. A block depends on its own
   * elements alone.
   *
   * @return the blocks
   */
  ByteBuffer quantize(GgmlType type, float[] values, int from, int count);
}
