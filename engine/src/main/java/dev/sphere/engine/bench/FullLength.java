package dev.sphere.engine.bench;

import dev.sphere.engine.StopRule;

/**
 * Ends a generation after so many tokens, and not at the model's end token: llama.cpp's loops go on like that too, so all
 * do the same work. It ends by rule and not by the limit, as a step does: the engine then keeps its cells. For one
 * request.
 */
final class FullLength implements StopRule {
  private final int tokens;
  private int seen;

  FullLength(int tokens) {
    this.tokens = tokens;
  }

  @Override
  public boolean stop(CharSequence text, int newFrom) {
    return ++seen == tokens;
  }

  @Override
  public boolean atEndToken() {
    return false;
  }
}
