package dev.sphere.engine.decode;

import java.util.Arrays;

/** A probe on its way through a {@link ProbeLane}. */
final class ProbeJob extends LoopJob<Prober.Reading> {
  final Prober.Probe probe;
  final float[] logProbs;
  float[] hidden; // of the last token, when it is wanted and computed
  KvCache.Entry entry; // null until it is admitted
  int nextTarget;

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
    int different = Arrays.mismatch(probe.tokens(), 0, most, other.probe.tokens(), 0, most);
    return different < 0 ? most : different;
  }
}
