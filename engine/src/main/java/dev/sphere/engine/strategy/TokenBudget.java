package dev.sphere.engine.strategy;

import java.util.concurrent.atomic.LongAdder;

/** The tokens that one problem may cost, and those that it has cost so far. Safe for many threads. */
public final class TokenBudget {
  private final long limit;
  private final LongAdder generated = new LongAdder();
  private final LongAdder read = new LongAdder();

  public TokenBudget(long limit) {
    this.limit = limit;
  }

  /** The generated tokens so far. */
  public LongAdder generated() {
    return generated;
  }

  /** Adds tokens that a reward model read, whether or not a cache saved it the work. */
  public void read(long tokens) {
    read.add(tokens);
  }

  /** True while fewer tokens were spent than the limit. */
  public boolean left() {
    return spent() < limit;
  }

  /** Generated and read tokens so far. */
  public long spent() {
    return generated.sum() + read.sum();
  }

  /** Tokens that reward models read so far. */
  public long readTokens() {
    return read.sum();
  }
}
