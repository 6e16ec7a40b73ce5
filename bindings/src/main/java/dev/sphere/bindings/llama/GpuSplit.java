package dev.sphere.bindings.llama;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.sphere.bindings.device.Device;
import dev.sphere.bindings.load.AbiConstants;
import dev.sphere.bindings.load.AbiLayouts;
import dev.sphere.bindings.load.DeviceChoice;
import dev.sphere.bindings.load.Structs;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * How llama.cpp lays a model over the GPUs of the process.
 *
 * @param layers layers that go to GPUs: 0 none, negative all; the rest stays on the CPU
 * @param mode NONE: one GPU, {@code mainGpu}; LAYER: whole layers on each; ROW: each matrix's rows on all;
 *     TENSOR: llama.cpp's tensor parallelism
 * @param mainGpu the GPU of mode NONE, and of what mode ROW does not split
 * @param shares each GPU's share of the model, in any unit; empty: by free memory
 */
public record GpuSplit(int layers, Mode mode, int mainGpu, List<Float> shares) {
  /** llama.cpp's split modes. */
  public enum Mode {
    NONE(AbiConstants.LLAMA_SPLIT_MODE_NONE),
    LAYER(AbiConstants.LLAMA_SPLIT_MODE_LAYER),
    ROW(AbiConstants.LLAMA_SPLIT_MODE_ROW),
    TENSOR(AbiConstants.LLAMA_SPLIT_MODE_TENSOR);

    final int id;

    Mode(int id) {
      this.id = id;
    }
  }

  private static final int MOST_GPUS = 128; // entries that llama.cpp may read

  public GpuSplit {
    shares = List.copyOf(shares);
    if (mainGpu < 0 || shares.size() > MOST_GPUS || shares.stream().anyMatch(s -> !(s >= 0) || s.isInfinite())) {
      throw new IllegalArgumentException("a GPU's number or share is out of range: " + mainGpu + ", " + shares);
    }
  }

  /** Everything on the CPU. */
  public static GpuSplit none() {
    return new GpuSplit(0, Mode.LAYER, 0, List.of());
  }

  /** The split that {@link Device#current()} and the environment choose; see {@link Device}. */
  public static GpuSplit current() {
    Device device = Device.current();
    return of(System.getenv(), device.defaultGpuLayers(), DeviceChoice.wanted().startsWith("cuda:"), device.index());
  }

  /**
   * From the environment's settings.
   *
   * @param defaultLayers when SPHERE_GPU_LAYERS is not set
   * @param one the process was given one GPU of several, {@code index}: the model stays on it
   */
  static GpuSplit of(Map<String, String> environment, int defaultLayers, boolean one, int index) {
    int layers = number(environment, "SPHERE_GPU_LAYERS", defaultLayers);
    int main = number(environment, "SPHERE_MAIN_GPU", one ? index : 0);
    String mode = environment.getOrDefault("SPHERE_SPLIT_MODE", "").strip();
    Mode chosen = one ? Mode.NONE : Mode.LAYER;
    if (!mode.isEmpty()) {
      try {
        chosen = Mode.valueOf(mode.toUpperCase(Locale.ROOT));
      } catch (IllegalArgumentException e) {
        throw new IllegalArgumentException("SPHERE_SPLIT_MODE=" + mode
            + " is unknown; known are none, layer, row and tensor");
      }
    }
    List<Float> shares = new ArrayList<>();
    for (String share : environment.getOrDefault("SPHERE_TENSOR_SPLIT", "").split("[,/]")) {
      if (!share.isBlank()) {
        try {
          shares.add(Float.parseFloat(share.strip()));
        } catch (NumberFormatException e) {
          throw new IllegalArgumentException(
              "SPHERE_TENSOR_SPLIT holds '" + share + "'; give one number a GPU, for instance 3,1");
        }
      }
    }
    return new GpuSplit(layers, chosen, main, shares);
  }

  private static int number(Map<String, String> environment, String name, int otherwise) {
    String value = environment.getOrDefault(name, "").strip();
    try {
      return value.isEmpty() ? otherwise : Integer.parseInt(value);
    } catch (NumberFormatException e) {
      throw new IllegalArgumentException(name + "=" + value + " is no whole number");
    }
  }

  /** Writes itself to {@code struct llama_model_params}; the shares live as long as the arena. */
  void into(MemorySegment params, Arena arena) {
    Structs.setInt(params, AbiLayouts.LLAMA_MODEL_PARAMS, "n_gpu_layers", layers);
    Structs.setInt(params, AbiLayouts.LLAMA_MODEL_PARAMS, "split_mode", mode.id);
    Structs.setInt(params, AbiLayouts.LLAMA_MODEL_PARAMS, "main_gpu", mainGpu);
    if (!shares.isEmpty()) {
      MemorySegment all = arena.allocate(JAVA_FLOAT, MOST_GPUS);
      for (int i = 0; i < shares.size(); i++) {
        all.setAtIndex(JAVA_FLOAT, i, shares.get(i));
      }
      Structs.setPointer(params, AbiLayouts.LLAMA_MODEL_PARAMS, "tensor_split", all);
    }
  }
}
