package dev.sphere.cli.command;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** {@code compare}: its figures, but for the seconds. */
class CompareOptionsTest extends EveryOption {
  private static final Map<String, String> USUAL = Map.of("--model", "embedded-small", "--problems",
      "embedded:validation",
      "--limit", "3", "--prm", "random", "--budgets", "500", "--strategies", "beam");

  @Override
  String command() {
    return "compare";
  }

  @Override
  Done run(List<String> words) throws Exception {
    if (words.contains("--adapter")) {
      ModelCases.adapter(dir);
    }
    List<String> all = new ArrayList<>(words);
    USUAL.forEach((option, value) -> {
      if (!words.contains(option)) {
        all.addAll(List.of(option, value));
      }
    });
    if (!words.contains("--json")) {
      all.add("--json");
    }
    Done done = call(all);
    return new Done(done.status(), done.out(), done.status() != 0 ? "" : done.json().toString()
        .replaceAll("\"seconds\":[0-9.Ee-]+", ""));
  }

  @Override
  List<Case> cases() throws Exception {
    Path rows = Files.writeString(dir.resolve("rows.jsonl"), """
        {"nr": "a", "answer": "71", "wrong": "72", "other": "Ann has 7 pens and buys 5. How many pens does Ann have?",
        """.strip() + """
         "question": "A bus has 40 people. At a stop 3 get off and 34 get on. How many people are on the bus?"}
        """);
    Path bad = Files.writeString(dir.resolve("bad.jsonl"), Files.readString(rows) + "{\"question\": \"no answer\"}\n");
    Path out = dir.resolve("compared");
    Path broken = Files.createDirectory(dir.resolve("broken" + System.nanoTime()));
    Files.writeString(broken.resolve("compare.json.part"), "left by something else\n");
    String own = "--problems " + rows;
    return List.of(
        differs("--model", "", "embedded"),
        differs("--adapter", "--model embedded", dir.resolve("adapter.gguf").toString()),
        differs("--problems", "", "embedded:train"),
        differs("--limit", "", "2"),
        differs("--question-field", own, "other"),
        // The right answer is the wrong one then.
        differs("--answer-field", own + " --model embedded --strategies rejection --budgets 400", "wrong"),
        differs("--id-field", own + " --temperature 1.6", "nr"),
        needed("--skip-bad", "--limit 9 --problems " + bad, "", "skip bad rows with --skip-bad"),
        differs("--strategies", "", "dvts"),
        differs("--budgets", "", "200"),
        differs("--prm", "", "implicit:embedded"),
        differs("--rollouts", "--prm mc", "1"),
        differs("--beams", "", "4"),
        differs("--width", "--temperature 1.6", "2"),
        // Which of four samples is ranked first: the scores that it reads are more, too.
        differs("--aggregation", "--strategies best-of-n --prm mc --rollouts 1", "min"),
        differs("--temperature", "", "1.5"),
        differs("--depth", "", "1"),
        differs("--separator", "", "."),
        differs("--max-step-tokens", "", "3"),
        shows("--prm-beta", "--prm implicit:embedded", "0.9", d -> assertTrue(d.out().contains("beam"), d.out())),
        differs("--candidates", "--strategies sphere", "2"),
        differs("--seed", "--temperature 1.6", "5"),
        same("--parallel", "", "1"),
        shows("--out", "", out.toString(), d -> assertTrue(Files.exists(out.resolve("compare.html")))),
        // A journal that something else has left is in the way; to resume is to look into it.
        new Case("--resume", "--out " + broken, "--resume", (without, with) -> {
          assertTrue(without.status() == 2 && without.out().contains("go on with --resume"), without.out());
          assertTrue(with.status() == 2 && with.out().contains("which says what it is made from"), with.out());
        }),
        shows("--json", "", "", d -> assertEquals(1, d.json().get("rows").size())));
  }
}
