package dev.sphere.bindings.load;

import java.lang.foreign.AddressLayout;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.GroupLayout;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SegmentAllocator;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentSkipListMap;

/**
 * The one loader of libllama, ggml and libsphere, and the maker of every downcall handle.
 *
 * <p><b>How to bind a function.</b> As a static final field of the class that calls it, in any package of the bindings:
 *
 * <pre>{@code
 * private static final MethodHandle N_CTX =
 *     NativeLibraries.downcall("llama_n_ctx", FunctionDescriptor.of(JAVA_INT, ADDRESS));
 * }</pre>
 *
 * The descriptor is kept under the symbol's name ({@link #descriptors()}). A test initialises every class of the
 * bindings and compares each descriptor with the one that jextract found in the headers. So a symbol has one
 * descriptor; C {@code bool} is {@code JAVA_BOOLEAN}, {@code size_t} is {@code JAVA_LONG}, an enum is {@code JAVA_INT},
 * every pointer is {@code ADDRESS}, a struct by value is its layout of {@link AbiLayouts}, and constants stand in
 * {@link AbiConstants}.
 *
 * <p>A missing library or symbol is a state, not a crash in a static initialiser: {@code downcall} then gives a handle
 * of the right type that throws {@link NativeUnavailableException} when it is called.
 */
public final class NativeLibraries {
  private static final Map<String, FunctionDescriptor> DESCRIPTORS = new ConcurrentSkipListMap<>();

  /** The flag that native access needs; the manifest of sphere-engine.jar and the launcher set it. */
  static final String NATIVE_ACCESS_FLAG = "--enable-native-access=ALL-UNNAMED";

  private static final String CUDA_NEEDS =
      "CUDA needs the NVIDIA driver (libcuda.so.1), and the toolkit's libcudart and libcublas where the dynamic linker"
          + " finds them (ldconfig or LD_LIBRARY_PATH); or compute on the CPU: " + DeviceChoice.ENV + "=cpu.";

  private NativeLibraries() {}

  /**
   * The loaded libraries; made once, on first use.
   *
   * @param lookup finds nothing when the libraries are not available
   * @param attention the kernels of libsphere that ggml computes with, see sphere_attention_install
   * @param directory null when the libraries are not available
   */
  private record Loaded(SymbolLookup lookup, NativeRuntime.Status status, int attention, NativeDirectory directory) {
    static final Loaded INSTANCE = load();

    private static Loaded load() {
      Path directory = null;
      try {
        NativeDirectory found = NativeDirectory.find();
        directory = found.path();
        CpuFeatures.require(found);
        SymbolLookup lookup = open(found);
        AbiTable table = AbiTable.parse(text(lookup, "sphere_abi_table"), found.describe("libsphere"));
        AbiCheck.layouts(table);
        AbiCheck.constants(table, AbiConstants.all());
        String llama = text(lookup, "llama_version");
        AbiCheck.llamaVersion(table, llama, found.describe("libllama"));
        String sphere = text(lookup, "sphere_version");
        NativeLog.install(lookup);
        String message = "llama.cpp " + llama + " and libsphere " + sphere + " from " + directory;
        NativeRuntime.Status status =
            new NativeRuntime.Status(true, message, null, directory, llama, sphere, found.reason());
        return new Loaded(lookup, status, installAttention(lookup), found);
      } catch (IllegalCallerException e) {
        return missing(directory, "Native access is denied to Sphere. Start java with " + NATIVE_ACCESS_FLAG
            + " (sphere-engine.jar's manifest and ./sphere do so).", e);
      } catch (NativeUnavailableException e) {
        return missing(directory, e.getMessage(), e);
      } catch (Throwable e) {
        return missing(directory, "Loading the native libraries failed: " + e, e);
      }
    }

    private static Loaded missing(Path directory, String message, Throwable cause) {
      SymbolLookup nothing = name -> Optional.empty();
      return new Loaded(nothing, new NativeRuntime.Status(false, message, cause, directory, null, null, null), 0, null);
    }

    /** Before anything can be computed: ggml reads the list that this changes without a lock. */
    private static int installAttention(SymbolLookup lookup) throws Throwable {
      if ("ggml".equals(System.getenv("SPHERE_ATTENTION"))) {
        return 0;
      }
      MethodHandle install = Linker.nativeLinker().downcallHandle(lookup.findOrThrow("sphere_attention_install"),
          FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.ADDRESS));
      try (Arena arena = Arena.ofConfined()) {
        MemorySegment installed = arena.allocate(ValueLayout.JAVA_INT);
        int status = (int) install.invokeExact(installed);
        int kernels = status == 0 ? installed.get(ValueLayout.JAVA_INT, 0) : 0;
        if (kernels == 0) {
          NativeLog.warn("libsphere's attention and products are off, ggml's own compute (slower, and reproducible only"
              + " in micro-batches of 63 tokens): " + text(lookup, "sphere_last_error"));
        }
        return kernels;
      }
    }

