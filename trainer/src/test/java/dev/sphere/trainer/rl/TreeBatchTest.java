package dev.sphere.trainer.rl;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sphere.bindings.tensor.NativeFloats;
import dev.sphere.engine.Generation;
import dev.sphere.engine.Generation.Finish;
import dev.sphere.gguf.GgmlType;
import dev.sphere.gguf.make.ByteVocabulary;
import dev.sphere.gguf.make.RandomModel;
import dev.sphere.trainer.Parameter;
import dev.sphere.trainer.TinyModel;
import dev.sphere.trainer.TrainableModel;
import dev.sphere.trainer.data.Example;
import dev.sphere.trainer.data.MicroBatch;
import dev.sphere.trainer.data.Packing;
import dev.sphere.trainer.data.TrainingSequence;
import dev.sphere.trainer.data.TreePacker;
import dev.sphere.trainer.model.ModelOptions;
import dev.sphere.trainer.model.TrainableModels;
import dev.sphere.trainer.rl.PolicyLoss.EdgeWeight;
import dev.sphere.trainer.rl.PolicyLoss.Kind;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** A packed update has the gradient that its loss has by definition, edge by edge. */
class TreeBatchTest {
  private static final int VOCABULARY = 9;
  private static final int[] WIDTHS = {3, 2, 2};

  @TempDir Path dir;

  /** An update of trees that branch, share beginnings, draw the same twice and end early; one of them has no spread. */
  private static final class Update {
    final List<String> ids = new ArrayList<>();
    final List<int[]> prompts = new ArrayList<>();
    final List<DrawTree> trees = new ArrayList<>();
    final PolicyLoss loss;

    Update(PolicyLoss loss, int problems, int[] widths, int vocabulary, long seed) {
      this.loss = loss;
      Random random = new Random(seed);
      for (int i = 0; i < problems; i++) {
        ids.add("p" + i);
        prompts.add(random.ints(2 + random.nextInt(3), 0, vocabulary).toArray());
        DrawTree tree = DrawTree.root();
        grow(tree, widths, 0, vocabulary, random);
        boolean even = i == 1;
        tree.weigh(leaf -> even || Math.floorMod(Arrays.hashCode(leaf.tokens()), 3) == 0 ? 1 : 0, loss.baseline(),
            loss.scale());
        trees.add(tree);
      }
    }

    private static void grow(DrawTree node, int[] widths, int level, int vocabulary, Random random) {
      if (level == widths.length || node.edge().finish() == Finish.END) {
        return;
      }
      List<Generation> drawn = new ArrayList<>();
      int first = random.nextInt(vocabulary); // siblings share it
      for (int e = 0; e < widths[level]; e++) {
        int[] tokens = random.ints(1 + random.nextInt(3), 0, vocabulary).toArray();
        tokens[0] = random.nextInt(3) > 0 ? first : tokens[0];
        float[] logProbs = new float[tokens.length];
        for (int t = 0; t < logProbs.length; t++) {
          logProbs[t] = -0.1f - random.nextFloat();
        }
        drawn.add(e > 0 && random.nextInt(4) == 0 ? drawn.getFirst()
            : new Generation(tokens, logProbs, "", random.nextInt(5) == 0 ? Finish.END : Finish.STOP));
      }
      node.expand(drawn).forEach(child -> grow(child, widths, level + 1, vocabulary, random));
    }

    TreeBatch packed(Packing packing) {
      return new TreeBatch(ids, prompts, trees, loss, packing);
    }

    double z() {
      return loss.normaliser(trees, 5);
    }

    List<DrawTree> edges() {
      return trees.stream().flatMap(t -> t.edges().stream()).toList();
    }

    int[] prompt(DrawTree edge) {
      DrawTree root = edge;
      while (root.parent() != null) {
        root = root.parent();
      }
      return prompts.get(trees.indexOf(root));
    }
  }

  /** The gradients and the loss of a pass over the packed update. */
  private static double pass(Update update, TreeBatch packed, TrainableModel model, boolean first) {
    TreeBatch.Seen seen = new TreeBatch.Seen();
    for (MicroBatch m : packed.packed()) {
      float[] reference = update.loss.kl() > 0 ? model.logProbs(m.batch(), true) : null;
      model.backward(m.batch(), p -> packed.slopes(m, p, reference, update.z(), first, seen));
      packed.see(m, model.distributions(), seen);
    }
    assertTrue(seen.entropy > 0 && seen.entropies > 0);
    return seen.loss;
  }

