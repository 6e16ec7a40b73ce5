package dev.sphere.base;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.invoke.MethodHandle;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * File descriptors with a number. Java's channels hide theirs, but native code needs a name for a file that is open
 * already, and that name is /proc/self/fd/NUMBER. Only on Linux with native access: elsewhere {@link #open} gives -1.
 */
final class Descriptor {
  private static final int FLAGS = 0x80000 | 0x800 | 0x100; // O_RDONLY, O_CLOEXEC, O_NONBLOCK, O_NOCTTY
  private static final MethodHandle OPEN = find("open", FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_INT));
  private static final MethodHandle CLOSE = find("close", FunctionDescriptor.of(JAVA_INT, JAVA_INT));

  private Descriptor() {}

  private static MethodHandle find(String name, FunctionDescriptor descriptor) {
    if (!System.getProperty("os.name").equals("Linux") || !Files.exists(Path.of("/proc/self/fd"))) {
      return null;
    }
    try {
      Linker linker = Linker.nativeLinker();
      return linker.defaultLookup().find(name).map(f -> linker.downcallHandle(f, descriptor)).orElse(null);
    } catch (IllegalCallerException e) { // native access is denied
      return null;
    }
  }

  /** Opens a file for reading; -1 when that can't be done. */
  static int open(Path path) {
    if (OPEN == null || CLOSE == null) {
      return -1;
    }
    try (Arena arena = Arena.ofConfined()) {
      return (int) OPEN.invokeExact(arena.allocateFrom(path.toString()), FLAGS);
    } catch (Throwable e) {
      throw new IllegalStateException("a system call failed: " + e, e);
    }
  }

  /** The name of an open file for all of this process. */
  static Path path(int descriptor) {
    return Path.of("/proc/self/fd/" + descriptor);
  }

  /** Closes a descriptor; -1 is none. */
  static void close(int descriptor) {
    if (descriptor >= 0) {
      try {
        int ignored = (int) CLOSE.invokeExact(descriptor);
      } catch (Throwable e) {
        throw new IllegalStateException("a system call failed: " + e, e);
      }
    }
  }
}
