package dev.sphere.trainer.optim;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sphere.bindings.NativeFloats;
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
    Schedule cosine = Schedule.of(Schedule.Kind.COSINE, 2);
    assertEquals(0.5, cosine.factor(0, 10), 1e-12);
    assertEquals(1, cosine.factor(1, 10), 1e-12);
    assertEquals(1, cosine.factor(2, 10), 1e-12);
    assertEquals(0.5, cosine.factor(6, 10), 1e-12);
    assertEquals(0.5 * (1 + Math.cos(Math.PI * 7 / 8)), cosine.factor(9, 10), 1e-12);
    Schedule linear = Schedule.ofRatio(Schedule.Kind.LINEAR, 0.25);
    assertEquals(1.0 / 3, linear.factor(0, 10), 1e-12);
    assertEquals(1, linear.factor(3, 10), 1e-12);
    assertEquals(1.0 / 7, linear.factor(9, 10), 1e-12);
    Schedule constant = Schedule.of(Schedule.Kind.CONSTANT, 0);
    assertEquals(1, constant.factor(0, 1));
    assertEquals(1, constant.factor(9, 10));
    Schedule wsd = Schedule.of(Schedule.Kind.WSD, 0);
    assertEquals(1, wsd.factor(69, 100));
    assertEquals(1, wsd.factor(70, 100), 1e-12);
    assertEquals(0.5, wsd.factor(85, 100), 1e-12);
    assertEquals(0.01 / 0.3, wsd.factor(99, 100), 1e-12);
    assertEquals(1, Schedule.of(Schedule.Kind.LINEAR, 20).factor(19, 10), "a warmup longer than the run");
    assertThrows(IllegalArgumentException.class, () -> Schedule.Kind.of("cosin"));
  }
}
