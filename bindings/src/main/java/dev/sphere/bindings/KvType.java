package dev.sphere.bindings;

/** Number format of the KV cache. */
public enum KvType {
  /** Four bytes. With flash attention llama.cpp converts it to F16 at every step: no gain in precision. */
  F32(0, 4),
  /** Two bytes: the default. */
  F16(1, 2),
  /** Two bytes, fewer digits than F16, sums in F32. */
  BF16(30, 2),
  /** 34 bytes for 32 numbers. */
  Q8_0(8, 34.0 / 32);

  final int ggmlType;
  final double bytes;

  KvType(int ggmlType, double bytes) {
    this.ggmlType = ggmlType;
    this.bytes = bytes;
  }

  /** Bytes that one number takes, on average. */
  public double bytes() {
    return bytes;
  }
}
