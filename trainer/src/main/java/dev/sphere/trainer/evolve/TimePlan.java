package dev.sphere.trainer.evolve;

import dev.sphere.engine.Progress;
import java.util.Locale;

/**
 * How much an evolution does, so that it ends in its time. What is wished is planned where the time is enough. Else a
 * third round is left out, then the problems of a round are fewer, then the second round goes, then steps, and at last
 * problems that are asked.
 *
 * @param rounds at most
 * @param problems searched in a round: its own where there are enough for all rounds, else each round draws anew of the
 *     same
 * @param steps of a round's training
 * @param validation problems that stop and choose
 * @param test problems of the comparison at the end
 * @param usual test problems that are also asked in the usual way
 * @param seconds that it takes, by what was measured
 */
record TimePlan(int rounds, int problems, int steps, int validation, int test, int usual, double seconds) {
  private static final int ROUNDS = 3; // validation stops them before, where they no longer gain
  private static final int MOST = 600; // problems a round
  private static final int FEW = 150; // problems: rather than two rounds of fewer, one round of more
  private static final int STEPS = 60;
  private static final int LEAST_STEPS = 20;
  private static final int LEAST_ASKED = 100;
  private static final int USUAL = 100;
  private static final int DRAWS = 8; // of the probe
  // solutions' worth of tokens that the search of a problem takes, rollouts included
  private static final double TREE = 25;
  private static final double OPENING = 5; // seconds until a model is there
  private static final double RESERVE = 0.85; // of the time: what was measured is not what comes
  private static final double EASE = 0.8; // by which a number that is too large is lowered

  /**
   * What was measured.
   *
   * @param speed tokens a second when solutions are drawn
   * @param tokens of a solution, asked in the chosen way
   * @param usualTokens of a solution, asked in the usual way; 0 where that is the chosen one
   * @param learnable share of problems that are solved sometimes
   * @param step seconds of a training step, its share of the reference included
   * @param slower how much slower the policy of a later round draws, whose weights are larger
   */
  record Measured(double speed, double tokens, double usualTokens, double learnable, double step, double slower) {
    private double seconds(int rounds, int problems, int steps, int validation, int test, int usual) {
      double solution = tokens / speed;
      double all = 2 * OPENING + validation * solution + test * solution + usual * usualTokens / speed;
      double pace = 1;
      for (int n = 1; n <= rounds; n++) {
        all += 4 * OPENING + steps * step + pace * solution * (problems * (DRAWS + learnable * TREE) + validation);
        all += n == rounds ? pace * solution * test : 0;
        pace = slower;
      }
      return all;
    }
  }

  /**
   * Plans.
   *
   * @param searched problems that can be searched
   * @param validation that there are
   * @param test that there are
   * @param left seconds; infinity for any time
   */
  static TimePlan of(Measured m, int searched, int validation, int test, double left) {
    int usual = m.usualTokens() > 0 ? Math.min(USUAL, test) : 0;
    TimePlan plan = new TimePlan(ROUNDS, Math.min(MOST, searched), STEPS, validation, test, usual, 0).timed(m);
    while (plan.seconds > RESERVE * left) {
      TimePlan less = plan.less(searched).timed(m);
      if (less.equals(plan)) {
        break; // the least that there is
      }
      plan = less;
    }
    return plan;
  }

  private TimePlan timed(Measured m) {
    return new TimePlan(rounds, problems, steps, validation, test, usual,
        m.seconds(rounds, problems, steps, validation, test, usual));
  }

  private TimePlan less(int searched) {
    if (rounds == ROUNDS) {
      return new TimePlan(rounds - 1, problems, steps, validation, test, usual, 0);
    }
    if ((int) (problems * EASE) >= FEW) {
      return new TimePlan(rounds, (int) (problems * EASE), steps, validation, test, usual, 0);
    }
    if (rounds > 1) {
      return new TimePlan(1, Math.min(MOST, searched), steps, validation, test, usual, 0);
    }
    int fewer = Math.max(LEAST_STEPS, (int) (steps * EASE));
    return fewer < steps ? new TimePlan(rounds, problems, fewer, validation, test, usual, 0)
        : new TimePlan(rounds, Math.max(Math.min(60, problems), (int) (problems * EASE)), steps,
            asked(validation), asked(test), Math.min(usual, 40), 0);
  }

  private static int asked(int problems) {
    return Math.max(Math.min(problems, LEAST_ASKED), (int) (problems * EASE));
  }

  /** Whether there are enough problems for each round to search its own. */
  boolean fresh(int searched) {
    return rounds > 1 && rounds * problems <= searched;
  }

  /** The plan in a line. */
  String line() {
    return String.format(Locale.ROOT,
        "Plan: at most %d round%s of %d problems and %d steps, %d validation and %d test problems: about %s.",
        rounds, rounds == 1 ? "" : "s", problems, steps, validation, test, Progress.time(seconds));
  }
}
