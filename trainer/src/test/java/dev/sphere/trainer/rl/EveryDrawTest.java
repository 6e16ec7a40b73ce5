package dev.sphere.trainer.rl;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sphere.engine.Generation;
import dev.sphere.engine.Generation.Finish;
import dev.sphere.engine.settings.Setting;
import dev.sphere.trainer.rl.PolicyLoss.EdgeWeight;
import dev.sphere.trainer.rl.PolicyLoss.Kind;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * A policy of which every draw can be listed: the expectation of an update's gradient, over all trees that can be
 * drawn, is the policy's gradient. Choices that are biased are off by what their help says.
 */
class EveryDrawTest {
  /** Trees that are enumerated. */
  enum Shape {
    /** Two levels of two draws; each draw is one of three tokens. */
    TWO_OF_THREE(3, 1, 2, 2),
    /** Three levels of two draws; each draw is one of two tokens. */
    THREE_OF_TWO(2, 1, 2, 2, 2),
    /** Two levels of two draws; a draw is token 0, or token 1 and any token; 0 ends a solution at once. */
    UNEVEN(2, 2, 2, 2),
    /** Two levels of three draws; each draw is one of two tokens. */
    THREES(2, 1, 3, 3),
    /** Independent draws. */
    FLAT(3, 2, 3);

    final int tokens;
    final int most;
    final int[] draws;

    Shape(int tokens, int most, int... draws) {
      this.tokens = tokens;
      this.most = most;
      this.draws = draws;
    }
  }

  /** All numbers that a program asks for, one run after the other. */
  private static final class Choices {
    private final List<int[]> asked = new ArrayList<>(); // digit, radix
    private int at;

    int next(int n) {
      if (at == asked.size()) {
        asked.add(new int[] {0, n});
      }
      return asked.get(at++)[0];
    }

    boolean advance() {
      at = 0;
      while (!asked.isEmpty() && ++asked.getLast()[0] == asked.getLast()[1]) {
        asked.removeLast();
      }
      return !asked.isEmpty();
    }
  }

  /** A policy with a table of logits for every history. */
  private static final class Table {
    final Shape shape;

    Table(Shape shape) {
      this.shape = shape;
    }

    double[] probabilities(List<Integer> history) {
      Random random = new Random(31L * history.hashCode() + 7);
      double[] p = IntStream.range(0, shape.tokens).mapToDouble(i -> Math.exp(random.nextGaussian())).toArray();
      double sum = Arrays.stream(p).sum();
      return Arrays.stream(p).map(x -> x / sum).toArray();
    }

    /** All draws of a level after a history. */
    List<Generation> draws(List<Integer> history) {
      List<Generation> all = new ArrayList<>();
      for (int a = 0; a < shape.tokens; a++) {
        List<Integer> first = with(history, a);
        double p = probabilities(history)[a];
        if (shape.most == 1 || a == 0) {
          all.add(draw(List.of(a), p, shape.most > 1 && history.isEmpty() ? Finish.END : Finish.STOP));
          continue;
        }
        for (int b = 0; b < shape.tokens; b++) {
          all.add(draw(List.of(a, b), p, probabilities(first)[b]));
        }
      }
      return all;
    }

    private static Generation draw(List<Integer> tokens, double p, double q) {
      return new Generation(ints(tokens), new float[] {(float) Math.log(p), (float) Math.log(q)}, "", Finish.STOP);
    }

    private static Generation draw(List<Integer> tokens, double p, Finish finish) {
      return new Generation(ints(tokens), new float[] {(float) Math.log(p)}, "", finish);
    }

    double probability(List<Integer> history, Generation draw) {
      double p = 1;
      List<Integer> at = history;
      for (int token : draw.tokens()) {
        p *= probabilities(at)[token];
        at = with(at, token);
      }
      return p;
    }

    /** Right or wrong, by the tokens. */
    static double outcome(int[] tokens) {
      return Math.floorMod(Arrays.hashCode(tokens) * 0x9E3779B9, 7) < 3 ? 1 : 0;
    }

    /** Adds weight ∇ log π(token | history) to a gradient by history. */
    void add(Map<String, double[]> gradient, List<Integer> history, int token, double weight) {
      double[] p = probabilities(history);
      double[] g = gradient.computeIfAbsent(history.toString(), h -> new double[shape.tokens]);
      for (int i = 0; i < g.length; i++) {
        g[i] += weight * ((i == token ? 1 : 0) - p[i]);
      }
    }

