package dev.sphere.engine.strategy;

import dev.sphere.base.InFlight;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.Callable;

/** The strategies over steps and whole solutions; {@link Mcts} and the paper's search have files of their own. */
final class Strategies {
  private Strategies() {}

  /** Independent solutions, {@code width} at a time, until the budget is spent. */
  static List<Solution> independent(StepSampler bench, Solution root, boolean score) throws InterruptedException {
    List<Solution> found = new ArrayList<>();
    for (int wave = 0; wave == 0 || bench.budget().left(); wave++) {
      String node = "wave " + wave;
      long before = bench.budget().spent();
      List<Solution> drawn = bench.complete(root, node, bench.settings().width());
      if (score) {
        List<Callable<Solution>> scoring = new ArrayList<>();
        for (int i = 0; i < drawn.size(); i++) {
          int index = i;
          scoring.add(() -> bench.scored(drawn.get(index), node + "/" + index));
        }
        found.addAll(InFlight.together(scoring));
      } else {
        found.addAll(drawn);
      }
      if (bench.budget().spent() == before) {
        break; // the prompt leaves no room
      }
    }
    return found;
  }

  /**
   * Beam search with {@code keep} paths of {@code width} candidates each, again and again until the budget is spent.
   */
  static List<Solution> beams(StepSampler bench, Solution root, int keep) throws InterruptedException {
    List<Solution> found = new ArrayList<>();
    for (int round = 0; round == 0 || bench.budget().left(); round++) {
      long before = bench.budget().spent();
      beam(bench, root, keep, "round " + round, found);
      if (bench.budget().spent() == before) {
        break; // the prompt leaves no room
      }
    }
    return found;
  }

  /**
   * One beam search. When the budget ends on the way, the best path alone is followed to its end if nothing is found.
   */
  private static void beam(StepSampler bench, Solution root, int keep, String name, List<Solution> found)
      throws InterruptedException {
    List<Solution> active = List.of(root);
    int before = found.size();
    for (int depth = 0; !active.isEmpty(); depth++) {
      if (depth > 0 && !bench.budget().left()) {
        if (found.isEmpty()) {
          found.add(finish(bench, active.getFirst(), name));
        }
        return;
      }
      // The first expansion has one path: it gets the candidates of all.
      int each = bench.settings().width() * (depth == 0 ? keep : 1);
      List<Callable<List<Solution>>> expansions = new ArrayList<>();
      for (int i = 0; i < active.size(); i++) {
        Solution from = active.get(i);
        String node = name + "/" + depth + "/" + i;
        expansions.add(() -> bench.extend(from, node, each));
      }
      List<Solution> candidates = new ArrayList<>();
      InFlight.together(expansions).forEach(candidates::addAll);
      candidates.sort(Comparator.comparingDouble(s -> -bench.value(s))); // stable: the first among equals
      List<Solution> next = new ArrayList<>();
      // Complete paths take a place of the beam each, and keep it.
      int places = Math.max(1, keep - (found.size() - before));
      for (Solution s : candidates.subList(0, Math.min(places, candidates.size()))) {
        (s.terminal() ? found : next).add(s);
      }
      active = next;
    }
  }

  /** Follows a path to its end with one candidate a step. */
  static Solution finish(StepSampler bench, Solution from, String name) throws InterruptedException {
    Solution path = from;
    while (!path.terminal()) {
      path = bench.extend(path, name + "/end/" + path.steps().size(), 1).getFirst();
    }
    return path;
  }
}