  /** log π of an edge's tokens, one prediction after the other. */
  private static double[] logProbs(TinyModel model, int[] prompt, DrawTree edge) {
    int[] before = edge.parent().tokens();
    int[] path = Arrays.copyOf(prompt, prompt.length + before.length);
    System.arraycopy(before, 0, path, prompt.length, before.length);
    double[] all = new double[edge.edge().tokens().length];
    for (int t = 0; t < all.length; t++) {
      double[] z = model.logitsAfter(path);
      double sum = Arrays.stream(z).map(Math::exp).sum();
      all[t] = z[edge.edge().tokens()[t]] - Math.log(sum);
      path = Arrays.copyOf(path, path.length + 1);
      path[path.length - 1] = edge.edge().tokens()[t];
    }
    return all;
  }

  /** The loss by definition. */
  private static double loss(Update update, TinyModel model, List<double[]> before) {
    double sum = 0;
    List<DrawTree> edges = update.edges();
    for (int i = 0; i < edges.size(); i++) {
      double[] now = logProbs(model, update.prompt(edges.get(i)), edges.get(i));
      sum += update.loss.edge(edges.get(i), now, before == null ? now : before.get(i), null, update.z(),
          new double[now.length], new PolicyLoss.Seen());
    }
    return sum;
  }

  /** First pass and, after the parameters moved, a second one, against central differences. */
  @ParameterizedTest
  @EnumSource(Kind.class)
  void gradientsAreThoseOfTheLossByDefinition(Kind kind) {
    if (kind == Kind.CISPO) {
      return; // its ratio is a constant to the derivative; PolicyLossTest has its slopes
    }
    for (int[] widths : new int[][] {{6}, WIDTHS}) {
      Update update = new Update(PolicyLoss.UNBIASED.withLoss(kind), 4, widths, VOCABULARY, 3);
      try (TinyModel model = new TinyModel(VOCABULARY, 4, 5, false)) {
        TreeBatch packed = update.packed(Packing.defaults().withMicroBatchTokens(16));
        assertTrue(packed.packed().size() > 1, "several micro-batches");
        List<String> learning = new ArrayList<>();
        for (int i = 0; i < update.trees.size(); i++) {
          if (update.trees.get(i).edges().stream().anyMatch(e -> e.advantage() != 0)) {
            learning.add("p" + i);
          }
        }
        assertTrue(learning.size() > 1 && !learning.contains("p1"), learning.toString());
        assertEquals(learning, packed.ids(), "trees without spread are left out");
        List<double[]> before = update.edges().stream().map(e -> logProbs(model, update.prompt(e), e)).toList();
        for (boolean first : new boolean[] {true, false}) {
          model.parameters().forEach(p -> fill(p.gradient(), 0));
          double loss = pass(update, packed, model, first);
          assertEquals(loss(update, model, before), loss, 1e-6);
          double largest = 0;
          for (Parameter p : model.parameters()) {
            for (long i = 0; i < p.value().size(); i++) {
              float kept = p.value().get(i);
              float h = 1e-3f;
              p.value().set(i, kept + h);
              double up = loss(update, model, before);
              double above = p.value().get(i);
              p.value().set(i, kept - h);
              double down = loss(update, model, before);
              double slope = (up - down) / (above - p.value().get(i));
              p.value().set(i, kept);
              assertEquals(slope, p.gradient().get(i), 2e-5, p.name() + " " + i);
              largest = Math.max(largest, Math.abs(slope));
            }
          }
          assertTrue(largest > 1e-3);
          for (Parameter p : model.parameters()) { // a step that brings some ratios beyond their clip
            for (long i = 0; i < p.value().size(); i++) {
              p.value().set(i, p.value().get(i) - 3 * p.gradient().get(i));
            }
          }
        }
      }
    }
  }

  private static void fill(NativeFloats values, float with) {
    for (long i = 0; i < values.size(); i++) {
      values.set(i, with);
    }
  }