    /** ∇ of the expected outcome. */
    Map<String, double[]> gradient() {
      Map<String, double[]> all = new TreeMap<>();
      solutions(List.of(), 1, 0, all);
      return all;
    }

    private void solutions(List<Integer> history, double p, int level, Map<String, double[]> all) {
      for (Generation g : draws(history)) {
        List<Integer> after = with(history, g.tokens());
        double q = p * probability(history, g);
        if (level + 1 < shape.draws.length && g.finish() == Finish.STOP) {
          solutions(after, q, level + 1, all);
          continue;
        }
        for (int t = 0; t < after.size(); t++) {
          add(all, after.subList(0, t), after.get(t), q * outcome(ints(after)));
        }
      }
    }

    /** Expands a tree by choices; returns its probability. */
    double expand(DrawTree node, int level, Choices choices) {
      if (level == shape.draws.length || node.edge().finish() == Finish.END) {
        return 1;
      }
      List<Integer> history = list(node.tokens());
      List<Generation> possible = draws(history);
      List<Generation> drawn = new ArrayList<>();
      double p = 1;
      for (int e = 0; e < shape.draws[level]; e++) {
        drawn.add(possible.get(choices.next(possible.size())));
        p *= probability(history, drawn.getLast());
      }
      for (DrawTree child : node.expand(drawn)) {
        p *= expand(child, level + 1, choices);
      }
      return p;
    }

    /** The expectation over all trees of -Z times a loss's gradient. */
    Map<String, double[]> expected(PolicyLoss loss, Estimate estimate) {
      Map<String, double[]> all = new TreeMap<>();
      double total = 0;
      Choices choices = new Choices();
      do {
        DrawTree tree = DrawTree.root();
        double p = expand(tree, 0, choices);
        total += p;
        tree.weigh(leaf -> outcome(leaf.tokens()), loss.baseline(), loss.scale());
        estimate.add(loss, tree, (edge, slopes) -> {
          List<Integer> at = list(edge.parent().tokens());
          for (int t = 0; t < slopes.length; t++) {
            add(all, at, edge.edge().tokens()[t], -p * slopes[t]);
            at = with(at, edge.edge().tokens()[t]);
          }
        });
      } while (choices.advance());
      assertEquals(1, total, 1e-12, "not every tree was drawn");
      return all;
    }
  }

  private interface Sink {
    void add(DrawTree edge, double[] slopes);
  }

  private interface Estimate {
    void add(PolicyLoss loss, DrawTree tree, Sink sink);
  }

  /** What the loop does. */
  private static void estimate(PolicyLoss loss, DrawTree tree, Sink sink) {
    double z = loss.normaliser(List.of(tree), 1);
    for (DrawTree edge : tree.edges()) {
      float[] drawn = edge.edge().logProbs();
      double[] now = IntStream.range(0, drawn.length).mapToDouble(t -> drawn[t]).toArray();
      double[] slopes = new double[now.length];
      loss.edge(edge, now, now, now, z, slopes, new PolicyLoss.Seen());
      sink.add(edge, slopes);
    }
  }

  private static List<Integer> with(List<Integer> history, int... more) {
    List<Integer> all = new ArrayList<>(history);
    Arrays.stream(more).forEach(all::add);
    return all;
  }

  private static int[] ints(List<Integer> list) {
    return list.stream().mapToInt(i -> i).toArray();
  }

  private static List<Integer> list(int[] ints) {
    return Arrays.stream(ints).boxed().toList();
  }

  private static double[] flat(Map<String, double[]> gradient) {
    return gradient.values().stream().flatMapToDouble(Arrays::stream).toArray();
  }

  private static double furthest(Map<String, double[]> a, Map<String, double[]> b) {
    assertEquals(a.keySet(), b.keySet());
    double[] x = flat(a);
    double[] y = flat(b);
    return IntStream.range(0, x.length).mapToDouble(i -> Math.abs(x[i] - y[i])).max().orElseThrow();
  }

  /** Distance of the two directions: 0 for the same, 2 for opposite ones. */
  private static double turned(Map<String, double[]> a, Map<String, double[]> b) {
    double[] x = flat(a);
    double[] y = flat(b);
    double lx = Math.sqrt(Arrays.stream(x).map(v -> v * v).sum());
    double ly = Math.sqrt(Arrays.stream(y).map(v -> v * v).sum());
    return Math.sqrt(IntStream.range(0, x.length).mapToDouble(i -> Math.pow(x[i] / lx - y[i] / ly, 2)).sum());
  }

