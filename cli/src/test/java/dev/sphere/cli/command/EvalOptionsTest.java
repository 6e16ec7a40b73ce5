package dev.sphere.cli.command;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sphere.engine.eval.AnswerFile;
import dev.sphere.engine.eval.Answered;
import dev.sphere.engine.store.Journal;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** {@code eval}: what counts are the answers, not what the report says of the settings. */
class EvalOptionsTest extends EveryOption {
  private static final String SAMPLES = "--samples 2 --no-greedy";

  private int runs;

  @Override
  String command() {
    return "eval";
  }

  @Override
  Done run(List<String> words) throws Exception {
    if (words.contains("--adapter")) {
      ModelCases.adapter(dir);
    }
    List<String> all = new ArrayList<>(words);
    if (!words.contains("--regrade")) {
      usual(all, words, "--model", "embedded-small");
      usual(all, words, "--problems", "embedded:validation");
      usual(all, words, "--limit", "2");
    }
    int at = words.indexOf("--out");
    Path out = at >= 0 ? Path.of(words.get(at + 1)) : dir.resolve("answers" + runs++ + ".jsonl");
    if (at < 0) {
      all.addAll(List.of("--out", out.toString()));
    }
    Done done = call(all);
    if (done.status() != 0) {
      return done;
    }
    StringBuilder answers = new StringBuilder();
    Path shard = dir.resolve(out.getFileName() + ".shards/00001.jsonl");
    List<Answered> made = !words.contains("--shard") ? AnswerFile.read(out)
        : Journal.read(AnswerFile.JOURNAL, shard).rows().values().stream().flatMap(List::stream).toList();
    for (Answered a : made) {
      answers.append(a.problemId()).append(a.sample()).append(a.text().replace('\n',
          '|')).append(a.gold()).append(a.tokens())
          .append(a.steps()).append(a.truncated()).append('\n');
    }
    return new Done(done.status(), done.out(), answers.toString());
  }

  private static void usual(List<String> all, List<String> words, String option, String value) {
    if (!words.contains(option)) {
      all.addAll(List.of(option, value));
    }
  }

  @Override
  List<Case> cases() throws Exception {
    Path rows = Files.writeString(dir.resolve("rows.jsonl"), """
        {"nr": "a", "answer": "71", "wrong": "72", "other": "Ann has 7 pens and buys 5. How many pens does Ann have?",
        """.strip() + """
         "question": "A bus has 40 people. At a stop 3 get off and 34 get on. How many people are on the bus?"}
        """);
    Path bad = Files.writeString(dir.resolve("bad.jsonl"), Files.readString(rows) + "{\"question\": \"no answer\"}\n");
    Path shots = Files.writeString(dir.resolve("shots.jsonl"), """
        {"question": "Bob has 2 nuts.", "answer": "So 2."}
        """.repeat(6));
    Path recipe = Files.writeString(dir.resolve("recipe.yaml"), "name: R\nmax_tokens: 5\nsamples: 1\n");
    Path template = Files.writeString(dir.resolve("template.jinja"),
        "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}");
    Path broken = dir.resolve("broken.jsonl");
    Files.writeString(dir.resolve("broken.jsonl.part"), "{\"evaluation\":{\"model\":\"another\"}}\n");
    Path markdown = dir.resolve("r.md");
    Path html = dir.resolve("r.html");
    Path kept = dir.resolve("kept.jsonl");
    Path base = dir.resolve("base.jsonl");
    String own = "--problems " + rows;
    return List.of(
        differs("--model", "", "embedded"),
        differs("--adapter", "--model embedded --limit 4 --samples 2", dir.resolve("adapter.gguf").toString()),
        new Case("--recipe", "", "--recipe " + recipe, (without, with) -> {
          assertTrue(with.made().lines().count() > without.made().lines().count(), "its samples");
          assertTrue(with.made().contains("true"), "its limit of 5 tokens");
        }),
        new Case("--recipe", "--samples 2", "--recipe " + recipe, (without, with) ->
            assertEquals(without.made().lines().count(), with.made().lines().count(), "the flag comes first")),
        differs("--problems", "", "embedded:test"),
        differs("--limit", "", "3"),
        differs("--question-field", own, "other"),
        differs("--answer-field", own, "wrong"),
        differs("--id-field", own, "nr"),
        needed("--skip-bad", "--problems " + bad, "", "skip bad rows with --skip-bad"),
        differs("--chat-template", "", template.toString()),
        differs("--system", "--chat-template " + template, "Quick!"),
        differs("--question", "", "{question}_Well?"),
        differs("--few-shot", "", shots.toString()),
        differs("--shots", "--few-shot " + shots, "2"),
        differs("--stop", "", "="),
        differs("--shard", "", "1/2"),
        new Case("--spark", "", "--spark local[1]", (without, with) -> { // nothing of Spark is here
          assertEquals(0, without.status(), without.out());
          assertEquals(2, with.status(), with.out());
          assertTrue(with.out().contains("Spark"), with.out());
        }),
        differs("--samples", "", "1"),
        differs("--no-greedy", "--samples 1", ""),
        differs("--temperature", SAMPLES, "1.5"),
        differs("--top-p", SAMPLES, "0.1"),
        differs("--top-k", SAMPLES + " --temperature 1.5", "1"),
        differs("--min-p", SAMPLES + " --temperature 1.5", "0.9"),
        differs("--max-tokens", "", "4"),
        differs("--seed", SAMPLES, "4"),
        shows("--activations", "--markdown " + dir.resolve("f32.md"), "f32",
            d -> assertTrue(content(dir.resolve("f32.md")).contains("f32"))),
        same("--parallel", SAMPLES, "1"),
        shows("--out", "", kept.toString(), d -> assertTrue(Files.exists(kept))),
        differs("--prm", SAMPLES, "random"),
        differs("--rollouts", "--samples 1 --no-greedy --limit 1 --prm mc", "3"),
        // A journal that something else has left is in the way; to resume is to look into it.
        new Case("--resume", "--out " + broken, "--resume", (without, with) -> {
          assertTrue(without.status() == 2 && without.out().contains("go on with --resume"), without.out());
          assertTrue(with.status() == 2 && with.out().contains("its first line, which says what it is made from"), with.out());
        }),
        new Case("--regrade", "--out " + base, "--regrade " + base, (without, with) -> {
          assertEquals(0, with.status(), with.out());
          assertEquals(without.made(), with.made());
        }),
        new Case("--baseline", "--json", "--baseline " + base, (without, with) -> {
          assertTrue(without.json().path("comparison").isMissingNode());
          assertEquals(0, with.json().get("comparison").get("difference").asDouble(), with.out());
        }),
        shows("--markdown", "", markdown.toString(), d -> assertTrue(content(markdown).startsWith("# Evaluation"))),
        shows("--html", "", html.toString(), d -> assertTrue(content(html).stripTrailing().endsWith("</html>"))),
        new Case("--json", "", "--json", (without, with) -> {
          assertNotEquals("{", without.out().substring(0, 1));
          assertEquals(2, with.json().get("n").asInt());
        }));
  }
}
