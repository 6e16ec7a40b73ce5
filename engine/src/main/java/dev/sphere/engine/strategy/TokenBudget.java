package dev.sphere.engine.strategy;

import java.util.concurrent.atomic.LongAdder;

/** Tokens that one problem may cost, and what it has cost so far. */
final class TokenBudget {
  private final long limit;
  private final LongAdder generated = new LongAdder();
  private final LongAdder read = new LongAdder();

  TokenBudget(long limit) {
    this.limit = limit;
  }

  LongAdder generated() {
    return generated;
  }

  /** Tokens that a reward model reads: what a step adds, whether or not a cache saved it. */
  void read(long tokens) {
    read.add(tokens);
  }

  boolean left() {
    return spent() < limit;
  }

  long spent() {
    return generated.sum() + read.sum();
  }

  long readTokens() {
    return read.sum();
  }
}
