package dev.sphere.engine.eval;

import dev.sphere.grade.AnswerGrader;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.ToDoubleFunction;

/** The vote over sampled answers; answers that mean the same count together. */
final class Majority {
  private Majority() {}

  /** Samples whose answers mean the same. */
  record Group(List<Answered> samples) {
    double weight(ToDoubleFunction<Answered> weight) {
      return samples.stream().mapToDouble(weight).sum();
    }
  }

  /** The groups in the order of their first samples; samples without an answer vote for nothing. */
  static List<Group> groups(List<Answered> samples, AnswerGrader grader) {
    List<Group> groups = new ArrayList<>();
    Map<String, Group> byText = new HashMap<>();
    for (Answered a : samples) {
      if (a.answer().isBlank()) {
        continue;
      }
      Group home = byText.get(a.answer());
      for (int i = 0; home == null && i < groups.size(); i++) {
        home = grader.grade(groups.get(i).samples().getFirst().answer(), a.answer()).equal() ? groups.get(i) : null;
      }
      if (home == null) {
        home = new Group(new ArrayList<>());
        groups.add(home);
      }
      byText.put(a.answer(), home);
      home.samples().add(a);
    }
    return groups;
  }

  /** An answer of the heaviest group, the first group among equals; the first sample where none has an answer. */
  static Answered elect(List<Answered> samples, List<Group> groups, ToDoubleFunction<Answered> weight) {
    Group best = null;
    double most = 0;
    for (Group g : groups) {
      double w = g.weight(weight);
      if (best == null || w > most) {
        best = g;
        most = w;
      }
    }
    return best == null ? samples.getFirst() : best.samples().getFirst();
  }
}
