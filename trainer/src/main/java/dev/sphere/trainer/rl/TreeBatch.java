package dev.sphere.trainer.rl;

import dev.sphere.trainer.Distributions;
import dev.sphere.trainer.data.Example;
import dev.sphere.trainer.data.MicroBatch;
import dev.sphere.trainer.data.Packing;
import dev.sphere.trainer.data.TrainingSequence;
import dev.sphere.trainer.data.TreePacker;
import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;

/**
 * An update's trees as packed sequences, and the way back from a prediction to its edge. A sequence runs from the
 * prompt to the last edge that learns; trees in which nothing does are left out.
 */
final class TreeBatch {
  /** An edge, a sequence of its tree that holds it, and its first token's index among the drawn ones. */
  private record Place(DrawTree edge, int sequence, int offset) {}

  private final PolicyLoss loss;
  private final List<MicroBatch> packed;
  private final List<List<Place>> places = new ArrayList<>(); // of each example
  private final List<String> ids = new ArrayList<>();
  private final Map<DrawTree, double[]> before = new IdentityHashMap<>();

  /** What a pass over the update saw. */
  static final class Seen {
    final PolicyLoss.Seen tokens = new PolicyLoss.Seen();
    double loss;
    double entropy;
    long entropies;
    double difference; // of the sampler's and the trainer's log-probabilities, a sum
    double furthest;
    long compared;
  }

  /**
   * @param ids of the trees, for messages
   * @param prompts tokens before the trees
   * @param trees weighed
   */
  TreeBatch(List<String> ids, List<int[]> prompts, List<DrawTree> trees, PolicyLoss loss, Packing packing) {
    this.loss = loss;
    List<Example> examples = new ArrayList<>();
    for (int i = 0; i < trees.size(); i++) {
      List<DrawTree> tips = new ArrayList<>();
      tips(trees.get(i), tips);
      if (tips.isEmpty()) {
        continue;
      }
      List<TrainingSequence> sequences = new ArrayList<>();
      Map<DrawTree, Place> placed = new IdentityHashMap<>();
      List<Place> order = new ArrayList<>();
      for (DrawTree tip : tips) {
        int end = tip.tokens().length;
        for (DrawTree e = tip; e.parent() != null; e = e.parent()) {
          end -= e.edge().tokens().length;
          Place place = new Place(e, sequences.size(), end);
          if (learns(e) && placed.putIfAbsent(e, place) == null) {
            order.add(place);
          }
        }
        sequences.add(TrainingSequence.of(prompts.get(i), tip.tokens()));
      }
      examples.add(new Example.Draws(ids.get(i), String.valueOf(i), sequences));
      places.add(order);
      this.ids.add(ids.get(i));
    }
    this.packed = new TreePacker(packing).pack(examples);
  }

  private boolean learns(DrawTree edge) {
    return edge.edge().tokens().length > 0 && loss.learns(edge);
  }

  /** Adds the edges that learn and have none below that does; says whether there is one at or below the node. */
  private boolean tips(DrawTree node, List<DrawTree> tips) {
    boolean below = false;
    for (DrawTree c : node.children()) {
      below |= tips(c, tips);
    }
    if (below || node.parent() == null || !learns(node)) {
      return below;
    }
    return tips.add(node);
  }

  List<MicroBatch> packed() {
    return packed;
  }

  /** Ids of the trees that learn. */
  List<String> ids() {
    return ids;
  }

  /**
   * d loss / d log-probability of each prediction of a micro-batch.
   *
   * @param logProbs of the policy that learns
   * @param reference the same of the model without its adapter; null without a KL term
   * @param first in the update's first pass these log-probabilities are those before the update
   */
  float[] slopes(MicroBatch m, float[] logProbs, float[] reference, double z, boolean first, Seen seen) {
    double[] sums = new double[logProbs.length];
    for (int i = 0; i < m.examples().length; i++) {
      for (Place p : places.get(m.examples()[i])) {
        int[] index = m.predictions()[i][p.sequence];
        double[] now = at(logProbs, index, p);
        if (first) {
          before.put(p.edge, now);
          compare(p.edge.edge().logProbs(), now, seen);
        }
        double[] slopes = new double[now.length];
        seen.loss += loss.edge(p.edge, now, before.get(p.edge), reference == null ? null : at(reference, index, p), z,
            slopes, seen.tokens);
        for (int t = 0; t < slopes.length; t++) {
          sums[index[p.offset + t]] += slopes[t];
        }
      }
    }
    float[] rounded = new float[sums.length];
    for (int i = 0; i < rounded.length; i++) {
      rounded[i] = (float) sums[i];
    }
    return rounded;
  }

  private static double[] at(float[] values, int[] index, Place p) {
    double[] own = new double[p.edge.edge().tokens().length];
    for (int t = 0; t < own.length; t++) {
      own[t] = values[index[p.offset + t]];
    }
    return own;
  }

  private static void compare(float[] sampler, double[] trainer, Seen seen) {
    for (int t = 0; t < trainer.length; t++) {
      double difference = Math.abs(sampler[t] - trainer[t]);
      seen.difference += difference;
      seen.furthest = Math.max(seen.furthest, difference);
      seen.compared++;
    }
  }

  /** Takes in the entropies of the model's last pass, over this micro-batch. */
  void see(MicroBatch m, Distributions distributions, Seen seen) {
    if (distributions == null) {
      return;
    }
    for (int i = 0; i < m.examples().length; i++) {
      for (Place p : places.get(m.examples()[i])) {
        for (int t = 0; t < p.edge.edge().tokens().length; t++) {
          seen.entropy += distributions.entropies()[m.predictions()[i][p.sequence][p.offset + t]];
          seen.entropies++;
        }
      }
    }
  }
}
