package dev.sphere.cli.command;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.stream.Collectors;

/** {@code search}: on the embedded model, with the random reward where no other is asked for. */
class SearchOptionsTest extends EveryOption {
  /** What every call has, unless it says otherwise. */
  private static final Map<String, String> USUAL =
      Map.of("--model", "embedded-small", "--problems", "embedded:train", "--limit", "1", "--prm", "random",
          "--candidates", "2");
  private static final String MANY = "--model embedded --simulations 4 --pairing any --stages generation --limit 2";
  private static final String STRATEGY = "--stages generation --budget 300 --strategy ";

  private static final String PROBE = "--model embedded --limit 6 --stages generation --probe 4";

  private int runs;

  @Override
  String command() {
    return "search";
  }

  @Override
  Done run(List<String> words) throws Exception {
    List<String> all = new ArrayList<>(words);
    USUAL.forEach((option, value) -> {
      if (!words.contains(option)) {
        all.addAll(List.of(option, value));
      }
    });
    int at = words.indexOf("--run");
    if (words.contains("--adapter")) {
      ModelCases.adapter(dir);
    }
    Path run = at >= 0 ? Path.of(words.get(at + 1)) : dir.resolve("run" + runs++);
    if (at < 0) {
      all.addAll(List.of("--run", run.toString()));
    }
    Done done = call(all);
    return new Done(done.status(), done.out(), sorted(run, "tree.jsonl") + sorted(run, "stages.jsonl")
        + content(run.resolve("pairs.jsonl")));
  }

  private static String sorted(Path run, String file) {
    return content(run.resolve(file)).lines().sorted().collect(Collectors.joining("\n"));
  }

  /** What the run keeps of its settings. */
  private String settings() {
    return content(dir.resolve("run" + (runs - 1)).resolve("run.json"));
  }

  private Consumer<Done> kept(String name, String value) {
    return d -> assertTrue(settings().contains("\"" + name + "\" : \"" + value + "\""), settings());
  }

