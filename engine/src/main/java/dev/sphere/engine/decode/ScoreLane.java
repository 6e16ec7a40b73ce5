package dev.sphere.engine.decode;

import dev.sphere.bindings.llama.Adapter;
import dev.sphere.bindings.llama.ContextOptions;
import dev.sphere.bindings.llama.Model;
import dev.sphere.bindings.tensor.NativeFloats;
import dev.sphere.bindings.kernel.TargetLogProbs;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;

/**
 * The loop of a {@link Scorer}, on a thread of its own: each step admits texts while there is room, computes up to a
 * micro-batch of their tokens and hands out what they wanted. A text waits while another one is computing what the two
 * share. Finished texts that are likely to be continued stay in the cache as long as there is room.
 */
final class ScoreLane extends DecodeLoop<ScoreJob> {
  private static final int MOST_ACTIVE = 62;

  private final AtomicLong tokens = new AtomicLong();
  private final List<ScoreText> active = new ArrayList<>();
  private final List<Output> outputs = new ArrayList<>();
  private final List<Ending> endings = new ArrayList<>();
  private TargetLogProbs logProbs;
  private LikeliestTokens likeliest;

  /** A target whose output row is in the present batch. */
  private record Output(ScoreText.Target target, int row) {}

  /** A text whose last token is in the present batch, at this index, and whose hidden state is wanted. */
  private record Ending(ScoreText text, int row) {}

  ScoreLane(String name, Model model, Adapter adapter, ContextOptions options) {
    super("scorer", name, model, adapter, options);
  }

  long tokens() {
    return tokens.get();
  }

  @Override
  void allocate() {
    logProbs = new TargetLogProbs(4 * options.microBatch());
    likeliest = new LikeliestTokens(model.vocabulary().size());
  }

  @Override
  void free() {
    if (logProbs != null) {
      logProbs.close();
    }
  }

  @Override
  boolean busy() {
    return !active.isEmpty();
  }

  @Override
  void failActive(Throwable cause) {
    active.forEach(t -> t.job.fail(cause));
  }

  @Override
  void step() {
    waiting.removeIf(ScoreJob::isOver);
    active.removeIf(t -> {
      if (t.job.isOver()) {
        cache.retire(t.entry);
      }
      return t.job.isOver();
    });
    waiting.removeIf(this::admitAll);
    if (active.isEmpty()) {
      return;
    }
    if (cache.free() < RESERVE) {
      cache.compact(cache.capacity() / 2);
    }
    gather();
    decoder.decode(batch);
    cache.decoded();
    harvest();
  }

  private boolean admitAll(ScoreJob job) {
    for (ScoreText text = job.next(); text != null; text = job.next()) {
      if (!admit(text)) {
        return false;
      }
      job.begun();
    }
    return true;
  }

  private boolean admit(ScoreText text) {
    if (active.size() >= MOST_ACTIVE) {
      return false;
    }
    int cached = cache.cachedPrefix(text.tokens, text.from());
    int cells = cache.activeCells() + text.computed() + RESERVE;
    for (ScoreText other : active) {
      if (text.common(other) > Math.max(cached, other.entry.length())) {
        return false; // that one is computing what the two share
      }
      cells += other.remaining();
    }
    if (!active.isEmpty() && cells > cache.capacity()) {
      return false;
    }
    text.entry = cache.open(text.tokens, text.from());
    active.add(text);
    return true;
  }

  private void gather() {
    batch.clear();
    outputs.clear();
    endings.clear();
    int room = Math.min(options.microBatch(), cache.free()) - 1; // one place is kept for padding
    // The shortest go first, so that a long text beside them holds none of them up.
    active.sort(Comparator.comparingInt(ScoreText::remaining));
    for (ScoreText text : active) {
      while (text.remaining() > 0 && batch.size() < room) {
        int at = text.entry.length();
        // With hidden states llama.cpp makes every token an output.
        int row = batch.add(text.tokens[at], at, text.entry.sequence(), wants(text, at) || options.embeddings());
        cache.append(text.entry, text.tokens[at]);
        while (wants(text, at)) {
          outputs.add(new Output(text.targets.get(text.nextTarget++), row));
        }
        if (options.embeddings() && at == text.tokens.length - 1) {
          endings.add(new Ending(text, row));
        }
      }
    }
    tokens.addAndGet(batch.size());
    cache.pad(batch);
  }

  private static boolean wants(ScoreText text, int position) {
    return text.nextTarget < text.targets.size() && text.targets.get(text.nextTarget).position() == position;
  }

  /** Puts a token in the place of each rank that is wanted; outputs of one row stand together. */
  private void findRanks() {
    for (int from = 0, to; from < outputs.size(); from = to) {
      int row = outputs.get(from).row;
      int most = 0;
      for (to = from; to < outputs.size() && outputs.get(to).row == row; to++) {
        most = Math.max(most, -outputs.get(to).target.token());
      }
      if (most > 0) {
        likeliest.rank(decoder.logits(), row, most);
        for (Output o : outputs.subList(from, to)) {
          int wanted = o.target.token();
          o.target.text().found[o.target.index()] = wanted < 0 ? likeliest.token(-wanted) : wanted;
        }
      }
    }
  }

  private void harvest() {
    findRanks();
    for (int from = 0; from < outputs.size(); from += logProbs.capacity()) {
      List<Output> part = outputs.subList(from, Math.min(outputs.size(), from + logProbs.capacity()));
      logProbs.clear();
      part.forEach(o -> logProbs.add(o.row, o.target.text().found[o.target.index()]));
      logProbs.compute(decoder.logits(), model.vocabulary().size(), options.threads());
      for (int i = 0; i < part.size(); i++) {
        ScoreText.Target target = part.get(i).target;
        target.text().logProbs[target.index()] = logProbs.logProb(i);
      }
    }
    if (!endings.isEmpty()) {
      NativeFloats states = decoder.embeddings();
      for (Ending e : endings) {
        float[] state = new float[model.width()];
        states.read((long) e.row * state.length, state);
        e.text.state = state;
      }
    }
    active.removeIf(text -> {
      boolean complete = text.remaining() == 0;
      if (complete) {
        leave(text);
      }
      return complete;
    });
  }

  /** Keeps a text's tokens in the cache if a text that continues it, or the next text of its job, may ask for them. */
  private void leave(ScoreText text) {
    if (text.job.continued || !text.followed) {
      cache.retain(text.entry);
    } else {
      cache.retire(text.entry);
    }
    text.job.done();
  }
}
