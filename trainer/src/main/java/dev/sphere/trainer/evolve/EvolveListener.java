package dev.sphere.trainer.evolve;

import dev.sphere.engine.PreferencePair;
import dev.sphere.engine.Progress;
import dev.sphere.engine.eval.EvalResult;
import dev.sphere.engine.run.Search;
import dev.sphere.trainer.loop.TrainingListener;
import java.util.List;

/** Hears what an evolution run does, in the order in which it does it; its searches and evaluations report to it too. */
public interface EvolveListener extends Progress {
  /** A line of the account: what a start without a recipe found and chose. */
  default void said(String line) {}

  /** The policy was evaluated. */
  default void evaluated(String whom, EvalResult result) {}

  /** A round's search begins. */
  default void searching(int round, int problems) {}

  /** The search is over; these are its pairs. */
  default void found(int round, Search.Outcome outcome, List<PreferencePair> pairs) {}

  /** Training begins; the answer hears of its steps. */
  default TrainingListener training(int round) {
    return TrainingListener.NONE;
  }

  /** A round is complete. */
  default void round(EvolveReport.Round round) {}
}
