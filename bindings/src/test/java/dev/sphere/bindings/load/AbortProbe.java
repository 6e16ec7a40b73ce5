package dev.sphere.bindings.load;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;

/** Run in a JVM of its own by NativeLogTest: lets ggml abort. */
final class AbortProbe {
  private AbortProbe() {}

  public static void main(String[] args) throws Throwable {
    NativeRuntime.require();
    var abort =
        Linker.nativeLinker()
            .downcallHandle(
                NativeLibraries.lookup().findOrThrow("ggml_abort"),
                FunctionDescriptor.ofVoid(ADDRESS, JAVA_INT, ADDRESS, JAVA_INT),
                Linker.Option.firstVariadicArg(3));
    Arena arena = Arena.global();
    abort.invoke(arena.allocateFrom("probe.c"), 7, arena.allocateFrom("the number is %d"), 42);
  }
}
