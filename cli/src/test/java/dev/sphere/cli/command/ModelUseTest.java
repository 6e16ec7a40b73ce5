package dev.sphere.cli.command;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sphere.cli.Main;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** What one does with a model: score, generate, eval, train and score again; on the embedded model. */
class ModelUseTest {
  /** Of the first 100 of embedded:test. */
  private static final int EMBEDDED_SOLVES = 59;

  @TempDir private Path dir;
  private String out;

  private int run(Object... args) {
    StringWriter text = new StringWriter();
    CommandLine command = new CommandLine(new Main());
    command.setCaseInsensitiveEnumValuesAllowed(true);
    command.setOut(new PrintWriter(text));
    command.setErr(new PrintWriter(text));
    command.setExecutionExceptionHandler((e, c, parsed) -> {
      c.getErr().println(e.getMessage());
      return e instanceof IllegalArgumentException ? 2 : 1;
    });
    int status = command.execute(java.util.Arrays.stream(args).map(Object::toString).toArray(String[]::new));
    out = text.toString();
    return status;
  }

  private JsonNode lastLine() {
    return JsonMapper.shared().readTree(Call.last(out));
  }

  private List<JsonNode> rows(Path file) throws Exception {
    return Files.readAllLines(file).stream().map(JsonMapper.shared()::readTree).toList();
  }

  @Test
  void scoreGivesATokensLogProbabilityEachAndTheirSum() throws Exception {
    Path in = Files.writeString(dir.resolve("in.jsonl"), """
        {"id": "a", "prompt": "Tom has 3 pens.", "completion": " Tom has 3*4=12 pens."}

        {"id": 7, "prompt": "", "completion": "Hello"}
        """);
    Path scored = dir.resolve("out.jsonl");
    assertEquals(0, run("score", "--model", "embedded", "--in", in, "--out", scored, "--json"), out);
    assertEquals(2, lastLine().path("rows").asInt());
    List<JsonNode> rows = rows(scored);
    assertEquals("a", rows.get(0).path("id").asString());
    assertTrue(rows.get(1).path("id").isInt(), "a number stays a number");
    for (JsonNode row : rows) {
      assertEquals(row.path("tokens").size(), row.path("token_logprobs").size());
      double sum = 0;
      for (JsonNode l : row.path("token_logprobs")) {
        assertTrue(l.asDouble() <= 0, row.toString());
        sum += l.asDouble();
      }
      assertEquals(sum, row.path("logprob").asDouble(), 1e-4);
    }
  }

  @Test
  void aBadRowIsNamedByItsLine() throws Exception {
    Path in = Files.writeString(dir.resolve("in.jsonl"), "{\"prompt\": \"a\", \"completion\": \"b\"}\n{\"prompt\": 3}\n");
    assertEquals(2, run("score", "--model", "embedded", "--in", in, "--out", dir.resolve("o")));
    assertTrue(out.contains("line 2") && out.contains("\"prompt\" must be a text"), out);
    Files.writeString(in, "{\"prompt\": \"a\"\n");
    assertEquals(2, run("score", "--model", "embedded", "--in", in, "--out", dir.resolve("o")));
    assertTrue(out.contains("line 1"), out);
    assertEquals(2, run("score", "--model", "nosuch.gguf", "--in", in, "--out", dir.resolve("o")));
    assertTrue(out.contains("nosuch.gguf"), out);
  }

  /** A model with a template is asked as it was trained; --raw takes the text as it stands, and so do scores of texts. */
  @Test
  void dialoguesAreRenderedWhereTheModelHasATemplate() throws Exception {
    String question = "Tom has 3 boxes of 4 pens. How many pens does Tom have?";
    String rendered = "<|user|>" + question + "<|end|><|assistant|>";
    assertEquals(0, run("generate", "--model", "embedded", "--prompt", question), out);
    String answer = out;
    assertTrue(answer.contains("\\boxed{"), answer);
    assertEquals(0, run("generate", "--model", "embedded", "--raw", "--prompt", rendered), out);
    assertEquals(answer, out);
    assertEquals(0, run("generate", "--model", "embedded", "--raw", "--prompt", question), out);
    assertFalse(answer.equals(out), out);
    String end = "\", \"completion\": \"3*4=12\"}\n";
    Path in = Files.writeString(dir.resolve("both.jsonl"), "{\"prompt\": \"" + rendered + end + "{\"prompt\": [{\"role\": \"user\", "
        + "\"content\": \"" + question + "\"}], \"completion\": \"3*4=12\"}\n{\"prompt\": \"" + question + end);
    Path scored = dir.resolve("both-scored.jsonl");
    assertEquals(0, run("score", "--model", "embedded", "--in", in, "--out", scored), out);
    List<String> scores = rows(scored).stream().map(r -> r.get("token_logprobs").toString()).toList();
    assertEquals(scores.get(0), scores.get(1), "a list of messages is rendered");
    assertFalse(scores.get(0).equals(scores.get(2)), "a text is not");
  }

