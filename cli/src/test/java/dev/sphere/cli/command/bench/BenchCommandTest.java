package dev.sphere.cli.command.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sphere.cli.Main;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.List;
import org.junit.jupiter.api.Test;
import picocli.CommandLine;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** {@code bench rollouts} as a user calls it, with sizes that take no time. */
class BenchCommandTest {
  private static List<JsonNode> run(String... args) {
    StringWriter text = new StringWriter();
    CommandLine command = new CommandLine(new Main());
    command.setOut(new PrintWriter(text));
    command.setErr(new PrintWriter(text));
    assertEquals(0, command.execute(args), text.toString());
    return text.toString().strip().lines().map(JsonMapper.shared()::readTree).toList();
  }

  @Test
  void eachNumberOfSequencesGivesItsFigures() {
    List<JsonNode> json =
        run("bench", "rollouts", "--model", "embedded-small", "--prompt", "8", "--shared", "3", "--generate", "4",
            "--parallel", "1,3", "--repetitions", "2", "--json");
    assertEquals(2, json.size());
    assertEquals(3, json.get(1).path("parallel").asInt());
    for (JsonNode one : json) {
      // A difference of two times, which can be anything on a machine that is busy with other things.
      assertTrue(one.path("generation_tokens_per_second").isNumber(), one.toString());
      assertTrue(one.path("slowest").asDouble() > 0, one.toString());
      assertTrue(one.path("slowest").asDouble() <= one.path("tokens_per_second").asDouble(), one.toString());
      assertTrue(one.path("tokens_per_second").asDouble() <= one.path("fastest").asDouble(), one.toString());
      assertTrue(one.path("drawing_share").asDouble() > 0, one.toString());
    }
  }
}
