package dev.sphere.engine.decode;

import dev.sphere.bindings.llama.Adapter;
import dev.sphere.bindings.llama.ContextOptions;
import dev.sphere.bindings.llama.Model;
import dev.sphere.bindings.llama.TreeDecoder;
import dev.sphere.bindings.tensor.NativeFloats;
import dev.sphere.engine.Generation;
import dev.sphere.engine.Generation.Finish;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * A decode loop on a thread of its own: a context, and all the rollouts that step together in it.
 *
 * <p>Each step: admit jobs while there is room, draw what can be drawn from {@link KnownRows known rows}, gather one
 * token of every rollout that generates, fill the rest of the micro-batch with tokens of paths that are not computed
 * yet, make room in the cache, compute, draw, hand finished generations out. When the cache is too small for what is
 * active, the youngest rollout loses its place and is computed again later; it draws the same tokens as if it had
 * stayed.
 */
final class RolloutLane extends DecodeLoop<RolloutJob> {
  private static final int WORTH_WAITING = 32; // tokens that another rollout computes; fewer are no reason to idle
  private static final Comparator<Rollout> SHORTEST = Comparator.comparingInt(Rollout::pending);
  private static final int MOST_CONSIDERED = 64;

  private final int most; // rollouts that step together; a job comes whole, so the last one may exceed the slots
  private final int limit; // longest sequence
  private final AtomicInteger load = new AtomicInteger();
  private final RolloutCounters counters;

  /** Trees that began in this lane; guarded by {@link RolloutLanes}. */
  int trees;

  // What follows belongs to the loop's thread.
  private RolloutJob next; // the waiting job whose turn it is; null: not chosen yet
  private final ArrayDeque<Rollout> displaced = new ArrayDeque<>();
  private final List<Rollout> paths = new ArrayList<>(); // rollouts of the present step with tokens left to compute
  private final ArrayDeque<Rollout> active = new ArrayDeque<>(); // the next to be served in front
  private final List<Rollout> parts = new ArrayList<>(); // of one rollout, by what its requests have drawn
  private final List<Integer> partDraws = new ArrayList<>();
  private RowDraws draws;
  private KnownRows known;
  private int ofPaths; // tokens of the micro-batch after which nothing is drawn, computed for the first time
  private int computedBefore; // tokens of the micro-batch after which nothing is drawn, computed before

  RolloutLane(String name, Model model, Adapter adapter, ContextOptions options, int slots, int limit,
      RolloutCounters counters) {
    super("policy", name, model, adapter, options);
    this.most = Math.min(slots + slots / 4, BatchedPolicy.Options.MOST_SLOTS);
    this.limit = limit;
    this.counters = counters;
  }

  /** Requests that wait or are computed here. */
  int load() {
    return load.get();
  }

  @Override
  void submit(RolloutJob job) {
    load.addAndGet(job.requests.size());
    job.result.whenComplete((r, e) -> load.addAndGet(-job.requests.size()));
    super.submit(job);
  }

  @Override
  void allocate() {
    draws = new RowDraws(model, options.threads());
    known = new KnownRows(model.vocabulary().size(), decoder instanceof TreeDecoder);
  }

  @Override
  void free() {
    if (draws != null) {
      draws.close();
    }
    if (known != null) {
      known.close();
    }
  }

  @Override
  void forget() {
    known.close();
    known = new KnownRows(model.vocabulary().size(), decoder instanceof TreeDecoder);
  }

  @Override
  boolean busy() {
    return !active.isEmpty() || !displaced.isEmpty();
  }

  @Override
  void slept(long nanos) {
    counters.idle(nanos);
  }

  @Override
  void failActive(Throwable cause) {
    active.forEach(r -> r.job.fail(cause));
    displaced.forEach(r -> r.job.fail(cause));
  }

  @Override
  void step() {
    long begin = System.nanoTime();
    dropCancelled();
    admit();
    long drawing = drawKnown();
    long decoding = 0;
    if (!active.isEmpty()) {
      place();
      makeRoom();
      gather();
      long ready = System.nanoTime();
      decoder.decode(batch);
      decoding = System.nanoTime() - ready;
      cache.decoded();
      List<Rollout> rows = draws.rollouts();
      counters.step(batch.size(), ofPaths, computedBefore, batch.size() - ofPaths - computedBefore - rows.size());
      if (!rows.isEmpty()) {
        NativeFloats logits = decoder.logits();
        for (int i = 0; i < rows.size(); i++) {
          known.keep(rows.get(i), logits, i);
        }
        drawing += draw(logits, rows.size());
      }
    }
    counters.took(decoding, drawing, System.nanoTime() - begin - decoding - drawing);
  }

