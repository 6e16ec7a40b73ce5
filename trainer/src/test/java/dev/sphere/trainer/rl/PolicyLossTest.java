package dev.sphere.trainer.rl;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sphere.engine.Generation;
import dev.sphere.engine.Generation.Finish;
import dev.sphere.trainer.rl.PolicyLoss.Kind;
import dev.sphere.trainer.rl.PolicyLoss.Ratio;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Values by hand, slopes against central differences. */
class PolicyLossTest {
  private static final float[] DRAWN = {-0.4f, -1.2f, -0.05f, -2.5f};

  /** Four draws of four tokens, of which two are the same and right, and the last is cut. */
  private static DrawTree tree() {
    DrawTree tree = DrawTree.root();
    Generation right = new Generation(new int[] {1, 2, 3, 4}, DRAWN, "right", Finish.END);
    Generation wrong = new Generation(new int[] {1, 2, 3, 5}, DRAWN, "wrong", Finish.END);
    Generation cut = new Generation(new int[] {1, 2, 2, 5}, DRAWN, "cut", Finish.LENGTH);
    tree.expand(List.of(right, wrong, right, cut));
    tree.weigh(leaf -> leaf.text().equals("right") ? 1 : 0, DrawTree.Baseline.OTHERS, DrawTree.Scale.NONE);
    return tree;
  }

  static Stream<PolicyLoss> losses() {
    List<PolicyLoss> all = new ArrayList<>();
    for (Kind kind : Kind.values()) {
      for (Ratio ratio : Ratio.values()) {
        for (double kl : new double[] {0, 0.3}) {
          for (double below : new double[] {1, 0.9}) {
            all.add(PolicyLoss.UNBIASED.withLoss(kind).withRatio(ratio).withKl(kl).withLearnBelow(below));
          }
        }
      }
    }
    return all.stream();
  }

  @ParameterizedTest
  @MethodSource("losses")
  void slopesAreCentralDifferences(PolicyLoss loss) {
    Random random = new Random(3);
    DrawTree tree = tree();
    double z = loss.normaliser(List.of(tree), 7);
    for (int trial = 0; trial < 50; trial++) {
      for (DrawTree edge : tree.edges()) {
        double[] now = random.doubles(4, -3, -0.01).toArray();
        double[] before = Arrays.stream(now).map(x -> x + 0.4 * random.nextGaussian()).toArray();
        double[] reference = random.doubles(4, -3, -0.01).toArray();
        double[] slopes = new double[4];
        loss.edge(edge, now, before, reference, z, slopes, new PolicyLoss.Seen());
        if (loss.loss() == Kind.CISPO) { // its ratio is a constant to the derivative
          continue;
        }
        for (int t = 0; t < 4; t++) {
          double h = 1e-6;
          double up = at(loss, edge, now, t, h, before, reference, z);
          double down = at(loss, edge, now, t, -h, before, reference, z);
          assertEquals((up - down) / (2 * h), slopes[t], 1e-7);
        }
      }
    }
  }

  private static double at(PolicyLoss loss, DrawTree edge, double[] now, int t, double h, double[] before,
      double[] reference, double z) {
    double[] moved = now.clone();
    moved[t] += h;
    return loss.edge(edge, moved, before, reference, z, new double[4], new PolicyLoss.Seen());
  }

  @Test
  void advantagesCountDraws() {
    List<DrawTree> edges = tree().edges();
    assertEquals(3, edges.size());
    assertEquals(2, edges.getFirst().count());
    assertEquals(1 - 1 / 3.0, edges.get(0).advantage(), 1e-15); // the others: right, wrong, cut
    assertEquals(-2 / 3.0, edges.get(1).advantage(), 1e-15);
    assertEquals(0.5, edges.get(0).mass());
    assertEquals(0.25, edges.get(2).mass());
  }

