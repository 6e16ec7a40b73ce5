package dev.sphere.engine.decode;

import dev.sphere.bindings.kernel.AttentionKernel;
import dev.sphere.bindings.llama.Batch;
import dev.sphere.bindings.llama.Decoder;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;

/**
 * Which tokens stand where in a decoder's KV cache, so that everything that shares a prefix shares its cells.
 *
 * <p>An {@link Entry} is a sequence of the decoder with the tokens that it holds. A new one starts from the longest
 * prefix that any entry has. Cells are handed out in order and a freed cell is not used again before {@link #compact}:
 * so the cells of every sequence lie in the order of their positions, and a token's logits do not depend on what else
 * the cache holds. Entries that nobody needs now are retained, least recently used first out; retired ones only wait
 * for the compaction.
 *
 * <p>Belongs to the decoder's thread.
 */
final class KvCache {
  /** A sequence in the cache. */
  static final class Entry {
    private final int sequence;
    private int[] tokens;
    private int[] cells; // the cell of each token
    private int length;
    private long lastUse;

    private Entry(int sequence, int room) {
      this.sequence = sequence;
      this.tokens = new int[room];
      this.cells = new int[room];
    }

    int sequence() {
      return sequence;
    }

    /** Tokens in the cache: the position of the next one. */
    int length() {
      return length;
    }
  }

  private final Decoder decoder;
  private final int capacity;
  private final int graveyard; // holds the cells of buried sequences until the compaction
  private final int dummy;
  private final ArrayDeque<Integer> freeSequences = new ArrayDeque<>();
  private final List<Entry> active = new ArrayList<>();
  private final List<Entry> retained = new ArrayList<>();
  private final ArrayDeque<Entry> retired = new ArrayDeque<>();
  private int head; // all cells below are occupied, all others are free
  private long uses;
  private boolean padded; // the batch holds a token whose result nobody wants

  KvCache(Decoder decoder) {
    this.decoder = decoder;
    this.capacity = decoder.cells();
    int sequences = decoder.options().sequences();
    if (sequences < 3) {
      throw new IllegalArgumentException("a shared cache needs at least 3 sequences: " + sequences);
    }
    this.graveyard = sequences - 2;
    this.dummy = sequences - 1;
    for (int s = 0; s < sequences - 2; s++) {
      freeSequences.add(s);
    }
  }

  int capacity() {
    return capacity;
  }

  /** Cells that can be used before a compaction. */
  int free() {
    return capacity - head;
  }

  /** Length of the longest prefix of the first {@code n} tokens that is in the cache. */
  int cachedPrefix(int[] tokens, int n) {
    Entry best = longest(tokens, n);
    return best == null ? 0 : common(best, tokens, n);
  }

  /** Whether another entry than {@code except} holds the first {@code n} tokens. */
  boolean covers(int[] tokens, int n, Entry except) {
    for (List<Entry> entries : List.of(active, retained)) {
      for (Entry e : entries) {
        if (e != except && common(e, tokens, n) == n) {
          return true;
        }
      }
    }
    return false;
  }

  /** A new active entry that shares as much of the first {@code n} tokens as the cache holds. */
  Entry open(int[] tokens, int n) {
    Entry source = longest(tokens, n);
    if (source != null) {
      return fork(source, common(source, tokens, n));
    }
    Entry entry = new Entry(newSequence(), 64);
    active.add(entry);
    return entry;
  }

  /** A new active entry that shares the first {@code n} tokens of another. */
  Entry fork(Entry source, int n) {
    touch(source); // so that making room does not take it
    Entry entry = new Entry(newSequence(source), Math.max(64, n + 32));
    System.arraycopy(source.tokens, 0, entry.tokens, 0, n);
    System.arraycopy(source.cells, 0, entry.cells, 0, n);
    entry.length = n;
    if (n > 0) {
      decoder.copySequence(source.sequence, entry.sequence, 0, n);
    }
    active.add(entry);
    return entry;
  }

  /** Notes that the next cell goes to this token of this entry; call it in the order of the batch. */
  void append(Entry entry, int token) {
    if (entry.length == entry.tokens.length) {
      entry.tokens = Arrays.copyOf(entry.tokens, entry.length * 2);
      entry.cells = Arrays.copyOf(entry.cells, entry.length * 2);
    }
    entry.tokens[entry.length] = token;
    entry.cells[entry.length] = head++;
    entry.length++;
  }

