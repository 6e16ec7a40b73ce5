package dev.sphere.engine;

import dev.sphere.base.InFlight;
import java.util.List;
import java.util.function.Consumer;

/**
 * Workers do tasks of one kind, many at once: threads of this process ({@link #threads}) or other machines
 * ({@code engine.run.Cluster}). The result of a task depends on the task alone, so a task that is done twice harms
 * nothing.
 *
 * @param <T> a task
 * @param <R> the result of a task
 */
@FunctionalInterface
public interface Workers<T, R> {
  /**
   * A task's result.
   *
   * @param index the task's place in the list of tasks, from 0
   */
  record Result<R>(int index, R value) {}

  /**
   * Does all tasks.
   *
   * @param done given the result of each task once, in any order, as many at a time as have come; called from the
   *     calling thread
   * @throws InterruptedException when the calling thread was interrupted; work that is under way is given up
   * @throws RuntimeException the first failure of a task or of {@code done}; results that were given stay
   */
  void run(List<T> tasks, Consumer<List<Result<R>>> done) throws InterruptedException;

  /**
   * Virtual threads of this process.
   *
   * @param most tasks in flight at most
   * @param worker does one task; called from many threads at once
   */
  static <T, R> Workers<T, R> threads(int most, InFlight.Work<T, R> worker) {
    return (tasks, done) -> InFlight.run(tasks, most, worker, (i, r) -> done.accept(List.of(new Result<>(i, r))));
  }
}