  /** One token whose probability grew by a half: beyond the clip of 1.28 a right draw learns nothing, but by cispo. */
  @Test
  void clipping() {
    DrawTree right = tree().edges().getFirst();
    double[] now = {-1 + Math.log(1.5), -1, -1, -1};
    double[] before = {-1, -1, -1, -1};
    double[] slopes = new double[4];
    PolicyLoss.Seen seen = new PolicyLoss.Seen();
    double w = 0.5 * (2 / 3.0) / 7;
    double loss = PolicyLoss.UNBIASED.edge(right, now, before, null, 7, slopes, seen);
    assertEquals(-w * (1.28 + 3), loss, 1e-12);
    assertArrayEquals(new double[] {0, -w, -w, -w}, slopes, 1e-12);
    assertEquals(1, seen.clipped);
    loss = PolicyLoss.UNBIASED.withLoss(Kind.CISPO).edge(right, now, before, null, 7, slopes, seen);
    assertEquals(-w * (1.28 * now[0] - 3), loss, 1e-12);
    assertArrayEquals(new double[] {-1.28 * w, -w, -w, -w}, slopes, 1e-12);
    assertEquals(2, seen.clipped);
    assertEquals(8, seen.tokens);
  }

  /** A wrong draw whose probability grew is pushed down however much it grew; one that fell below 0.8 rests. */
  @Test
  void clippingOfWrongDraws() {
    DrawTree wrong = tree().edges().get(1);
    double[] now = {-1 + Math.log(1.5), -1 + Math.log(0.7), -1, -1};
    double[] before = {-1, -1, -1, -1};
    double[] slopes = new double[4];
    PolicyLoss.UNBIASED.edge(wrong, now, before, null, 1, slopes, new PolicyLoss.Seen());
    double w = 0.25 * (2 / 3.0);
    assertArrayEquals(new double[] {1.5 * w, 0, w, w}, slopes, 1e-12);
  }

  @Test
  void oneRatioForAnEdge() {
    DrawTree right = tree().edges().getFirst();
    double[] now = {-1 + Math.log(1.5), -1 - Math.log(1.5), -1, -1};
    double[] slopes = new double[4];
    PolicyLoss.UNBIASED.withRatio(Ratio.SEQUENCE)
        .edge(right, now, new double[] {-1, -1, -1, -1}, null, 1, slopes, new PolicyLoss.Seen());
    double w = 0.5 * (2 / 3.0);
    assertArrayEquals(new double[] {-w, -w, -w, -w}, slopes, 1e-12);
  }

  @Test
  void whatTheSumIsDividedBy() {
    DrawTree tree = tree();
    PolicyLoss loss = PolicyLoss.UNBIASED;
    assertEquals(14, loss.normaliser(List.of(tree, tree), 7));
    assertEquals(2, loss.withLoss(Kind.GRPO).normaliser(List.of(tree, tree), 7));
    assertEquals(8, loss.withLoss(Kind.DAPO).normaliser(List.of(tree, tree), 7));
    assertEquals(6, loss.withLoss(Kind.CISPO).withMaskTruncated(true).normaliser(List.of(tree, tree), 7));
    assertEquals(24, loss.withLoss(Kind.DAPO).withEdgeWeight(PolicyLoss.EdgeWeight.ONE)
        .normaliser(List.of(tree, tree), 7));
  }

  @Test
  void whatLearns() {
    DrawTree cut = tree().edges().getLast();
    assertTrue(PolicyLoss.UNBIASED.learns(cut));
    assertFalse(PolicyLoss.UNBIASED.withMaskTruncated(true).learns(cut));
    DrawTree even = DrawTree.root();
    Generation one = new Generation(new int[] {1}, new float[1], "", Finish.END);
    even.expand(List.of(one, new Generation(new int[] {2}, new float[1], "", Finish.END)));
    even.weigh(leaf -> 1, DrawTree.Baseline.OTHERS, DrawTree.Scale.NONE);
    assertFalse(PolicyLoss.UNBIASED.learns(even.edges().getFirst()));
    assertTrue(PolicyLoss.UNBIASED.withKl(0.1).learns(even.edges().getFirst()));
  }
}