  /**
   * Completes a batch: where the kernels for one row add up in another order ({@link AttentionKernel#oneRow}), it must
   * have at least two tokens, and no output or at least two. Keep one place of the micro-batch free for it.
   */
  void pad(Batch batch) {
    padded = !AttentionKernel.oneRow() && (batch.size() == 1 || batch.outputs() == 1);
    if (padded) {
      batch.add(0, 0, dummy, batch.outputs() > 0);
    }
  }

  /** Call it after the batch was computed: the padding's cell is the last one, and comes next again. */
  void decoded() {
    if (padded) {
      decoder.removeSequence(dummy, -1, -1);
    }
  }

  /** Ends the use of an entry whose tokens may be asked for again: it stays as long as there is room. */
  void retain(Entry entry) {
    active.remove(entry);
    if (entry.length == 0) {
      freeSequences.add(entry.sequence);
      return;
    }
    touch(entry);
    retained.add(entry);
  }

  /** Ends the use of an entry whose own tokens will not be asked for again: it goes at the next compaction. */
  void retire(Entry entry) {
    active.remove(entry);
    if (entry.length == 0) {
      freeSequences.add(entry.sequence);
    } else {
      retired.add(entry);
    }
  }

  /**
   * Forgets what is retired, then the least recently used of what is retained until at most {@code target} cells are
   * occupied, and moves the rest to the front. Active entries always stay.
   */
  void compact(int target) {
    for (Entry e : retired) {
      drop(e);
    }
    retired.clear();
    decoder.removeSequence(graveyard, -1, -1);
    retained.sort((a, b) -> Long.compare(b.lastUse, a.lastUse)); // latest first
    BitSet live = new BitSet(capacity);
    active.forEach(e -> mark(e, live));
    int kept = 0;
    while (kept < retained.size()) {
      mark(retained.get(kept), live);
      if (live.cardinality() > target) {
        break;
      }
      kept++;
    }
    List<Entry> dropped = retained.subList(kept, retained.size());
    dropped.forEach(this::drop);
    dropped.clear();
    live.clear();
    active.forEach(e -> mark(e, live));
    retained.forEach(e -> mark(e, live));
    if (live.isEmpty()) {
      decoder.clear();
    } else {
      decoder.compact();
    }
    int[] rank = new int[capacity];
    int next = 0;
    for (int cell = live.nextSetBit(0); cell >= 0; cell = live.nextSetBit(cell + 1)) {
      rank[cell] = next++;
    }
    head = next;
    active.forEach(e -> move(e, rank));
    retained.forEach(e -> move(e, rank));
  }

  /** Cells that the active entries occupy together. */
  int activeCells() {
    BitSet live = new BitSet(capacity);
    active.forEach(e -> mark(e, live));
    return live.cardinality();
  }

  private static void mark(Entry entry, BitSet live) {
    for (int i = 0; i < entry.length; i++) {
      live.set(entry.cells[i]);
    }
  }

  private static void move(Entry entry, int[] rank) {
    for (int i = 0; i < entry.length; i++) {
      entry.cells[i] = rank[entry.cells[i]];
    }
  }

  private void drop(Entry entry) {
    decoder.removeSequence(entry.sequence, -1, -1);
    freeSequences.add(entry.sequence);
  }

  private int newSequence() {
    return newSequence(null);
  }

  private int newSequence(Entry keep) {
    if (freeSequences.isEmpty()) {
      Entry buried = retired.isEmpty() ? leastRecentlyUsed(keep) : retired.poll();
      if (buried == null) {
        throw new IllegalStateException("all " + active.size() + " sequences are active");
      }
      decoder.copySequence(buried.sequence, graveyard, -1, -1);
      drop(buried);
    }
    return freeSequences.poll();
  }

  private Entry leastRecentlyUsed(Entry keep) {
    Entry oldest = null;
    for (Entry e : retained) {
      if (e != keep && (oldest == null || e.lastUse < oldest.lastUse)) {
        oldest = e;
      }
    }
    retained.remove(oldest);
    return oldest;
  }

  private void touch(Entry entry) {
    entry.lastUse = ++uses;
  }

  private Entry longest(int[] tokens, int n) {
    Entry best = null;
    int longest = 0;
    for (List<Entry> entries : List.of(active, retained)) {
      for (Entry e : entries) {
        int common = common(e, tokens, n);
        if (common > longest) {
          longest = common;
          best = e;
        }
      }
    }
    return best;
  }

  private static int common(Entry entry, int[] tokens, int n) {
    int limit = Math.min(n, entry.length);
    int different = Arrays.mismatch(entry.tokens, 0, limit, tokens, 0, limit);
    return different < 0 ? limit : different;
  }
}
