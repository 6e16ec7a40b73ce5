package dev.sphere.engine.search;

import dev.sphere.engine.Problem;
import dev.sphere.engine.TokenPath;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/** The pruned tree of one problem, and the solutions that its simulations found. */
public final class SearchTree {
  /** The result of one simulation: the two chains' terminal nodes, the same node when the chains never parted. */
  public record Simulation(SearchNode solMax, SearchNode solMin) {}

  private final Problem problem;
  private final String name;
  private final SearchNode root;
  private final List<Simulation> simulations = new ArrayList<>();

  SearchTree(Problem problem, String name, TokenPath prompt) {
    this.problem = problem;
    this.name = name;
    this.root = SearchNode.root(prompt);
  }

  void add(Simulation simulation) {
    simulations.add(simulation);
  }

  public Problem problem() {
    return problem;
  }

  /** Name of the search within its problem. */
  public String name() {
    return name;
  }

  public SearchNode root() {
    return root;
  }

  /** The simulations in the order in which they ran; fewer than asked for when the tree was exhausted. */
  public List<Simulation> simulations() {
    return Collections.unmodifiableList(simulations);
  }

  /** Sol_max of the first simulation: the paper's most promising solution. */
  public SearchNode solMax() {
    return simulations.getFirst().solMax();
  }

  /** Sol_min of the first simulation: the least promising one that is still plausible. */
  public SearchNode solMin() {
    return simulations.getFirst().solMin();
  }
}
