package dev.sphere.trainer.optim;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sphere.bindings.tensor.NativeFloats;
import dev.sphere.engine.settings.SettingsTree;
import dev.sphere.trainer.Parameter;
import java.util.List;
import org.junit.jupiter.api.Test;

class OptimizerTest {
  private static Parameter parameter(String name, boolean decay, float... values) {
    NativeFloats value = NativeFloats.allocate(values.length);
    value.write(0, values);
    return new Parameter(name, new long[] {values.length}, value, NativeFloats.allocate(values.length), decay);
  }

  /** The textbook algorithm (arXiv 1711.05101, algorithm 2) in double precision, gradient 2x - 1. */
  @Test
  void adamWFollowsThePaper() {
    Parameter w = parameter("w", true, 3f);
    Parameter b = parameter("b", false, 3f);
    OptimizerSettings s = OptimizerSettings.adamw(0.1).withWeightDecay(0.5).withBetas(0.8, 0.95).withMaxGradNorm(0);
    double[] x = {3, 3};
    double[] m = new double[2];
    double[] v = new double[2];
    try (Optimizer o = Optimizer.create(s, List.of(w, b), 2)) {
      for (int t = 1; t <= 20; t++) {
        double rate = 0.1 / t;
        w.gradient().set(0, 2 * w.value().get(0) - 1);
        b.gradient().set(0, 2 * b.value().get(0) - 1);
        o.step(rate, 1);
        for (int k = 0; k < 2; k++) {
          double g = 2 * x[k] - 1;
          m[k] = 0.8 * m[k] + 0.2 * g;
          v[k] = 0.95 * v[k] + 0.05 * g * g;
          double mHat = m[k] / (1 - Math.pow(0.8, t));
          double vHat = v[k] / (1 - Math.pow(0.95, t));
          x[k] -= rate * (mHat / (Math.sqrt(vHat) + 1e-8) + (k == 0 ? 0.5 * x[k] : 0));
        }
      }
      assertEquals(x[0], w.value().get(0), 1e-5);
      assertEquals(x[1], b.value().get(0), 1e-5);
      assertTrue(Math.abs(x[0] - x[1]) > 0.1, "weight decay made a difference");
      assertEquals(0, w.gradient().get(0));
      assertEquals(List.of("w.m", "w.v", "b.m", "b.v"), o.states().stream().map(Optimizer.State::name).toList());
    }
  }

  @Test
  void sgdWithMomentumAndDecoupledDecay() {
    Parameter w = parameter("w", true, 2f);
    OptimizerSettings s = OptimizerSettings.sgd(0.1, 0.9).withWeightDecay(0.01);
    double x = 2;
    double velocity = 0;
    try (Optimizer o = Optimizer.create(s, List.of(w), 1)) {
      for (int t = 0; t < 10; t++) {
        w.gradient().set(0, w.value().get(0));
        o.step(0.1, 0.5);
        velocity = 0.9 * velocity + 0.5 * x;
        x = (1 - 0.1 * 0.01) * x - 0.1 * velocity;
      }
      assertEquals(x, w.value().get(0), 1e-5);
    }
  }

  @Test
  void clippingTakesTheGlobalNorm() {
    Parameter a = parameter("a", true, 0f, 0f);
    Parameter b = parameter("b", true, 0f);
    a.gradient().write(0, new float[] {3, 0});
    b.gradient().write(0, new float[] {4});
    try (Optimizer o = Optimizer.create(OptimizerSettings.adamw(1e-3).withMaxGradNorm(2), List.of(a, b), 1)) {
      assertEquals(5, o.gradientNorm(), 1e-12);
      assertEquals(0.4, o.clipFactor(5), 1e-12);
      assertEquals(1, o.clipFactor(1.5));
      b.gradient().set(0, Float.NaN);
      assertTrue(Double.isNaN(o.gradientNorm()));
      o.clearGradients();
      assertEquals(0, o.gradientNorm());
    }
  }

  @Test
  void schedules() {
    Schedule cosine = new Schedule(Schedule.Kind.COSINE, 2);
    assertEquals(0.5, cosine.factor(0, 10), 1e-12);
    assertEquals(1, cosine.factor(1, 10), 1e-12);
    assertEquals(1, cosine.factor(2, 10), 1e-12);
    assertEquals(0.5, cosine.factor(6, 10), 1e-12);
    assertEquals(0.5 * (1 + Math.cos(Math.PI * 7 / 8)), cosine.factor(9, 10), 1e-12);
    Schedule linear = new Schedule(Schedule.Kind.LINEAR, 0.25);
    assertEquals(1.0 / 3, linear.factor(0, 10), 1e-12);
    assertEquals(1, linear.factor(3, 10), 1e-12);
    assertEquals(1.0 / 7, linear.factor(9, 10), 1e-12);
    Schedule constant = new Schedule(Schedule.Kind.CONSTANT, 0);
    assertEquals(1, constant.factor(0, 1));
    assertEquals(1, constant.factor(9, 10));
    Schedule wsd = new Schedule(Schedule.Kind.WSD, 0);
    assertEquals(1, wsd.factor(69, 100));
    assertEquals(1, wsd.factor(70, 100), 1e-12);
    assertEquals(0.5, wsd.factor(85, 100), 1e-12);
    assertEquals(0.01 / 0.3, wsd.factor(99, 100), 1e-12);
    assertEquals(1, new Schedule(Schedule.Kind.LINEAR, 20).factor(19, 10), "a warmup longer than the run");
  }