  /** Nothing can be said after a prompt that fills the context: that is an error with both lengths. */
  @Test
  void aPromptThatDoesNotFitIsNamed() throws Exception {
    String question = "Tom has 3 pens. ".repeat(500);
    assertEquals(1, run("generate", "--model", "embedded", "--prompt", question), out);
    assertTrue(out.contains(" tokens, the model's context holds "), out);
    Path in = Files.writeString(dir.resolve("long.jsonl"),
        "{\"id\": \"short\", \"prompt\": \"Tom has 3 pens.\"}\n{\"id\": \"long\", \"prompt\": \"" + question + "\"}\n");
    Path made = dir.resolve("long-made.jsonl");
    assertEquals(1, run("generate", "--model", "embedded", "--in", in, "--out", made, "--max-tokens", 4), out);
    assertTrue(out.contains("long has "), out);
    assertEquals(2, rows(made).size(), "what could be made is kept");
    Path problems = Files.writeString(dir.resolve("problems.jsonl"), "{\"id\": \"a\", \"question\": \"Tom has 3 pens.\", "
        + "\"answer\": \"3\"}\n{\"id\": \"b\", \"question\": \"" + question + "\", \"answer\": \"3\"}\n");
    assertEquals(0, run("eval", "--model", "embedded", "--problems", problems, "--max-tokens", 4), out);
    assertTrue(out.contains("do not fit into the model's context: b"), out);
  }

  @Test
  void generateIsTheSameForTheSameSeed() throws Exception {
    Path in = Files.writeString(dir.resolve("in.jsonl"), """
        {"id": "p", "prompt": "Tom has 3 boxes of 4 pens. How many pens does Tom have?"}
        """);
    Path first = dir.resolve("1.jsonl");
    Path second = dir.resolve("2.jsonl");
    for (Path file : List.of(first, second)) {
      assertEquals(0, run("generate", "--model", "embedded", "--in", in, "--out", file, "--samples", 3,
          "--temperature", 0.8, "--max-tokens", 60, "--seed", 5), out);
    }
    assertEquals(3, rows(first).size());
    assertEquals(Files.readString(first), Files.readString(second));
    assertEquals(0, run("generate", "--model", "embedded", "--prompt", "Tom has 3 pens and buys 4.",
        "--max-tokens", 20, "--json"), out);
    assertTrue(lastLine().path("tokens").asInt() <= 20, out);
  }

  /**
   * How much the embedded model can do, greedily, on problems that nobody trained on: the weights of its file and their
   * way through tokenizer, kernels, decoding and grading. CPUs that multiply in BF16 may answer a few problems otherwise.
   */
  @Test
  void theEmbeddedModelSolvesWhatItAlwaysSolved() {
    assertEquals(0, run("eval", "--model", "embedded", "--problems", "embedded:test", "--limit", 100, "--json"), out);
    assertEquals(100, lastLine().path("n").asInt());
    int correct = lastLine().path("correct").asInt();
    assertEquals(EMBEDDED_SOLVES, correct, 3, out);
    assertEquals(correct / 100.0, lastLine().path("accuracy").asDouble(), 1e-12);
    assertTrue(lastLine().path("interval_low").asDouble() < correct / 100.0 - 0.05, "of 100 problems it is wide: " + out);
  }

