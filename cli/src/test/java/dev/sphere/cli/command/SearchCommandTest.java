package dev.sphere.cli.command;

import static dev.sphere.cli.command.Call.call;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sphere.engine.embedded.ModelSource;
import dev.sphere.engine.embedded.ProblemSource;
import dev.sphere.engine.store.Provenance;
import dev.sphere.engine.store.RunFolder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** {@code search} and {@code export} as a user calls them, on the embedded model. */
class SearchCommandTest {
  @TempDir static Path temporary;
  private static Path model;

  @BeforeAll
  static void model() {
    model = ModelSource.resolve("embedded");
  }

  private static Call search(Path run, Object... more) {
    List<Object> args = new ArrayList<>(List.of("search", "--model", model, "--problems", "embedded:train",
        "--limit", 2, "--run", run, "--candidates", 3, "--rollouts", 2));
    args.addAll(List.of(more));
    return call(args.toArray());
  }

  @Test
  void searchesResumesAndExports() throws Exception {
    Path run = temporary.resolve("run");
    Call first = search(run, "--json");
    assertEquals(0, first.status(), first.err());
    JsonNode result = JsonMapper.shared().readTree(first.out().lines().reduce((a, b) -> b).orElseThrow());
    assertEquals(2, result.get("problems").asInt());
    int pairs = result.get("pairs").get("all").asInt();
    assertEquals(pairs, Files.readAllLines(run.resolve("pairs.jsonl")).size());
    assertTrue(result.get("tokens").asInt() > 0);
    JsonNode use = result.get("token_use");
    int parts = 0;
    for (String part : List.of("kept", "probe", "rewards", "thrown", "paths", "again", "lost", "padding")) {
      parts += use.get(part).asInt();
    }
    assertEquals(use.get("computed").asInt(), parts);
    assertTrue(parts > result.get("tokens").asInt() && use.get("useful").asDouble() > 0, use.toString());

    Call again = search(run);
    assertEquals(2, again.status());
    assertTrue(again.err().contains("--resume"), again.err());
    Call other = search(run, "--resume", "--seed", 2);
    assertEquals(2, other.status());
    assertTrue(other.err().contains("seed is \"1\", not \"2\""), other.err());
    Call named = search(run, "--resume", "--early-stop", "--depth", 3);
    assertTrue(named.err().contains("--early-stop is \"false\", not \"true\"; --depth is \"24\", not \"3\""), named.err());
    Call resumed = search(run, "--resume");
    assertEquals(0, resumed.status(), resumed.err());
    assertTrue(resumed.out().contains("2 problems"), resumed.out());

    for (String format : List.of("trl-jsonl", "trl-parquet")) {
      Path out = temporary.resolve("new/" + format + "/pairs"); // the folder is made
      Call export = call("export", "--run", run, "--format", format, "--out", out, "--json");
      assertEquals(0, export.status(), export.err());
      assertTrue(Files.exists(out));
      JsonNode exported = JsonMapper.shared().readTree(export.out());
      assertTrue(exported.get("complete").asBoolean());
      assertEquals(pairs, exported.get("pairs").asInt());
    }
  }

