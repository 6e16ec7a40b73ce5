package dev.sphere.engine.reward;

import dev.sphere.base.Sha256;
import java.nio.ByteBuffer;
import java.util.LinkedHashMap;
import java.util.Map;

/** Scores by the content that they were given to: the same text is never computed twice. Thread-safe, bounded. */
final class ScoreCache {
  private static final int MOST = 1 << 18;

  /** Half of a SHA-256: two texts do not meet. */
  private record Key(long high, long low) {}

  private final Map<Key, Double> scores = new LinkedHashMap<>(16, 0.75f, true) {
    private static final long serialVersionUID = 1;

    @Override
    protected boolean removeEldestEntry(Map.Entry<Key, Double> eldest) {
      return size() > MOST;
    }
  };

  /** The score of these tokens; null when it is not known. */
  Double find(int[] tokens) {
    Key key = key(tokens);
    synchronized (scores) {
      return scores.get(key);
    }
  }

  void keep(int[] tokens, double score) {
    Key key = key(tokens);
    synchronized (scores) {
      scores.put(key, score);
    }
  }

  void forget() {
    synchronized (scores) {
      scores.clear();
    }
  }

  private static Key key(int[] tokens) {
    ByteBuffer bytes = ByteBuffer.allocate(4 * tokens.length);
    bytes.asIntBuffer().put(tokens);
    ByteBuffer digest = ByteBuffer.wrap(Sha256.digest().digest(bytes.array()));
    return new Key(digest.getLong(), digest.getLong());
  }
}
