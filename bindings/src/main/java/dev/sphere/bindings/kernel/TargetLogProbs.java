package dev.sphere.bindings.kernel;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import dev.sphere.bindings.device.DeviceException;
import dev.sphere.bindings.load.AbiConstants;
import dev.sphere.bindings.load.LlamaException;
import dev.sphere.bindings.load.NativeCall;
import dev.sphere.bindings.load.NativeLibraries;
import dev.sphere.bindings.tensor.NativeFloats;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;

/**
 * Log-probabilities of given tokens under rows of logits, in native arrays that are filled in place. Not thread-safe;
 * close is idempotent.
 */
public final class TargetLogProbs implements AutoCloseable {
  private static final MethodHandle LOGPROB_ROWS = NativeLibraries.downcall("sphere_logprob_rows",
      FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_INT, JAVA_INT, ADDRESS, ADDRESS, ADDRESS, JAVA_INT));

  private final Arena arena = Arena.ofShared();
  private final MemorySegment rows;
  private final MemorySegment targets;
  private final MemorySegment out;
  private final int capacity;
  private int size;
  private boolean closed;

  /** Permits for {@code capacity} targets. */
  public TargetLogProbs(int capacity) {
    this.capacity = capacity;
    this.rows = arena.allocate(ValueLayout.JAVA_INT, capacity);
    this.targets = arena.allocate(ValueLayout.JAVA_INT, capacity);
    this.out = arena.allocate(ValueLayout.JAVA_FLOAT, capacity);
  }

  public void clear() {
    size = 0;
  }

  public int capacity() {
    return capacity;
  }

  /** Adds a target under a row of the logits; returns its index. */
  public int add(int row, int target) {
    if (size == capacity) {
      throw new IllegalStateException("no room for more than " + capacity + " targets");
    }
    rows.setAtIndex(ValueLayout.JAVA_INT, size, row);
    targets.setAtIndex(ValueLayout.JAVA_INT, size, target);
    return size++;
  }

  /**
   * Computes them all.
   *
   * @param logits [rows x vocabulary]
   * @param vocabulary number of tokens
   * @param threads threads that share the rows; the result does not depend on it
   * @throws LlamaException when a row holds NaN or a target is not in the vocabulary; the message names it
   */
  public void compute(NativeFloats logits, int vocabulary, int threads) {
    if (vocabulary < 1) {
      throw new IllegalArgumentException("a vocabulary of " + vocabulary + " tokens");
    }
    long available = logits.size() / vocabulary;
    for (int i = 0; i < size; i++) {
      int row = rows.getAtIndex(ValueLayout.JAVA_INT, i);
      if (row < 0 || row >= available) {
        throw new IllegalArgumentException("target " + i + " names row " + row + " of " + available);
      }
    }
    int status;
    try {
      status = (int) LOGPROB_ROWS.invokeExact(logits.segment(), vocabulary, size, rows, targets, out, threads);
    } catch (Throwable e) {
      throw NativeCall.failed(e);
    }
    if (status != 0 && status != AbiConstants.SPHERE_INVALID_ARGUMENT) {
      throw DeviceException.of(status, "Computing log-probabilities", NativeCall.lastError());
    }
    if (status != 0) {
      throw new LlamaException("Computing log-probabilities failed: " + NativeCall.lastError() + ".");
    }
  }

  /** Natural log-probability of target i. */
  public float logProb(int i) {
    if (i < 0 || i >= size) {
      throw new IndexOutOfBoundsException(i);
    }
    return out.getAtIndex(ValueLayout.JAVA_FLOAT, i);
  }

  @Override
  public void close() {
    if (!closed) {
      closed = true;
      arena.close();
    }
  }
}