  /**
   * Draws for all rollouts of {@link #draws} and hands the tokens out.
   *
   * @param computed rows that were computed for these draws; 0 for known rows
   * @return nanoseconds that drawing took
   */
  private long draw(NativeFloats logits, int computed) {
    long begin = System.nanoTime();
    counters.drawn(draws.sample(logits), computed);
    long took = System.nanoTime() - begin;
    handOut();
    return took;
  }

  /**
   * Lets active rollouts draw as long as the row after one of them is known. Returns the nanoseconds that drawing took.
   */
  private long drawKnown() {
    long took = 0;
    while (known.kept()) {
      draws.clear();
      for (Rollout r : active) {
        // a benchmark gives each request a rule of its own: all rows are computed
        int row = r.job.alike && !r.job.isOver() ? known.find(r) : -1;
        if (row >= 0) {
          r.ahead = true;
          r.computed = Math.max(r.computed, r.length());
          draws.add(r, row);
        }
      }
      if (draws.rollouts().isEmpty()) {
        break;
      }
      took += draw(known.logits(), 0);
    }
    return took;
  }

  /**
   * Finds places in the cache for rollouts that have none, or that drew from known rows, whose tokens another one
   * computed.
   */
  private void place() {
    for (Rollout r : active) {
      if (r.entry == null || r.ahead) {
        KvCache.Entry before = r.entry;
        r.entry = cache.open(r.tokens(), r.length() - 1);
        if (before == null) {
          counters.reused(r.entry.length());
        } else {
          cache.retire(before); // the new one has all of it
        }
        r.ahead = false;
      }
    }
  }

  // --- admission ---

  private void dropCancelled() {
    waiting.removeIf(RolloutJob::isOver);
    displaced.removeIf(r -> r.job.isOver());
    active.removeIf(
        r -> {
          if (r.job.isOver() && r.entry != null) {
            cache.retire(r.entry);
          }
          return r.job.isOver();
        });
  }

  private void admit() {
    while (!displaced.isEmpty()) {
      Rollout rollout = displaced.peek();
      if (!active.isEmpty() && !fits(rollout.requests(), rollout.length())) {
        return;
      }
      active.addLast(displaced.poll());
    }
    while (!waiting.isEmpty()) {
      if (next == null || next.isOver()) {
        next = bestCached(); // kept until it fits: looking through the cache at every step is not free
      }
      if (!active.isEmpty() && (!fits(next.requests.size(), next.path.length) || isBeingComputed(next.path))) {
        return;
      }
      waiting.remove(next);
      active.addLast(new Rollout(next));
      next = null;
    }
  }

  /**
   * The waiting job with most of its path in the cache: trees that have begun go on before others begin, so that fewer
   * are resident at once. In what order jobs are computed changes no result.
   */
  private RolloutJob bestCached() {
    RolloutJob best = waiting.peek();
    int most = -1;
    int looked = 0;
    for (RolloutJob job : waiting) {
      int cached = cache.cachedPrefix(job.path, job.path.length - 1);
      if (cached > most) {
        most = cached;
        best = job;
      }
      if (++looked == MOST_CONSIDERED) {
        break;
      }
    }
    return best;
  }

  /**
   * Whether a path that is being computed will leave much more of this one in the cache than is there now: examples or
   * a system prompt before every question, when all begin at once.
   */
  private boolean isBeingComputed(int[] path) {
    int cached = -1;
    for (Rollout r : active) {
      if (r.pending() > 1) {
        int n = Math.min(r.length(), path.length) - 1;
        int different = Arrays.mismatch(r.tokens(), 0, n, path, 0, n);
        int common = different < 0 ? n : different;
        cached = cached < 0 ? cache.cachedPrefix(path, path.length - 1) : cached;
        if (common - cached >= WORTH_WAITING) {
          return true;
        }
      }
    }
    return false;
  }

  /** Whether there are slots for so many requests, and cells for the path and a few more for all that is active. */
  private boolean fits(int requests, int length) {
    int used = 0;
    for (Rollout r : active) {
      used += r.requests();
    }
    int cells = length + 8 * (used + requests) + RESERVE;
    return used + requests <= most
        && (cache.free() >= cells || cache.capacity() - cache.activeCells() >= cells);
  }

  // --- one micro-batch ---

  /**
   * Compacts the cache when this step does not fit; with less than a whole micro-batch it goes on as long as it can.
   * Active rollouts may fill three quarters of the cache; others must wait.
   */
  private void makeRoom() {
    if (cache.free() >= RESERVE || cache.free() > pending()) {
      return;
    }
    int most = cache.capacity() / 4 * 3;
    while (active.size() > 1 && cache.activeCells() > most) {
      Rollout shortest = active.stream().min(Comparator.comparingInt(Rollout::length)).orElseThrow();
      active.remove(shortest);
      shortest.computed = Math.max(shortest.computed, shortest.entry.length());
      cache.retain(shortest.entry); // may survive the compaction, if nothing else wants the room
      shortest.entry = null;
      displaced.addLast(shortest);
      counters.displaced();
    }
    cache.compact(cache.capacity() / 2);
    counters.compacted();
  }

