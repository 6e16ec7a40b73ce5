package dev.sphere.base;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;

/** The memory that this machine has left, and what this process has taken of it. */
public final class FreeMemory {
  private FreeMemory() {}

  /** Bytes that can be taken without swapping (Linux: MemAvailable); unlimited where the system does not say. */
  public static long bytes() {
    Path info = Path.of("/proc/meminfo");
    if (Files.isReadable(info)) {
      try (var lines = Files.lines(info)) {
        return lines
            .filter(line -> line.startsWith("MemAvailable:"))
            .mapToLong(line -> Long.parseLong(line.replaceAll("[^0-9]", "")) << 10)
            .findFirst()
            .orElse(Long.MAX_VALUE);
      } catch (IOException | UncheckedIOException | NumberFormatException e) {
        return Long.MAX_VALUE; // a guard that cannot be read must not stop the work
      }
    }
    return Long.MAX_VALUE;
  }

  /** The most resident memory that this process ever had, in bytes; -1 where it is not known (Linux: VmHWM). */
  public static long peak() {
    try (var lines = Files.lines(Path.of("/proc/self/status"))) {
      return lines.filter(l -> l.startsWith("VmHWM:"))
          .mapToLong(l -> Long.parseLong(l.replaceAll("\\D", "")) << 10)
          .findFirst()
          .orElse(-1);
    } catch (IOException | UncheckedIOException e) {
      return -1;
    }
  }

  /**
   * Refuses a model file that is larger than the memory that is left.
   *
   * @param size of the file, in bytes
   * @throws InsufficientMemoryException with both numbers
   */
  public static void requireModel(Path path, long size) {
    long available = bytes();
    if (size > available) {
      throw new InsufficientMemoryException(
          "Not enough memory for the model " + path + ": its weights need " + text(size) + ", " + text(available)
              + " are available. Use a smaller or a more strongly quantised model.");
    }
  }

  /** Bytes in MiB or GiB, with one digit behind the point. */
  public static String text(long bytes) {
    return bytes >= 1L << 30
        ? String.format(Locale.ROOT, "%.1f GiB", bytes / (double) (1L << 30))
        : String.format(Locale.ROOT, "%.1f MiB", bytes / (double) (1L << 20));
  }
}
