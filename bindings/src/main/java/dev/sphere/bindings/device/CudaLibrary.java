package dev.sphere.bindings.device;

import static java.lang.foreign.FunctionDescriptor.of;
import static java.lang.foreign.FunctionDescriptor.ofVoid;
import static java.lang.foreign.MemoryLayout.PathElement.groupElement;
import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.sphere.bindings.load.AbiLayouts;
import dev.sphere.bindings.load.NativeCall;
import dev.sphere.bindings.load.NativeLibraries;
import dev.sphere.bindings.load.NativeUnavailableException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * libsphere-cuda (native/include/sphere_cuda.h), or the library of the same ABI that tests put in its place. Loading it
 * needs no driver; asking it for devices fails with the reason. Thread-safe.
 */
final class CudaLibrary {
  /** A device of the machine, in CUDA's order. */
  record Gpu(int index, String name, long memory, int major, int minor, int processors) {
    @Override
    public String toString() {
      return String.format(java.util.Locale.ROOT, "%d: %s, sm_%d%d, %d SMs, %.1f GiB", index, name, major, minor,
          processors, memory / (double) (1 << 30));
    }
  }

  /** CUDA versions as 1000 * major + 10 * minor; driver 0: there is none. */
  record Versions(int runtime, int driver) {
    static String text(int version) {
      return version == 0 ? "none" : version / 1000 + "." + version % 1000 / 10;
    }
  }

  private static final FunctionDescriptor TEXT = declare("sphere_cuda_version", of(ADDRESS));
  private static final FunctionDescriptor ARCHITECTURES = declare("sphere_cuda_architectures", of(ADDRESS));
  private static final FunctionDescriptor LAST_ERROR = declare("sphere_cuda_last_error", of(ADDRESS));
  private static final FunctionDescriptor VERSIONS = declare("sphere_cuda_versions", of(JAVA_INT, ADDRESS, ADDRESS));
  private static final FunctionDescriptor DEVICES =
      declare("sphere_cuda_devices", of(JAVA_INT, JAVA_INT, ADDRESS, ADDRESS));
  private static final FunctionDescriptor OPEN = declare("sphere_cuda_open", of(JAVA_INT, JAVA_INT, ADDRESS));
  private static final FunctionDescriptor CLOSE = declare("sphere_cuda_close", ofVoid());

  private static final int MOST_DEVICES = 64;

  private final Path file;
  private final MethodHandle architectures;
  private final MethodHandle lastError;
  private final MethodHandle versions;
  private final MethodHandle devices;
  private final MethodHandle open;
  private final MethodHandle close;
  private final String version;

  private CudaLibrary(Path file, SymbolLookup lookup) {
    this.file = file;
    this.architectures = bind(lookup, "sphere_cuda_architectures", ARCHITECTURES);
    this.lastError = bind(lookup, "sphere_cuda_last_error", LAST_ERROR);
    this.versions = bind(lookup, "sphere_cuda_versions", VERSIONS);
    this.devices = bind(lookup, "sphere_cuda_devices", DEVICES);
    this.open = bind(lookup, "sphere_cuda_open", OPEN);
    this.close = bind(lookup, "sphere_cuda_close", CLOSE);
    this.version = text(bind(lookup, "sphere_cuda_version", TEXT));
  }

  private static FunctionDescriptor declare(String symbol, FunctionDescriptor descriptor) {
    NativeLibraries.declare(symbol, descriptor);
    return descriptor;
  }

  /**
   * Loads the library for the rest of the process.
   *
   * @throws NativeUnavailableException when it can't be loaded, or is none of ours
   */
  static CudaLibrary load(Path file) {
    try {
      return new CudaLibrary(file, SymbolLookup.libraryLookup(file, Arena.global()));
    } catch (IllegalArgumentException e) {
      throw new NativeUnavailableException(
          "Cannot load " + file + ": " + NativeLibraries.reason(file, e)
              + ". Build on this machine: ./sphere --cuda doctor.", e);
    }
  }

  private MethodHandle bind(SymbolLookup lookup, String symbol, FunctionDescriptor descriptor) {
    MemorySegment address = lookup.find(symbol).orElseThrow(() -> new NativeUnavailableException(
        file + " has no function " + symbol + ": it is no libsphere-cuda of this version. Build on this machine:"
            + " ./sphere --cuda doctor."));
    return Linker.nativeLinker().downcallHandle(address, descriptor);
  }

  private static String text(MethodHandle function) {
    return NativeCall.of(() -> ((MemorySegment) function.invokeExact()).reinterpret(Long.MAX_VALUE).getString(0));
  }

  /**
   * The architectures of its kernels, for instance "80 90"; "emulated" for the library that computes on the CPU, in
   * tests.
   */
  String architectures() {
    return text(architectures);
  }

  boolean emulated() {
    return architectures().equals("emulated");
  }

  Versions versions() {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment both = arena.allocate(JAVA_INT, 2);
      check((int) versions.invokeExact(both, both.asSlice(4)), "Asking CUDA for its version");
      return new Versions(both.getAtIndex(JAVA_INT, 0), both.getAtIndex(JAVA_INT, 1));
    } catch (Throwable t) {
      throw NativeCall.failed(t);
    }
  }

  /** The machine's devices. Throws what {@link DeviceException#of} makes of a failure. */
  List<Gpu> devices() {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment all = arena.allocate(AbiLayouts.SPHERE_CUDA_DEVICE, MOST_DEVICES);
      MemorySegment count = arena.allocate(JAVA_INT);
      check((int) devices.invokeExact(MOST_DEVICES, all, count), "Looking for GPUs");
      List<Gpu> found = new ArrayList<>();
      long size = AbiLayouts.SPHERE_CUDA_DEVICE.byteSize();
      for (int i = 0; i < Math.min(MOST_DEVICES, count.get(JAVA_INT, 0)); i++) {
        MemorySegment d = all.asSlice(i * size, size);
        found.add(new Gpu(number(d, "index"), d.getString(at("name")), d.get(JAVA_LONG, at("memory")),
            number(d, "major"), number(d, "minor"), number(d, "processors")));
      }
      return found;
    } catch (Throwable t) {
      throw NativeCall.failed(t);
    }
  }

  private static int number(MemorySegment device, String field) {
    return device.get(JAVA_INT, at(field));
  }

  private static long at(String field) {
    return AbiLayouts.SPHERE_CUDA_DEVICE.byteOffset(groupElement(field));
  }

  /** Makes a device ready: the table for {@code sphere_device_attach}, valid until {@link #close}. */
  MemorySegment open(int index) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment table = arena.allocate(ADDRESS);
      check((int) open.invokeExact(index, table), "Opening GPU " + index);
      return table.get(ADDRESS, 0);
    } catch (Throwable t) {
      throw NativeCall.failed(t);
    }
  }

  /** Gives back what the library holds on the device. Harmless when nothing is open. */
  void close() {
    NativeCall.run(() -> { close.invokeExact(); });
  }

  private void check(int status, String what) {
    if (status != 0) {
      throw DeviceException.of(status, what, text(lastError));
    }
  }

  @Override
  public String toString() {
    return "libsphere-cuda " + version + " (" + architectures() + ") at " + file;
  }
}