  /** The run knows the call that began it, from any folder; a flag of this call takes the place of that one's. */
  @Test
  void resumeAndTheRunSuffice() throws Exception {
    Path run = temporary.resolve("known");
    Path problems = temporary.resolve("three.jsonl");
    Files.writeString(problems, """
        {"question": "1+1", "answer": "2"}
        {"question": "2+1", "answer": "3"}
        {"question": "2+2", "answer": "4"}
        """);
    String relative = Path.of("").toAbsolutePath().relativize(problems).toString();
    Call first = call("search", "--model", "embedded-small", "--problems", relative, "--run", run, "--candidates", 2,
        "--prm", "random", "--early-stop");
    assertTrue(first.err().contains("--early-stop has no effect"), first.err());
    first = call("search", "--model", "embedded-small", "--problems", relative, "--run", run, "--candidates", 2,
        "--prm", "random", "--depth", 3, "--separator", "\\n", "--json");
    assertEquals(0, first.status(), first.err());
    byte[] pairs = Files.readAllBytes(run.resolve("pairs.jsonl"));
    Call again = call("search", "--resume", "--run", run, "--json");
    assertEquals(0, again.status(), again.err());
    assertEquals(0, again.json().get("tokens").asInt());
    assertArrayEquals(pairs, Files.readAllBytes(run.resolve("pairs.jsonl")));
    Call other = call("search", "--resume", "--run", run, "--depth", 4);
    assertTrue(other.status() == 2 && other.err().contains("--depth is \"3\", not \"4\""), other.err());
    // Words that a stranger put into a run write no file elsewhere, and are not read from one.
    for (String word : List.of("--profile=", "--run=", "@")) {
      Path elsewhere = temporary.resolve("elsewhere");
      Path strange = temporary.resolve("strange");
      List<String> words = new ArrayList<>(List.of(word + elsewhere));
      JsonMapper.shared().readTree(Provenance.of(run).information().get(Provenance.CALL))
          .forEach(w -> words.add(w.asString()));
      RunFolder.open(strange, Provenance.of(run).noting(Provenance.CALL, JsonMapper.shared().writeValueAsString(words)),
          ProblemSource.read(problems.toString()), false).close();
      Call hostile = call("search", "--resume", "--run", strange);
      assertEquals(2, hostile.status(), hostile.err());
      assertFalse(Files.exists(elsewhere), word);
      try (Stream<Path> files = Files.walk(strange)) {
        files.sorted(Comparator.reverseOrder()).forEach(file -> assertTrue(file.toFile().delete()));
      }
    }
    assertEquals("sphere search: --model MODEL is missing (sphere search --help)",
        call("search", "--resume", "--run", temporary.resolve("nowhere")).err().strip());
  }

  /** A recipe of evolve says what no flag does; its files lie beside it. */
  @Test
  void aRecipeTellsOfASearch() throws Exception {
    Path folder = Files.createDirectories(temporary.resolve("recipes"));
    Files.writeString(folder.resolve("two.jsonl"), "{\"question\": \"1+1\", \"answer\": \"2\"}\n{\"question\": \"1+2\", \"answer\": \"3\"}\n");
    Files.writeString(folder.resolve("r.yaml"), """
        model: embedded-small
        problems: two.jsonl
        seed: 7
        search: {prm: random, candidates: 2, depth: 5}
        prompt: {question: "{question}="}
        train: {beta: 0.2}
        """);
    Path run = temporary.resolve("by-recipe");
    Call call = call("search", "--recipe", folder.resolve("r.yaml"), "--run", run, "--depth", 4, "--json");
    assertEquals(0, call.status(), call.err());
    assertEquals(2, call.json().get("problems").asInt());
    JsonNode made = JsonMapper.shared().readTree(Files.readString(run.resolve("run.json"))).get("identity");
    assertEquals(List.of("7", "2", "4", "random", "{question}="), Stream.of("seed", "search.candidates", "search.maxDepth",
        "prm.kind", "stages.prompts.question").map(name -> made.get(name).asString()).toList());
    assertTrue(call.err().endsWith("made: " + run.resolve("pairs.jsonl") + System.lineSeparator() + "next: ./sphere studio " + run
        + System.lineSeparator()) || call.err().contains("next: ./sphere train dpo --model embedded-small --run " + run), call.err());
  }

  @Test
  void aSearchWithoutPairsSaysNothingOfTheirLengths() throws Exception {
    Path problems = Files.writeString(temporary.resolve("never.jsonl"),
        "{\"id\": \"never\", \"question\": \"What is 1 + 1?\", \"answer\": \"7777777\"}\n");
    Call none = call("search", "--model", model, "--problems", problems, "--run", temporary.resolve("never"), "--candidates", 2,
        "--rollouts", 1, "--stages", "generation");
    assertEquals(0, none.status(), none.err());
    assertTrue(none.out().contains("0 pairs from 0 problems"), none.out());
    assertTrue(!none.out().contains("NaN") && !none.out().contains("length"), none.out());
  }

