package dev.sphere.cli.command;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sphere.gguf.GgmlType;
import dev.sphere.gguf.make.ByteVocabulary;
import dev.sphere.gguf.make.RandomModel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** {@code generate}: what it prints. */
class GenerateOptionsTest extends EveryOption {
  private static final String WARM = "--temperature 1.2 --samples 3";

  @Override
  String command() {
    return "generate";
  }

  @Override
  Done run(List<String> words) throws Exception {
    if (words.contains("--adapter")) {
      ModelCases.adapter(dir);
    }
    List<String> all = new ArrayList<>(words);
    if (!words.contains("--model")) {
      all.addAll(List.of("--model", "embedded-small"));
    }
    if (!words.contains("--prompt") && !words.contains("--in")) {
      all.addAll(List.of("--prompt", "Tom has 3 pens and buys 4 more."));
    }
    if (!words.contains("--max-tokens")) {
      all.addAll(List.of("--max-tokens", "16"));
    }
    Done done = call(all);
    return new Done(done.status(), done.out(), done.out().replaceAll("\"seconds\":[0-9.Ee-]+", ""));
  }

  @Override
  List<Case> cases() throws Exception {
    Path in = Files.writeString(dir.resolve("in.jsonl"),
        "{\"id\":\"a\",\"prompt\":\"Ann has 9 nuts.\"}\n{\"prompt\":\"b\"}\n");
    Path template = Files.writeString(dir.resolve("template.jinja"),
        "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}");
    Path out = dir.resolve("out.jsonl");
    Path broken = dir.resolve("broken.jsonl");
    Files.writeString(dir.resolve("broken.jsonl.part"), "left by something else\n");
    Path q8 = dir.resolve("q8.gguf");
    RandomModel.write(RandomModel.like("tiny-qwen2"), ByteVocabulary.metadata(), GgmlType.Q8_0, 7, q8);
    return List.of(
        differs("--model", "", "embedded"),
        differs("--adapter", "--model embedded", dir.resolve("adapter.gguf").toString()),
        differs("--prompt", "", "Ann_has"),
        shows("--in", "", in.toString(), d -> assertEquals(2, d.out().lines().count(), d.out())),
        shows("--out", "--in " + in, out.toString(), d -> {
          assertEquals("made: " + out + "\n", d.out());
          assertTrue(content(out).startsWith("{\"id\":\"a\",\"sample\":0,\"prompt\":\"Ann has 9 nuts.\""),
              content(out));
        }),
        // A journal that something else has left is in the way; to resume is to look into it.
        new Case("--resume", "--in " + in + " --out " + broken, "--resume", (without, with) -> {
          assertTrue(without.status() == 2 && without.out().contains("go on with --resume"), without.out());
          assertTrue(with.status() == 2 && with.out().contains("which says what it is made from"), with.out());
        }),
        new Case("--spark", "", "--spark local[1]", (without, with) -> { // nothing of Spark is here
          assertEquals(0, without.status(), without.out());
          assertEquals(2, with.status(), with.out());
          assertTrue(with.out().contains("Spark"), with.out());
        }),
        differs("--raw", "", ""),
        differs("--chat-template", "", template.toString()),
        differs("--system", "--chat-template " + template, "Quick!"),
        shows("--samples", "--temperature 1", "4", d -> assertTrue(d.out().lines().distinct().count() >= 4, d.out())),
        differs("--temperature", "", "1.5"),
        differs("--top-k", WARM, "1"),
        differs("--top-p", WARM, "0.05"),
        differs("--min-p", WARM, "0.9"),
        differs("--max-tokens", "", "3"),
        differs("--seed", WARM, "7"),
        differs("--activations", "--model " + q8 + " --temperature 1 --samples 48 --max-tokens 100", "int8"),
        shows("--json", "", "", d -> assertEquals(16, d.json().get("tokens").asInt(), d.out())));
  }
}
