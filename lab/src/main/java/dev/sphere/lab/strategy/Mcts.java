package dev.sphere.lab.strategy;

import dev.sphere.engine.strategy.Solution;
import java.util.ArrayList;
import java.util.List;

/**
 * Monte Carlo tree search that keeps every candidate, as OpenR's vanilla MCTS does: select by UCT, expand with
 * {@code width} candidates whose first value is their process reward, follow the best one down to an end, back its value
 * up.
 */
final class Mcts {
  private final StepSampler sampler;
  private final double c;

  private static final class Node {
    final Node parent;
    final Solution solution;
    final String name;
    final List<Node> children = new ArrayList<>();
    int visits;
    double sum;
    boolean exhausted;

    Node(Node parent, Solution solution, String name) {
      this.parent = parent;
      this.solution = solution;
      this.name = name;
    }
  }

  /** @param c exploration constant of UCT */
  Mcts(StepSampler sampler, double c) {
    this.sampler = sampler;
    this.c = c;
  }

  /** Simulations until the budget is spent or the tree has no open end. */
  List<Solution> run(Solution root) throws InterruptedException {
    List<Solution> found = new ArrayList<>();
    Node top = new Node(null, root, "");
    while (!top.exhausted && (found.isEmpty() || sampler.budget().left())) {
      Node node = select(top);
      while (!node.solution.terminal() && (found.isEmpty() || sampler.budget().left())) {
        expand(node);
        node = best(node);
      }
      if (!node.solution.terminal()) {
        break;
      }
      found.add(node.solution);
      node.exhausted = true;
      double value = sampler.value(node.solution);
      for (Node n = node; n != null; n = n.parent) {
        n.visits++;
        n.sum += value;
        n.exhausted |= !n.children.isEmpty() && n.children.stream().allMatch(child -> child.exhausted);
      }
    }
    return found;
  }

  private Node select(Node from) {
    Node node = from;
    while (!node.children.isEmpty()) {
      Node best = null;
      for (Node child : node.children) {
        if (!child.exhausted && (best == null || uct(child) > uct(best))) {
          best = child;
        }
      }
      node = best;
    }
    return node;
  }

  /** A child that was never visited has its process reward for a value, as if it had been visited once. */
  private double uct(Node child) {
    double q = child.visits == 0 ? sampler.value(child.solution) : child.sum / child.visits;
    return q + c * Math.sqrt(Math.log(1 + child.parent.visits) / (1 + child.visits));
  }

  private Node best(Node node) {
    Node best = node.children.getFirst();
    for (Node child : node.children) {
      if (sampler.value(child.solution) > sampler.value(best.solution)) {
        best = child;
      }
    }
    return best;
  }

  private void expand(Node node) throws InterruptedException {
    int i = 0;
    for (Solution child : sampler.extend(node.solution, "tree" + node.name, sampler.settings().width())) {
      node.children.add(new Node(node, child, node.name + "/" + i++));
    }
  }
}