    private static SymbolLookup open(NativeDirectory directory) {
      WaitPolicy.set();
      SymbolLookup all = name -> Optional.empty();
      for (Path file : directory.filesInLoadOrder()) {
        try {
          all = SymbolLookup.libraryLookup(file, Arena.global()).or(all);
        } catch (IllegalArgumentException e) {
          String remedy = directory.cudaLibrary().isEmpty() ? NativeDirectory.HOW_TO_BUILD : CUDA_NEEDS;
          throw new NativeUnavailableException("Cannot load " + file + ": " + reason(file, e) + ". " + remedy, e);
        }
      }
      return all;
    }
  }

  /** The dynamic linker's reason for a failure, which the JDK leaves out: above all which other library is missing. */
  public static String reason(Path file, IllegalArgumentException failure) {
    Linker linker = Linker.nativeLinker();
    SymbolLookup c = linker.defaultLookup();
    try (Arena arena = Arena.ofConfined()) {
      MethodHandle dlopen = linker.downcallHandle(c.findOrThrow("dlopen"),
          FunctionDescriptor.of(ValueLayout.ADDRESS, ValueLayout.ADDRESS, ValueLayout.JAVA_INT));
      MethodHandle dlerror = linker.downcallHandle(c.findOrThrow("dlerror"), FunctionDescriptor.of(
          ValueLayout.ADDRESS.withTargetLayout(MemoryLayout.sequenceLayout(4096, ValueLayout.JAVA_BYTE))));
      MemorySegment handle = (MemorySegment) dlopen.invokeExact(arena.allocateFrom(file.toString()), 1); // RTLD_LAZY
      MemorySegment text = (MemorySegment) dlerror.invokeExact();
      return handle.address() != 0 || text.address() == 0 ? failure.getMessage() : text.getString(0);
    } catch (Throwable e) { // no such functions here
      return failure.getMessage();
    }
  }

  /** See {@link dev.sphere.bindings.kernel.AttentionKernel#installed}. */
  public static int attention() {
    return Loaded.INSTANCE.attention;
  }

  /** The CPU features that the loaded libraries were compiled for. */
  static Set<String> cpuFeatures() {
    NativeDirectory directory = Loaded.INSTANCE.directory;
    return directory == null ? Set.of() : directory.cpuFeatures();
  }

  static NativeRuntime.Status status() {
    return Loaded.INSTANCE.status;
  }

  /** Looks a symbol up in all of llama, ggml and libsphere. */
  static SymbolLookup lookup() {
    return Loaded.INSTANCE.lookup;
  }

  /**
   * A handle for a C function, its descriptor recorded. See the class comment.
   *
   * @throws IllegalStateException when the symbol was bound before with another descriptor
   */
  public static MethodHandle downcall(String symbol, FunctionDescriptor descriptor) {
    FunctionDescriptor plain = plain(descriptor);
    FunctionDescriptor before = DESCRIPTORS.putIfAbsent(symbol, plain);
    if (before != null && !before.equals(plain)) {
      throw new IllegalStateException(symbol + " is bound twice: " + before + " and " + descriptor);
    }
    NativeRuntime.Status status = status();
    if (!status.available()) {
      return throwing(descriptor, status.message(), status.cause());
    }
    Optional<MemorySegment> address = lookup().find(symbol);
    if (address.isEmpty()) {
      return throwing(descriptor, "The native libraries in " + status.directory() + " have no function " + symbol + ". "
          + NativeDirectory.HOW_TO_BUILD, null);
    }
    return Linker.nativeLinker().downcallHandle(address.get(), descriptor);
  }

  /** Records a descriptor whose function another library than these holds, for the comparison with the headers. */
  public static void declare(String symbol, FunctionDescriptor descriptor) {
    DESCRIPTORS.putIfAbsent(symbol, plain(descriptor));
  }

  /** libsphere-cuda beside the libraries that were loaded; none when they were built without it. */
  public static Optional<Path> cudaLibrary() {
    return Optional.ofNullable(Loaded.INSTANCE.directory).flatMap(NativeDirectory::cudaLibrary);
  }

  /** Without what pointers point to: that is a matter of reading, not of the call. */
  private static FunctionDescriptor plain(FunctionDescriptor descriptor) {
    MemoryLayout[] arguments =
        descriptor.argumentLayouts().stream().map(NativeLibraries::plain).toArray(MemoryLayout[]::new);
    return descriptor.returnLayout()
        .map(result -> FunctionDescriptor.of(plain(result), arguments))
        .orElseGet(() -> FunctionDescriptor.ofVoid(arguments));
  }

  private static MemoryLayout plain(MemoryLayout layout) {
    return layout instanceof AddressLayout address ? address.withoutTargetLayout() : layout;
  }

  /** Every function bound so far: symbol to descriptor, pointers without their targets. */
  static Map<String, FunctionDescriptor> descriptors() {
    return Map.copyOf(DESCRIPTORS);
  }

  private static MethodHandle throwing(FunctionDescriptor descriptor, String message, Throwable cause) {
    MethodType type = descriptor.toMethodType();
    if (descriptor.returnLayout().filter(GroupLayout.class::isInstance).isPresent()) {
      type = type.insertParameterTypes(0, SegmentAllocator.class);
    }
    MethodHandle thrower =
        MethodHandles.throwException(type.returnType(), NativeUnavailableException.class)
            .bindTo(new NativeUnavailableException(message, cause));
    return MethodHandles.dropArguments(thrower, 0, type.parameterList());
  }

  /** Calls a {@code const char * f(void)} and reads what it returns. */
  private static String text(SymbolLookup lookup, String symbol) throws Throwable {
    MemorySegment function = lookup.find(symbol).orElseThrow(() -> new NativeUnavailableException(
        "The native libraries have no function " + symbol + ". " + NativeDirectory.HOW_TO_BUILD));
    AddressLayout string =
        ValueLayout.ADDRESS.withTargetLayout(MemoryLayout.sequenceLayout(Long.MAX_VALUE, ValueLayout.JAVA_BYTE));
    MethodHandle handle = Linker.nativeLinker().downcallHandle(function, FunctionDescriptor.of(string));
    return ((MemorySegment) handle.invokeExact()).getString(0);
  }
}
