package dev.sphere.bindings.llama;

import dev.sphere.gguf.GgmlType;

/** Number format of the KV cache. */
public enum KvType {
  /** Four bytes. With flash attention llama.cpp converts it to F16 at every step: no gain in precision. */
  F32,
  /** Two bytes: the default. */
  F16,
  /** Two bytes, fewer digits than F16, sums in F32. */
  BF16,
  /** 34 bytes for 32 numbers. */
  Q8_0;

  final int ggmlType;
  final double bytes;

  KvType() {
    GgmlType type = GgmlType.valueOf(name());
    this.ggmlType = type.id();
    this.bytes = (double) type.blockBytes() / type.blockSize();
  }

  /** Bytes that one number takes, on average. */
  public double bytes() {
    return bytes;
  }
}
