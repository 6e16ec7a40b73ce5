package dev.sphere.bindings.device;

import dev.sphere.bindings.load.DeviceChoice;
import dev.sphere.bindings.load.NativeLibraries;
import dev.sphere.bindings.load.NativeRuntime;
import dev.sphere.bindings.load.NativeUnavailableException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * The device on which this process computes: the CPU, or a CUDA device. No other class knows of CUDA: the others ask a
 * {@link dev.sphere.bindings.tensor.Backend}, or hand arrays to kernels that look up whose memory they are in.
 *
 * <p>{@code SPHERE_DEVICE} (or the system property {@code sphere.device}) chooses: {@code cpu}; {@code cuda} or {@code
 * cuda:N} for CUDA's device N, refused with the reason when it can't be used; {@code auto}, the default: CUDA where it
 * was built in and a driver is there, else the CPU. A GPU that is there but can't be used is an error, never a silent
 * fall-back. {@code SPHERE_GPU_LAYERS}, {@code SPHERE_SPLIT_MODE}, {@code SPHERE_MAIN_GPU} and {@code
 * SPHERE_TENSOR_SPLIT} are llama.cpp's ways to lay a model over several GPUs ({@link
 * dev.sphere.bindings.llama.GpuSplit}).
 */
public final class Device {
  private static Device current; // null until the first call that succeeds

  private final CudaLibrary library; // null: the CPU
  private final CudaLibrary.Gpu gpu;
  private final String description;

  private Device(CudaLibrary library, CudaLibrary.Gpu gpu, String description) {
    this.library = library;
    this.gpu = gpu;
    this.description = description;
  }

  /**
   * The process's device, made ready on the first call.
   *
   * @throws NativeUnavailableException when the libraries, or the GPU that was asked for, can't be used
   * @throws DeviceException when the GPU fails as it is made ready
   */
  public static synchronized Device current() {
    if (current == null) {
      current = choose();
    }
    return current;
  }

  private static Device choose() {
    NativeRuntime.require();
    String wanted = DeviceChoice.wanted();
    int index = index(wanted);
    Optional<Path> file = library();
    if (wanted.equals("cpu") || (file.isEmpty() && wanted.equals("auto"))) {
      return new Device(null, null, "the CPU");
    }
    if (file.isEmpty()) {
      throw new NativeUnavailableException(
          DeviceChoice.ENV + "=" + wanted
              + ", but Sphere was built without CUDA. Build it: ./sphere --cuda doctor; or compute on the"
              + " CPU: " + DeviceChoice.ENV + "=cpu.");
    }
    return open(CudaLibrary.load(file.get()), wanted.equals("auto"), index);
  }

  /** The library for CUDA, where there is one. */
  private static Optional<Path> library() {
    String chosen = System.getProperty(DeviceChoice.LIBRARY_PROPERTY);
    return chosen != null ? Optional.of(Path.of(chosen)) : NativeLibraries.cudaLibrary();
  }

  /** N of "cuda:N"; 0 for the others. */
  private static int index(String wanted) {
    if (wanted.equals("auto") || wanted.equals("cpu") || wanted.equals("cuda")) {
      return 0;
    }
    if (wanted.matches("cuda:[0-9]{1,3}")) {
      return Integer.parseInt(wanted.substring(5));
    }
    throw new NativeUnavailableException(DeviceChoice.ENV + "=" + wanted
        + " is unknown; known are auto, cpu, cuda and cuda:N.");
  }

  /** Visible for tests: makes a device of the library ready and attaches it. */
  static Device open(CudaLibrary library, boolean cpuWithoutDriver, int index) {
    CudaLibrary.Versions versions = library.versions();
    if (cpuWithoutDriver && versions.driver() == 0) {
      return new Device(null, null, "the CPU (built for CUDA too, but there is no NVIDIA driver)");
    }
    List<CudaLibrary.Gpu> gpus = library.devices();
    if (index >= gpus.size()) {
      throw new NativeUnavailableException(
          DeviceChoice.ENV + "=cuda:" + index + ", but there "
              + (gpus.size() == 1 ? "is 1 GPU" : "are " + gpus.size() + " GPUs")
              + ", numbered from 0. Check nvidia-smi and CUDA_VISIBLE_DEVICES.");
    }
    DeviceMemory.attach(library.open(index));
    return new Device(library, gpus.get(index), "GPU " + gpus.get(index));
  }

  /** Detaches the device and gives back what it holds; for tests, and before the process ends. */
  void close() {
    if (library != null) {
      DeviceMemory.attach(MemorySegment.NULL);
      library.close();
    }
  }

  /** One line: "the CPU", or the GPU's number, name, architecture and memory. */
  public String description() {
    return description;
  }

  /** The state of CUDA in lines for {@code doctor}; empty when Sphere was built without CUDA. Never throws. */
  public static List<String> cudaReport() {
    Optional<Path> file = library();
    if (file.isEmpty()) {
      return List.of();
    }
    List<String> lines = new ArrayList<>();
    try {
      CudaLibrary library = CudaLibrary.load(file.get());
      lines.add(library.toString());
      CudaLibrary.Versions versions = library.versions();
      lines.add("CUDA runtime " + CudaLibrary.Versions.text(versions.runtime()) + ", driver for CUDA "
          + CudaLibrary.Versions.text(versions.driver()));
      library.devices().forEach(gpu -> lines.add("GPU " + gpu));
    } catch (RuntimeException e) {
      lines.add(e.getMessage());
    }
    return lines;
  }

  /** Whether libsphere's CPU kernels are what computes: then its matrix products may be used too. */
  public boolean isCpu() {
    return library == null;
  }

  /**
   * Whether ggml's CPU backend computes the graphs (so it does for the emulated device too): a graph's work is then
   * shared out over the CPU's cores, so that several may run side by side.
   */
  public boolean computesOnCores() {
    return library == null || library.emulated();
  }

  /** Whether contexts leave their logits on the device ({@link dev.sphere.bindings.llama.Context#keepingLogits}). */
  public boolean keepsLogits() {
    return library != null;
  }

  /** CUDA's number of the device; 0 for the CPU. */
  public int index() {
    return gpu == null ? 0 : gpu.index();
  }

  /** The default number of a model's layers that go to the GPU: 0 on the CPU, -1 for all on a GPU. */
  public int defaultGpuLayers() {
    return computesOnCores() ? 0 : -1;
  }
}
