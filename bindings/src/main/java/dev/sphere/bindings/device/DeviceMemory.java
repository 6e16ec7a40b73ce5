package dev.sphere.bindings.device;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.sphere.bindings.load.NativeCall;
import dev.sphere.bindings.load.NativeLibraries;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;

/**
 * Memory that may be an attached device's (native/include/sphere_device.h). Without one every call is the host's own.
 */
public final class DeviceMemory {
  private static final MethodHandle ATTACH =
      NativeLibraries.downcall("sphere_device_attach", FunctionDescriptor.of(JAVA_INT, ADDRESS));
  private static final MethodHandle OWNS =
      NativeLibraries.downcall("sphere_device_owns", FunctionDescriptor.of(JAVA_INT, ADDRESS));
  private static final MethodHandle ALLOC =
      NativeLibraries.downcall("sphere_device_alloc", FunctionDescriptor.of(JAVA_INT, JAVA_LONG, ADDRESS));
  private static final MethodHandle FREE =
      NativeLibraries.downcall("sphere_device_free", FunctionDescriptor.of(JAVA_INT, ADDRESS));
  private static final MethodHandle COPY =
      NativeLibraries.downcall("sphere_device_copy", FunctionDescriptor.of(JAVA_INT, ADDRESS, ADDRESS, JAVA_LONG));

  private static final long PIECE = 1 << 24; // bytes of host memory between a heap array and the device

  private static volatile boolean attached;

  private DeviceMemory() {}

  /** Makes a device's table known; NULL: none any more. */
  static synchronized void attach(MemorySegment table) {
    NativeCall.run(() -> check((int) ATTACH.invokeExact(table), "Attaching the device"));
    attached = table.address() != 0;
  }

  /** Whether a native segment is the device's memory, so that the host must not touch it. */
  public static boolean owns(MemorySegment segment) {
    if (!attached || !segment.isNative() || segment.address() == 0) {
      return false;
    }
    return NativeCall.of(() -> (int) OWNS.invokeExact(segment) != 0);
  }

  /** Zeroed memory of the device, until {@link #free}. */
  public static MemorySegment allocate(long bytes) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment out = arena.allocate(ADDRESS);
      check((int) ALLOC.invokeExact(bytes, out), "Taking " + bytes + " bytes of the device's memory");
      return out.get(ADDRESS, 0).reinterpret(bytes);
    } catch (Throwable t) {
      throw NativeCall.failed(t);
    }
  }

  public static void free(MemorySegment segment) {
    NativeCall.run(() -> check((int) FREE.invokeExact(segment), "Freeing the device's memory"));
  }

  /** Copies {@code to.byteSize()} bytes; each side in the host's heap, the host's native memory or the device's. */
  public static void copy(MemorySegment to, MemorySegment from) {
    boolean there = owns(to);
    boolean here = owns(from);
    if (!there && !here) {
      to.copyFrom(from.asSlice(0, to.byteSize()));
    } else if (to.isNative() && from.isNative()) {
      device(to, from, to.byteSize());
    } else {
      try (Arena arena = Arena.ofConfined()) {
        MemorySegment stage = arena.allocate(Math.max(1, Math.min(PIECE, to.byteSize())), 64);
        for (long done = 0; done < to.byteSize(); ) {
          long n = Math.min(stage.byteSize(), to.byteSize() - done);
          if (there) {
            stage.asSlice(0, n).copyFrom(from.asSlice(done, n));
            device(to.asSlice(done, n), stage, n);
          } else {
            device(stage, from.asSlice(done, n), n);
            to.asSlice(done, n).copyFrom(stage.asSlice(0, n));
          }
          done += n;
        }
      }
    }
  }

  private static void device(MemorySegment to, MemorySegment from, long bytes) {
    NativeCall.run(() ->
        check((int) COPY.invokeExact(to, from, bytes), "Copying " + bytes + " bytes to or from the device"));
  }

  /** Turns a status of libsphere into the exception that fits it. */
  public static void check(int status, String what) {
    if (status != 0) {
      throw DeviceException.of(status, what, NativeCall.lastError());
    }
  }
}
