package dev.sphere.grade.compare;

import dev.sphere.grade.value.Complex;
import dev.sphere.grade.value.Expr;
import dev.sphere.grade.value.ExprEvaluator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Compares the zero sets of two expressions in the same names, for equations such as x = 1/y and xy = 1. */
final class ZeroSets {
  private final ExprEvaluator evaluator;

  ZeroSets(ExprEvaluator evaluator) {
    this.evaluator = evaluator;
  }

  /** True when, on several lines parallel to each axis, real zeros exist and both expressions have the same ones. */
  boolean sameZeros(Expr p, Expr q, List<String> names) {
    if (names.size() < 2 || names.size() > 4) {
      return false;
    }
    int found = 0;
    for (int line = 0; line < 3 * names.size(); line++) {
      Map<String, Double> at = new HashMap<>(SamplingComparer.point(names, line % 6, 1).values());
      String x = names.get(line % names.size());
      for (double t = -6; t < 6; t += 0.37) {
        for (int which = 0; which < 2; which++) {
          Double zero = zero(which == 0 ? p : q, at, x, t, t + 0.37);
          if (zero != null) {
            at.put(x, zero);
            Complex other = evaluator.at(which == 0 ? q : p, ExprEvaluator.Point.of(at));
            if (other.finite() && other.abs() > 1e-7) {
              return false;
            }
            found += other.finite() ? 1 : 0;
          }
        }
      }
    }
    return found >= 4;
  }

  /** A zero by bisection where the sign changes; null when it does not, or at a pole. */
  private Double zero(Expr e, Map<String, Double> at, String x, double from, double to) {
    double a = from;
    double b = to;
    double fa = value(e, at, x, a);
    double fb = value(e, at, x, b);
    if (!(fa * fb < 0)) {
      return null;
    }
    for (int i = 0; i < 60; i++) {
      double m = (a + b) / 2;
      double fm = value(e, at, x, m);
      if (fa * fm <= 0) {
        b = m;
      } else {
        a = m;
        fa = fm;
      }
    }
    double m = (a + b) / 2;
    return Math.abs(value(e, at, x, m)) < 1e-9 ? m : null;
  }

  private double value(Expr e, Map<String, Double> at, String x, double t) {
    at.put(x, t);
    Complex c = evaluator.at(e, ExprEvaluator.Point.of(at));
    return c.isReal() ? c.re() : Double.NaN;
  }
}
