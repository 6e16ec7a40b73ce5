package dev.sphere.cli.command;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** {@code eval prm}: its figures, but for the seconds. */
class EvalPrmOptionsTest extends EveryOption {
  private static final String STEPS = "--steps embedded:steps --steps-limit 6";
  private static final String GAIN = "--problems embedded:test --limit 2 --samples 2";

  @Override
  String command() {
    return "eval prm";
  }

  @Override
  Done run(List<String> words) {
    List<String> all = new ArrayList<>(words);
    if (!words.contains("--model")) {
      all.addAll(List.of("--model", "embedded-small"));
    }
    if (!words.contains("--prm")) {
      all.addAll(List.of("--prm", "random"));
    }
    if (!words.contains("--json")) {
      all.add("--json");
    }
    Done done = call(all);
    return new Done(done.status(), done.out(), done.status() != 0 ? "" : done.json().toString()
        .replaceAll("\"seconds\":[0-9.Ee-]+", "").replaceAll("\"prm\":\"[^\"]*\"", ""));
  }

  @Override
  List<Case> cases() throws Exception {
    Path out = dir.resolve("scores.jsonl");
    Path broken = dir.resolve("broken.jsonl");
    Files.writeString(dir.resolve("broken.jsonl.part"), "left by something else\n");
    Path few = dir.resolve("few.jsonl");
    return List.of(
        differs("--prm", STEPS, "outcome"),
        differs("--model", STEPS + " --prm implicit:embedded", "embedded"),
        needed("--steps", "", "embedded:steps --steps-limit 3", "give --steps, --problems or both"),
        shows("--steps-limit", "--steps embedded:steps", "4", d -> assertEquals(4,
            d.json().at("/steps/cases").asInt())),
        differs("--threshold", STEPS, "0.9"),
        needed("--problems", "--limit 1 --samples 2", "embedded:test", "give --steps, --problems or both"),
        shows("--limit", "--problems embedded:test --samples 1", "2", d ->
            assertEquals(2, d.json().at("/best_of_n/problems").asInt())),
        differs("--samples", "--problems embedded:test --limit 1", "3"),
        // A step's score is the sigmoid of beta times a log-ratio: scores move away from one half as beta grows.
        new Case("--prm-beta", STEPS + " --prm implicit:embedded --out " + few, "--prm-beta 2 --threshold 0.4",
            (without, with) -> assertTrue(content(few).lines().mapToDouble(EvalPrmOptionsTest::spread).max().orElse(0) > 0.3,
                content(few))),
        differs("--rollouts", "--steps embedded:steps --steps-limit 3 --prm mc", "2"),
        differs("--temperature", GAIN, "1.6"),
        // Another end of each step: other tokens, which a model reads.
        differs("--separator", STEPS + " --prm implicit:embedded", "."),
        differs("--seed", STEPS, "9"),
        same("--parallel", STEPS, "1"),
        shows("--out", STEPS, out.toString(), d -> assertEquals(6, content(out).lines().count())),
        // A journal that something else has left is in the way; to resume is to look into it.
        new Case("--resume", STEPS + " --out " + broken, "--resume", (without, with) -> {
          assertTrue(without.status() == 2 && without.out().contains("go on with --resume"), without.out());
          assertTrue(with.status() == 2 && with.out().contains("which says what it is made from"), with.out());
        }),
        shows("--json", STEPS, "", d -> assertEquals(6, d.json().at("/steps/cases").asInt())));
  }

  private static double spread(String line) {
    double most = 0;
    for (var score : tools.jackson.databind.json.JsonMapper.shared().readTree(line).get("scores")) {
      most = Math.max(most, Math.abs(score.asDouble() - 0.5));
    }
    return most;
  }
}
