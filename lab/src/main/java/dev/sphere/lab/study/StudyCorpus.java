package dev.sphere.lab.study;

import dev.sphere.engine.Policy.Message;
import dev.sphere.engine.embedded.EmbeddedModels;
import dev.sphere.lab.problems.ChainProblem.Use;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;

/**
 * What a base of the study is trained on: classes 1 to 3 alone, and yet texts as long as those of class 10, one problem after another: a base that fails there fails
 * at the problem, not at the position. Problems of the later dialogues are made longer by idle operations (train with {@code --order given}): a base that has seen no
 * problem longer than class 3 cannot begin.
 */
public final class StudyCorpus {
  /** Characters up to which problems go before the last one: question and solution of class 10 take at most as many. */
  static final int REACH = 800;

  /** Operations of the longest problem in the middle part of the corpus. */
  private static final int MIDDLE = 6;

  /** Share of the problems that have no idle operation. */
  private static final double PLAIN = 0.25;

  private StudyCorpus() {}

  /**
   * All dialogues, in a fixed order. In one that has a correction every answer but the wrong one is to be learned.
   *
   * @param correction share of the dialogues that show a solution with a slip and ask for the right one, 0 to 1
   * @param longest operations of the longest problem, idle ones among them: 3 or more
   */
  public static List<List<Message>> dialogues(Task task, long seed, int count, double correction, int longest) {
    SplittableRandom random = new SplittableRandom(seed);
    List<List<Message>> out = new ArrayList<>(count);
    while (out.size() < count) {
      List<Message> dialogue = new ArrayList<>();
      int operations = operations((double) out.size() / count, longest);
      StudyProblem p = next(task, operations, random);
      if (random.nextDouble() < correction) {
        dialogue.add(new Message("user", p.question()));
        dialogue.add(new Message("assistant", p.wrong()));
        dialogue.add(new Message("user", EmbeddedModels.CORRECTION_REQUEST));
      } else {
        int before = random.nextInt(REACH);
        for (int length = 0; length < before; length += p.question().length() + p.solution().length()) {
          p = next(task, operations, random);
          dialogue.add(new Message("user", p.question()));
          dialogue.add(new Message("assistant", p.solution()));
        }
        p = next(task, operations, random);
        dialogue.add(new Message("user", p.question()));
      }
      dialogue.add(new Message("assistant", p.solution()));
      out.add(List.copyOf(dialogue));
    }
    return out;
  }

  /** A dialogue as a row for {@code train sft}: all answers are learned, after a correction the last alone. */
  static Map<String, Object> row(List<Message> dialogue) {
    boolean corrected = dialogue.stream().anyMatch(m -> m.content().equals(EmbeddedModels.CORRECTION_REQUEST));
    if (!corrected) {
      return Map.of("messages", dialogue);
    }
    Map<String, Object> row = new LinkedHashMap<>(); // always in this order: the file is always the same
    row.put("prompt", dialogue.subList(0, dialogue.size() - 1));
    row.put("completion", List.of(dialogue.getLast()));
    return row;
  }

  /** The most operations of a problem at a place of the corpus: two fifths are without idle ones, then they get longer twice. */
  private static int operations(double place, int longest) {
    return place < 0.4 ? Task.TRAINED : place < 0.67 ? Math.min(MIDDLE, longest) : longest;
  }

  private static StudyProblem next(Task task, int operations, SplittableRandom random) {
    int level = random.nextInt(1, Task.TRAINED + 1);
    int idle = operations == Task.TRAINED || random.nextDouble() < PLAIN ? 0 : random.nextInt(operations - level + 1);
    return task.next(level, idle, Use.SFT, random);
  }
}
