package dev.sphere.engine.model;

import java.util.concurrent.atomic.LongAdder;

/** What a policy has done since it was made; all lanes together. Thread-safe. */
public final class RolloutCounters {
  /**
   * A reading.
   *
   * @param steps micro-batches computed
   * @param computed tokens computed, prompts and recomputed ones included
   * @param drawn tokens drawn
   * @param reused tokens that were in the cache already when a path was asked for
   * @param displaced rollouts that lost their place in a full cache and were computed again
   * @param compactions times a cache was compacted
   */
  public record Reading(long steps, long computed, long drawn, long reused, long displaced, long compactions) {}

  private final LongAdder steps = new LongAdder();
  private final LongAdder computed = new LongAdder();
  private final LongAdder drawn = new LongAdder();
  private final LongAdder reused = new LongAdder();
  private final LongAdder displaced = new LongAdder();
  private final LongAdder compactions = new LongAdder();

  void step(int tokens) {
    steps.increment();
    computed.add(tokens);
  }

  void drawn(int tokens) {
    drawn.add(tokens);
  }

  void reused(int tokens) {
    reused.add(tokens);
  }

  void displaced() {
    displaced.increment();
  }

  void compacted() {
    compactions.increment();
  }

  /** The numbers now. */
  public Reading read() {
    return new Reading(
        steps.sum(), computed.sum(), drawn.sum(), reused.sum(), displaced.sum(), compactions.sum());
  }
}
