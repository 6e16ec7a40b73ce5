package dev.sphere.bindings.device;

import dev.sphere.bindings.load.NativeRuntime;
import java.util.Map;
import java.util.Objects;
import java.util.TreeSet;

/**
 * The properties of this machine that decide the last bits of results: the kind of CPU that the libraries were compiled
 * for, or the GPU, and the environment variables that choose other kernels. They belong to the identity of runs.
 */
public final class Arithmetic {
  /** The key under which it stands in a run's identity. */
  public static final String NAME = "arithmetic";

  /** {@code on}: runs of another kind of CPU or GPU are resumed here, and runs of both kinds may be merged. */
  public static final String ENV = "SPHERE_MIXED_CPUS";

  /** Instructions that change sums, as Linux names them: wider vectors, products of bytes and BF16, tiles. */
  private static final String DECISIVE =
      "avx2|fma|avx_vnni|avx512f|avx512_vnni|avx512_bf16|amx_int8|amx_bf16|asimddp|i8mm|bf16";

  private Arithmetic() {}

  /** This process's, for instance {@code amd64 avx2 avx512_bf16 avx512_vnni avx512f fma}, or a GPU's name. */
  public static String here() {
    Device device = Device.current();
    return of(device.isCpu() ? null : device.description(), System.getProperty("os.arch"), NativeRuntime.cpuFeatures(),
        System.getenv());
  }

  /** Visible for tests. */
  static String of(String gpu, String architecture, Iterable<String> features, Map<String, String> environment) {
    StringBuilder all = new StringBuilder(gpu == null ? architecture : gpu);
    if (gpu == null) {
      TreeSet<String> decisive = new TreeSet<>();
      features.forEach(decisive::add);
      decisive.removeIf(f -> !f.matches(DECISIVE) || f.startsWith("amx")
          && "off".equals(environment.get("SPHERE_AMX")));
      decisive.forEach(f -> all.append(' ').append(f));
    }
    for (String[] other : new String[][] {{"SPHERE_ATTENTION", "ggml"}, {"SPHERE_DECODER", "llama"}}) {
      if (other[1].equals(environment.get(other[0]))) {
        all.append(' ').append(other[0]).append('=').append(other[1]);
      }
    }
    return all.toString();
  }

  /** Whether what one began must not be gone on with by the other; where one is not known (null), it may. */
  public static boolean differ(String then, String now) {
    return then != null && now != null && !Objects.equals(then, now) && !"on".equals(System.getenv(ENV));
  }

  /** The advice for a user whose run began on another kind of machine. */
  public static String advice() {
    return "bits would differ from those of one machine: go on where it was begun, or set " + ENV + "=on";
  }
}
