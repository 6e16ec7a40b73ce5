package dev.sphere.engine.stage;

import dev.sphere.engine.PreferencePair;
import dev.sphere.engine.search.Distinct;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/** Collects the pairs of one stage of one problem: no repetitions, no more than the cap. */
final class Pairs {
  private final String problemId;
  private final Stage stage;
  private final String prompt;
  private final int[] promptTokens;
  private final int cap;
  private final Set<String> seen;
  private final List<PreferencePair> pairs = new ArrayList<>();
  private boolean repeated;

  /** @param seen what the problem's earlier stages have made; this stage's pairs are added to it */
  Pairs(String problemId, Stage stage, String prompt, int[] promptTokens, int cap, Set<String> seen) {
    this.problemId = problemId;
    this.stage = stage;
    this.prompt = prompt;
    this.promptTokens = promptTokens;
    this.cap = cap;
    this.seen = seen;
  }

  static Set<String> nothingSeen() {
    return new HashSet<>();
  }

  static void see(Set<String> seen, PreferencePair pair) {
    seen.add(sameness(pair.chosen(), pair.rejected()));
  }

  private static String sameness(String chosen, String rejected) {
    return Distinct.WHITESPACE.normalise(chosen) + '\0' + Distinct.WHITESPACE.normalise(rejected);
  }

  void add(String chosen, int[] chosenTokens, String rejected, int[] rejectedTokens) {
    if (pairs.size() == cap) {
      return;
    }
    if (!seen.add(sameness(chosen, rejected))) {
      repeated = true;
      return;
    }
    pairs.add(new PreferencePair(
        problemId, stage.label(), prompt, chosen, rejected, promptTokens, chosenTokens, rejectedTokens));
  }

  /** The stage's result: the pairs, or the reason for none. */
  StageResult result(Reason reason, List<Attempt> attempts) {
    Reason why = pairs.isEmpty() ? repeated ? Reason.DUPLICATE : reason : null;
    return new StageResult(problemId, stage, pairs, why, attempts);
  }
}
