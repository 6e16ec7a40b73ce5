package dev.sphere.bindings.llama;

import dev.sphere.bindings.load.AbiLayouts;
import dev.sphere.bindings.load.Structs;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * Tokens for one {@link Decoder#decode}, in native arrays that are filled in place: adding allocates nothing. Each
 * token belongs to one sequence. Not thread-safe; close is idempotent.
 */
public final class Batch implements AutoCloseable {
  private final Arena arena = Arena.ofShared();
  private final int capacity;
  private final MemorySegment struct;
  private final MemorySegment token;
  private final MemorySegment position;
  private final MemorySegment sequence;
  private final MemorySegment output;
  private int size;
  private int outputs;
  private boolean closed;

  /** Permits for {@code capacity} tokens. */
  public Batch(int capacity) {
    if (capacity < 1) {
      throw new IllegalArgumentException("capacity must be positive: " + capacity);
    }
    this.capacity = capacity;
    this.struct = arena.allocate(AbiLayouts.LLAMA_BATCH);
    this.token = arena.allocate(ValueLayout.JAVA_INT, capacity);
    this.position = arena.allocate(ValueLayout.JAVA_INT, capacity);
    this.sequence = arena.allocate(ValueLayout.JAVA_INT, capacity);
    this.output = arena.allocate(ValueLayout.JAVA_BYTE, capacity);
    MemorySegment counts = arena.allocate(ValueLayout.JAVA_INT, capacity);
    MemorySegment pointers = arena.allocate(ValueLayout.ADDRESS, capacity);
    for (int i = 0; i < capacity; i++) {
      counts.setAtIndex(ValueLayout.JAVA_INT, i, 1);
      pointers.setAtIndex(ValueLayout.ADDRESS, i, sequence.asSlice(i * 4L, 4));
    }
    pointer("token", token);
    pointer("pos", position);
    pointer("n_seq_id", counts);
    pointer("seq_id", pointers);
    pointer("logits", output);
  }

  private void pointer(String field, MemorySegment value) {
    Structs.setPointer(struct, AbiLayouts.LLAMA_BATCH, field, value);
  }

  /** Forgets all tokens. */
  public void clear() {
    size = 0;
    outputs = 0;
  }

  /**
   * Adds a token.
   *
   * @param token its id
   * @param position its place in its sequence, from 0; must follow what the cache holds of the sequence
   * @param sequence the sequence it belongs to
   * @param output whether its logits are wanted
   * @return its row in {@link Decoder#logits()}, -1 without output
   */
  public int add(int token, int position, int sequence, boolean output) {
    if (size == capacity) {
      throw new IllegalStateException("the batch is full: " + capacity + " tokens");
    }
    this.token.setAtIndex(ValueLayout.JAVA_INT, size, token);
    this.position.setAtIndex(ValueLayout.JAVA_INT, size, position);
    this.sequence.setAtIndex(ValueLayout.JAVA_INT, size, sequence);
    this.output.set(ValueLayout.JAVA_BYTE, size, (byte) (output ? 1 : 0));
    size++;
    return output ? outputs++ : -1;
  }

  public int size() {
    return size;
  }

  public int capacity() {
    return capacity;
  }

  /** Number of tokens whose logits are wanted. */
  public int outputs() {
    return outputs;
  }

  int sequenceAt(int index) {
    return sequence.getAtIndex(ValueLayout.JAVA_INT, index);
  }

  MemorySegment tokens() {
    return token;
  }

  MemorySegment positions() {
    return position;
  }

  MemorySegment sequences() {
    return sequence;
  }

  /** A byte a token: 1 where its outputs are wanted. */
  MemorySegment wanted() {
    return output;
  }

  /** The llama_batch, with its current size. */
  MemorySegment struct() {
    struct.set(ValueLayout.JAVA_INT, 0, size);
    return struct;
  }

  @Override
  public void close() {
    if (!closed) {
      closed = true;
      arena.close();
    }
  }
}