  /** Whole models: a packed update, and each edge's path as a sequence of its own. */
  @ParameterizedTest
  @CsvSource({"tiny-qwen2, DAPO, MASS", "tiny-llama, DAPO, ONE", "tiny-qwen2, DR_GRPO, MASS", "tiny-llama, GRPO, SQRT"})
  void packedTreesAreTheirPathsOneByOne(String like, Kind kind, EdgeWeight weight) {
    Path file = dir.resolve("m.gguf");
    RandomModel.write(RandomModel.like(like), ByteVocabulary.metadata(), GgmlType.F32, 1, file);
    PolicyLoss loss = PolicyLoss.UNBIASED.withLoss(kind).withEdgeWeight(weight).withKl(0.1);
    Update update = new Update(loss, 4, WIDTHS, 200, 9);
    ModelOptions options = ModelOptions.lora(4, 8, ModelOptions.LINEAR_LAYERS, 1, 2);
    try (TrainableModel a = TrainableModels.open(file, options); TrainableModel b = TrainableModels.open(file, options)) {
      randomise(a);
      randomise(b);
      pass(update, update.packed(Packing.defaults()), a, true);
      for (DrawTree edge : update.edges()) {
        TrainingSequence path = TrainingSequence.of(update.prompt(edge), edge.tokens());
        MicroBatch m = new TreePacker(Packing.defaults().withSharing(Packing.Sharing.NONE))
            .pack(List.of(new Example.Draws("e", "e", List.of(path)))).getFirst();
        float[] reference = b.logProbs(m.batch(), true);
        b.backward(m.batch(), p -> {
          int n = edge.edge().tokens().length;
          int[] index = Arrays.copyOfRange(m.predictions()[0][0], path.completionLength() - n, path.completionLength());
          double[] now = Arrays.stream(index).mapToDouble(i -> p[i]).toArray();
          double[] slopes = new double[n];
          loss.edge(edge, now, now, Arrays.stream(index).mapToDouble(i -> reference[i]).toArray(), update.z(), slopes,
              new PolicyLoss.Seen());
          float[] weights = new float[p.length];
          for (int t = 0; t < n; t++) {
            weights[index[t]] = (float) slopes[t];
          }
          return weights;
        });
      }
      double largest = 0;
      for (int i = 0; i < a.parameters().size(); i++) {
        NativeFloats x = a.parameters().get(i).gradient();
        NativeFloats y = b.parameters().get(i).gradient();
        for (long k = 0; k < x.size(); k++) {
          assertEquals(y.get(k), x.get(k), 1e-5 * (1 + Math.abs(y.get(k))), a.parameters().get(i).name());
          largest = Math.max(largest, Math.abs(y.get(k)));
        }
      }
      assertTrue(largest > 1e-2);
    }
  }

  private static void randomise(TrainableModel model) {
    Random random = new Random(4);
    for (Parameter p : model.parameters()) {
      for (long i = 0; i < p.value().size(); i++) {
        p.value().set(i, (float) random.nextGaussian() * 0.1f);
      }
    }
  }

  @Test
  void whatTheSamplerSaidIsCompared() {
    Update update = new Update(PolicyLoss.UNBIASED, 2, new int[] {4}, VOCABULARY, 11);
    try (TinyModel model = new TinyModel(VOCABULARY, 4, 5, true)) {
      TreeBatch packed = update.packed(Packing.defaults());
      TreeBatch.Seen seen = new TreeBatch.Seen();
      for (MicroBatch m : packed.packed()) {
        model.backward(m.batch(), p -> packed.slopes(m, p, null, 1, true, seen));
      }
      double sum = 0;
      double most = 0;
      long tokens = 0;
      for (DrawTree edge : update.edges()) {
        double[] now = logProbs(model, update.prompt(edge), edge);
        for (int t = 0; edge.advantage() != 0 && t < now.length; t++) {
          double difference = Math.abs(now[t] - edge.edge().logProbs()[t]);
          sum += difference;
          most = Math.max(most, difference);
          tokens++;
        }
      }
      assertEquals(tokens, seen.compared);
      assertEquals(sum, seen.difference, 1e-5);
      assertEquals(most, seen.furthest, 1e-6);
    }
  }
}
