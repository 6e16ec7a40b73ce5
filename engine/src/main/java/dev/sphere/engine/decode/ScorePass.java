package dev.sphere.engine.decode;

import dev.sphere.bindings.Adapter;
import dev.sphere.bindings.Batch;
import dev.sphere.bindings.ContextOptions;
import dev.sphere.bindings.Decoder;
import dev.sphere.bindings.Model;
import dev.sphere.bindings.TargetLogProbs;
import java.util.ArrayList;
import java.util.List;

/**
 * Scores sorted rows in one decoder: a row forks from the one before it as soon as that one holds what they share, and
 * many rows step together, so that micro-batches are full. Runs on the calling thread.
 */
final class ScorePass {
  private final Model model;
  private final Adapter adapter;
  private final ContextOptions shape;
  private final List<ScoreRow> rows;
  private final List<ScoreRow> open = new ArrayList<>();
  private final List<ScoreRow.Target> wanted = new ArrayList<>(); // of this micro-batch, as in the targets array
  private final List<Integer> outputRows = new ArrayList<>();
  private int next; // first row that is not open yet

  ScorePass(Model model, Adapter adapter, ContextOptions shape, List<ScoreRow> rows) {
    this.model = model;
    this.adapter = adapter;
    this.shape = shape;
    this.rows = rows;
  }

  void run() {
    ScoreRow.link(rows);
    try (Decoder decoder = Decoder.open(model, adapter, shape);
        Batch batch = new Batch(shape.batch());
        TargetLogProbs targets = new TargetLogProbs(4 * shape.microBatch())) {
      KvCache cache = new KvCache(decoder);
      while (next < rows.size() || !open.isEmpty()) {
        checkInterrupt();
        openRows(cache);
        if (cache.free() < RolloutLane.RESERVE) {
          cache.compact(0);
        }
        gather(batch, cache);
        if (batch.size() > 0) {
          cache.pad(batch);
          decoder.decode(batch);
          cache.decoded();
          harvest(decoder, targets);
        }
        closeRows(cache);
      }
    }
    for (int i = 1; i < rows.size(); i++) {
      rows.get(i).copyShared(rows.get(i - 1));
    }
  }

  private static void checkInterrupt() {
    if (Thread.interrupted()) {
      throw new IllegalStateException("scoring was interrupted");
    }
  }

  private void openRows(KvCache cache) {
    while (next < rows.size()) {
      ScoreRow row = rows.get(next);
      ScoreRow before = next == 0 ? null : rows.get(next - 1);
      if (before != null && before.entry.length() < row.shared) {
        return; // what they share is not computed yet
      }
      if (open.stream().anyMatch(r -> !r.isDone()) && !fits(row, cache)) {
        return;
      }
      row.entry = before == null ? cache.open(new int[0], 0) : cache.fork(before.entry, row.shared);
      if (before != null) {
        before.successorOpened = true;
      }
      open.add(row);
      next++;
    }
  }

  private boolean fits(ScoreRow row, KvCache cache) {
    int reserved = open.stream().mapToInt(ScoreRow::remaining).sum();
    int cells = cache.activeCells() + reserved + row.remaining() + RolloutLane.RESERVE;
    return open.size() < 128 && cells <= cache.capacity();
  }

  private void gather(Batch batch, KvCache cache) {
    batch.clear();
    wanted.clear();
    outputRows.clear();
    int room = Math.min(shape.microBatch(), cache.free()) - 1; // one place is kept for padding
    for (ScoreRow row : open) {
      while (!row.isDone() && batch.size() < room) {
        int position = row.entry.length();
        boolean output = row.nextTarget < row.targets.size() && row.targets.get(row.nextTarget).position() == position;
        int outputRow = batch.add(row.token(position), position, row.entry.sequence(), output);
        cache.append(row.entry, row.token(position));
        while (row.nextTarget < row.targets.size() && row.targets.get(row.nextTarget).position() == position) {
          wanted.add(row.targets.get(row.nextTarget++));
          outputRows.add(outputRow);
        }
      }
    }
  }

  private void harvest(Decoder decoder, TargetLogProbs targets) {
    for (int from = 0; from < wanted.size(); from += targets.capacity()) {
      int to = Math.min(wanted.size(), from + targets.capacity());
      targets.clear();
      for (int i = from; i < to; i++) {
        targets.add(outputRows.get(i), wanted.get(i).token());
      }
      targets.compute(decoder.logits(), model.vocabulary().size(), shape.threads());
      for (int i = from; i < to; i++) {
        wanted.get(i).row().store(wanted.get(i), targets.logProb(i - from));
      }
    }
  }

  /** A finished row stays until its successor has forked from it. */
  private void closeRows(KvCache cache) {
    open.removeIf(
        row -> {
          boolean over = row.isDone() && (row.successorOpened || row == rows.getLast());
          if (over) {
            cache.retire(row.entry);
          }
          return over;
        });
  }
}
