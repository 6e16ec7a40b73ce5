package dev.sphere.bindings.llama;

import dev.sphere.bindings.tensor.NativeFloats;
import java.util.function.Supplier;

/** Views of what the last decode left, in memory that is the next decode's: each is made when it is asked for. */
final class DecodeOutputs {
  private int rows;
  private NativeFloats logits;
  private NativeFloats states;

  /** A decode is done, and left this many rows of each. */
  void made(int count) {
    rows = count;
  }

  /** How many rows there are; refuses when there are none. */
  int rows() {
    if (rows == 0) {
      throw new IllegalStateException("the last batch wanted no outputs");
    }
    return rows;
  }

  NativeFloats logits(Supplier<NativeFloats> view) {
    logits = logits == null || !logits.open() ? view.get() : logits;
    return logits;
  }

  /** The final hidden states. */
  NativeFloats states(Supplier<NativeFloats> view) {
    states = states == null || !states.open() ? view.get() : states;
    return states;
  }

  /** The memory is the next decode's, or nobody's. */
  void forget() {
    rows = 0;
    if (logits != null) {
      logits.close();
      logits = null;
    }
    if (states != null) {
      states.close();
      states = null;
    }
  }
}
