package dev.sphere.engine.search;

import dev.sphere.engine.TokenPath;
import java.util.List;

/** A node of the pruned tree: a step that survived, or the root. Confined to the thread that searches. */
public final class SearchNode {
  private final SearchNode parent;
  private final String path;
  private final int depth;
  private final Candidate step;
  private final TokenPath tokens;
  private Expansion expansion;
  private SearchNode max;
  private SearchNode min;
  private int visits;
  private double value; // sum of the rewards that were backed up

  private SearchNode(SearchNode parent, String path, int depth, Candidate step, TokenPath tokens) {
    this.parent = parent;
    this.path = path;
    this.depth = depth;
    this.step = step;
    this.tokens = tokens;
  }

  static SearchNode root(TokenPath prompt) {
    return new SearchNode(null, "", 0, null, prompt);
  }

  /** Hangs the two survivors under this node; one node for both when they are the same step. */
  void expand(Expansion found) {
    expansion = found;
    max = child('+', found.sMax());
    min = found.max() == found.min() ? max : child('-', found.sMin());
  }

  private SearchNode child(char choice, Candidate candidate) {
    TokenPath grown = tokens.extend(candidate.generation().tokens());
    return new SearchNode(this, path + choice, depth + 1, candidate, grown);
  }

  void backUp(double reward) {
    visits++;
    value += reward;
  }

  /** The node's parent; null for the root. */
  public SearchNode parent() {
    return parent;
  }

  /** Choices from the root: {@code +} for S_max, {@code -} for S_min; empty for the root. */
  public String path() {
    return path;
  }

  /** Steps from the root. */
  public int depth() {
    return depth;
  }

  /** The step that this node adds; null for the root. */
  public Candidate step() {
    return step;
  }

  /** Prompt and all steps up to this one. */
  public TokenPath tokens() {
    return tokens;
  }

  /** All that the node's expansion found, pruned candidates included; null before it was expanded. */
  public Expansion expansion() {
    return expansion;
  }

  /** The child S_max; null before the expansion. */
  public SearchNode max() {
    return max;
  }

  /** The child S_min, the same object as {@link #max()} when only one distinct step was found. */
  public SearchNode min() {
    return min;
  }

  /** The distinct children: none, one or two. */
  public List<SearchNode> children() {
    return max == null ? List.of() : max == min ? List.of(max) : List.of(max, min);
  }

  public boolean expanded() {
    return expansion != null;
  }

  public boolean terminal() {
    return step != null && step.terminal();
  }

  /** Nothing below is left to expand. */
  public boolean exhausted() {
    return terminal() || expanded() && max.exhausted() && min.exhausted();
  }

  /** How many solutions were backed up through this node. */
  public int visits() {
    return visits;
  }

  /** Q: the mean reward of the solutions through this node; 0 before the first. */
  public double q() {
    return visits == 0 ? 0 : value / visits;
  }

  /** The text of all steps up to this one. */
  public String text() {
    return parent == null ? "" : parent.text() + step.generation().text();
  }
}
