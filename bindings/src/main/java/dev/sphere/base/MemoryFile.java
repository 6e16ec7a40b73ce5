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
 * File descriptors that have a number: of files, and of memory that is a file. Java's own channels keep theirs to
 * themselves, but native code needs a name, which is /proc/self/fd/NUMBER. Linux alone: elsewhere, or where native
 * access is denied, nothing of this is there and every opening gives -1.
 */
final class MemoryFile {
  private static final int FLAGS = 0x80000 | 0x800 | 0x100; // O_RDONLY, O_CLOEXEC, O_NONBLOCK, O_NOCTTY
  private static final int MEMORY_FLAGS = 1 | 2; // MFD_CLOEXEC, MFD_ALLOW_SEALING
  private static final int ADD_SEALS = 1033; // F_ADD_SEALS
  private static final int SEALS = 1 | 2 | 4 | 8; // seal, shrink, grow, write

  private static final MethodHandle OPEN = find("open", FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_INT));
  private static final MethodHandle CLOSE = find("close", FunctionDescriptor.of(JAVA_INT, JAVA_INT));
  private static final MethodHandle CREATE = find("memfd_create", FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_INT));
  private static final MethodHandle FCNTL = find(
      "fcntl", FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_INT, JAVA_INT), Linker.Option.firstVariadicArg(2));

  private MemoryFile() {}

  private static MethodHandle find(String name, FunctionDescriptor descriptor, Linker.Option... options) {
    if (!System.getProperty("os.name").equals("Linux") || !Files.exists(Path.of("/proc/self/fd"))) {
      return null;
    }
    try {
      Linker linker = Linker.nativeLinker();
      return linker.defaultLookup().find(name).map(f -> linker.downcallHandle(f, descriptor, options)).orElse(null);
    } catch (IllegalCallerException e) { // native access is denied
      return null;
    }
  }

  /** Whether memory can be made a file. */
  static boolean available() {
    return OPEN != null && CLOSE != null && CREATE != null && FCNTL != null;
  }

  /** Opens a file for reading; -1 when that can't be done. */
  static int open(Path path) {
    return available() ? named(OPEN, path.toString(), FLAGS) : -1;
  }

  /** An empty file in memory, which {@link #seal} closes to changes; -1 when there is none to be had. */
  static int create() {
    return available() ? named(CREATE, "sphere", MEMORY_FLAGS) : -1;
  }

  private static int named(MethodHandle function, String name, int flags) {
    try (Arena arena = Arena.ofConfined()) {
      return (int) function.invokeExact(arena.allocateFrom(name), flags);
    } catch (Throwable e) {
      throw failed(e);
    }
  }

  // Not Llama.unexpected: a file is checked without any of the libraries.
  private static RuntimeException failed(Throwable e) {
    return e instanceof RuntimeException r ? r : new IllegalStateException("a system call failed: " + e, e);
  }

  /** From now on nobody can write to it or change its size; false where the system does not seal. */
  static boolean seal(int memory) {
    try {
      return (int) FCNTL.invokeExact(memory, ADD_SEALS, SEALS) == 0;
    } catch (Throwable e) {
      throw failed(e);
    }
  }

  /** The name of an open file for all of this process. */
  static Path path(int descriptor) {
    return Path.of("/proc/self/fd/" + descriptor);
  }

  static void close(int descriptor) {
    if (descriptor >= 0) {
      try {
        int ignored = (int) CLOSE.invokeExact(descriptor);
      } catch (Throwable e) {
        throw failed(e);
      }
    }
  }
}
