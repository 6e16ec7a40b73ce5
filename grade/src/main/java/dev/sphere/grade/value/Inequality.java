package dev.sphere.grade.value;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * The real solutions of an inequality in one variable that is not linear: where left - right changes its sign, touches
 * zero or has a pole, found on a fixed grid and narrowed by bisection.
 */
final class Inequality {
  /** The grid is x = sinh(s) for |s| up to this: it reaches 5,000 and is finest near zero. */
  private static final double REACH = 9.2;

  private static final double STEP = 0.0123;
  private static final int MOST_ENDS = 24;

  private final Expr difference;
  private final String op;
  private final String name;
  private final ExprEvaluator evaluator;
  private final Map<String, Double> at = new HashMap<>();

  Inequality(Expr left, String op, Expr right, String name, ExprEvaluator evaluator) {
    this.difference = new Expr.Op('-', left, right);
    this.op = op;
    this.name = name;
    this.evaluator = evaluator;
  }

  /** The solutions; null when they are too many pieces, or undefined almost everywhere. */
  RealSet solutions() {
    if (difference.hasLargePower() || op.equals("in") || op.equals("=") || op.equals("~")) {
      return null;
    }
    List<Double> ends = new ArrayList<>();
    int defined = 0;
    double x0 = Double.NaN;
    double f0 = Double.NaN;
    double f1 = Double.NaN;
    double x1 = Double.NaN;
    for (double s = -REACH + 0.001; s < REACH; s += STEP) {
      double x = Math.sinh(s);
      double f = value(x);
      defined += Double.isNaN(f) ? 0 : 1;
      if (Double.isNaN(f) != Double.isNaN(f1) && !Double.isNaN(x1)) {
        ends.add(edge(x1, x, Double.isNaN(f1)));
      } else if (f1 * f < 0) {
        ends.add(root(x1, f1, x));
      } else if (f1 == 0) {
        ends.add(x1);
      } else if (Math.abs(f1) < Math.abs(f0) && Math.abs(f1) <= Math.abs(f) && f0 * f > 0) {
        double low = lowest(x0, x);
        if (Math.abs(value(low)) < 1e-9 * Math.max(1, Math.abs(f))) {
          ends.add(low);
        }
      }
      if (ends.size() > MOST_ENDS) {
        return null;
      }
      x0 = x1;
      f0 = f1;
      x1 = x;
      f1 = f;
    }
    if (defined < 20) {
      return null;
    }
    List<Double> marks = ends.stream().map(Inequality::tidy).toList();
    List<Boolean> truths = marks.stream().map(this::holdsAtEnd).toList();
    return new RealSet(marks, x -> {
      for (int i = 0; i < marks.size(); i++) {
        if (Math.abs(x - marks.get(i)) <= 1e-9 * Math.max(1, Math.abs(x))) {
          return truths.get(i);
        }
      }
      return holds(value(x));
    });
  }

  /** Ends are usually simple numbers: a value within rounding of a multiple of 1/2520 is that. */
  private static double tidy(double x) {
    double near = Math.rint(x * 2520) / 2520;
    return Math.abs(near - x) < 2e-8 * Math.max(1, Math.abs(x)) ? near : x;
  }

  /** At an end the difference is zero up to rounding, or undefined (a pole). */
  private boolean holdsAtEnd(double x) {
    double f = value(x);
    double beside = Math.max(Math.abs(value(x + 1e-4)), Math.abs(value(x - 1e-4)));
    boolean zero = Math.abs(f) <= 1e-6 * Math.max(1e-3, Double.isNaN(beside) ? 1 : beside);
    return !Double.isNaN(f) && Math.abs(f) < 1e6 && holds(zero ? 0 : f);
  }

  private boolean holds(double f) {
    return switch (op) {
      case "<" -> f < 0;
      case "<=" -> f <= 0;
      case ">" -> f > 0;
      case ">=" -> f >= 0;
      case "!=" -> f != 0;
      default -> false;
    };
  }

  private double value(double x) {
    at.put(name, x);
    Complex c = evaluator.at(difference, ExprEvaluator.Point.of(at));
    return c.finite() && c.isReal() ? c.re() : Double.NaN;
  }

  private double root(double a, double fa, double b) {
    for (int i = 0; i < 80; i++) {
      double m = (a + b) / 2;
      double fm = value(m);
      if (fa * fm <= 0) {
        b = m;
      } else {
        a = m;
        fa = fm;
      }
    }
    return (a + b) / 2;
  }

  /** The end of the domain between a and b. */
  private double edge(double a, double b, boolean undefinedAtA) {
    for (int i = 0; i < 80; i++) {
      double m = (a + b) / 2;
      if (Double.isNaN(value(m)) == undefinedAtA) {
        a = m;
      } else {
        b = m;
      }
    }
    return undefinedAtA ? b : a;
  }

  /** Where |f| is least between a and b, by ternary search. */
  private double lowest(double a, double b) {
    for (int i = 0; i < 100; i++) {
      double m = a + (b - a) / 3;
      double n = b - (b - a) / 3;
      if (Math.abs(value(m)) < Math.abs(value(n))) {
        b = n;
      } else {
        a = m;
      }
    }
    return (a + b) / 2;
  }
}
