package dev.sphere.bindings.load;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;

/**
 * The libraries are compiled for the CPU of the machine that built them ({@code -march=native}) or for a family of
 * CPUs. On a CPU that lacks some of its instructions the first of them would end the JVM, so this is looked at before
 * anything is loaded.
 */
final class CpuFeatures {
  /** The system property that tests set to put another file in /proc/cpuinfo's place. */
  private static final String FILE_PROPERTY = "sphere.cpuinfo";

  private CpuFeatures() {}

  /**
   * Compares what the builder's CPU had with this one.
   *
   * @throws NativeUnavailableException when something is missing here
   */
  static void require(NativeDirectory directory) {
    Set<String> here = here();
    if (here.isEmpty()) {
      return; // not Linux: nothing to compare with
    }
    Set<String> lacking = CpuFamilies.lacking(directory.cpuFeatures(), here);
    if (!lacking.isEmpty()) {
      throw new NativeUnavailableException(
          "The native libraries in " + directory.path() + " were built for another CPU: this one has no "
              + String.join(", ", lacking) + ". Build on this machine: mvn -q clean package -DskipTests");
    }
  }

  /** This CPU's features as Linux names them; empty elsewhere. */
  static Set<String> here() {
    try (Stream<String> lines = Files.lines(Path.of(System.getProperty(FILE_PROPERTY, "/proc/cpuinfo")))) {
      return lines
          .filter(line -> line.toLowerCase(Locale.ROOT).matches("(flags|features)\\s*:.*"))
          .findFirst()
          .<Set<String>>map(line -> new TreeSet<>(List.of(line.substring(line.indexOf(':') + 1).strip().split("\\s+"))))
          .orElse(Set.of());
    } catch (IOException e) {
      return Set.of();
    }
  }
}
