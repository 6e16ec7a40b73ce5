package dev.sphere.trainer.rl;

import dev.sphere.engine.Generation;
import dev.sphere.engine.Generation.Finish;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.function.ToDoubleFunction;

/**
 * A node of a tree of independent draws, with the edge that leads to it. Of an expansion's E draws those with equal
 * tokens are one edge with a count c. The root stands for the prompt and has no tokens.
 *
 * <p>V(leaf) is the outcome, V(node) = Σ c V(child) / E. An edge's advantage is V less a baseline that its own draw has
 * no part in; its mass is the share of the problem's draws that it stands for: m(root) = 1, m(edge) = m(parent) c / E.
 * So Σ m A ∇log π over the edges has the policy gradient as its expectation, if the draws are the policy's own.
 */
public final class DrawTree {
  /** What an edge's value is compared with. */
  public enum Baseline {
    /** The mean of the expansion's other draws. */
    OTHERS,
    /** The mean of all of the expansion's draws: (E - 1) / E of the advantage. */
    GROUP
  }

  /** What advantages are divided by. */
  public enum Scale {
    /** Nothing. */
    NONE,
    /** The standard deviation of the expansion's values, plus 1e-4 (GRPO, arXiv 2402.03300, as TRL has it). */
    GROUP
  }

  private static final double EPSILON = 1e-4;
  private static final double ROUNDING = 1e-9; // values are sums of shares; below this they are equal

  private final DrawTree parent;
  private final Generation edge;
  private final List<DrawTree> children = new ArrayList<>();
  private int count;
  private int draws;
  private double value = Double.NaN;
  private double advantage;
  private double mass;

  private DrawTree(DrawTree parent, Generation edge) {
    this.parent = parent;
    this.edge = edge;
  }

  /** A root without draws. */
  public static DrawTree root() {
    return new DrawTree(null, new Generation(new int[0], new float[0], "", Finish.STOP));
  }

  /** Adds an expansion: independent draws from here, equal ones as one edge. */
  public List<DrawTree> expand(List<Generation> drawn) {
    if (!children.isEmpty()) {
      throw new IllegalStateException("a node is expanded once: its draws are the ones that count");
    }
    draws = drawn.size();
    for (Generation g : drawn) {
      DrawTree same =
          children.stream().filter(c -> Arrays.equals(c.edge.tokens(), g.tokens())).findFirst().orElse(null);
      if (same == null) {
        same = new DrawTree(this, g);
        children.add(same);
      }
      same.count++;
    }
    return children();
  }

  /**
   * Values from the leaves up, then masses and advantages.
   *
   * @param outcome of a leaf
   */
  public void weigh(ToDoubleFunction<DrawTree> outcome, Baseline baseline, Scale scale) {
    values(outcome);
    mass = 1;
    compare(baseline, scale);
  }

  private void values(ToDoubleFunction<DrawTree> outcome) {
    if (children.isEmpty()) {
      value = outcome.applyAsDouble(this);
      return;
    }
    double sum = 0;
    for (DrawTree c : children) {
      c.values(outcome);
      sum += c.count * c.value;
    }
    value = sum / draws;
  }

  private void compare(Baseline baseline, Scale scale) {
    double sum = 0;
    double squares = 0;
    for (DrawTree c : children) {
      sum += c.count * c.value;
      squares += c.count * (c.value - value) * (c.value - value);
    }
    double unit = scale == Scale.GROUP ? Math.sqrt(squares / (draws - 1)) + EPSILON : 1;
    boolean spread = children.stream().anyMatch(c -> Math.abs(c.value - value) > ROUNDING);
    for (DrawTree c : children) {
      double base = baseline == Baseline.OTHERS ? (sum - c.value) / (draws - 1) : value;
      c.advantage = spread ? (c.value - base) / unit : 0;
      c.mass = mass * c.count / draws;
      c.compare(baseline, scale);
    }
  }

  /** All edges below, each parent before its children. */
  public List<DrawTree> edges() {
    List<DrawTree> all = new ArrayList<>();
    for (DrawTree c : children) {
      all.add(c);
      all.addAll(c.edges());
    }
    return all;
  }

  /** The distinct draws of the expansion; none for a leaf. */
  public List<DrawTree> children() {
    return Collections.unmodifiableList(children);
  }

  /** The node above; null for the root. */
  public DrawTree parent() {
    return parent;
  }

  /** What was drawn from the parent to here, with the sampler's log-probabilities. */
  public Generation edge() {
    return edge;
  }

  /** Draws of the parent's expansion that this edge stands for. */
  public int count() {
    return count;
  }

  /** Whether the limit of tokens ended the solution. */
  public boolean cut() {
    return children.isEmpty() && edge.finish() != Finish.END;
  }

  public double value() {
    return value;
  }

  public double advantage() {
    return advantage;
  }

  public double mass() {
    return mass;
  }

  /** The text drawn from the root to here. */
  public String text() {
    return parent == null ? "" : parent.text() + edge.text();
  }

  /** The tokens drawn from the root to here. */
  public int[] tokens() {
    if (parent == null) {
      return new int[0];
    }
    int[] before = parent.tokens();
    int[] own = edge.tokens();
    int[] all = Arrays.copyOf(before, before.length + own.length);
    System.arraycopy(own, 0, all, before.length, own.length);
    return all;
  }
}
