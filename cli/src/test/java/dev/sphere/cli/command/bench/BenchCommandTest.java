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

/** The bench commands as a user calls them, with sizes that take no time. */
class BenchCommandTest {
  private static JsonNode run(String... args) {
    StringWriter text = new StringWriter();
    CommandLine command = new CommandLine(new Main());
    command.setOut(new PrintWriter(text));
    command.setErr(new PrintWriter(text));
    assertEquals(0, command.execute(args), text.toString());
    List<String> lines = text.toString().strip().lines().toList();
    assertTrue(lines.size() > 3, text.toString());
    return JsonMapper.shared().readTree(lines.getLast());
  }

  @Test
  void eachPrintsItsFiguresItsRatiosAndTheMachine() {
    String[][] all = {
      {"bench", "rollouts", "--model", "embedded-small", "--prompt", "8", "--generate", "4", "--parallel", "2"},
      {"bench", "tree", "--model", "embedded-small", "--trees", "1", "--prompt", "8", "--depth", "2", "--step", "3"},
      {"bench", "score", "--model", "embedded-small", "--trees", "2", "--pairs", "2", "--prompt", "8", "--depth", "2",
        "--step", "3"},
      {"bench", "cache", "--model", "embedded-small", "--trees", "2", "--prompt", "8", "--depth", "2", "--step", "3"},
      {"bench", "kernels", "--rows", "2", "--vocabulary", "300"}
    };
    for (String[] args : all) {
      String[] complete = java.util.Arrays.copyOf(args, args.length + 3);
      complete[args.length] = "--repetitions";
      complete[args.length + 1] = "1";
      complete[args.length + 2] = "--json";
      JsonNode json = run(complete);
      assertEquals(args[1], json.path("bench").asString());
      assertTrue(json.path("figures").size() > 2, json.toString());
      assertTrue(json.path("ratios").size() > 0, json.toString());
      assertTrue(json.path("machine").path("processors").asInt() > 0, json.toString());
      assertEquals(1, json.path("shape").path("repetitions").asInt());
    }
  }

  @Test
  void severalNumbersOfSequencesGiveSeveralResults() {
    JsonNode json =
        run("bench", "rollouts", "--model", "embedded-small", "--prompt", "4", "--generate", "3", "--parallel", "1,3",
            "--repetitions", "1", "--alone", "--json");
    assertEquals(2, json.path("results").size());
    assertEquals(3, json.path("results").get(1).path("shape").path("parallel").asInt());
  }
}
