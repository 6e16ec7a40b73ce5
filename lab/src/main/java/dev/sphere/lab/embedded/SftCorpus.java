package dev.sphere.lab.embedded;

import dev.sphere.engine.Policy.Message;
import dev.sphere.engine.embedded.EmbeddedModels;
import dev.sphere.lab.problems.Slips;
import dev.sphere.lab.problems.WordProblem;
import dev.sphere.lab.problems.WordProblems;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;

/**
 * The dialogues that the embedded models are trained on: a problem and its worked solution; or a problem, a solution with
 * a slip, the request to correct it, and the right solution. The last message is the one to be learned.
 */
final class SftCorpus {
  /**
   * @param seed seed of problems and choices
   * @param count number of dialogues
   * @param correction share of correction dialogues, 0 to 1
   * @param hasty share of solutions in a hurry (two operations in a line) among the solutions to be learned, 0 to 1
   */
  record Settings(long seed, int count, double correction, double hasty) {
    Settings {
      if (count < 0 || !(correction >= 0 && correction <= 1) || !(hasty >= 0 && hasty <= 1)) {
        throw new IllegalArgumentException("bad corpus settings: count " + count + ", correction " + correction
            + ", hasty " + hasty + "; shares lie between 0 and 1");
      }
    }
  }

  private SftCorpus() {}

  /** All dialogues, in a fixed order. */
  static List<List<Message>> dialogues(Settings settings) {
    WordProblems problems = new WordProblems(WordProblems.Split.SFT, settings.seed());
    SplittableRandom random = new SplittableRandom(settings.seed() ^ 0x5f3759df);
    List<List<Message>> out = new ArrayList<>(settings.count());
    while (out.size() < settings.count()) {
      WordProblem p = problems.next();
      String solution = random.nextDouble() < settings.hasty() ? p.hastySolution() : p.solution();
      if (random.nextDouble() < settings.correction()) {
        out.add(List.of(
            new Message("user", p.question()),
            new Message("assistant", Slips.wrongSolution(p, random)),
            new Message("user", EmbeddedModels.CORRECTION_REQUEST),
            new Message("assistant", solution)));
      } else {
        out.add(List.of(new Message("user", p.question()), new Message("assistant", solution)));
      }
    }
    return out;
  }

  /** The text that the tokenizer learns its words from: every kind of line that the models will see. */
  static List<String> tokenizerText() {
    List<String> out = new ArrayList<>();
    for (WordProblem p : WordProblems.distinct(WordProblems.Split.SFT, 1, 20_000)) {
      out.add(p.question());
      out.add(p.solution());
      out.add(p.hastySolution());
    }
    for (int i = 0; i < 1000; i++) {
      out.add(EmbeddedModels.CORRECTION_REQUEST);
    }
    return out;
  }
}
