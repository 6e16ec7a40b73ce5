package dev.sphere.engine;

/**
 * A path of tokens in a tree: a parent path and the tokens that this node adds. Paths are plain immutable data and are
 * compared by identity: nodes that share a parent object share its tokens, and the rollout engine computes each of them
 * once. Nothing has to be closed; what stays resident in a KV cache is the engine's business.
 */
public final class TokenPath {
  private final TokenPath parent;
  private final SolutionMarker marker;
  private final int[] tokens;
  private final int length;

  private TokenPath(TokenPath parent, SolutionMarker marker, int[] tokens) {
    this.parent = parent;
    this.marker = marker;
    this.tokens = tokens.clone();
    this.length = (parent == null ? 0 : parent.length) + tokens.length;
  }

  /** A root: the prompt's tokens. */
  public static TokenPath root(int... tokens) {
    return new TokenPath(null, SolutionMarker.NONE, tokens);
  }

  /** A root whose answers hold their solution after {@code marker}. */
  public static TokenPath root(SolutionMarker marker, int... tokens) {
    return new TokenPath(null, marker, tokens);
  }

  /** A child that adds {@code tokens} to this path. */
  public TokenPath extend(int... added) {
    return new TokenPath(this, marker, added);
  }

  /** The marker before the solution in the text that grows from the root. */
  public SolutionMarker marker() {
    return marker;
  }

  /** The path that this one extends; null for a root. */
  public TokenPath parent() {
    return parent;
  }

  /** A copy of the tokens that this node adds to its parent. */
  public int[] ownTokens() {
    return tokens.clone();
  }

  /** Number of tokens from the root to the end of this node. */
  public int length() {
    return length;
  }

  /** All tokens from the root to the end of this node, in order. */
  public int[] toArray() {
    int[] all = new int[length];
    int end = length;
    for (TokenPath p = this; p != null; p = p.parent) {
      end -= p.tokens.length;
      System.arraycopy(p.tokens, 0, all, end, p.tokens.length);
    }
    return all;
  }
}