  /** An epsilon that matters, and another momentum than the usual one. */
  @Test
  void everyNumberReachesTheKernels() {
    Parameter w = parameter("w", true, 3f);
    double x = 3;
    double m = 0;
    double v = 0;
    OptimizerSettings s = new OptimizerSettings(OptimizerSettings.Kind.ADAMW, 0.1, 0, 0.7, 0.9, 0.5, 0, 0);
    try (Optimizer o = Optimizer.create(s, List.of(w), 1)) {
      for (int t = 1; t <= 5; t++) {
        w.gradient().set(0, w.value().get(0));
        o.step(0.1, 0.25);
        double g = 0.25 * x;
        m = 0.7 * m + 0.3 * g;
        v = 0.9 * v + 0.1 * g * g;
        x -= 0.1 * (m / (1 - Math.pow(0.7, t))) / (Math.sqrt(v / (1 - Math.pow(0.9, t))) + 0.5);
      }
      assertEquals(x, w.value().get(0), 1e-5);
      assertEquals(5, o.steps());
    }
    for (double momentum : new double[] {0, 0.3}) {
      Parameter p = parameter("p", true, 2f);
      double y = 2;
      double velocity = 0;
      try (Optimizer o = Optimizer.create(OptimizerSettings.sgd(0.1, momentum), List.of(p), 1)) {
        assertEquals(momentum == 0 ? 0 : 1, o.states().size(), "no state without momentum");
        for (int t = 0; t < 5; t++) {
          p.gradient().set(0, p.value().get(0));
          o.step(0.1, 1);
          velocity = momentum * velocity + y;
          y -= 0.1 * velocity;
        }
        assertEquals(y, p.value().get(0), 1e-5);
      }
    }
  }

  @Test
  void clippingAtItsEnds() {
    Parameter a = parameter("a", true, 0f);
    try (Optimizer o = Optimizer.create(OptimizerSettings.sgd(1, 0).withMaxGradNorm(3), List.of(a), 1)) {
      assertEquals(1, o.clipFactor(3));
      assertEquals(0.1, o.clipFactor(30), 1e-12);
    }
    try (Optimizer o = Optimizer.create(OptimizerSettings.sgd(1, 0).withMaxGradNorm(0), List.of(a), 1)) {
      assertEquals(1, o.clipFactor(30), "0: never");
    }
  }

  /** The warmup is over with its last step; a share of the steps is rounded up. */
  @Test
  void warmupsAtTheirEnds() {
    Schedule linear = new Schedule(Schedule.Kind.LINEAR, 2);
    assertEquals(List.of(0.5, 1.0, 1.0, 0.75, 0.5, 0.25), factors(linear, 6));
    assertEquals(List.of(1.0, 0.75, 0.5, 0.25), factors(new Schedule(Schedule.Kind.LINEAR, 0), 4));
    assertEquals(List.of(0.5, 1.0, 1.0), factors(new Schedule(Schedule.Kind.CONSTANT, 0.4), 3));
    assertEquals(List.of(0.25, 0.5), factors(new Schedule(Schedule.Kind.COSINE, 4), 2));
    assertEquals(List.of(1.0, 1.0, 1.0), factors(new Schedule(Schedule.Kind.CONSTANT, 1), 3), "one step");
    assertEquals("{schedule=wsd, warmup=0.5}", SettingsTree.resultValues(new Schedule(Schedule.Kind.WSD, 0.5)).toString());
    assertThrows(IllegalArgumentException.class, () -> new Schedule(Schedule.Kind.WSD, -0.01));
  }

  private static List<Double> factors(Schedule schedule, int steps) {
    return java.util.stream.IntStream.range(0, steps).mapToObj(i -> schedule.factor(i, steps)).toList();
  }

  @Test
  void rangesAndNamesOfSettings() {
    assertEquals(0, OptimizerSettings.adamw(0).learningRate());
    OptimizerSettings least = new OptimizerSettings(OptimizerSettings.Kind.ADAMW, 1, 0, 0, 0, 1e-12, 0, 0);
    assertEquals(
        "{optimizer=adamw, learning_rate=1.0, weight_decay=0.0, beta1=0.0, beta2=0.0, adam_epsilon=1.0E-12, "
            + "momentum=0.0, max_grad_norm=0.0}", SettingsTree.resultValues(least).toString());
    assertEquals(
        "{optimizer=sgd, learning_rate=0.5, weight_decay=0.0, beta1=0.9, beta2=0.999, adam_epsilon=1.0E-8, momentum=0.25, "
            + "max_grad_norm=1.0}", SettingsTree.resultValues(OptimizerSettings.sgd(0.5, 0.25)).toString());
    OptimizerSettings s = OptimizerSettings.adamw(0.5);
    List<org.junit.jupiter.api.function.Executable> refused = List.of(
        () -> OptimizerSettings.adamw(-1e-9), () -> OptimizerSettings.adamw(Double.POSITIVE_INFINITY),
        () -> s.withWeightDecay(-1e-9), () -> s.withWeightDecay(2), () -> s.withBetas(1, 0.5), () -> s.withBetas(0.5,
            1),
        () -> s.withBetas(-0.1, 0.5), () -> s.withBetas(0.5, -0.1), () -> OptimizerSettings.sgd(1, 1),
        () -> OptimizerSettings.sgd(1, -0.1), () -> s.withMaxGradNorm(-1),
        () -> new OptimizerSettings(OptimizerSettings.Kind.ADAMW, 1, 0, 0, 0, 0, 0, 0));
    for (int i = 0; i < refused.size(); i++) {
      assertThrows(IllegalArgumentException.class, refused.get(i), "case " + i);
    }
  }
}
