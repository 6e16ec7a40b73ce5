package dev.sphere.bindings.device;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class ArithmeticTest {
  private static final List<String> CPU = List.of("fma", "bmi1", "avx2", "avx512f", "amx_bf16", "avx512_vnni");

  @Test
  void namesWhatDecidesBitsAndNothingElse() {
    assertEquals("amd64 amx_bf16 avx2 avx512_vnni avx512f fma", Arithmetic.of(null, "amd64", CPU, Map.of()));
    assertEquals("amd64 avx2 avx512_vnni avx512f fma", Arithmetic.of(null, "amd64", CPU, Map.of("SPHERE_AMX", "off")));
    assertEquals("amd64 avx2 SPHERE_ATTENTION=ggml SPHERE_DECODER=llama",
        Arithmetic.of(null, "amd64", List.of("avx2"), Map.of("SPHERE_ATTENTION", "ggml", "SPHERE_DECODER", "llama")));
    assertEquals("NVIDIA X", Arithmetic.of("NVIDIA X", "amd64", CPU, Map.of("SPHERE_DECODER", "own")));
  }

  @Test
  void whatOlderVersionsDidNotRecordGoesOnAnywhere() {
    assertTrue(Arithmetic.differ("amd64 avx2", "amd64 avx512f"));
    assertFalse(Arithmetic.differ("amd64 avx2", "amd64 avx2"));
    assertFalse(Arithmetic.differ(null, "amd64 avx2"));
    assertFalse(Arithmetic.differ("amd64 avx2", null));
    assertTrue(Arithmetic.advice().contains(Arithmetic.ENV + "=on"));
  }
}
