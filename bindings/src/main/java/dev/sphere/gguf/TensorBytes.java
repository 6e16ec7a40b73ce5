package dev.sphere.gguf;

import java.nio.ByteBuffer;

/** Where the raw bytes of a file's tensors come from. */
@FunctionalInterface
public interface TensorBytes {
  /** Fills {@code target} with the tensor's raw bytes from byte {@code from} of the tensor on. */
  void readBytes(GgufTensor tensor, long from, ByteBuffer target);
}
