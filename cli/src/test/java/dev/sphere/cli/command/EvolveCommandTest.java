package dev.sphere.cli.command;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sphere.engine.Problem;
import dev.sphere.engine.embedded.ProblemSource;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.json.JsonMapper;

/** {@code sphere evolve} without a recipe. */
class EvolveCommandTest {
  @TempDir private Path temporary;

  @Test
  void aTimeIsReadAsPeopleWriteIt() {
    assertEquals(2700, EvolveCommand.seconds("45m"));
    assertEquals(5400, EvolveCommand.seconds("1h30m"));
    assertEquals(90, EvolveCommand.seconds("90s"));
    for (String bad : List.of("45", "soon", "-5m", "0m", "")) {
      String message = assertThrows(IllegalArgumentException.class, () -> EvolveCommand.seconds(bad)).getMessage();
      assertTrue(message.startsWith("--time is a time such as 45m"), message);
    }
  }

  @Test
  void theRunIsNamedAfterTheModel() throws Exception {
    assertEquals(temporary.resolve("small.Q4-1"), EvolveCommand.free(temporary, "/models/small.Q4.gguf"));
    Files.createDirectories(temporary.resolve("embedded-1"));
    assertEquals(temporary.resolve("embedded-2"), EvolveCommand.free(temporary, "embedded"));
  }

  private Path problems(String answer) throws Exception {
    List<Problem> problems = ProblemSource.read("embedded:train").subList(0, 150);
    Path file = temporary.resolve("problems.jsonl");
    Files.writeString(file, problems.stream().map(p -> JsonMapper.shared().writeValueAsString(
        Map.of("id", p.id(), "question", p.question(), "answer", answer.isEmpty() ? p.answer() : answer)))
        .collect(Collectors.joining("\n")));
    return file;
  }

  /** The folder first, then the account, the gain, and what can be done next; --resume needs the folder alone. */
  @Test
  void oneCommandDoesItAllAndTellsIt() throws Exception {
    String run = temporary.resolve("run").toString();
    String file = problems("").toString();
    Call first = Call.call("evolve", "--model", "embedded", "--problems", file, "--run", run,
        "--time", "20m");
    assertEquals(0, first.status(), first.err());
    assertTrue(first.out().startsWith("Run: " + run + "\n"), first.out());
    for (String part : List.of("way to ask", "Asked by \"usual\"", "Plan: at most 3 rounds", "recipe.yaml",
        "test problems, asked once: base",
        "Now solved:", "Lost:", "The adapter: " + run + "/round-", "./sphere model merge --model ",
        "./sphere eval --model ", "--question $'{question}'", "./sphere studio " + run, "./sphere export --run " + run
        + "/round-1/search")) {
      assertTrue(first.out().contains(part), part + " in " + first.out());
    }
    byte[] adapter = Files.readAllBytes(Path.of(run, "round-1/train/adapter.gguf"));
    Files.delete(Path.of(run, "round-1/train/adapter.gguf"));
    Call twice = Call.call("evolve", "--model", "embedded", "--problems", "other.jsonl", "--run", run);
    assertEquals(2, twice.status());
    assertTrue(twice.err().contains("already holds a run"), twice.err());
    Call other = Call.call("evolve", "--time", "5m", "--resume", "--run", run);
    assertEquals(2, other.status());
    assertTrue(other.err().contains("by --resume and --run alone"), other.err());
    Call same = Call.call("evolve", "--model", "embedded", "--problems", file, "--run", run, "--time", "20m", "--resume");
    assertEquals(0, same.status(), same.err());
    Call again = Call.call("evolve", "--resume", "--run", run, "--json");
    assertEquals(0, again.status(), again.err());
    assertTrue(again.out().lines().toList().getLast().contains("\"p_value\""), again.out());
    assertArrayEquals(adapter, Files.readAllBytes(Path.of(run, "round-1/train/adapter.gguf")));
  }

  @Test
  void nothingToLearnIsAnAnswer() throws Exception {
    Call call = Call.call("evolve", "--model", "embedded", "--problems", problems("-7654321").toString(), "--run",
        temporary.resolve("run").toString(), "--json");
    assertEquals(0, call.status(), call.err());
    assertTrue(call.out().contains("Nothing to learn from yet.") && call.out()
        .contains("easier problems, or a larger model"), call.out());
    assertTrue(call.out().lines().toList().getLast().startsWith("{\"learned\":false"), call.out());
  }

  @Test
  void whatIsMissingOrTwofoldIsNamed() {
    assertTrue(Call.call("evolve").err().contains("give --model FILE and --problems FILE, or a --recipe"));
    assertTrue(Call.call("evolve", "--model", "embedded").err().contains("give --model FILE and --problems FILE"));
    assertTrue(Call.call("evolve", "--recipe", "pom.xml", "--model", "embedded").err().contains("leave --model"));
    assertTrue(Call.call("evolve", "--model", "embedded", "--problems", "p", "--dry-run").err()
        .contains("want a --recipe"));
  }
}
