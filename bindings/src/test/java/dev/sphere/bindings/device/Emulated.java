package dev.sphere.bindings.device;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.nio.file.Files;
import java.nio.file.Path;

/** The emulated libsphere-cuda (native/cuda/emu), and the strings that make its device fail. */
public final class Emulated {
  // As cudart numbers them.
  public static final int OUT_OF_MEMORY = 2;
  public static final int OLD_DRIVER = 35;
  public static final int NO_DEVICE = 100;
  public static final int NO_KERNELS = 209;
  public static final int ILLEGAL_ADDRESS = 700;
  public static final int UNKNOWN = 999;

  /** Maven builds it before the tests (native/build.sh --emulated). */
  public static final Path FILE =
      Path.of("target/cmake-emulated/emulated/" + System.mapLibraryName("sphere-cuda-emulated")).toAbsolutePath();

  static {
    if (!Files.exists(FILE)) {
      throw new IllegalStateException(
          FILE + " is not there: native/build.sh --emulated " + FILE.getParent().getParent());
    }
  }

  private static final SymbolLookup LOOKUP = SymbolLookup.libraryLookup(FILE, Arena.global());
  private static final MethodHandle FAIL_AT = of("fail_at", FunctionDescriptor.ofVoid(JAVA_LONG, JAVA_INT));
  private static final MethodHandle REVIVE = of("revive", FunctionDescriptor.ofVoid());
  private static final MethodHandle CALLS = of("calls", FunctionDescriptor.of(JAVA_LONG));
  private static final MethodHandle LIVE = of("live", FunctionDescriptor.of(JAVA_LONG));
  private static final MethodHandle UNIFIED = of("unified", FunctionDescriptor.ofVoid(JAVA_INT));
  private static final MethodHandle MACHINE = of("machine", FunctionDescriptor.ofVoid(JAVA_INT, JAVA_INT));

  private Emulated() {}

  private static MethodHandle of(String name, FunctionDescriptor descriptor) {
    return Linker.nativeLinker().downcallHandle(LOOKUP.find("sphere_emu_" + name).orElseThrow(), descriptor);
  }

  @FunctionalInterface
  private interface Call<T> {
    T run() throws Throwable;
  }

  private static <T> T call(Call<T> call) {
    try {
      return call.run();
    } catch (Throwable t) {
      throw new AssertionError(t);
    }
  }

  /** The n-th call of cudart from now on fails with this error; 0: none. */
  public static void failAt(long call, int error) {
    call(() -> {
      FAIL_AT.invokeExact(call, error);
      return null;
    });
  }

  public static void revive() {
    call(() -> {
      REVIVE.invokeExact();
      return null;
    });
  }

  public static long calls() {
    return call(() -> (long) CALLS.invokeExact());
  }

  /** Blocks of memory and streams that exist on the device. */
  public static long live() {
    return call(() -> (long) LIVE.invokeExact());
  }

  /** Number of devices, and the driver's CUDA version as 1000 * major + 10 * minor. */
  public static void machine(int devices, int driver) {
    call(() -> {
      MACHINE.invokeExact(devices, driver);
      return null;
    });
  }

  /** Whether all memory of the host counts as the device's, as on a machine with one memory. */
  public static void unified(boolean on) {
    call(() -> {
      UNIFIED.invokeExact(on ? 1 : 0);
      return null;
    });
  }

  /** Makes it this process's device; {@link #detach} before it is attached again. */
  public static void attach() {
    Device.open(CudaLibrary.load(FILE), false, 0);
  }

  /** The CPU computes from now on. */
  public static void detach() {
    DeviceMemory.attach(MemorySegment.NULL);
  }

  /** Detaches it and gives back what it holds. */
  public static void close() {
    detach();
    CudaLibrary.load(FILE).close();
  }
}
