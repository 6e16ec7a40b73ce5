package dev.sphere.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sphere.cli.command.Call;
import dev.sphere.base.SafeText;
import dev.sphere.engine.embedded.ModelSource;
import dev.sphere.gguf.GgufValue;
import dev.sphere.gguf.GgufWriter;
import dev.sphere.gguf.model.GgufFile;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.json.JsonMapper;

/** What comes from files does not steer the terminal. */
class TerminalTest {
  private static final String EVIL = "a\u001b]0;title\u0007\u001b[2J\u009b31m\r\b\u007f\u202etxt.exe\u2066\u200fb";
  private static final String SHOWN =
      "a\\u001b]0;title\\u0007\\u001b[2J\\u009b31m\\u000d\\u0008\\u007f\\u202etxt.exe\\u2066\\u200fb";

  @TempDir Path dir;

  /** All that a call printed, on both streams. */
  private static String call(String... args) {
    PrintStream out = System.out;
    PrintStream err = System.err;
    ByteArrayOutputStream caught = new ByteArrayOutputStream();
    PrintStream both = new PrintStream(caught, true, StandardCharsets.UTF_8);
    System.setOut(both);
    System.setErr(both);
    try {
      Main.run(args);
      return caught.toString(StandardCharsets.UTF_8);
    } finally {
      System.setOut(out);
      System.setErr(err);
    }
  }

  private static void tame(String printed) {
    assertEquals(SafeText.text(printed), printed);
  }

  @Test
  void whatSteersIsShown() {
    assertEquals(SHOWN, SafeText.text(EVIL));
    String plain = "Größe\t日本 🙂\n½ é 👩\u200d🔬";
    assertSame(plain, SafeText.text(plain));
  }

  @Test
  void aModelsName() throws Exception {
    Path model = dir.resolve("model.gguf");
    try (GgufFile file = GgufFile.open(ModelSource.resolve("embedded-small"))) {
      GgufWriter writer = new GgufWriter().putAll(file.metadata()).put("general.name", GgufValue.string(EVIL));
      file.tensors().values().forEach(t -> writer.copy(file, t));
      writer.write(model);
    }
    String info = call("model", "info", model.toString());
    tame(info);
    assertTrue(info.contains(SHOWN), info);
    String json = call("model", "info", model.toString(), "--json");
    tame(json);
    assertEquals(EVIL, JsonMapper.shared().readTree(Call.last(json)).get("name").asString(), "the same JSON");
  }

  @Test
  void filesAndTheirNames() throws Exception {
    Path file = dir.resolve("rows\u001b[2J.jsonl");
    Files.writeString(file,
        "{\"id\":\"x\",\"prompt\":\"" + "\\u001b[31m\\u009b" + "\",\"question\":\"\u009b2J\"}\n\u001b]0;x\n");
    for (String[] args : new String[][] {
        {"score", "--model", "embedded-small", "--in", file.toString(), "--out", dir.resolve("o").toString()},
        {"grade", "--in", file.toString(), "--out", dir.resolve("o").toString()},
        {"search", "--model", "embedded-small", "--problems", file.toString(), "--run", dir.resolve("r").toString()},
        {"model", "info", dir.resolve("none\u001b[2J").toString()},
        {"no\u001b[2J"}, {"generate", "--model", "embedded-small", "--prompt"}}) {
      String printed = call(args);
      assertFalse(printed.isBlank(), args[0]);
      tame(printed);
    }
    assertTrue(call("grade", "--in", file.toString(), "--out", dir.resolve("o").toString()).contains("\\u001b[2J"));
    tame(call("--help"));
  }
}
