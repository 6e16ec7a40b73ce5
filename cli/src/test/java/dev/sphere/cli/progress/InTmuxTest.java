package dev.sphere.cli.progress;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A search in a real terminal of so many columns: what a person sees. */
class InTmuxTest {
  @TempDir Path dir;

  private String tmux(String... words) throws IOException, InterruptedException {
    List<String> all = new ArrayList<>(List.of("tmux", "-S", dir.resolve("socket").toString(), "-f", "/dev/null"));
    all.addAll(List.of(words));
    Process tmux = new ProcessBuilder(all).redirectErrorStream(true).start();
    String said = new String(tmux.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    tmux.waitFor();
    return said;
  }

  @ParameterizedTest
  @ValueSource(ints = {80, 100})
  void theBarKeepsToItsLine(int columns) throws Exception {
    assumeTrue(there(), "tmux is not installed");
    Path script = dir.resolve("search.sh");
    Files.writeString(script, String.join(" ", Path.of(System.getProperty("java.home"), "bin", "java").toString(),
        "--enable-native-access=ALL-UNNAMED -cp",
        System.getProperty("surefire.test.class.path", System.getProperty("java.class.path")),
        "dev.sphere.cli.Main search --model embedded --problems embedded:train --limit 48 --parallel 4 --run",
        dir.resolve("run").toString()) + "\necho ended with $?\nsleep 600\n");
    try {
      tmux("new-session", "-d", "-x", String.valueOf(columns), "-y", "40", "sh " + script);
      String screen = "";
      for (int i = 0; i < 1200 && !screen.contains("ended with"); i++) {
        Thread.sleep(100);
        screen = tmux("capture-pane", "-p", "-S", "-2000");
      }
      String seen = screen;
      assertTrue(seen.contains("ended with 0"), seen);
      List<String> bars = seen.lines().filter(l -> l.contains("/48 problems")).toList();
      assertEquals(1, bars.size(), seen);
      assertTrue(bars.getFirst().startsWith("search [====================] 48/48 problems"), seen);
    } finally {
      tmux("kill-server");
    }
  }

  private static boolean there() throws InterruptedException {
    try {
      return new ProcessBuilder("tmux", "-V").start().waitFor() == 0;
    } catch (IOException e) {
      return false;
    }
  }
}