  @Override
  List<Case> cases() throws Exception {
    Path rows = Files.writeString(dir.resolve("rows.jsonl"), """
        {"nr": "a", "answer": "71", "wrong": "72", "other": "Ann has 7 pens and buys 5. How many pens does Ann have?",
        """.strip() + """
         "question": "A bus has 40 people. At a stop 3 get off and 34 get on. How many people are on the bus?"}
        """);
    Path bad = Files.writeString(dir.resolve("bad.jsonl"), Files.readString(rows) + "{\"question\": \"no answer\"}\n");
    Path test = Files.writeString(dir.resolve("test.jsonl"), """
        {"question": "A car has 4 people. At a stop 3 get off and 34 get on. Who?", "answer": "12"}
        """);
    Path shots = Files.writeString(dir.resolve("shots.jsonl"), """
        {"question": "Bob has 2 nuts.", "answer": "So 2."}
        """.repeat(6));
    Path template = Files.writeString(dir.resolve("template.jinja"),
        "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}");
    Path used = dir.resolve("used");
    Path profile = dir.resolve("p.jfr");
    String own = "--problems " + rows;
    String templated = "--chat-template " + template;
    Path recipe = Files.writeString(dir.resolve("recipe.yaml"), "seed: 7\n");
    return List.of(
        differs("--model", "", "embedded"),
        differs("--problems", "", "embedded:validation"),
        differs("--limit", "", "2"),
        differs("--question-field", own, "other"),
        differs("--answer-field", own + " --model embedded --candidates 6", "wrong"),
        differs("--id-field", own, "nr"),
        needed("--skip-bad", "--limit 9 --problems " + bad, "", "skip bad rows with --skip-bad"),
        // 9 words in a row are shared, no 13
        new Case("--decontaminate", own, "--ngram 8 --decontaminate " + test, (without, with) -> {
          assertEquals(0, without.status(), without.out());
          assertTrue(with.out().contains("no problem is left"), with.out());
        }),
        new Case("--ngram", own + " --decontaminate " + test, "--ngram 8", (without, with) -> {
          assertEquals(0, without.status(), without.out());
          assertTrue(with.out().contains("no problem is left"), with.out());
        }),
        shows("--run", "", used.toString(), d -> assertTrue(Files.exists(used.resolve("tree.jsonl")))),
        differs("--shard", "--limit 2", "2/2"),
        new Case("--spark", own, "--spark local[1]", (without, with) -> { // nothing of Spark is here
          assertEquals(0, without.status(), without.out());
          assertEquals(2, with.status(), with.out());
          assertTrue(with.out().contains("Spark"), with.out());
        }),
        shows("--dry-run", "--limit 2", "", d -> {
          assertTrue(d.out().contains("  disk    ") && d.out().contains("  pairs   "), d.out());
          assertEquals("", d.made(), "nothing is kept");
        }),
        needed("--resume", "--seed 1 --run " + used, "", "--resume"),
        differs("--adapter", "--model embedded", dir.resolve("adapter.gguf").toString()),
        differs("--small-model", "--model embedded --limit 6 --candidates 3", "embedded-small"),
        differs("--chat-template", "", template.toString()),
        differs("--recipe", "", recipe.toString()),
        differs("--system", templated, "Quick!"),
        differs("--question", "", "{question}_Well?"),
        differs("--few-shot", "", shots.toString()),
        differs("--shots", "--few-shot " + shots, "2"),
        differs("--seed", "", "2"),
        shows("--activations", "", "f32", kept("activations", "f32")),
        same("--parallel", "--limit 2", "1"),
        shows("--profile", "", profile.toString(), d -> assertTrue(Files.exists(profile) && !d.out().isBlank())),
        shows("--json", "", "", d -> assertEquals(1, d.json().get("problems").asInt())),
        differs("--prm", "", "outcome"),
        differs("--rollouts", "--prm mc", "3"),
        differs("--early-stop", "--prm mc --model embedded --limit 2 --candidates 3", ""),
        differs("--candidates", "", "4"),
        differs("--simulations", "", "2"),
        differs("--top-k", "", "1"),
        differs("--top-p", "", "0.3"),
        differs("--min-p", "", "0.6"),
        shows("--uct", "", "4.5", d -> assertTrue(settings().contains("4.5"), settings())),
        differs("--advantage-weight", "", "3"),
        shows("--outcome-weight", "", "6.5", d -> assertTrue(settings().contains("6.5"), settings())),
        shows("--backup", "--simulations 2", "mean", kept("search.backup", "mean")),
        differs("--max-tokens", "--prm mc", "4"),
        shows("--distinct", "", "loose", d -> assertTrue(settings().contains("LOOSE"), settings())),
        differs("--temperature", "", "1.4"),
        differs("--depth", "", "1"),
        differs("--separator", "", "."),
        differs("--max-step-tokens", "", "5"),
        differs("--probe", "--model embedded --limit 4", "4"),
        differs("--pass-rate", PROBE, "0.05..0.3"),
        shows("--order", PROBE, "mixed", kept("probe.order", "MIXED")),
        differs("--take", PROBE, "1"),
        differs("--no-probe-pairs", PROBE, ""),
        differs("--prm-beta", "--model embedded --prm implicit:embedded-small", "0.5"),
        differs("--strategy", "--stages generation", "rejection"),
        differs("--budget", "--stages generation --strategy rejection", "300"),
        differs("--width", STRATEGY + "best-of-n", "2"),
        differs("--aggregation", STRATEGY + "best-of-n", "min"),
        differs("--stages", "", "generation"),
        differs("--pairing", MANY.replace("--pairing any ", ""), "any"),
        differs("--pairs-per-stage", MANY, "1"),
        differs("--pairs-per-problem", MANY, "1"),
        differs("--near-duplicates", "--model embedded --simulations 4 --pairing any --limit 4 --candidates 3", "0.01"),
        differs("--max-length-ratio", MANY, "1.01"),
        shows("--guessed-answers", "", "", d -> assertTrue(settings().contains("\"stages.rules.guessed\" : \"true\""), settings())),
        shows("--corrections", "", "7", kept("stages.corrections", "7")),
        shows("--no-correct-paired", "", "", kept("stages.correctPaired", "false")),
        shows("--truncated-rejected", "", "", kept("stages.truncatedRejected", "true")),
        shows("--resample-rounds", "", "9", kept("search.resampleRounds", "9")),
        shows("--no-stop-at-answer", "", "", kept("search.stopAtAnswer", "false")),
        shows("--correction", "", "Again", kept("stages.prompts.correction", "Again")),
        shows("--corrected-after", "", "Now", kept("stages.prompts.correctedAfter", "Now")),
        differs("--diversity-factor", "--model embedded --small-model embedded-small --limit 6 --candidates 3", "3"));
  }
}
