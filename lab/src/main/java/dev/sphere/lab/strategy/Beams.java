package dev.sphere.lab.strategy;

import dev.sphere.base.InFlight;
import dev.sphere.engine.strategy.Solution;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.Callable;

/** Beam search over steps, and diverse verifier tree search, which is beam search with one path. */
final class Beams {
  private Beams() {}

  /**
   * Beam search with {@code keep} paths of {@code width} candidates each, again and again until the budget is spent.
   */
  static List<Solution> beams(StepSampler sampler, Solution root, int keep) throws InterruptedException {
    List<Solution> found = new ArrayList<>();
    for (int round = 0; round == 0 || sampler.budget().left(); round++) {
      long before = sampler.budget().spent();
      beam(sampler, root, keep, "round " + round, found);
      if (sampler.budget().spent() == before) {
        break; // the prompt leaves no room
      }
    }
    return found;
  }

  /**
   * One beam search. When the budget ends on the way, the best path alone is followed to its end if nothing is found.
   */
  private static void beam(StepSampler sampler, Solution root, int keep, String name, List<Solution> found)
      throws InterruptedException {
    List<Solution> active = List.of(root);
    int before = found.size();
    for (int depth = 0; !active.isEmpty(); depth++) {
      if (depth > 0 && !sampler.budget().left()) {
        if (found.isEmpty()) {
          found.add(finish(sampler, active.getFirst(), name));
        }
        return;
      }
      // The first expansion has one path: it gets the candidates of all.
      int each = sampler.settings().width() * (depth == 0 ? keep : 1);
      List<Callable<List<Solution>>> expansions = new ArrayList<>();
      for (int i = 0; i < active.size(); i++) {
        Solution from = active.get(i);
        String node = name + "/" + depth + "/" + i;
        expansions.add(() -> sampler.extend(from, node, each));
      }
      List<Solution> candidates = new ArrayList<>();
      InFlight.together(expansions).forEach(candidates::addAll);
      candidates.sort(Comparator.comparingDouble(s -> -sampler.value(s))); // stable: the first among equals
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
  static Solution finish(StepSampler sampler, Solution from, String name) throws InterruptedException {
    Solution path = from;
    while (!path.terminal()) {
      path = sampler.extend(path, name + "/end/" + path.steps().size(), 1).getFirst();
    }
    return path;
  }
}
