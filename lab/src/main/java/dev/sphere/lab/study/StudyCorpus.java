package dev.sphere.lab.study;

import dev.sphere.engine.Policy.Message;
import dev.sphere.engine.embedded.EmbeddedModels;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;

/**
 * What a base of the study is trained on: classes 1 to 3 alone. In a part of the dialogues other problems of these classes
 * go before, so that answers stand
 * where those of class 10 will stand: a base that fails there fails at the problem, not at the position. The last message is
 * learned.
 */
public final class StudyCorpus {
  /** Share of the dialogues that have problems before. */
  private static final double FAR = 0.25;

  /**
   * Characters up to which problems go before, about a token each: question and solution of class 10 take at most as many.
   */
  static final int REACH = 800;

  private StudyCorpus() {}

  /**
   * All dialogues, in a fixed order.
   *
   * @param correction share of the dialogues that show a solution with a slip and ask for the right one, 0 to 1
   */
  public static List<List<Message>> dialogues(Task task, long seed, int count, double correction) {
    SplittableRandom random = new SplittableRandom(seed);
    List<List<Message>> out = new ArrayList<>(count);
    while (out.size() < count) {
      List<Message> dialogue = new ArrayList<>();
      int before = random.nextDouble() < FAR ? random.nextInt(REACH) : 0;
      for (int length = 0; length < before;) {
        StudyProblem p = next(task, random);
        dialogue.add(new Message("user", p.question()));
        dialogue.add(new Message("assistant", p.solution()));
        length += p.question().length() + p.solution().length();
      }
      StudyProblem p = next(task, random);
      dialogue.add(new Message("user", p.question()));
      if (random.nextDouble() < correction) {
        dialogue.add(new Message("assistant", p.wrong()));
        dialogue.add(new Message("user", EmbeddedModels.CORRECTION_REQUEST));
      }
      dialogue.add(new Message("assistant", p.solution()));
      out.add(List.copyOf(dialogue));
    }
    return out;
  }

  private static StudyProblem next(Task task, SplittableRandom random) {
    return task.next(random.nextInt(1, Task.TRAINED + 1), Task.Use.SFT, random);
  }

  /**
   * What the tokenizer learns its words from: the words alone, so that digits, signs and brackets stay tokens of their own.
   */
  public static List<String> tokenizerText(Task task) {
    List<String> words = switch (task) {
      case CHAIN -> List.of("Reduce", " modulo", ".");
      case BIND -> List.of("What", " is", " modulo", "?");
      case COUNTDOWN -> List.of("Use", " to", " reach", ".", " left");
    };
    List<String> out = new ArrayList<>();
    for (int i = 0; i < 100; i++) {
      out.addAll(words);
      out.add(StudyProblem.boxed(0));
      out.add(EmbeddedModels.CORRECTION_REQUEST);
    }
    return out;
  }
}
