package dev.sphere.lab.bench;

import dev.sphere.bindings.load.NativeRuntime;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.stream.Stream;

/** The machine's facts, without which a figure means nothing elsewhere. */
final class MachineFacts {
  private MachineFacts() {}

  static Map<String, Object> now() {
    Map<String, Object> facts = new LinkedHashMap<>();
    facts.put("cpu", lineOf("/proc/cpuinfo", "model name", System.getProperty("os.arch")));
    facts.put("processors", Runtime.getRuntime().availableProcessors());
    facts.put("memory", lineOf("/proc/meminfo", "MemTotal", "unknown"));
    facts.put("os", System.getProperty("os.name") + " " + System.getProperty("os.version"));
    facts.put("java", Runtime.version().toString());
    NativeRuntime.Status natives = NativeRuntime.status();
    facts.put("llama_cpp", natives.llamaVersion());
    facts.put("sphere", natives.sphereVersion());
    // Far above the number of processors that this process uses means that others ran beside it.
    facts.put("load_average", ManagementFactory.getOperatingSystemMXBean().getSystemLoadAverage());
    facts.put("time", Instant.now().truncatedTo(ChronoUnit.SECONDS).toString());
    return facts;
  }

  private static String lineOf(String file, String key, String otherwise) {
    try (Stream<String> lines = Files.lines(Path.of(file))) {
      return lines
          .filter(l -> l.startsWith(key))
          .map(l -> l.substring(l.indexOf(':') + 1).strip())
          .findFirst()
          .orElse(otherwise);
    } catch (IOException | java.io.UncheckedIOException e) {
      return otherwise;
    }
  }
}
