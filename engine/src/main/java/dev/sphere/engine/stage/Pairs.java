package dev.sphere.engine.stage;

import dev.sphere.engine.MarkedText;
import dev.sphere.engine.PreferencePair;
import dev.sphere.engine.search.Distinct;
import dev.sphere.grade.extract.AnswerExtractor;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/** Collects the pairs of one stage of one problem: no repetitions, no more than the caps, what the rules allow. */
final class Pairs {
  private final String problemId;
  private final Stage stage;
  private final MarkedText prompt;
  private final int[] promptTokens;
  private final int cap;
  private final PairRules rules;
  private final Seen seen;
  private final List<PreferencePair> pairs = new ArrayList<>();
  private Reason leftOut; // why a pair was, if one was

  /** The pairs that the problem's stages have made so far. */
  static final class Seen {
    private final Set<String> exact = new HashSet<>();
    private final List<PreferencePair> pairs = new ArrayList<>();

    void add(PreferencePair pair) {
      exact.add(sameness(pair.chosen(), pair.rejected()));
      pairs.add(pair);
    }
  }

  /** @param seen what the problem's earlier stages have made; this stage's pairs are added to it */
  Pairs(String problemId, Stage stage, MarkedText prompt, int[] promptTokens, int cap, PairRules rules, Seen seen) {
    this.problemId = problemId;
    this.stage = stage;
    this.prompt = prompt;
    this.promptTokens = promptTokens;
    this.cap = cap;
    this.rules = rules;
    this.seen = seen;
  }

  private static String sameness(String chosen, String rejected) {
    return Distinct.WHITESPACE.normalise(chosen) + '\0' + Distinct.WHITESPACE.normalise(rejected);
  }

  void add(String chosen, int[] chosenTokens, String rejected, int[] rejectedTokens) {
    add(stage.label(), chosen, chosenTokens, rejected, rejectedTokens);
  }

  /** @param label the source that the pair names */
  void add(String label, String chosen, int[] chosenTokens, String rejected, int[] rejectedTokens) {
    if (pairs.size() == cap) {
      return;
    }
    PreferencePair pair = new PreferencePair(
        problemId, label, prompt.text(), chosen, rejected, promptTokens, chosenTokens, rejectedTokens,
        prompt.hasContent() ? prompt.content() : null);
    Reason against = against(pair);
    if (against == null) {
      seen.add(pair);
      pairs.add(pair);
    } else {
      leftOut = against;
    }
  }

  private Reason against(PreferencePair pair) {
    if (seen.exact.contains(sameness(pair.chosen(), pair.rejected()))) {
      return Reason.DUPLICATE;
    }
    if (seen.pairs.size() >= rules.perProblem()) {
      return Reason.CAPPED;
    }
    if (!rules.guessed() && !(states(pair.chosen()) && states(pair.rejected()))) {
      return Reason.GUESSED;
    }
    double shorter = Math.min(pair.chosen().length(), pair.rejected().length());
    double longer = Math.max(pair.chosen().length(), pair.rejected().length());
    if (rules.lengthRatio() > 0 && longer > rules.lengthRatio() * shorter) {
      return Reason.LENGTH_RATIO;
    }
    if (rules.nearDuplicate() <= 1
        && seen.pairs.stream().anyMatch(p -> NearDuplicates.similarity(p, pair) >= rules.nearDuplicate())) {
      return Reason.NEAR_DUPLICATE;
    }
    return null;
  }

  private static boolean states(String solution) {
    return AnswerExtractor.extract(solution).form().stated();
  }

  /** The stage's result: the pairs, or the reason for none. */
  StageResult result(Reason reason, List<Attempt> attempts) {
    Reason why = pairs.isEmpty() ? leftOut != null ? leftOut : reason : null;
    return new StageResult(problemId, stage, pairs, why, attempts);
  }
}
