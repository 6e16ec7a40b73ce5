package dev.sphere.lab.study;

import dev.sphere.lab.problems.ChainProblem.Use;
import dev.sphere.lab.problems.ChainProblem;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Random;
import java.util.Set;
import java.util.SplittableRandom;
import tools.jackson.databind.json.JsonMapper;

/** Writes the problem files of the study of rounds; {@code lab/run rounds} calls it. Always the same ones. */
public final class StudySets {
  /** Of the problems. The sets of 41 served to choose the study's settings, so nothing is to be concluded from those. */
  private static final int SEED = 42;

  /** Share of the dialogues that ask to correct a slip. */
  private static final double CORRECTION = 0.1;

  private StudySets() {}

  /**
   * {@code TASK OUT SEARCHED VALIDATION TEST TRAINED LONGEST}: problems a class of each set; dialogues of classes 1 to 3 for
   * two bases, and others for more training; operations of the longest problem in them, idle ones among them.
   */
  public static void main(String[] args) throws IOException {
    Task task = Task.of(args[0]);
    Path out = Files.createDirectories(Path.of(args[1]));
    int[] counts = Arrays.stream(args, 2, 7).mapToInt(Integer::parseInt).toArray();
    problems(task, Use.SEARCH, ChainProblem.SEARCHED, counts[0], out.resolve(task.label() + "-search.jsonl"));
    problems(task, Use.VALIDATION, ChainProblem.SEARCHED, counts[1], out.resolve(task.label() + "-validation.jsonl"));
    problems(task, Use.TEST, Task.LEVELS, counts[2], out.resolve(task.label() + "-test.jsonl"));
    rows(task, 1, counts, out.resolve(task.label() + "-base-1.jsonl"));
    rows(task, 2, counts, out.resolve(task.label() + "-base-2.jsonl"));
    rows(task, 1_000_003, counts, out.resolve(task.label() + "-sft.jsonl"));
  }

  private static void rows(Task task, long seed, int[] counts, Path file) throws IOException {
    Files.write(file, StudyCorpus.dialogues(task, seed, counts[3], CORRECTION, counts[4]).stream()
        .map(d -> JsonMapper.shared().writeValueAsString(StudyCorpus.row(d))).toList());
  }

  /** Rows of classes 1 to {@code levels}, shuffled, so that any part of the file holds all classes. */
  private static void problems(Task task, Use use, int levels, int count, Path file) throws IOException {
    List<StudyProblem> all = new ArrayList<>();
    Set<String> taken = new HashSet<>();
    for (int level = 1; level <= levels; level++) {
      all.addAll(task.distinct(level, use, count, new SplittableRandom(SEED + level), taken));
    }
    Collections.shuffle(all, new Random(SEED));
    List<String> lines = new ArrayList<>();
    for (StudyProblem p : all) {
      lines.add(JsonMapper.shared().writeValueAsString(
          p.row(task.label() + "-" + use.name().toLowerCase(Locale.ROOT) + "-" + lines.size())));
    }
    Files.write(file, lines);
  }
}