  @ParameterizedTest
  @EnumSource(Shape.class)
  void theExpectedGradientIsThePolicyGradient(Shape shape) {
    Table table = new Table(shape);
    assertEquals(0, furthest(table.gradient(), table.expected(PolicyLoss.UNBIASED, EveryDrawTest::estimate)), 1e-12);
  }

  /** Planted: the mean of the other distinct draws, however often each was drawn. Of two draws it is the other one. */
  @ParameterizedTest
  @EnumSource(Shape.class)
  void aBaselineOfDistinctSiblingsIsFound(Shape shape) {
    Table table = new Table(shape);
    double off = off(table, edge -> {
      double others = edge.parent().children().stream().filter(s -> s != edge).mapToDouble(DrawTree::value).average()
          .orElse(edge.value());
      return edge.mass() * (edge.value() - others);
    });
    assertEquals(shape.draws[0] > 2, off > 1e-3, () -> "off by " + off);
  }

  /** Planted: an edge that was drawn twice counts once. */
  @ParameterizedTest
  @EnumSource(Shape.class)
  void aMassWithoutCountsIsFound(Shape shape) {
    Table table = new Table(shape);
    double off = off(table, edge -> {
      double mass = edge.mass();
      for (DrawTree e = edge; e.parent() != null; e = e.parent()) {
        mass /= e.count();
      }
      return mass * edge.advantage();
    });
    assertTrue(off > 1e-3, () -> "off by " + off);
  }

  /** How far an estimate is off that weighs edges otherwise. */
  private static double off(Table table, Function<DrawTree, Double> weight) {
    return furthest(table.gradient(), table.expected(PolicyLoss.UNBIASED, (loss, tree, sink) -> {
      for (DrawTree edge : tree.edges()) {
        double[] slopes = new double[edge.edge().tokens().length];
        Arrays.fill(slopes, -weight.apply(edge));
        sink.add(edge, slopes);
      }
    }));
  }

  /** A solution of three tokens that branches after the first or the second: by a rule, or by what was drawn. */
  private Map<String, double[]> branched(Table table, Function<double[], Integer> place) {
    Map<String, double[]> all = new TreeMap<>();
    Choices choices = new Choices();
    do {
      double p = 1;
      double[] values = new double[2];
      List<List<List<Integer>>> solutions = new ArrayList<>();
      int[] places = new int[2];
      for (int i = 0; i < 2; i++) {
        double[] drawn = new double[3];
        List<Integer> whole = whole(table, List.of(), choices, drawn);
        places[i] = place.apply(drawn);
        double[] again = new double[3];
        List<Integer> other = whole(table, whole.subList(0, places[i]), choices, again);
        p *= Arrays.stream(drawn).reduce(1, (x, y) -> x * y);
        p *= Arrays.stream(again, places[i], 3).reduce(1, (x, y) -> x * y);
        solutions.add(List.of(whole, other));
        values[i] = (Table.outcome(ints(whole)) + Table.outcome(ints(other))) / 2;
      }
      for (int i = 0; i < 2; i++) {
        for (int t = 0; t < places[i]; t++) {
          List<Integer> s = solutions.get(i).getFirst();
          table.add(all, s.subList(0, t), s.get(t), p / 2 * (values[i] - values[1 - i]));
        }
        for (int j = 0; j < 2; j++) {
          List<Integer> s = solutions.get(i).get(j);
          double a = Table.outcome(ints(s)) - Table.outcome(ints(solutions.get(i).get(1 - j)));
          for (int t = places[i]; t < 3; t++) {
            table.add(all, s.subList(0, t), s.get(t), p / 4 * a);
          }
        }
      }
    } while (choices.advance());
    return all;
  }

  private static List<Integer> whole(Table table, List<Integer> from, Choices choices, double[] drawn) {
    List<Integer> all = new ArrayList<>(from);
    while (all.size() < 3) {
      double[] p = table.probabilities(all);
      int token = choices.next(p.length);
      drawn[all.size()] = p[token];
      all.add(token);
    }
    return all;
  }

