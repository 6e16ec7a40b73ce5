package dev.sphere.engine.stage;

import java.util.Map;

/**
 * How far a run is.
 *
 * @param problems all problems of the run
 * @param done problems that have ended, in this run or before it was resumed
 * @param resumed those of them that had ended before
 * @param inFlight problems in work, by the stage that they are in
 * @param pairs pairs by stage
 * @param expansions nodes expanded since this process began
 * @param tokens tokens generated since this process began, rollouts of the process reward included
 * @param seconds since this process began
 */
public record Progress(
    int problems,
    int done,
    int resumed,
    Map<Stage, Integer> inFlight,
    Map<Stage, Integer> pairs,
    long expansions,
    long tokens,
    double seconds) {

  /** Tokens generated a second. */
  public double tokensPerSecond() {
    return seconds > 0 ? tokens / seconds : 0;
  }

  /** Seconds to the end at the present rate of problems; NaN before the first one ended. */
  public double secondsLeft() {
    int fresh = done - resumed;
    return fresh == 0 ? Double.NaN : seconds / fresh * (problems - done);
  }
}