  @Test
  void aProbeStandsInTheSummaryAndInThePages() throws Exception {
    Path run = temporary.resolve("probed");
    Object[] probe = {"--limit", 8, "--stages", "generation", "--probe", 4, "--max-tokens", 30, "--prm", "random"};
    List<Object> args = new ArrayList<>(List.of("search", "--model", model, "--problems", "embedded:train", "--run", run));
    args.addAll(List.of(probe));
    args.add("--json");
    Call json = call(args.toArray());
    assertEquals(0, json.status(), json.err());
    JsonNode result = JsonMapper.shared().readTree(json.out().lines().reduce((a, b) -> b).orElseThrow());
    JsonNode probed = result.get("probe");
    assertEquals(8, probed.get("problems").asInt());
    assertEquals(4, probed.get("draws").asInt());
    int left = probed.get("below").asInt() + probed.get("above").asInt();
    assertEquals(8, probed.get("taken").asInt() + left);
    assertEquals(left, result.get("without_pairs").get("pass_rate").asInt());
    assertTrue(probed.get("ended").asDouble() < 0.5, probed.toString());
    assertTrue(probed.get("notes").get(0).asString().contains("within 30 tokens: raise --max-tokens"), probed.toString());
    assertTrue(json.err().contains("within 30 tokens: raise --max-tokens"), "it is said at once: " + json.err());
    assertEquals(Files.readAllLines(run.resolve("probe.jsonl")).size(), 8);

    args.set(args.size() - 1, "--resume");
    Call words = call(args.toArray());
    assertEquals(0, words.status(), words.err());
    assertTrue(words.out().startsWith("probe: 8 problems, 4 draws each, "), words.out());
    assertTrue(words.out().contains("raise --max-tokens"), words.out());
    Path pages = temporary.resolve("probed-pages");
    assertEquals(0, call("pages", "--run", run, "--out", pages).status());
    String index = Files.readString(pages.resolve("index.html"));
    assertTrue(index.contains("probe: 8 problems, 4 draws each") && index.contains(" of 4 draws right"), index);
    assertTrue(Files.readString(pages.resolve("problem-00001.html")).contains("draw 4: "), "the draws themselves");
  }

  @Test
  void aDryRunSaysWhatTheWholeTakesAndKeepsNothing() throws Exception {
    Call dry = call("search", "--model", model, "--problems", "embedded:train", "--limit", 2, "--candidates", 3, "--rollouts", 2,
        "--dry-run", "--json");
    assertEquals(0, dry.status(), dry.err());
    assertTrue(dry.out().startsWith("2 problems, judged by 2 of them"), dry.out());
    JsonNode said = dry.json();
    Path run = temporary.resolve("after-the-dry-run");
    Call real = search(run, "--json");
    assertEquals(real.json().get("tokens").asInt(), said.get("tokens").asInt(), "so few are all tried");
    assertEquals(real.json().get("pairs").get("all").asInt(), said.get("pairs").asInt());
    long bytes = 0;
    try (var files = Files.walk(run)) {
      for (Path file : files.filter(Files::isRegularFile).toList()) {
        bytes += Files.size(file);
      }
    }
    assertEquals(bytes, said.get("disk_bytes").asDouble(), 0.25 * bytes);
    assertTrue(said.get("memory_bytes").asLong() != 0 && said.get("seconds").asDouble() > 0, said.toString());
    assertEquals(2, call("search", "--model", model, "--problems", "embedded:train").status(), "without it a run is asked for");
    Call both = search(run, "--dry-run", "--resume");
    assertTrue(both.status() == 2 && both.err().contains("leave --resume out"), both.err());
  }

  @Test
  void mistakesAreExitStatusTwo() {
    Path run = temporary.resolve("never");
    assertEquals(2, call("search", "--model", "nothing.gguf", "--problems", "embedded:train", "--run", run).status());
    assertEquals(2, call("search", "--model", model, "--problems", "nothing.jsonl", "--run", run).status());
    assertEquals(2, search(run, "--prm", "magic").status());
    assertEquals(2, search(run, "--candidates", 1).status());
    assertEquals(2, search(run, "--stages", "correction").status());
    assertEquals(2, search(run, "--no-such-flag").status());
    assertEquals(2, call("export", "--run", run, "--format", "trl-jsonl", "--out", temporary.resolve("x")).status());
    assertEquals(2, call("export", "--run", run, "--format", "csv", "--out", temporary.resolve("x")).status());
    assertTrue(Files.notExists(run), "a refused call leaves nothing behind");
  }

  @Test
  void aDamagedModelIsExitStatusOne() throws Exception {
    Path damaged = temporary.resolve("damaged.gguf");
    byte[] bytes = Files.readAllBytes(model);
    Files.write(damaged, Arrays.copyOf(bytes, bytes.length / 2));
    Call call = call("search", "--model", damaged, "--problems", "embedded:train", "--run", temporary.resolve("no"));
    assertEquals(1, call.status(), call.err());
    assertEquals(1, call.err().lines().count(), call.err());
  }
}
