package dev.sphere.bindings.kernel;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/** What libsphere's sampling kernel does, in plain Java, double precision and as slow as it comes. */
final class ReferenceSampler {
  /**
   * A distribution to draw from: tokens that are possible, in the order in which they are walked, and probabilities.
   */
  record Distribution(List<Integer> tokens, List<Double> probabilities) {
    double of(int token) {
      int at = tokens.indexOf(token);
      return at < 0 ? 0 : probabilities.get(at);
    }
  }

  private ReferenceSampler() {}

  /** log softmax at a token. */
  static double logProb(float[] logits, int token) {
    double max = Double.NEGATIVE_INFINITY;
    for (float l : logits) {
      max = Math.max(max, l);
    }
    double sum = 0;
    for (float l : logits) {
      sum += Math.exp(l - max);
    }
    return logits[token] - max - Math.log(sum);
  }

  /** The distribution after top-k, top-p, min-p and temperature; temperature above 0. */
  static Distribution distribution(float[] logits, double temperature, int topK, double topP, double minP) {
    List<Integer> kept = new ArrayList<>();
    for (int i = 0; i < logits.length; i++) {
      if (logits[i] > Float.NEGATIVE_INFINITY) {
        kept.add(i);
      }
    }
    boolean filtered = (topK > 0 && topK < logits.length) || topP < 1 || minP > 0;
    if (filtered) {
      // Best first, the lower id among equals; the two zeros are equal.
      kept.sort(Comparator.<Integer>comparingDouble(i -> 0.0 - logits[i]).thenComparing(i -> i));
    }
    if (topK > 0 && topK < kept.size()) {
      kept = kept.subList(0, topK);
    }
    double max = kept.stream().mapToDouble(i -> logits[i]).max().orElseThrow();
    if (topP < 1) {
      double total = kept.stream().mapToDouble(i -> Math.exp(logits[i] - max)).sum();
      double sum = 0;
      int n = 0;
      while (n < kept.size() && sum < topP * total) {
        sum += Math.exp(logits[kept.get(n++)] - max);
      }
      kept = kept.subList(0, n);
    }
    if (minP > 0) {
      double least = max + Math.log(minP);
      kept = kept.stream().filter(i -> logits[i] >= least).toList();
    }
    List<Double> weights = kept.stream().map(i -> Math.exp((logits[i] - max) / temperature)).toList();
    double total = weights.stream().mapToDouble(w -> w).sum();
    return new Distribution(List.copyOf(kept), weights.stream().map(w -> w / total).toList());
  }

  /** The token at a uniform number in [0, 1). */
  static int draw(Distribution d, double uniform) {
    double sum = 0;
    for (int i = 0; i < d.tokens().size(); i++) {
      sum += d.probabilities().get(i);
      if (sum > uniform) {
        return d.tokens().get(i);
      }
    }
    return d.tokens().getLast();
  }

  /** Philox4x32-10 at (seed, problem, node, draw, index): see philox.hpp. */
  static double uniform(long seed, long problem, long node, int draw, int index) {
    return uniformWithKey(mix(mix(seed) ^ problem), node, draw, index);
  }

  static double uniformWithKey(long key, long node, int draw, int index) {
    int k0 = (int) key;
    int k1 = (int) (key >>> 32);
    int[] c = {index, draw, (int) node, (int) (node >>> 32)};
    for (int round = 0; round < 10; round++) {
      long p0 = 0xD2511F53L * (c[0] & 0xFFFFFFFFL);
      long p1 = 0xCD9E8D57L * (c[2] & 0xFFFFFFFFL);
      c = new int[] {(int) (p1 >>> 32) ^ c[1] ^ k0, (int) p1, (int) (p0 >>> 32) ^ c[3] ^ k1, (int) p0};
      k0 += 0x9E3779B9;
      k1 += 0xBB67AE85;
    }
    long bits = ((long) (c[0] >>> 5) << 26) | (c[1] >>> 6);
    return bits * 0x1p-53;
  }

  private static long mix(long x) {
    x += 0x9E3779B97F4A7C15L;
    x = (x ^ (x >>> 30)) * 0xBF58476D1CE4E5B9L;
    x = (x ^ (x >>> 27)) * 0x94D049BB133111EBL;
    return x ^ (x >>> 31);
  }
}
