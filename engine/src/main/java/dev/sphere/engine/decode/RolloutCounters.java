package dev.sphere.engine.decode;

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
   * @param decodeNanos time in llama.cpp's decode, summed over lanes
   * @param drawNanos time in which tokens were drawn
   * @param idleNanos time in which a lane had nothing to do
   * @param ownNanos the rest: admission, batches, text, stop rules, compaction
   */
  public record Reading(
      long steps,
      long computed,
      long drawn,
      long reused,
      long displaced,
      long compactions,
      long decodeNanos,
      long drawNanos,
      long idleNanos,
      long ownNanos) {}

  private final LongAdder steps = new LongAdder();
  private final LongAdder computed = new LongAdder();
  private final LongAdder drawn = new LongAdder();
  private final LongAdder reused = new LongAdder();
  private final LongAdder displaced = new LongAdder();
  private final LongAdder compactions = new LongAdder();
  private final LongAdder decodeNanos = new LongAdder();
  private final LongAdder drawNanos = new LongAdder();
  private final LongAdder idleNanos = new LongAdder();
  private final LongAdder ownNanos = new LongAdder();

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

  void idle(long nanos) {
    idleNanos.add(nanos);
  }

  void took(long decode, long draw, long own) {
    decodeNanos.add(decode);
    drawNanos.add(draw);
    ownNanos.add(own);
  }

  /** The numbers now. */
  public Reading read() {
    return new Reading(
        steps.sum(),
        computed.sum(),
        drawn.sum(),
        reused.sum(),
        displaced.sum(),
        compactions.sum(),
        decodeNanos.sum(),
        drawNanos.sum(),
        idleNanos.sum(),
        ownNanos.sum());
  }
}
