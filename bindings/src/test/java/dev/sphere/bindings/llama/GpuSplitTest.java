package dev.sphere.bindings.llama;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class GpuSplitTest {
  @Test
  void theModelsWayOverGpus() {
    GpuSplit plain = GpuSplit.of(Map.of(), -1, false, 0);
    assertEquals(new GpuSplit(-1, GpuSplit.Mode.LAYER, 0, List.of()), plain);
    assertEquals(new GpuSplit(-1, GpuSplit.Mode.NONE, 3, List.of()), GpuSplit.of(Map.of(), -1, true, 3));
    assertEquals(new GpuSplit(20, GpuSplit.Mode.ROW, 1, List.of(3f, 1f)), GpuSplit.of(
        Map.of("SPHERE_GPU_LAYERS", "20", "SPHERE_SPLIT_MODE", "row", "SPHERE_MAIN_GPU", "1", "SPHERE_TENSOR_SPLIT",
            "3,1"), -1, false, 0));
    for (var bad : List.of(Map.of("SPHERE_GPU_LAYERS", "many"), Map.of("SPHERE_SPLIT_MODE", "column"),
        Map.of("SPHERE_TENSOR_SPLIT", "1,x"), Map.of("SPHERE_TENSOR_SPLIT", "1,-1"), Map.of("SPHERE_MAIN_GPU", "-1"))) {
      assertThrows(IllegalArgumentException.class, () -> GpuSplit.of(bad, 0, false, 0), bad::toString);
    }
  }
}
