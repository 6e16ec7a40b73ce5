package dev.sphere.engine.bench;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/** Work on many virtual threads, as search does it, and prompts that no two calls share. */
final class Jobs {
  private Jobs() {}

  /** Runs all at once; returns what they return, in order. */
  static <T> List<T> together(List<Callable<T>> jobs) throws InterruptedException {
    try (var pool = Executors.newVirtualThreadPerTaskExecutor()) {
      List<Future<T>> running = jobs.stream().map(pool::submit).toList();
      List<T> results = new ArrayList<>();
      for (Future<T> f : running) {
        results.add(f.get());
      }
      return results;
    } catch (ExecutionException e) {
      throw e.getCause() instanceof RuntimeException r ? r : new IllegalStateException(e.getCause());
    }
  }

  /** Tokens of a prompt of its own for each (repetition, sequence): nothing of it is in any cache. */
  static int[] prompt(int repetition, int sequence, int length, int vocabulary) {
    int most = Math.min(vocabulary, 30_000);
    Random random = new Random(1_000_003L * (repetition + 2) + sequence);
    // The first tokens are the number itself, so that no prompt begins like another one.
    int[] tokens = random.ints(length, 3, most).toArray();
    long number = (repetition + 2L) * 100_003 + sequence;
    for (int i = 0; i < Math.min(length, 6); i++) {
      tokens[i] = (int) (3 + number % (Math.min(most, 250) - 3));
      number /= Math.min(most, 250) - 3;
    }
    return tokens;
  }
}
