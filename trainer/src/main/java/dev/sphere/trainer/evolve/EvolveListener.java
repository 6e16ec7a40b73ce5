package dev.sphere.trainer.evolve;

import dev.sphere.engine.PreferencePair;
import dev.sphere.engine.eval.EvalResult;
import dev.sphere.engine.run.PairSearch;
import dev.sphere.engine.stage.Progress;
import dev.sphere.trainer.loop.TrainingListener;
import java.util.List;

/** Hears what an evolution run does, in the order in which it does it. */
public interface EvolveListener {
  /** A policy will be evaluated on so many problems. */
  default void evaluating(String whom, int problems) {}

  /** So many of them are answered, so many of these are right. */
  default void answered(int done, int correct) {}

  /** The policy was evaluated. */
  default void evaluated(String whom, EvalResult result) {}

  /** A round's search begins. */
  default void searching(int round, int problems) {}

  /** How far it is. */
  default void searched(Progress progress) {}

  /** The search is over; these are its pairs. */
  default void found(int round, PairSearch.Outcome outcome, List<PreferencePair> pairs) {}

  /** Training begins; the answer hears of its steps. */
  default TrainingListener training(int round) {
    return TrainingListener.NONE;
  }

  /** Something worth a line: what of the run was damaged, and what is computed again. */
  default void note(String line) {}

  /** A round is complete. */
  default void round(EvolveReport.Round round) {}
}
