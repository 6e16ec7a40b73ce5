package dev.sphere.bindings.load;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.util.Optional;

/**
 * How long ggml's threads spin at the barrier after every operation before they sleep. GNU OpenMP spins for
 * milliseconds, which is fine on an idle machine; where others want the cores too, the one thread that was descheduled
 * makes all others burn theirs (measured at load 11 on 2 cores: 690 against 4,200 training tokens a second). It reads
 * this once, when it is loaded, so it must be set before; what the user has set stays.
 */
final class WaitPolicy {
  /** Some ten microseconds: longer than a barrier on an idle machine takes, shorter than a time slice by far. */
  private static final String SPINS = "2000";

  private WaitPolicy() {}

  static void set() {
    if (System.getenv("OMP_WAIT_POLICY") != null || System.getenv("GOMP_SPINCOUNT") != null) {
      return;
    }
    Optional<MemorySegment> setenv = Linker.nativeLinker().defaultLookup().find("setenv");
    if (setenv.isEmpty()) {
      return; // no POSIX, no GNU OpenMP
    }
    MethodHandle handle =
        Linker.nativeLinker().downcallHandle(setenv.get(), FunctionDescriptor.of(JAVA_INT, ADDRESS, ADDRESS, JAVA_INT));
    try (Arena arena = Arena.ofConfined()) {
      int ignored = (int) handle.invokeExact(arena.allocateFrom("GOMP_SPINCOUNT"), arena.allocateFrom(SPINS), 0);
    } catch (Throwable t) {
      throw NativeCall.failed(t);
    }
  }
}
