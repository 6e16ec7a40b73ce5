package dev.sphere.bindings.load;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.logging.Handler;
import java.util.logging.Level;
import java.util.logging.LogRecord;
import java.util.logging.Logger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What llama.cpp and ggml say reaches the System.Logger, whole lines with the right level. */
class NativeLogTest {
  private static final Logger LOGGER = Logger.getLogger("dev.sphere.native");

  private final List<LogRecord> lines = java.util.Collections.synchronizedList(new ArrayList<>());
  private final Handler handler =
      new Handler() {
        @Override
        public void publish(LogRecord line) {
          lines.add(line);
        }

        @Override
        public void flush() {}

        @Override
        public void close() {}
      };

  @TempDir Path temp;

  @BeforeEach
  void listen() {
    NativeRuntime.require();
    NativeRuntime.clearRecentProblems();
    LOGGER.setUseParentHandlers(false);
    LOGGER.setLevel(Level.ALL);
    LOGGER.addHandler(handler);
  }

  @AfterEach
  void stop() {
    LOGGER.removeHandler(handler);
    LOGGER.setUseParentHandlers(true);
    LOGGER.setLevel(null);
  }

  @Test
  void partsBecomeLines() {
    NativeLog.add(AbiConstants.GGML_LOG_LEVEL_INFO, "loading ");
    NativeLog.add(AbiConstants.GGML_LOG_LEVEL_CONT, "....");
    NativeLog.add(AbiConstants.GGML_LOG_LEVEL_CONT, " done\n");
    NativeLog.add(AbiConstants.GGML_LOG_LEVEL_WARN, "careful\n");
    NativeLog.add(AbiConstants.GGML_LOG_LEVEL_ERROR, "no newline");
    NativeLog.add(AbiConstants.GGML_LOG_LEVEL_DEBUG, "detail\n");
    NativeLog.add(AbiConstants.GGML_LOG_LEVEL_INFO, "\n");
    assertEquals(
        List.of("FINE loading .... done", "WARNING careful", "SEVERE no newline", "FINER detail"),
        lines.stream().map(line -> line.getLevel() + " " + line.getMessage()).toList());
    assertEquals(List.of("careful", "no newline"), NativeRuntime.recentProblems());
  }

  @Test
  void eachThreadHasItsOwnLine() throws InterruptedException {
    NativeLog.add(AbiConstants.GGML_LOG_LEVEL_INFO, "mine ");
    Thread other = new Thread(() -> NativeLog.add(AbiConstants.GGML_LOG_LEVEL_ERROR, "theirs\n"));
    other.start();
    other.join();
    NativeLog.add(AbiConstants.GGML_LOG_LEVEL_CONT, "too\n");
    assertEquals(List.of("theirs", "mine too"), lines.stream().map(LogRecord::getMessage).toList());
  }

  @Test
  void onlyTheLastProblemsAreKept() {
    for (int i = 0; i < 40; i++) {
      NativeLog.add(AbiConstants.GGML_LOG_LEVEL_WARN, "warning " + i + "\n");
    }
    assertEquals(16, NativeRuntime.recentProblems().size());
    assertEquals("warning 39", NativeRuntime.recentProblems().getLast());
  }

  @Test
  void lastWordsBeforeAnAbort() throws Exception {
    Process process =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--enable-native-access=ALL-UNNAMED", "-XX:-CreateCoredumpOnCrash", "-XX:ErrorFile=" + temp.resolve("hs_err"),
                "-cp", System.getProperty("java.class.path"), AbortProbe.class.getName())
            .directory(temp.toFile())
            .redirectErrorStream(true)
            .start();
    String out = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertTrue(process.waitFor(600, TimeUnit.SECONDS));
    assertNotEquals(0, process.exitValue());
    assertTrue(out.contains("ggml stops the process") && out.contains("the number is 42"), out);
  }
}
