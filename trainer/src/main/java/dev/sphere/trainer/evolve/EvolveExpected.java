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
 * @param merging seconds until a further round's policy is made of the one before and its adapter
 * @param start seconds before the first evaluation
 * @param memory bytes of the largest part, at most; -1: unknown
 */
public record EvolveExpected(int rounds, Range evaluation, Expected search, Range training, Range merging, double start, long memory) {
  private static final double TRAINING = 1.35; // what a plan's time may be wrong by, on a busy machine
  private static final double MERGED = 5e7; // bytes of a model a second that are merged and written, at least

  /**
   * Of what was tried.
   *
   * @param plan of training on the pairs of the search's trial; null without any
   * @param merged bytes of a model into which an adapter is merged between two rounds; 0 where none is
   * @param start seconds before the first evaluation
   */
  static EvolveExpected of(Recipe recipe, Range evaluation, Expected search, TrainPlan plan, long merged, double start) {
    int rounds = recipe.rounds();
    Range merging = new Range(0, merged / MERGED / 4, merged / MERGED);
    if (plan == null) {
      return new EvolveExpected(rounds, evaluation, search, null, merging, start, search.memory());
    }
    double each = (plan.seconds() - plan.once()) / search.found().size();
    // So many steps are told, or what the pairs take; a round that replays has those of the rounds before too.
    Range pairs = recipe.trainsSteps() ? Range.exactly(search.found().size())
        : search.trial().pairs().times(recipe.replay() ? (rounds + 1) / 2.0 : 1);
    Range training = new Range((plan.once() + each * pairs.low()) / TRAINING, plan.once() + each * pairs.middle(),
        (plan.once() + each * pairs.high()) * TRAINING);
    return new EvolveExpected(rounds, evaluation, search, training, merging, start, Math.max(search.memory(), plan.peak()));
  }

  /** Seconds of one round. */
  public Range round() {
    Range round = search.seconds().plus(evaluation);
    return training == null ? round : round.plus(training);
  }

  /** Seconds of all of it, the first policy's evaluation included, if no round is the last before its time. */
  public Range whole() {
    return round().times(rounds).plus(merging.times(rounds - 1)).plus(evaluation).plus(start);
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
    m.put("merging_seconds", merging.toMap());
    m.put("memory_bytes", memory);
    m.put("search", search.toMap());
    return m;
  }
}
