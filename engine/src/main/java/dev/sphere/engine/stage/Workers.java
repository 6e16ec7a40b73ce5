package dev.sphere.engine.stage;

import dev.sphere.engine.Problem;
import dev.sphere.engine.probe.Probed;
import java.util.List;
import java.util.function.Consumer;

/**
 * Those who solve a run's problems in other processes. What is recorded of a problem depends on the run's identity and the
 * problem alone, so a task that is done twice, elsewhere or again, harms nothing.
 */
public interface Workers {
  /** What is to be done with a problem. */
  enum Kind {
    /** Only the probe's solutions are drawn. */
    PROBE,
    /** The three stages. */
    SOLVE
  }

  /**
   * One problem's work.
   *
   * @param probed solutions of which stage 1 makes pairs besides its own; null for none
   * @param leftOut why the problem is not searched; null: it is
   */
  record Task(Kind kind, Problem problem, Probed probed, Reason leftOut) {}

  /**
   * What came of a task.
   *
   * @param tokens generated for it, rollouts of the process reward included
   * @param rewards those rollouts' tokens
   */
  record Done(ProblemRecords records, long tokens, long rewards) {}

  /** Most tasks that are worked on at once, about; for forecasts. */
  int slots();

  /**
   * Does all tasks.
   *
   * @param done told of each task once, in any order, of as many at a time as have come, from the calling thread
   * @throws InterruptedException when the calling thread was interrupted; what is under way is given up
   * @throws RuntimeException a failure that trying again did not mend; what was told stays
   */
  void run(List<Task> tasks, Consumer<List<Done>> done) throws InterruptedException;
}
