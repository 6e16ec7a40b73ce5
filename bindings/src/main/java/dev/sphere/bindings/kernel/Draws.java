package dev.sphere.bindings.kernel;

import static dev.sphere.bindings.load.AbiLayouts.SPHERE_DRAW;
import static java.lang.foreign.MemoryLayout.PathElement.groupElement;
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
 * Tokens to draw from rows of logits, in one native array that is filled in place: nothing is allocated for a draw. See
 * sphere_sampling.h for what the fields mean. Not thread-safe; close is idempotent.
 */
public final class Draws implements AutoCloseable {
  private static final MethodHandle SAMPLE_ROWS = NativeLibraries.downcall(
      "sphere_sample_rows", FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_INT, ADDRESS, JAVA_INT, JAVA_INT));

  private static final long BYTES = SPHERE_DRAW.byteSize();
  private static final long SEED = offset("seed");
  private static final long PROBLEM = offset("problem");
  private static final long NODE = offset("node");
  private static final long DRAW = offset("draw");
  private static final long INDEX = offset("index");
  private static final long ROW = offset("row");
  private static final long TOP_K = offset("top_k");
  private static final long TEMPERATURE = offset("temperature");
  private static final long TOP_P = offset("top_p");
  private static final long MIN_P = offset("min_p");
  private static final long TOKEN = offset("token");
  private static final long LOGPROB = offset("logprob");
  private static final long SAMPLING_LOGPROB = offset("sampling_logprob");

  private final Arena arena = Arena.ofShared();
  private final MemorySegment data;
  private final int capacity;
  private int size;
  private boolean closed;

  /** Permits for {@code capacity} draws. */
  public Draws(int capacity) {
    if (capacity < 1) {
      throw new IllegalArgumentException("capacity must be positive: " + capacity);
    }
    this.capacity = capacity;
    this.data = arena.allocate(capacity * BYTES, 64);
  }

  private static long offset(String field) {
    return SPHERE_DRAW.byteOffset(groupElement(field));
  }

  public void clear() {
    size = 0;
  }

  public int size() {
    return size;
  }

  /**
   * Adds a draw.
   *
   * @param row which row of the logits
   * @param seed with the next four: the point of the random stream
   * @param draw taken as 32 unsigned bits
   * @param index of the token in its generation
   * @param temperature 0: greedy
   * @param topK 0: all
   * @param topP 1: all
   * @param minP 0: all
   * @return its index, for {@link #token} and the rest
   */
  public int add(int row, long seed, long problem, long node, int draw, int index, float temperature, int topK,
      float topP, float minP) {
    if (size == capacity) {
      throw new IllegalStateException("no room for more than " + capacity + " draws");
    }
    long at = size * BYTES;
    data.set(ValueLayout.JAVA_LONG, at + SEED, seed);
    data.set(ValueLayout.JAVA_LONG, at + PROBLEM, problem);
    data.set(ValueLayout.JAVA_LONG, at + NODE, node);
    data.set(ValueLayout.JAVA_INT, at + DRAW, draw);
    data.set(ValueLayout.JAVA_INT, at + INDEX, index);
    data.set(ValueLayout.JAVA_INT, at + ROW, row);
    data.set(ValueLayout.JAVA_INT, at + TOP_K, topK);
    data.set(ValueLayout.JAVA_FLOAT, at + TEMPERATURE, temperature);
    data.set(ValueLayout.JAVA_FLOAT, at + TOP_P, topP);
    data.set(ValueLayout.JAVA_FLOAT, at + MIN_P, minP);
    return size++;
  }

  /**
   * Draws them all.
   *
   * @param logits [rows x vocabulary]
   * @param vocabulary number of tokens
   * @param threads threads that share the rows; the result does not depend on it
   * @throws LlamaException when a row holds NaN or leaves no token possible; the message names the row
   */
  public void sample(NativeFloats logits, int vocabulary, int threads) {
    if (vocabulary < 1) {
      throw new IllegalArgumentException("a vocabulary of " + vocabulary + " tokens");
    }
    long rows = logits.size() / vocabulary;
    for (int i = 0; i < size; i++) {
      int row = data.get(ValueLayout.JAVA_INT, i * BYTES + ROW);
      if (row < 0 || row >= rows) {
        throw new IllegalArgumentException("draw " + i + " names row " + row + " of " + rows);
      }
    }
    int status;
    SampleEvent event = new SampleEvent();
    event.begin();
    try {
      status = (int) SAMPLE_ROWS.invokeExact(logits.segment(), vocabulary, data, size, threads);
    } catch (Throwable e) {
      throw NativeCall.failed(e);
    }
    event.draws = size;
    event.commit();
    if (status != 0 && status != AbiConstants.SPHERE_INVALID_ARGUMENT) {
      throw DeviceException.of(status, "Drawing tokens", NativeCall.lastError());
    }
    if (status != 0) {
      throw new LlamaException(
          "Drawing tokens failed: " + NativeCall.lastError() + ". The model or its adapter is damaged.");
    }
  }

  /** The drawn token. */
  public int token(int i) {
    return data.get(ValueLayout.JAVA_INT, at(i) + TOKEN);
  }

  /** Natural log-probability of the drawn token at temperature 1 without filters. */
  public float logProb(int i) {
    return data.get(ValueLayout.JAVA_FLOAT, at(i) + LOGPROB);
  }

  /** Natural log-probability of the drawn token under the distribution it was drawn from. */
  public float samplingLogProb(int i) {
    return data.get(ValueLayout.JAVA_FLOAT, at(i) + SAMPLING_LOGPROB);
  }

  private long at(int i) {
    if (i < 0 || i >= size) {
      throw new IndexOutOfBoundsException(i);
    }
    return i * BYTES;
  }

  @Override
  public void close() {
    if (!closed) {
      closed = true;
      arena.close();
    }
  }
}
