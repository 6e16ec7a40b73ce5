package dev.sphere.bindings.llama;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/** Resident memory stays flat over repeated opening and closing; and a context that is forgotten is seen. */
@EnabledOnOs(OS.LINUX)
class LeakTest {
  private static final int CYCLES = 150;
  // Three contexts of the 1.5 MiB that one cycle takes and gives back; the JVM's own tables grow by less.
  private static final long TOLERANCE_KIB = 6 * 1024;

  @TempDir Path temp;

  @Test
  void residentMemoryIsFlat() throws Exception {
    long growth = growth(CYCLES, "clean");
    assertTrue(growth < TOLERANCE_KIB, "grew by " + growth + " KiB in " + CYCLES + " cycles");
  }

  @Test
  void aLeakWouldBeSeen() throws Exception {
    long growth = growth(40, "leak");
    assertTrue(growth > TOLERANCE_KIB, "40 forgotten contexts made only " + growth + " KiB: the check sees no leak");
  }

  private long growth(int cycles, String mode) throws Exception {
    Process process =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                // A heap that is all touched at the start, and one collector thread: what grows is native.
                "-Xms96m", "-Xmx96m", "-XX:+AlwaysPreTouch", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1",
                "--enable-native-access=ALL-UNNAMED", "-cp", System.getProperty("java.class.path"),
                LeakProbe.class.getName(), temp.toString(), "40", Integer.toString(cycles), mode)
            .redirectErrorStream(true)
            .start();
    String out = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertTrue(process.waitFor(600, TimeUnit.SECONDS), "the probe hangs");
    assertEquals(0, process.exitValue(), out);
    List<String> lines = out.lines().filter(line -> line.matches("[0-9]+")).toList();
    assertEquals(2, lines.size(), out);
    return Long.parseLong(lines.get(1)) - Long.parseLong(lines.get(0));
  }
}
