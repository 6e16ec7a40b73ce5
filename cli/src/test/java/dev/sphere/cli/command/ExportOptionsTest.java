package dev.sphere.cli.command;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sphere.cli.Main;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** {@code export}: what it writes of a run with pairs. */
class ExportOptionsTest extends EveryOption {
  private int runs;

  @Override
  String command() {
    return "export";
  }

  private Path searched(String name, String seed) {
    Path run = dir.resolve(name);
    if (!Files.exists(run)) {
      assertEquals(0, Main.run("search", "--model", "embedded", "--problems", "embedded:train", "--limit", "2", "--run",
          run.toString(), "--prm", "outcome", "--candidates", "4", "--pairing", "any", "--stages", "generation",
          "--simulations", "3", "--seed", seed));
      assertTrue(content(run.resolve("pairs.jsonl")).lines().count() > 0, "there must be pairs to tell exports apart");
    }
    return run;
  }

  @Override
  Done run(List<String> words) throws Exception {
    List<String> all = new ArrayList<>(words);
    int at = words.indexOf("--out");
    Path out = at >= 0 ? Path.of(words.get(at + 1)) : dir.resolve("out" + runs++);
    if (words.contains("--run")) {
      searched("other", "2");
    } else {
      all.addAll(List.of("--run", searched("run", "1").toString()));
    }
    if (!words.contains("--format")) {
      all.addAll(List.of("--format", "trl-jsonl"));
    }
    if (at < 0) {
      all.addAll(List.of("--out", out.toString()));
    }
    Done done = call(all);
    return new Done(done.status(), done.out(), Files.readString(out, StandardCharsets.ISO_8859_1));
  }

  @Override
  List<Case> cases() {
    Path out = dir.resolve("exported.jsonl");
    return List.of(
        differs("--run", "", dir.resolve("other").toString()),
        new Case("--format", "", "--format trl-parquet", (without, with) -> {
          assertTrue(without.made().startsWith("{\"prompt\":"), without.made());
          assertTrue(with.made().startsWith("PAR1"));
        }),
        new Case("--kind", "", "--kind stepwise", (without, with) ->
            assertTrue(with.made().contains("\"labels\":") && !without.made().contains("\"labels\":"), with.made())),
        new Case("--conversational", "", "--conversational", (without, with) ->
            assertTrue(with.made().contains("\"role\":\"assistant\"") && !without.made().contains("role"),
                with.made())),
        new Case("--implicit-prompt", "", "--implicit-prompt", (without, with) ->
            assertTrue(with.made().startsWith("{\"chosen\":"), with.made())),
        shows("--out", "", out.toString(), d -> assertTrue(Files.exists(out))),
        shows("--json", "", "", d -> assertEquals(d.made().lines().count(), d.json().get("pairs").asInt(), d.out())));
  }
}
