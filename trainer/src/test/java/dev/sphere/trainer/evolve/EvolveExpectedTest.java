package dev.sphere.trainer.evolve;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sphere.engine.PreferencePair;
import dev.sphere.engine.cost.Range;
import dev.sphere.engine.run.Expected;
import dev.sphere.engine.stage.SearchRun;
import dev.sphere.trainer.job.TrainPlan;
import java.util.Collections;
import org.junit.jupiter.api.Test;

/** What the parts of an evolution come to together. */
class EvolveExpectedTest {
  private static Expected search(int found) {
    PreferencePair pair = new PreferencePair("p", "generation", "q", "c", "r", new int[0], new int[0], new int[0]);
    var trial = new SearchRun.Trial(Range.exactly(1000), Range.exactly(100), new Range(5, 10, 15), 20, 4, 200, 30);
    return new Expected(trial, Range.exactly(100), Range.exactly(0), 7, 20, Collections.nCopies(found, pair));
  }

  private static TrainPlan plan(double once, double seconds) {
    return new TrainPlan(1, 1, 2, 0, null, 1, 1, 1, 1, 1, 1, 2, once, seconds);
  }

  private static Recipe recipe(int rounds, String more) {
    return Recipe.parse("{model: embedded, problems: \"embedded:train\", rounds: " + rounds + more + "}");
  }

  @Test
  void everyPartIsInTheWhole() {
    // A pair takes 2 s beside the 3 s that a training takes once.
    EvolveExpected e = EvolveExpected.of(recipe(3, ""), Range.exactly(10), search(2), plan(3, 7), 200_000_000, 1.5);
    assertEquals(23, e.training().middle(), 1e-9);
    assertTrue(e.training().low() < 13 && e.training().high() > 33, e.training().toString());
    assertEquals(133, e.round().middle(), 1e-9);
    assertEquals(2, e.merging().times(2).middle(), 1e-9);
    assertEquals(3 * 133 + 2 + 10 + 1.5, e.whole().middle(), 1e-9);
    EvolveExpected once = EvolveExpected.of(recipe(1, ""), Range.exactly(10), search(2), plan(3, 7), 200_000_000, 1.5);
    assertEquals(133 + 10 + 1.5, once.whole().middle(), 1e-9, "after the last round nothing is merged");
    EvolveExpected none = EvolveExpected.of(recipe(1, ""), Range.exactly(10), search(0), null, 0, 0);
    assertEquals(120, none.whole().middle(), 1e-9);
    assertTrue(none.lines().stream().anyMatch(l -> l.contains("training     unknown")), none.lines().toString());
  }
  /** A round that replays has, in the mean of three, twice its own pairs; told steps take as long whatever the pairs. */
  @Test
  void roundsThatReplayTrainLonger() {
    EvolveExpected replay = EvolveExpected.of(recipe(3, ", replay: true"), Range.exactly(10), search(2), plan(3, 7), 0, 0);
    assertEquals(3 + 2 * 20, replay.training().middle(), 1e-9);
    EvolveExpected steps = EvolveExpected.of(recipe(3, ", replay: true, train: {steps: 40}"), Range.exactly(10), search(2), plan(3, 7), 0, 0);
    assertEquals(7, steps.training().middle(), 1e-9);
    assertTrue(steps.training().low() < 7 && steps.training().high() > 7, steps.training().toString());
  }
}
