package dev.sphere.trainer.evolve;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sphere.trainer.evolve.TimePlan.Measured;
import org.junit.jupiter.api.Test;

/** What is done in a time. */
class TimePlanTest {
  private static final Measured SMALL_MODEL = new Measured(500, 30, 180, 0.35, 6, 2);

  private static TimePlan plan(double minutes) {
    return TimePlan.of(SMALL_MODEL, 720, 180, 300, 60 * minutes);
  }

  @Test
  void withoutATimeAllIsDone() {
    TimePlan plan = TimePlan.of(SMALL_MODEL, 5000, 400, 400, Double.POSITIVE_INFINITY);
    assertEquals(new TimePlan(3, 600, 60, 400, 400, 100, plan.seconds()), plan);
    assertTrue(plan.fresh(1800), "each round its own");
    assertFalse(plan.fresh(1799), "each round all of them");
    assertEquals(250, TimePlan.of(SMALL_MODEL, 250, 60, 100, 1e9).problems(), "no more than there are");
    Measured usual = new Measured(500, 30, 0, 0.35, 6, 2);
    assertEquals(0, TimePlan.of(usual, 720, 180, 300, 1e9).usual(), "asked as usual there is nothing to compare");
  }

  @Test
  void aShorterTimeDoesLessAndKeepsToIt() {
    TimePlan before = plan(1e9);
    for (double minutes = 60; minutes >= 6; minutes -= 0.5) {
      TimePlan plan = plan(minutes);
      assertTrue(plan.seconds() <= 0.85 * 60 * minutes, minutes + " min: " + plan);
      assertTrue(plan.seconds() <= before.seconds(), before + ", then " + plan);
      assertTrue(plan.rounds() <= before.rounds() && plan.steps() <= before.steps() && plan.test() <= before.test(),
          plan.toString());
      before = plan;
    }
    assertEquals(2, plan(45).rounds());
    assertEquals(1, plan(8).rounds());
    assertTrue(plan(8).test() >= 100, "fewer show nothing");
  }

  @Test
  void whatIsTooShortGetsTheLeast() {
    TimePlan plan = plan(0.1);
    assertEquals(new TimePlan(1, 60, 20, 100, 100, 40, plan.seconds()), plan);
    assertTrue(plan.seconds() > 6);
    assertEquals(plan, plan(-1), "the time is over already");
  }

  @Test
  void slowerMachinesAndLongerAnswersCostMore() {
    double seconds = plan(1e9).seconds();
    for (Measured m : new Measured[] {new Measured(400, 30, 180, 0.35, 6, 2), new Measured(500, 40, 180, 0.35, 6, 2),
        new Measured(500, 30, 200, 0.35, 6, 2), new Measured(500, 30, 180, 0.5, 6, 2),
        new Measured(500, 30, 180, 0.35, 7, 2),
        new Measured(500, 30, 180, 0.35, 6, 3)}) {
      assertTrue(TimePlan.of(m, 720, 180, 300, 1e9).seconds() > seconds, m.toString());
    }
  }
}
