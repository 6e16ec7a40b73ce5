package dev.sphere.lab.study;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.SplittableRandom;
import tools.jackson.databind.json.JsonMapper;

/** Writes the problem files of the study of rounds; {@code lab/run study-sets}. Always the same ones. */
public final class StudySets {
  /** The last class that is searched; class 10 is evaluated alone. */
  private static final int SEARCHED = 9;

  private StudySets() {}

  /**
   * {@code TASK OUT [SEARCHED VALIDATION TEST [TRAINED]]}: problems a class of each set, and rows for more training on
   * classes 1 to 3.
   */
  public static void main(String[] args) throws IOException {
    Task task = Task.of(args[0]);
    Path out = Files.createDirectories(Path.of(args[1]));
    int[] counts = {400, 50, 100, 20_000};
    for (int i = 2; i < args.length; i++) {
      counts[i - 2] = Integer.parseInt(args[i]);
    }
    problems(task, Task.Use.SEARCH, SEARCHED, counts[0], out.resolve(task.label() + "-search.jsonl"));
    problems(task, Task.Use.VALIDATION, SEARCHED, counts[1], out.resolve(task.label() + "-validation.jsonl"));
    problems(task, Task.Use.TEST, Task.LEVELS, counts[2], out.resolve(task.label() + "-test.jsonl"));
    // Dialogues that the base has not seen: another seed.
    List<String> rows = StudyCorpus.dialogues(task, 1_000_003, counts[3], 0).stream()
        .map(d -> JsonMapper.shared().writeValueAsString(Map.of(
            "prompt", d.subList(0, d.size() - 1), "completion", List.of(d.getLast())))).toList();
    Files.write(out.resolve(task.label() + "-sft.jsonl"), rows);
  }

  /** Rows of classes 1 to {@code levels}, shuffled, so that any part of the file holds all classes. */
  private static void problems(Task task, Task.Use use, int levels, int count, Path file) throws IOException {
    List<StudyProblem> all = new ArrayList<>();
    Set<String> taken = new HashSet<>();
    for (int level = 1; level <= levels; level++) {
      all.addAll(task.distinct(level, use, count, new SplittableRandom(41 + level), taken));
    }
    Collections.shuffle(all, new Random(41));
    List<String> lines = new ArrayList<>();
    for (StudyProblem p : all) {
      lines.add(JsonMapper.shared().writeValueAsString(
          p.row(task.label() + "-" + use.name().toLowerCase(Locale.ROOT) + "-" + lines.size())));
    }
    Files.write(file, lines);
  }
}