  /** Planted: branches where the finished draw was least sure, in place of a place that was fixed before. */
  @Test
  void aPlaceChosenInHindsightIsFound() {
    Table table = new Table(Shape.THREE_OF_TWO);
    for (int fixed : new int[] {1, 2}) {
      assertEquals(0, furthest(table.gradient(), branched(table, p -> fixed)), 1e-12);
    }
    double off = furthest(table.gradient(), branched(table, p -> p[1] < p[2] ? 1 : 2));
    assertTrue(off > 1e-3, () -> "off by " + off);
  }

  /** G independent draws by their own formula: r less the mean of the others' r, a G-th of each. */
  @Test
  void independentDrawsAreATreeOfDepthOne() {
    Table table = new Table(Shape.FLAT);
    List<Generation> possible = table.draws(List.of());
    Random random = new Random(5);
    for (int trial = 0; trial < 200; trial++) {
      List<Generation> drawn =
          IntStream.range(0, 8).mapToObj(i -> possible.get(random.nextInt(possible.size()))).toList();
      DrawTree tree = DrawTree.root();
      tree.expand(drawn);
      tree.weigh(leaf -> Table.outcome(leaf.tokens()), PolicyLoss.UNBIASED.baseline(), PolicyLoss.UNBIASED.scale());
      PolicyLoss loss = PolicyLoss.UNBIASED.withLoss(trial % 2 == 0 ? Kind.DR_GRPO : Kind.DAPO);
      double tokens = drawn.stream().mapToInt(g -> g.tokens().length).sum() / 8.0;
      double z = loss.loss() == Kind.DAPO ? tokens : 4;
      assertEquals(z, loss.normaliser(List.of(tree), 4));
      double all = drawn.stream().mapToDouble(g -> Table.outcome(g.tokens())).sum();
      for (DrawTree edge : tree.edges()) {
        double slope = 0;
        for (Generation g : drawn) {
          if (Arrays.equals(g.tokens(), edge.edge().tokens())) {
            double r = Table.outcome(g.tokens());
            slope -= (r - (all - r) / 7) * 0.125 / z;
          }
        }
        double[] now = new double[edge.edge().tokens().length];
        double[] slopes = new double[now.length];
        loss.edge(edge, now, now, now, z, slopes, new PolicyLoss.Seen());
        for (double s : slopes) {
          assertEquals(slope, s, Math.ulp(slope) * 4);
        }
      }
    }
  }

  /** The figures in the help of choices that are biased: how far the expected gradient's direction is off. */
  @Test
  void helpSaysHowFarAChoiceIsOff() throws ReflectiveOperationException {
    Table table = new Table(Shape.UNEVEN);
    PolicyLoss l = PolicyLoss.UNBIASED;
    Map<String, PolicyLoss> biased = Map.of(
        "loss dapo (tokens, by mass", l.withLoss(Kind.DAPO), "loss grpo (each edge's own tokens", l.withLoss(Kind.GRPO),
        "scale standard deviation", l.withScale(DrawTree.Scale.GROUP),
        "edgeWeight its root", l.withEdgeWeight(EdgeWeight.SQRT),
        "edgeWeight level rules", l.withEdgeWeight(EdgeWeight.ONE), "learnBelow below 1", l.withLearnBelow(0.6));
    StringBuilder wrong = new StringBuilder();
    for (Map.Entry<String, PolicyLoss> one : biased.entrySet()) {
      String[] where = one.getKey().split(" ", 2);
      String help = Arrays.stream(PolicyLoss.class.getRecordComponents()).filter(c -> c.getName().equals(where[0]))
          .findFirst().orElseThrow().getAnnotation(Setting.class).help();
      String figure = String.format(Locale.ROOT, "%.0f %%",
          100 * turned(table.gradient(), table.expected(one.getValue(), EveryDrawTest::estimate)));
      int at = help.indexOf(where[1]);
      String told = at < 0 ? "" : help.substring(at).replaceAll("(?s)^[^%]*?(\\d+ %).*$", "$1");
      if (!told.equals(figure)) {
        wrong.append(one.getKey()).append(": ").append(figure).append(", help says ").append(told).append('\n');
      }
    }
    assertEquals("", wrong.toString());
    PolicyLoss group = l.withBaseline(DrawTree.Baseline.GROUP);
    assertEquals(0, turned(table.gradient(), table.expected(group, EveryDrawTest::estimate)), 1e-12);
  }
}
