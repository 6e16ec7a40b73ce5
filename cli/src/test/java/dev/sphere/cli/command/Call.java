package dev.sphere.cli.command;

import dev.sphere.cli.Main;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** What a call of the command line printed, and how it ended. */
public record Call(int status, String out, String err) {
  public static Call call(Object... args) {
    PrintStream out = System.out;
    PrintStream err = System.err;
    ByteArrayOutputStream caughtOut = new ByteArrayOutputStream();
    ByteArrayOutputStream caughtErr = new ByteArrayOutputStream();
    System.setOut(new PrintStream(caughtOut, true, StandardCharsets.UTF_8));
    System.setErr(new PrintStream(caughtErr, true, StandardCharsets.UTF_8));
    try {
      int status = Main.run(Arrays.stream(args).map(Object::toString).toArray(String[]::new));
      return new Call(status, caughtOut.toString(StandardCharsets.UTF_8), caughtErr.toString(StandardCharsets.UTF_8));
    } finally {
      System.setOut(out);
      System.setErr(err);
    }
  }

  /** The last line of stdout in a text that holds stderr too: a command ends with what it made, on stderr. */
  public static String last(String both) {
    return both.strip().lines().filter(l -> !l.startsWith("made: ") && !l.startsWith("next: ")).reduce("", (a, b) -> b);
  }

  /** The object that --json prints last. */
  public JsonNode json() {
    return JsonMapper.shared().readTree(out.lines().reduce((a, b) -> b).orElseThrow());
  }
}