  @Test
  void anAdapterChangesTheScoreTheWayItWasTrained() throws Exception {
    Path pairs = Files.writeString(dir.resolve("pairs.jsonl"), """
        {"prompt": "Tom has 3 pens.", "chosen": " 3*4=12", "rejected": " 3+4=7"}
        """);
    Path in = Files.writeString(dir.resolve("in.jsonl"), """
        {"id": "chosen", "prompt": "Tom has 3 pens.", "completion": " 3*4=12"}
        {"id": "rejected", "prompt": "Tom has 3 pens.", "completion": " 3+4=7"}
        """);
    Path adapter = dir.resolve("a.gguf");
    assertEquals(0, run("train", "dpo", "--model", "embedded", "--pairs", pairs, "--adapter-out", adapter, "--steps", 4,
        "--learning-rate", "1e-3", "--warmup", 0, "--json"), out);
    assertEquals(4, lastLine().path("steps").asInt());
    Path before = dir.resolve("before.jsonl");
    Path after = dir.resolve("after.jsonl");
    assertEquals(0, run("score", "--model", "embedded", "--in", in, "--out", before), out);
    assertEquals(0, run("score", "--model", "embedded", "--adapter", adapter, "--in", in, "--out", after), out);
    assertNotEquals(Files.readString(before), Files.readString(after));
    assertTrue(margin(after) > margin(before) + 0.1, margin(before) + " then " + margin(after));
  }

  @Test
  void theFolderOfWhatIsWrittenIsMade() throws Exception {
    Path model = dir.resolve("new/folder/model.gguf");
    done(model, "model", "random", "--like", "tiny-qwen2", "--out", model);
    Path rows = Files.writeString(dir.resolve("rows.jsonl"), """
        {"prompt": "1+1=", "completion": "2", "chosen": "2", "rejected": "3", "completions": ["2"], "labels": [true],
         "question": "1+1=", "answer": "2", "gold": "2", "pred": "2"}
        """.replace("\n ", ""));
    Path adapter = dir.resolve("new/dpo/a.gguf");
    Object[] dpo = {"train", "dpo", "--model", model, "--pairs", rows, "--adapter-out", adapter, "--steps", 1};
    assertEquals(0, run(with(dpo, "--dry-run")), out);
    assertFalse(Files.exists(adapter.getParent()), "a dry run makes nothing");
    done(adapter, with(dpo, "--out", dir.resolve("else/where")));
    assertTrue(Files.exists(dir.resolve("else/where/metrics.jsonl")));
    for (String kind : List.of("sft", "prm")) {
      Path to = dir.resolve("new/" + kind + "/a.gguf");
      done(to, "train", kind, "--model", model, "--data", rows, "--adapter-out", to, "--steps", 1);
    }
    Path to = dir.resolve("new/merged/m.gguf");
    done(to, "model", "merge", "--model", model, "--adapter", adapter, "--out", to);
    assertEquals(0, run("model", "adapter", "--model", model, "--adapter", adapter, "--to-peft", dir.resolve("p/q")), out);
    to = dir.resolve("new/back/a.gguf");
    done(to, "model", "adapter", "--model", model, "--adapter", to, "--from-peft", dir.resolve("p/q"));
    to = dir.resolve("new/scored/rows.jsonl");
    done(to, "score", "--model", model, "--in", rows, "--out", to);
    to = dir.resolve("new/generated/rows.jsonl");
    done(to, "generate", "--model", model, "--in", rows, "--out", to, "--max-tokens", 2);
    to = dir.resolve("new/graded/rows.jsonl");
    done(to, "grade", "--in", rows, "--out", to);
    to = dir.resolve("new/eval/rows.jsonl");
    done(to, "eval", "--model", model, "--problems", rows, "--out", to, "--markdown", dir.resolve("new/md/e.md"), "--html",
        dir.resolve("new/html/e.html"), "--max-tokens", 2, "--chat-template", "plain");
    assertTrue(Files.exists(dir.resolve("new/md/e.md")) && Files.exists(dir.resolve("new/html/e.html")));
    assertEquals(2, run("model", "random", "--like", "tiny-qwen2", "--out", rows.resolve("x/m.gguf")), out);
    assertTrue(out.contains(rows + " is not a directory that can be written to"), out);
  }

  private static Object[] with(Object[] args, Object... more) {
    return Stream.concat(Stream.of(args), Stream.of(more)).toArray();
  }

  private void done(Path file, Object... args) {
    assertFalse(Files.exists(file.getParent()), "not there before");
    assertEquals(0, run(args), out);
    assertTrue(Files.isRegularFile(file), out);
  }

  private double margin(Path scored) throws Exception {
    List<JsonNode> rows = rows(scored);
    return rows.get(0).path("logprob").asDouble() - rows.get(1).path("logprob").asDouble();
  }
}
