package dev.sphere.cli.command;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** {@code score}: what it writes. */
class ScoreOptionsTest extends EveryOption {
  private int runs;

  @Override
  String command() {
    return "score";
  }

  @Override
  Done run(List<String> words) throws Exception {
    if (words.contains("--adapter")) {
      ModelCases.adapter(dir);
    }
    List<String> all = new ArrayList<>(words);
    int at = words.indexOf("--out");
    Path out = at >= 0 ? Path.of(words.get(at + 1)) : dir.resolve("out" + runs++);
    if (!words.contains("--model")) {
      all.addAll(List.of("--model", "embedded-small"));
    }
    if (!words.contains("--in")) {
      all.addAll(List.of("--in", dir.resolve("in.jsonl").toString()));
    }
    if (at < 0) {
      all.addAll(List.of("--out", out.toString()));
    }
    Done done = call(all);
    return new Done(done.status(), done.out(), content(out));
  }

  @Override
  List<Case> cases() throws Exception {
    String row = "{\"prompt\":\"Tom has 3 pens.\",\"completion\":\" 3*4=12\"}\n";
    Files.writeString(dir.resolve("in.jsonl"), row);
    Path two = Files.writeString(dir.resolve("two.jsonl"), row + row.replace("12", "13"));
    Path template = Files.writeString(dir.resolve("template.jinja"), "{{ messages[0].content }}!!");
    Path dialogue = Files.writeString(dir.resolve("dialogue.jsonl"), "{\"prompt\":[{\"role\":\"user\",\"content\":"
        + "\"Tom has 3 pens.\"}],\"completion\":\" 3*4=12\"}\n");
    Path out = dir.resolve("scored.jsonl");
    Path broken = dir.resolve("broken.jsonl");
    Files.writeString(dir.resolve("broken.jsonl.part"), "left by something else\n");
    return List.of(
        differs("--model", "", "embedded"),
        differs("--adapter", "--model embedded", dir.resolve("adapter.gguf").toString()),
        differs("--in", "", two.toString()),
        shows("--out", "", out.toString(), d -> assertTrue(content(out).contains("token_logprobs"))),
        // A journal that something else has left is in the way; to resume is to look into it.
        new Case("--resume", "--out " + broken, "--resume", (without, with) -> {
          assertTrue(without.status() == 2 && without.out().contains("go on with --resume"), without.out());
          assertTrue(with.status() == 2 && with.out().contains("which says what it is made from"), with.out());
        }),
        differs("--activations", "--model embedded", "f32"),
        differs("--chat", "", ""),
        differs("--chat-template", "--in " + dialogue, template.toString()),
        shows("--json", "", "", d -> assertEquals(1, d.json().get("rows").asInt(), d.out())));
  }
}
