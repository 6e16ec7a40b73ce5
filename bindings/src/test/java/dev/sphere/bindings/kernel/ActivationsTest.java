package dev.sphere.bindings.kernel;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.Set;
import org.junit.jupiter.api.Test;

/** Which activations a process uses. */
class ActivationsTest {
  @Test
  void theCpuDecidesWhatIsUsual() {
    assertEquals(Activations.BF16, Activations.on(Set.of()));
    assertEquals(Activations.BF16, Activations.on(Set.of("avx2", "fma", "avx_vnni")));
    assertEquals(Activations.INT16, Activations.on(Set.of("avx2", "avx512f", "avx512_vnni")));
    assertEquals(Activations.BF16, Activations.on(Set.of("avx2", "avx512f", "avx512_vnni", "avx512_bf16")));
  }

  @Test
  void whatIsToldHolds() {
    try {
      for (Activations each : Activations.values()) {
        each.use();
        assertEquals(each.here(), Activations.current());
      }
    } finally {
      Activations.BF16.use();
    }
  }
}