  private int pending() {
    int sum = 0;
    for (Rollout r : active) {
      sum += r.pending();
    }
    return sum;
  }

  /** Fills the batch; one place is kept for padding. */
  private void gather() {
    batch.clear();
    draws.clear();
    ofPaths = 0;
    computedBefore = 0;
    int room = Math.min(options.microBatch(), cache.free()) - 1;
    int n = active.size();
    for (int i = 0; i < n && batch.size() < room; i++) {
      Rollout r = active.pollFirst();
      if (r.pending() == 1) {
        add(r);
      }
      active.addLast(r); // what was served goes to the back
    }
    // Short paths go first, so that a long one beside them holds none of them up.
    paths.clear();
    for (Rollout r : active) {
      if (r.pending() > 0) {
        paths.add(r);
      }
    }
    paths.sort(SHORTEST);
    for (Rollout r : paths) {
      while (r.pending() > 0 && batch.size() < room) {
        add(r);
      }
    }
    cache.pad(batch);
  }

  private void add(Rollout r) {
    int position = r.entry.length();
    boolean last = r.pending() == 1;
    batch.add(r.token(position), position, r.entry.sequence(), last);
    cache.append(r.entry, r.token(position));
    if (last) {
      draws.add(r, draws.rollouts().size());
    } else if (position < r.computed) {
      computedBefore++;
    } else {
      ofPaths++;
    }
  }

  // --- after the computation ---

  private void handOut() {
    int next = 0;
    for (Rollout r : draws.rollouts()) {
      int first = next;
      next += r.requests();
      if (agree(r, first)) {
        accept(r, first);
      } else {
        divide(r, first);
        for (int i = 0; i < parts.size(); i++) {
          accept(parts.get(i), partDraws.get(i));
        }
      }
    }
  }

  /**
   * Whether all requests that a rollout stands for have drawn the same token, and so are still one and the same
   * sequence.
   */
  private boolean agree(Rollout r, int first) {
    int n = r.requests();
    for (int i = 1; i < n; i++) {
      if (!r.job.alike || draws.token(first + i) != draws.token(first)) {
        return false;
      }
    }
    return true;
  }

  /** Requests that have drawn another token go on in rollouts of their own, one for each token. */
  private void divide(Rollout r, int first) {
    parts.clear();
    partDraws.clear();
    int n = r.requests();
    BitSet open = new BitSet(n);
    open.set(0, n);
    int[] kept = null;
    for (int lead = 0; lead >= 0; lead = open.nextSetBit(lead)) {
      int of = lead;
      int[] same = open.stream()
          .filter(i -> i == of || r.job.alike && draws.token(first + i) == draws.token(first + of)).toArray();
      Arrays.stream(same).forEach(open::clear);
      partDraws.add(first + lead);
      if (kept == null) {
        kept = same;
        parts.add(r);
      } else {
        Rollout part = r.part(same);
        part.entry = r.pending() > 0 ? null : cache.fork(r.entry, r.length());
        active.addLast(part);
        parts.add(part);
      }
    }
    r.keep(kept);
  }

  private void accept(Rollout r, int draw) {
    if (r.job.isOver()) {
      return;
    }
    Finish finish;
    try {
      finish = r.accept(draws.token(draw), draws.logProb(draw), model.vocabulary(), limit);
    } catch (RuntimeException e) { // the caller's stop rule
      r.job.fail(e);
      return;
    }
    if (finish != null) {
      active.remove(r);
      leave(r, finish);
      Generation generation = r.generation(finish);
      for (int i = 0; i < r.requests(); i++) {
        r.job.finish(r.request(i), generation);
      }
    }
  }

  /** A finished step is likely to be extended; a finished solution is not, but its path may be. */
  private void leave(Rollout r, Finish finish) {
    if (r.entry == null) {
      return;
    }
    // a later step with the same text goes on from these cells
    if (finish == Finish.STOP || r.job.ofTree && known.kept()) {
      cache.retain(r.entry);
      return;
    }
    int path = r.job.path.length - 1;
    boolean keepPath = r.job.open == r.requests() && path > 0 && !cache.covers(r.job.path, path, r.entry);
    KvCache.Entry kept = keepPath ? cache.fork(r.entry, path) : null;
    cache.retire(r.entry);
    if (kept != null) {
      cache.retain(kept);
    }
  }
}
