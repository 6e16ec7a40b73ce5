package dev.sphere.bindings.tensor;

import dev.sphere.bindings.device.Device;
import dev.sphere.bindings.load.AbiConstants;
import dev.sphere.bindings.load.DeviceChoice;
import dev.sphere.bindings.load.NativeCall;
import dev.sphere.bindings.load.NativeUnavailableException;
import java.lang.foreign.MemorySegment;

/**
 * A device that computes graphs, and the scratch memory that its graphs share. Results depend on the number of threads
 * only through the order of sums: the same inputs with the same number of threads give bit-equal results.
 *
 * <p>Not thread-safe: one graph at a time. Close tensors and graphs first. Closing twice is harmless.
 */
public final class Backend implements AutoCloseable {
  /** Threads of one computation; ggml and OpenMP end the process when they get fewer than they asked for. */
  public static final int MAX_THREADS = 512;

  private MemorySegment handle;
  private MemorySegment allocator;
  private final boolean cpuKernels;

  private Backend(MemorySegment handle, boolean cpuKernels) {
    this.handle = handle;
    this.cpuKernels = cpuKernels;
    this.allocator = Ggml.get(Ggml.GALLOCR_NEW, Ggml.get(Ggml.BACKEND_BUFFER_TYPE, handle));
  }

  /**
   * The CPU.
   *
   * @param threads number of threads, 1 to 512
   */
  public static Backend cpu(int threads) {
    return cpu(threads, true);
  }

  /**
   * The process's device ({@link Device}).
   *
   * @param threads of the CPU, at least 1; a GPU does not use them
   * @throws NativeUnavailableException when the device that was asked for can't be used
   */
  public static Backend open(int threads) {
    Device device = Device.current();
    if (device.computesOnCores()) {
      return cpu(threads, device.isCpu());
    }
    try {
      int left = device.index();
      for (long i = 0; i < (long) Ggml.DEV_COUNT.invokeExact(); i++) {
        MemorySegment dev = (MemorySegment) Ggml.DEV_GET.invokeExact(i);
        if ((int) Ggml.DEV_TYPE.invokeExact(dev) == AbiConstants.GGML_BACKEND_DEVICE_TYPE_GPU && left-- == 0) {
          MemorySegment handle = (MemorySegment) Ggml.DEV_INIT.invokeExact(dev, MemorySegment.NULL);
          if (handle.address() == 0) {
            break;
          }
          return new Backend(handle, false);
        }
      }
    } catch (Throwable t) {
      throw NativeCall.failed(t);
    }
    throw new NativeUnavailableException(
        "ggml makes no backend for " + device.description() + ". Build again: ./sphere --cuda doctor; or compute on the"
            + " CPU: " + DeviceChoice.ENV + "=cpu.");
  }

  private static Backend cpu(int threads, boolean cpuKernels) {
    if (threads < 1 || threads > MAX_THREADS) {
      throw new IllegalArgumentException("the number of threads must be 1 to " + MAX_THREADS + ", not " + threads);
    }
    try {
      MemorySegment handle = (MemorySegment) Ggml.CPU_INIT.invokeExact();
      if (handle.address() == 0) {
        throw new IllegalStateException("ggml made no CPU backend");
      }
      Ggml.CPU_SET_THREADS.invokeExact(handle, threads);
      return new Backend(handle, cpuKernels);
    } catch (Throwable t) {
      throw NativeCall.failed(t);
    }
  }

  /**
   * Whether libsphere's matrix products compute here. Elsewhere ggml's are to be used; all other kernels of {@link
   * TrainingKernels} are there on every backend.
   */
  public boolean offersProducts() {
    return cpuKernels;
  }

  /** Bytes of scratch memory that the largest graph so far needed. */
  public long scratchBytes() {
    return NativeCall.of(() -> (long) Ggml.GALLOCR_SIZE.invokeExact(allocator(), 0));
  }

  MemorySegment handle() {
    if (handle == null) {
      throw new IllegalStateException("the backend is closed");
    }
    return handle;
  }

  MemorySegment allocator() {
    handle();
    return allocator;
  }

  /**
   * Ends the CPU's threads that computed for the calling thread; its next computation starts new ones, in some 100 us.
   * More of them in the process than CPUs would make those of other threads, a decoder's, sleep at each barrier.
   */
  public static void releaseThreads() {
    Ggml.call(Ggml.THREADS_RELEASE);
  }

  /** Ends the threads that computed for the calling thread, too ({@link #releaseThreads}). */
  @Override
  public void close() {
    if (handle != null) {
      Ggml.call(Ggml.GALLOCR_FREE, allocator);
      Ggml.call(Ggml.BACKEND_FREE, handle);
      releaseThreads();
      handle = null;
      allocator = null;
    }
  }
}
