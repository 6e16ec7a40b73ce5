package dev.sphere.base;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletionService;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorCompletionService;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/** Works on many items at once, each in a virtual thread of its own, so that a batch stays full. */
public final class InFlight {
  private InFlight() {}

  /** The work on one item, in a thread of its own. */
  @FunctionalInterface
  public interface Work<T, R> {
    R of(T item) throws Exception;
  }

  /** Called by the calling thread for each item that is done, in the order in which the items are done. */
  @FunctionalInterface
  public interface Listener<R> {
    void done(int index, R result);
  }

  private record Indexed<R>(int index, R result) {}

  /**
   * Works on all items, at most {@code most} at once.
   *
   * @return the results in the order of the items
   * @throws InterruptedException when the calling thread or an item's was interrupted; nothing goes on in the
   *     background
   * @throws RuntimeException the first failure of the work or of the listener, as it was; the rest is given up
   */
  public static <T, R> List<R> run(List<T> items, int most, Work<T, R> work, Listener<R> listener)
      throws InterruptedException {
    if (most < 1) {
      throw new IllegalArgumentException("at least one item must be in flight: " + most);
    }
    List<R> results = new ArrayList<>(Collections.nCopies(items.size(), null));
    ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();
    try {
      CompletionService<Indexed<R>> done = new ExecutorCompletionService<>(threads);
      int next = 0;
      for (int finished = 0; finished < items.size(); finished++) {
        while (next < items.size() && next - finished < most) {
          int index = next++;
          done.submit(() -> new Indexed<>(index, work.of(items.get(index))));
        }
        Indexed<R> one = done.take().get();
        results.set(one.index(), one.result());
        listener.done(one.index(), one.result());
      }
      return results;
    } catch (ExecutionException e) {
      throw failure(e.getCause());
    } finally {
      threads.shutdownNow();
      threads.close();
    }
  }

  /** Does all pieces of work at once; otherwise as {@link #run}. */
  public static <T> List<T> together(List<Callable<T>> work) throws InterruptedException {
    return run(work, Math.max(1, work.size()), Callable::call, (index, result) -> {});
  }

  private static RuntimeException failure(Throwable cause) throws InterruptedException {
    switch (cause) {
      case InterruptedException interrupted -> throw interrupted;
      case RuntimeException unchecked -> throw unchecked;
      case Error error -> throw error;
      default -> throw new IllegalStateException("the work failed: " + cause, cause);
    }
  }
}
