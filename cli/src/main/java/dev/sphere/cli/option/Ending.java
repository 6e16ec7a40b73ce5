package dev.sphere.cli.option;

import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Objects;
import java.util.stream.Collectors;
import picocli.CommandLine.Model.CommandSpec;

/** The last lines of a command, on stderr: the paths that it made, and the command that comes next. */
public final class Ending {
  private Ending() {}

  /**
   * @param next the words after {@code ./sphere}; empty for none
   * @param made files and folders; null among them for what was not asked for
   */
  public static void print(CommandSpec spec, String next, Object... made) {
    spec.commandLine().getOut().flush();
    PrintWriter err = spec.commandLine().getErr();
    String paths = Arrays.stream(made).filter(Objects::nonNull).map(Ending::word).collect(Collectors.joining(", "));
    if (!paths.isEmpty()) {
      err.println("made: " + paths);
    }
    if (!next.isEmpty()) {
      err.println("next: ./sphere " + next);
    }
    err.flush();
  }

  /** A path as a shell reads it. */
  public static String word(Object path) {
    String text = path instanceof Path p ? p.normalize().toString() : path.toString();
    return text.matches("[\\w./:=+,@%-]+") ? text : "'" + text.replace("'", "'\\''") + "'";
  }
}
