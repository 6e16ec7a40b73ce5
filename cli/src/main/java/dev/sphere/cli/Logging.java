package dev.sphere.cli;

import dev.sphere.base.SafeText;
import java.util.Locale;
import java.util.Map;
import java.util.logging.ConsoleHandler;
import java.util.logging.Formatter;
import java.util.logging.Handler;
import java.util.logging.Level;
import java.util.logging.LogRecord;
import java.util.logging.Logger;

/**
 * Where log lines go: to stderr, one line each. By default warnings, and of llama.cpp's own only errors, since it warns
 * of much that is meant so; {@code SPHERE_LOG} (error, warning, info, debug, trace) sets the level of everything.
 */
final class Logging {
  private static final Map<String, Level> LEVELS =
      Map.of("error", Level.SEVERE, "warning", Level.WARNING, "info", Level.INFO, "debug", Level.FINE, "trace",
          Level.FINER);

  // Loggers are weakly held by the log manager: without this, the level would be forgotten.
  private static final Logger NATIVE = Logger.getLogger("dev.sphere.native");

  private Logging() {}

  static void configure(String wanted) {
    Level level = wanted == null ? null : LEVELS.get(wanted.toLowerCase(Locale.ROOT));
    Logger root = Logger.getLogger("");
    for (Handler handler : root.getHandlers()) {
      root.removeHandler(handler);
    }
    Handler console = new ConsoleHandler(); // stderr
    console.setLevel(Level.ALL);
    console.setFormatter(
        new Formatter() {
          @Override
          public String format(LogRecord line) {
            Throwable thrown = line.getThrown();
            String text = line.getLevel().getName().toLowerCase(Locale.ROOT) + " [" + line.getLoggerName() + "] "
                + formatMessage(line) + (thrown == null ? "" : " (" + thrown + ")");
            return SafeText.text(text) + System.lineSeparator();
          }
        });
    root.addHandler(console);
    root.setLevel(level == null ? Level.WARNING : level);
    NATIVE.setLevel(level == null ? Level.SEVERE : level);
  }
}
