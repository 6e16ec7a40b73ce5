package dev.sphere.engine.decode;

import dev.sphere.bindings.ContextOptions;
import dev.sphere.bindings.Model;
import dev.sphere.bindings.NativeFloats;
import dev.sphere.bindings.TargetLogProbs;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;

/**
 * The loop of a {@link Prober}, on a thread of its own: each step admits probes while there is room, computes up to a
 * micro-batch of their tokens and hands out what they wanted. A probe waits while another one is computing what the two
 * share. Finished texts stay in the cache as long as there is room, since they are likely to be continued.
 */
final class ProbeLane extends DecodeLoop<ProbeJob> {
  private static final int MOST_ACTIVE = 62;

  private final AtomicLong tokens = new AtomicLong();
  private final List<ProbeJob> active = new ArrayList<>();
  private final List<Wanted> wanted = new ArrayList<>();
  private final List<Ending> endings = new ArrayList<>();
  private TargetLogProbs logProbs;

  /** A target whose output row is in the present batch. */
  private record Wanted(ProbeJob job, int target, int row) {}

  /** A text whose last token is in the present batch, at this index. */
  private record Ending(ProbeJob job, int row) {}

  ProbeLane(String name, Model model, ContextOptions options) {
    super("reward model", name, model, null, options);
  }

  long tokens() {
    return tokens.get();
  }

  @Override
  void allocate() {
    logProbs = new TargetLogProbs(4 * options.microBatch());
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
    active.forEach(j -> j.fail(cause));
  }

  @Override
  void step() {
    waiting.removeIf(ProbeJob::isOver);
    active.removeIf(j -> {
      if (j.isOver()) {
        cache.retire(j.entry);
      }
      return j.isOver();
    });
    waiting.removeIf(this::admit);
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

  private boolean admit(ProbeJob job) {
    if (active.size() >= MOST_ACTIVE) {
      return false;
    }
    int cached = cache.cachedPrefix(job.probe.tokens(), job.probe.from());
    int cells = cache.activeCells() + job.probe.computed() + RESERVE;
    for (ProbeJob other : active) {
      if (job.common(other) > Math.max(cached, other.entry.length())) {
        return false; // that one is computing what the two share
      }
      cells += other.remaining();
    }
    if (!active.isEmpty() && cells > cache.capacity()) {
      return false;
    }
    job.entry = cache.open(job.probe.tokens(), job.probe.from());
    active.add(job);
    return true;
  }

  private void gather() {
    batch.clear();
    wanted.clear();
    endings.clear();
    int room = Math.min(options.microBatch(), cache.free()) - 1; // one place is kept for padding
    for (ProbeJob job : active) {
      int[] text = job.probe.tokens();
      int[] positions = job.probe.positions();
      while (job.remaining() > 0 && batch.size() < room) {
        int at = job.entry.length();
        boolean target = job.nextTarget < positions.length && positions[job.nextTarget] == at;
        // With hidden states llama.cpp makes every token an output.
        int row = batch.add(text[at], at, job.entry.sequence(), target || options.embeddings());
        cache.append(job.entry, text[at]);
        while (job.nextTarget < positions.length && positions[job.nextTarget] == at) {
          wanted.add(new Wanted(job, job.nextTarget++, row));
        }
        if (options.embeddings() && at == text.length - 1) {
          endings.add(new Ending(job, row));
        }
      }
    }
    tokens.addAndGet(batch.size());
    cache.pad(batch);
  }

  private void harvest() {
    for (int from = 0; from < wanted.size(); from += logProbs.capacity()) {
      int to = Math.min(wanted.size(), from + logProbs.capacity());
      logProbs.clear();
      for (Wanted w : wanted.subList(from, to)) {
        logProbs.add(w.row, w.job.probe.targets()[w.target]);
      }
      logProbs.compute(decoder.logits(), model.vocabulary().size(), options.threads());
      for (int i = from; i < to; i++) {
        wanted.get(i).job.logProbs[wanted.get(i).target] = logProbs.logProb(i - from);
      }
    }
    if (!endings.isEmpty()) {
      NativeFloats states = decoder.embeddings();
      for (Ending e : endings) {
        float[] hidden = new float[model.width()];
        states.read((long) e.row * hidden.length, hidden);
        e.job.hidden = hidden;
      }
    }
    active.removeIf(job -> {
      boolean complete = job.remaining() == 0;
      if (complete) {
        cache.retain(job.entry);
        job.result.complete(new Prober.Reading(job.logProbs, job.hidden));
      }
      return complete;
    });
  }
}
