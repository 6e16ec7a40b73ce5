package dev.sphere.engine.store;

import java.io.IOException;
import java.nio.file.Path;

/** Starts {@link FakeRun} as a process of its own. */
final class Children {
  private Children() {}

  static Process start(Path run, int halt) throws IOException {
    return start(run, halt, 0);
  }

  static Process start(Path run, int halt, int draws) throws IOException {
    return new ProcessBuilder(
            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xmx256m", "-Xshare:auto",
            "-cp", System.getProperty("java.class.path"),
            FakeRun.class.getName(), run.toString(), Integer.toString(halt), Integer.toString(draws))
        .redirectOutput(ProcessBuilder.Redirect.DISCARD)
        .redirectError(errors(run).toFile())
        .start();
  }

  /** What the last child on this run had to say. */
  static Path errors(Path run) {
    return run.resolveSibling(run.getFileName() + ".err");
  }
}
