package dev.sphere.engine.eval;

import dev.sphere.engine.grade.AnswerGrader;
import java.util.ArrayList;
import java.util.List;

/** The majority vote over sampled answers; answers that mean the same count together. */
final class Majority {
  private Majority() {}

  /** An answer of the largest group, the first group among equals; samples without an answer vote for nothing. */
  static Answered of(List<Answered> samples, AnswerGrader grader) {
    List<List<Answered>> groups = new ArrayList<>();
    for (Answered a : samples) {
      if (a.answer().isBlank()) {
        continue;
      }
      List<Answered> home = null;
      for (List<Answered> g : groups) {
        Answered first = g.getFirst();
        if (first.answer().equals(a.answer()) || grader.grade(first.answer(), a.answer()).equal()) {
          home = g;
          break;
        }
      }
      if (home == null) {
        home = new ArrayList<>();
        groups.add(home);
      }
      home.add(a);
    }
    List<Answered> best = null;
    for (List<Answered> g : groups) {
      best = best == null || g.size() > best.size() ? g : best;
    }
    return best == null ? samples.getFirst() : best.getFirst();
  }
}
