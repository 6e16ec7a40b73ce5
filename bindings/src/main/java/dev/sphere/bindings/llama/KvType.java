package dev.sphere.bindings.llama;

import dev.sphere.gguf.GgmlType;

/** Number format of the KV cache. */
public enum KvType {
  /** Four bytes. With flash attention llama.cpp converts it to F16 at every step: no gain in precision. */
  F32,
  /** Two bytes: the default. */
  F16;

  final int ggmlType = GgmlType.valueOf(name()).id();

  /** Bytes of a number. */
  final int bytes = GgmlType.valueOf(name()).blockBytes();
}
