package dev.sphere.cli.command;

import dev.sphere.base.CacheFolder;
import dev.sphere.base.FreeMemory;
import dev.sphere.bindings.device.Device;
import dev.sphere.bindings.load.NativeRuntime;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;

/** Looks whether this machine has what Sphere needs. Nothing here writes, except one probe file in the cache. */
public final class Doctor {
  /** OK: there. ABSENT: not there, and Sphere works without it. MISSING: Sphere, or building it, needs it. */
  enum State {
    OK,
    ABSENT,
    MISSING
  }

  /**
   * One thing that was looked at.
   *
   * @param remedy the command or step that gets it, null when there is nothing to do
   */
  record Finding(String name, State state, String detail, String remedy) {}

  // What changes the speed of ggml's and our own kernels, fastest last.
  private static final Set<String> CPU_FEATURES =
      Set.of("avx", "avx2", "fma", "f16c", "avx512f", "avx512_vnni", "avx_vnni", "avx512_bf16", "amx_tile", "amx_bf16",
          "asimd", "asimddp", "bf16", "sve", "i8mm");
  private static final double GIB = 1 << 30;

  private Doctor() {}

  static List<Finding> examine() {
    List<Finding> findings = new ArrayList<>();
    findings.add(java());
    findings.add(nativeLibraries());
    if (NativeRuntime.status().available()) {
      findings.add(new Finding("built for", State.OK, NativeRuntime.status().cpu(), null));
    }
    findings.add(cpu());
    findings.addAll(gpu());
    findings.add(memory());
    findings.add(cache());
    findings.add(tool("maven", "to build Sphere", "apt-get install maven", true, "mvn"));
    findings.add(tool("cmake", "to build the native libraries", "apt-get install cmake", true, "cmake"));
    findings.add(
        tool("c++", "to build the native libraries for this CPU", "apt-get install g++", true, "c++", "g++", "clang++"));
    findings.add(tool("git", "to unpack llama.cpp's source", "apt-get install git", true, "git"));
    findings.add(
        tool("npm", "to fetch llama.cpp's source (without it: git, from LLAMA_CPP_GIT)", "apt-get install npm", false,
            "npm"));
    return findings;
  }

  private static Finding java() {
    String detail =
        System.getProperty("java.version") + ", " + System.getProperty("java.vm.name") + ", "
            + System.getProperty("java.home");
    return new Finding("java", State.OK, detail, null);
  }

  private static Finding nativeLibraries() {
    NativeRuntime.Status status = NativeRuntime.status();
    return status.available()
        ? new Finding("libraries", State.OK, status.message(), null)
        : new Finding("libraries", State.MISSING, status.message(), "mvn -q -DskipTests package");
  }

  private static Finding cpu() {
    String model = System.getProperty("os.arch");
    TreeSet<String> features = new TreeSet<>();
    try (Stream<String> lines = Files.lines(Path.of("/proc/cpuinfo"))) {
      for (String line : (Iterable<String>) lines::iterator) {
        int colon = line.indexOf(':');
        String key = colon < 0 ? "" : line.substring(0, colon).strip().toLowerCase(Locale.ROOT);
        String value = colon < 0 ? "" : line.substring(colon + 1).strip();
        if (key.equals("model name")) {
          model = value;
        } else if (key.equals("flags") || key.equals("features")) {
          features.addAll(List.of(value.split(" ")));
          break;
        }
      }
    } catch (IOException e) {
      model += " (no /proc/cpuinfo)";
    }
    features.retainAll(CPU_FEATURES);
    String detail = Runtime.getRuntime().availableProcessors() + " cores, " + model
        + (features.isEmpty() ? "" : ", " + String.join(" ", features));
    return new Finding("cpu", State.OK, detail, null);
  }

  /** What computes, what of CUDA is there, and what would make a GPU usable. */
  private static List<Finding> gpu() {
    List<Finding> findings = new ArrayList<>();
    boolean driver = Files.exists(Path.of("/proc/driver/nvidia/version"));
    Optional<Path> nvcc = onPath("nvcc").or(() -> Optional.of(Path.of("/usr/local/cuda/bin/nvcc")))
        .filter(Files::isExecutable);
    List<String> cuda = Device.cudaReport();
    String tools = (driver ? "NVIDIA driver found" : "no NVIDIA driver")
        + nvcc.map(p -> ", nvcc at " + p).orElse(", no nvcc");
    if (!cuda.isEmpty()) {
      findings.add(new Finding("gpu", State.OK, tools, null));
      cuda.forEach(line -> findings.add(new Finding("cuda", State.OK, line, null)));
    } else if (!driver) {
      findings.add(new Finding("gpu", State.ABSENT, tools + "; Sphere computes on the CPU", null));
    } else {
      findings.add(new Finding("gpu", State.OK, tools + "; Sphere was built without CUDA",
          nvcc.isPresent() ? "./sphere --cuda doctor builds with CUDA" : "install the CUDA toolkit, then ./sphere --cuda"
              + " doctor"));
    }
    if (NativeRuntime.status().available()) {
      try {
        findings.add(new Finding("device", State.OK, "computes on " + Device.current().description(), null));
      } catch (RuntimeException e) {
        findings.add(new Finding("device", State.MISSING, e.getMessage(), "SPHERE_DEVICE=cpu computes on the CPU"));
      }
    }
    return findings;
  }

  private static Finding memory() {
    var os = (com.sun.management.OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
    long available = FreeMemory.bytes();
    available = available == Long.MAX_VALUE ? os.getFreeMemorySize() : available; // not Linux
    available = Math.min(available, os.getTotalMemorySize()); // a container's limit is in the total
    String detail =
        String.format(Locale.ROOT, "%.1f GiB available of %.1f GiB; Java heap up to %.1f GiB", available / GIB,
            os.getTotalMemorySize() / GIB, Runtime.getRuntime().maxMemory() / GIB);
    return new Finding("memory", State.OK, detail, null);
  }

  private static Finding cache() {
    Path cache = CacheFolder.root();
    try {
      Files.createDirectories(cache);
      Files.delete(Files.createTempFile(cache, "doctor", ".probe"));
      double free = Files.getFileStore(cache).getUsableSpace() / GIB;
      return new Finding("cache", State.OK, String.format(Locale.ROOT, "%s, %.1f GiB free", cache, free), null);
    } catch (IOException e) {
      return new Finding(
          "cache", State.MISSING, cache + " cannot be written: " + e, "set XDG_CACHE_HOME to a folder that can");
    }
  }

  private static Finding tool(String name, String purpose, String remedy, boolean needed, String... programs) {
    for (String program : programs) {
      Optional<Path> found = onPath(program);
      if (found.isPresent()) {
        return new Finding(name, State.OK, found.get().toString(), null);
      }
    }
    return new Finding(name, needed ? State.MISSING : State.ABSENT, "not found; needed " + purpose, remedy);
  }

  private static Optional<Path> onPath(String program) {
    String path = System.getenv().getOrDefault("PATH", "");
    return Stream.of(path.split(java.io.File.pathSeparator))
        .filter(folder -> !folder.isBlank())
        .map(folder -> Path.of(folder, program))
        .filter(Files::isExecutable)
        .findFirst();
  }
}
