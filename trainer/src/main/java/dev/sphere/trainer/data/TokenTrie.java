package dev.sphere.trainer.data;

import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;

/** Sequences merged along their common prefixes. Every unique token is a node; parents come before their children. */
final class TokenTrie {
  private final Map<Long, Integer> children = new HashMap<>();
  private int[] tokens = new int[256];
  private int[] parents = new int[256];
  private boolean[] inner = new boolean[256];
  private int size;
  private int innerNodes;

  /**
   * Adds a sequence.
   *
   * @param root a negative number; only sequences of one root share nodes
   * @return the node of each token
   */
  int[] add(int[] sequence, int root) {
    int[] path = new int[sequence.length];
    int parent = root;
    for (int i = 0; i < sequence.length; i++) {
      long key = ((long) parent << 32) | (sequence[i] & 0xFFFFFFFFL);
      Integer known = children.get(key);
      int node = known == null ? create(key, parent, sequence[i]) : known;
      path[i] = node;
      parent = node;
    }
    return path;
  }

  private int create(long key, int parent, int token) {
    if (size == tokens.length) {
      tokens = Arrays.copyOf(tokens, 2 * size);
      parents = Arrays.copyOf(parents, 2 * size);
      inner = Arrays.copyOf(inner, 2 * size);
    }
    tokens[size] = token;
    parents[size] = Math.max(parent, -1);
    if (parent >= 0 && !inner[parent]) {
      inner[parent] = true;
      innerNodes++;
    }
    children.put(key, size);
    return size++;
  }

  int size() {
    return size;
  }

  /** Number of nodes with a child; leaves are only predicted and need no slot. */
  int innerNodes() {
    return innerNodes;
  }

  int token(int node) {
    return tokens[node];
  }

  /** The parent of a node; -1 for a root. */
  int parent(int node) {
    return parents[node];
  }

  boolean isInner(int node) {
    return inner[node];
  }
}
