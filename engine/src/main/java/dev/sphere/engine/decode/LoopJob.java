package dev.sphere.engine.decode;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;

/** A caller's request to a {@link DecodeLoop}; the caller waits for its result. */
abstract class LoopJob<R> {
  final CompletableFuture<R> result = new CompletableFuture<>();

  /** Whether the job was answered, failed or given up, so that nobody waits for it. */
  boolean isOver() {
    return result.isDone();
  }

  void fail(Throwable cause) {
    result.completeExceptionally(cause);
  }

  /**
   * Waits for all of them.
   *
   * @return their results, in order
   * @throws InterruptedException when the caller was interrupted; those that are not done are given up, as they are
   *     when one fails
   */
  static <R> List<R> results(List<? extends LoopJob<R>> jobs) throws InterruptedException {
    try {
      List<R> results = new ArrayList<>(jobs.size());
      for (LoopJob<R> job : jobs) {
        results.add(job.result.get());
      }
      return results;
    } catch (ExecutionException e) {
      throw e.getCause() instanceof RuntimeException r ? r : new IllegalStateException(e.getCause());
    } finally {
      jobs.forEach(job -> job.result.cancel(false)); // without effect on what is done
    }
  }
}
