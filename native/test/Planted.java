import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;

/** A planted overflow of a Java array in native memory: .ci/sanitize expects the sanitizer to end this program. */
class Planted {
  public static void main(String[] args) throws Throwable {
    Path libraries = Path.of(System.getenv("SPHERE_NATIVE_DIR"));
    SymbolLookup sphere = SymbolLookup.loaderLookup();
    try (Arena arena = Arena.ofShared()) {
      for (String name : args) {
        sphere = SymbolLookup.libraryLookup(libraries.resolve(name), Arena.global()).or(sphere);
      }
      MemorySegment four = arena.allocate(JAVA_FLOAT, 4);
      int status = (int) Linker.nativeLinker().downcallHandle(sphere.findOrThrow("sphere_zero"),
          FunctionDescriptor.of(JAVA_INT, ValueLayout.ADDRESS, JAVA_LONG))
          .invokeExact(four, 1000L);
      System.out.println("survived with status " + status);
    }
  }
}
