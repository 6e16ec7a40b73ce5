package dev.sphere.cli.command;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** {@code grade}: the verdicts that it writes. */
class GradeOptionsTest extends EveryOption {
  private int runs;

  @Override
  String command() {
    return "grade";
  }

  @Override
  Done run(List<String> words) throws Exception {
    List<String> all = new ArrayList<>(words);
    int at = words.indexOf("--out");
    Path out = at >= 0 ? Path.of(words.get(at + 1)) : dir.resolve("out" + runs++);
    if (!words.contains("--in") && !words.contains("--golds")) {
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
    Files.writeString(dir.resolve("in.jsonl"),
        "{\"gold\":\"1/2\",\"pred\":\"0.5\"}\n{\"gold\":\"1/2\",\"pred\":\"0.6\"}\n");
    Path other = Files.writeString(dir.resolve("other.jsonl"), "{\"gold\":\"7\",\"pred\":\"8\"}\n");
    Path golds = Files.writeString(dir.resolve("golds.jsonl"),
        "{\"id\":\"a\",\"question\":\"q\",\"answer\":\"1/2\"}\n{\"id\":\"b\",\"question\":\"r\",\"answer\":\"0.5\"}\n");
    Path out = dir.resolve("graded.jsonl");
    return List.of(
        differs("--in", "", other.toString()),
        shows("--golds", "", golds.toString(), d -> assertTrue(d.made().contains("0.5") && !d.out().isBlank(),
            d.made())),
        shows("--out", "", out.toString(), d -> assertEquals(2, content(out).lines().count())),
        shows("--json", "", "", d -> assertEquals(1, d.json().get("equal").asInt(), d.out())));
  }
}
