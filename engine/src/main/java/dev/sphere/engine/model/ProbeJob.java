package dev.sphere.engine.model;

import java.util.concurrent.CompletableFuture;

/** A probe on its way through a {@link ProbeLane}. */
final class ProbeJob {
  final Prober.Probe probe;
  final CompletableFuture<Prober.Reading> result = new CompletableFuture<>();
  final float[] logProbs;
  KvCache.Entry entry; // null until it is admitted
  int nextTarget;
  volatile boolean cancelled;

  ProbeJob(Prober.Probe probe) {
    this.probe = probe;
    this.logProbs = new float[probe.targets().length];
  }

  int remaining() {
    return probe.computed() - entry.length();
  }

  /** Length of the prefix that it has in common with another one and that may come from a cache. */
  int common(ProbeJob other) {
    int most = Math.min(probe.from(), other.probe.computed());
    int different = java.util.Arrays.mismatch(probe.tokens(), 0, most, other.probe.tokens(), 0, most);
    return different < 0 ? most : different;
  }

  boolean isOver() {
    return cancelled || result.isDone();
  }
}
