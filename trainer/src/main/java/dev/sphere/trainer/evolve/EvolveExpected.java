package dev.sphere.trainer.evolve;

import dev.sphere.base.FreeMemory;
import dev.sphere.engine.cost.Range;
import dev.sphere.engine.run.Expected;
import dev.sphere.trainer.job.TrainPlan;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * What an evolution run will take, told before it is begun.
 *
 * @param rounds at most; the run ends earlier where a round brings nothing
 * @param evaluation seconds of the evaluations of one policy
 * @param search of the first round
 * @param training seconds of a round's training; null when the trial found no pair to plan it on
 * @param memory bytes of the largest part, at most; -1: unknown
 */
public record EvolveExpected(int rounds, Range evaluation, Expected search, Range training, long memory) {
  private static final double TRAINING = 1.35; // what a plan's time may be wrong by, on a busy machine

  /** @param plan of training on the pairs of the search's trial; null without any */
  static EvolveExpected of(int rounds, Range evaluation, Expected search, TrainPlan plan) {
    if (plan == null) {
      return new EvolveExpected(rounds, evaluation, search, null, search.memory());
    }
    double each = plan.seconds() / search.found().size(); // a model's load and the files are the smaller part of a real run
    Range pairs = search.trial().pairs();
    Range training = new Range(each * pairs.low() / TRAINING, each * pairs.middle(), each * pairs.high() * TRAINING);
    return new EvolveExpected(rounds, evaluation, search, training, Math.max(search.memory(), plan.peak()));
  }

  /** Seconds of one round. */
  public Range round() {
    Range round = search.seconds().plus(evaluation);
    return training == null ? round : round.plus(training);
  }

  /** Seconds of all of it, the first policy's evaluation included, if no round is the last before its time. */
  public Range whole() {
    return round().times(rounds).plus(evaluation);
  }

  /** Some lines for people. */
  public List<String> lines() {
    List<String> lines = new ArrayList<>();
    lines.add("a round's search: " + search.lines().getFirst());
    lines.addAll(search.lines().subList(1, search.lines().size()));
    lines.add("training     " + (training == null ? "unknown: the trial found no pair" : training.time() + " a round"));
    lines.add("evaluation   " + evaluation.time() + " a policy");
    lines.add(String.format(Locale.ROOT, "the whole    %s, if all of %d round%s are made", whole().time(), rounds, rounds == 1 ? "" : "s"));
    if (memory >= 0) {
      lines.add("memory       about " + FreeMemory.text(memory));
    }
    return lines;
  }

  /** For JSON. */
  public Map<String, Object> toMap() {
    Map<String, Object> m = new LinkedHashMap<>();
    m.put("rounds", rounds);
    m.put("seconds", whole().toMap());
    m.put("round_seconds", round().toMap());
    m.put("evaluation_seconds", evaluation.toMap());
    m.put("training_seconds", training == null ? null : training.toMap());
    m.put("memory_bytes", memory);
    m.put("search", search.toMap());
    return m;
  }
}
