package dev.sphere.bindings;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.nio.file.Files;
import java.nio.file.Path;

/** The emulated libsphere-cuda (native/cuda/emu), and the strings that make its device fail. */
final class Emulated {
  // As cudart numbers them.
  static final int OUT_OF_MEMORY = 2;
  static final int OLD_DRIVER = 35;
  static final int NO_DEVICE = 100;
  static final int NO_KERNELS = 209;
  static final int ILLEGAL_ADDRESS = 700;
  static final int UNKNOWN = 999;

  /** Maven builds it before the tests (native/build.sh --emulated). */
  static final Path FILE =
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
  static void failAt(long call, int error) {
    call(() -> {
      FAIL_AT.invokeExact(call, error);
      return null;
    });
  }

  static void revive() {
    call(() -> {
      REVIVE.invokeExact();
      return null;
    });
  }

  static long calls() {
    return call(() -> (long) CALLS.invokeExact());
  }

  /** Blocks of memory and streams that exist on the device. */
  static long live() {
    return call(() -> (long) LIVE.invokeExact());
  }

  /** Number of devices, and the driver's CUDA version as 1000 * major + 10 * minor. */
  static void machine(int devices, int driver) {
    call(() -> {
      MACHINE.invokeExact(devices, driver);
      return null;
    });
  }

  /** Whether all memory of the host counts as the device's, as on a machine with one memory. */
  static void unified(boolean on) {
    call(() -> {
      UNIFIED.invokeExact(on ? 1 : 0);
      return null;
    });
  }
}
