package dev.sphere.gguf;

import java.nio.ByteBuffer;

/** A source of the raw bytes of a file's tensors. */
@FunctionalInterface
public interface TensorBytes {
  /** Fills {@code target} with the tensor's raw bytes from byte {@code from} of the tensor on. */
  void readBytes(GgufTensor tensor, long from, ByteBuffer target);
}
