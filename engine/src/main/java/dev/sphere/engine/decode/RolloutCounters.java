package dev.sphere.engine.decode;

import java.util.concurrent.atomic.LongAdder;

/** Counts the work of a policy since it was made, all lanes together. Thread-safe. */
public final class RolloutCounters {
  /**
   * A reading.
   *
   * @param steps micro-batches computed
   * @param computed tokens computed: {@code drawn - shared + paths + again + padding}
   * @param drawn tokens drawn
   * @param shared draws that needed no token of their own: several requests of a call have the same tokens up to there,
   *     or the row after them was known from another call
   * @param paths tokens of prompts and steps, computed so that something can be drawn after them
   * @param again tokens that had been computed before, but lost their place in the cache or went to another lane
   * @param padding tokens that only fill a micro-batch
   * @param reused tokens that were in the cache already when a path was asked for
   * @param displaced rollouts that lost their place in a full cache and were computed again
   * @param compactions times a cache was compacted
   * @param decodeNanos time in llama.cpp's decode, summed over lanes
   * @param drawNanos time in which tokens were drawn
   * @param idleNanos time in which a lane had nothing to do
   * @param ownNanos the rest: admission, batches, text, stop rules, compaction
   */
  public record Reading(long steps, long computed, long drawn, long shared, long paths, long again, long padding,
      long reused, long displaced, long compactions, long decodeNanos, long drawNanos, long idleNanos, long ownNanos) {
    /** The sum of this and another policy's reading. */
    public Reading plus(Reading o) {
      return new Reading(steps + o.steps, computed + o.computed, drawn + o.drawn, shared + o.shared, paths + o.paths,
          again + o.again, padding + o.padding, reused + o.reused, displaced + o.displaced, compactions + o.compactions,
          decodeNanos + o.decodeNanos, drawNanos + o.drawNanos, idleNanos + o.idleNanos, ownNanos + o.ownNanos);
    }
  }

  private final LongAdder steps = new LongAdder();
  private final LongAdder computed = new LongAdder();
  private final LongAdder drawn = new LongAdder();
  private final LongAdder shared = new LongAdder();
  private final LongAdder paths = new LongAdder();
  private final LongAdder again = new LongAdder();
  private final LongAdder padding = new LongAdder();
  private final LongAdder reused = new LongAdder();
  private final LongAdder displaced = new LongAdder();
  private final LongAdder compactions = new LongAdder();
  private final LongAdder decodeNanos = new LongAdder();
  private final LongAdder drawNanos = new LongAdder();
  private final LongAdder idleNanos = new LongAdder();
  private final LongAdder ownNanos = new LongAdder();

  /** A micro-batch: its tokens, and those of them after which nothing was drawn, by what they were for. */
  void step(int tokens, int ofPaths, int computedBefore, int filling) {
    steps.increment();
    computed.add(tokens);
    paths.add(ofPaths);
    again.add(computedBefore);
    padding.add(filling);
  }

  /** Tokens drawn, for which so many rows were computed. */
  void drawn(int tokens, int rows) {
    drawn.add(tokens);
    shared.add(tokens - rows);
  }

  /** Tokens drawn so far, without the other numbers. */
  long drawn() {
    return drawn.sum();
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
    return new Reading(steps.sum(), computed.sum(), drawn.sum(), shared.sum(), paths.sum(), again.sum(), padding.sum(),
        reused.sum(), displaced.sum(), compactions.sum(), decodeNanos.sum(), drawNanos.sum(), idleNanos.sum(),
        ownNanos.sum());
  }
}
