package dev.sphere.grade.compare;

import dev.sphere.grade.value.Complex;
import dev.sphere.grade.value.Expr;
import dev.sphere.grade.value.ExprEvaluator;
import dev.sphere.grade.value.Rational;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Compares two expressions with variables by their values at fixed points. */
final class SamplingComparer {
  /** Names that stand for whole numbers by custom. */
  private static final Set<String> WHOLE = Set.of("n", "m", "k", "N", "M", "K", "j");

  private static final double[] FAR = {41.3, -41.3, 1_573.7, -1_573.7, 61_234.5, -61_234.5};

  /** Below this both values count as zero. */
  private static final double TINY = 1e-9;

  /** How many fixed points there are. */
  private static final int POINTS = 14;

  private final ExprEvaluator evaluator;
  private final List<String> names;
  private final double degree;

  SamplingComparer(ExprEvaluator evaluator, List<String> names, double degree) {
    this.evaluator = evaluator;
    this.names = names;
    this.degree = degree;
  }

  Decision compare(Expr a, Expr b) {
    double loose = Math.max(coarseness(a), coarseness(b));
    Decision d = at(a, b, Set.of(), loose);
    if (d.equal()) {
      return d;
    }
    Set<String> whole = new HashSet<>();
    bounds(a, whole);
    bounds(b, whole);
    if (alternates(a) || alternates(b)) {
      names.stream().filter(WHOLE::contains).forEach(whole::add);
    }
    return whole.isEmpty() ? d : at(a, b, whole, loose);
  }

  /** At the fixed points, with whole numbers for the names in {@code whole}. */
  private Decision at(Expr a, Expr b, Set<String> whole, double loose) {
    boolean complex = speaksOfI(a) || speaksOfI(b);
    boolean underflows = a.hasLargePower() || b.hasLargePower();
    int valid = 0;
    int zeros = 0;
    boolean rounded = false;
    int points = piecewise(a) || piecewise(b) ? POINTS + FAR.length : POINTS;
    for (int k = 0; k < points; k++) {
      boolean far = k >= POINTS;
      ExprEvaluator.Point p = far ? farPoint(FAR[k - POINTS]) : point(names, k, degree);
      p = whole.isEmpty() ? p : atWhole(p, k, whole);
      Complex u = complex ? evaluator.at(a, p) : evaluator.realAt(a, p);
      Complex v = complex ? evaluator.at(b, p) : evaluator.realAt(b, p);
      // Without an i in sight the question is about real numbers: where a root or a logarithm leaves them it has no
      // value.
      boolean hasU = u.finite() && (complex || u.isReal());
      boolean hasV = v.finite() && (complex || v.isReal());
      double size = Math.max(u.abs(), v.abs());
      if (hasU && hasV && size < 1e100) {
        if (size < TINY) {
          zeros += underflows || size > 0 && size < 1e-30 ? 0 : 1;
        } else if (ScalarComparer.close(u, v)) {
          valid++;
        } else if (loose > 0 && u.minus(v).abs() <= loose * size) {
          valid++;
          rounded = true;
        } else if (!far || u.minus(v).abs() > 1e-6 * size) {
          return Decision.of(Rule.DIFFERENT_VALUES_AT_A_POINT);
        }
      } else if (hasU != hasV && k < 3) {
        return Decision.of(Rule.DEFINED_AT_DIFFERENT_POINTS);
      }
    }
    if (valid < 3 && (valid > 0 || zeros < 3)) {
      return Decision.of(Rule.NOT_COMPARABLE_BY_VALUES);
    }
    String at = whole.isEmpty() ? " points" : " whole points";
    return Decision.of(rounded ? Rule.SAME_VALUES_UP_TO_ROUNDED_COEFFICIENTS : Rule.SAME_VALUES_AT_POINTS,
        (valid > 0 ? valid : zeros) + at);
  }

  /**
   * Fixed points: positive ones near 1 first, then mixed signs, larger and whole ones, at last small and negative ones.
   */
  static ExprEvaluator.Point point(List<String> names, int k, double degree) {
    Map<String, Double> values = new HashMap<>();
    for (int j = 0; j < names.size(); j++) {
      double u = (j + 1) * 0.6180339887498949 + k * 0.41421356237309503;
      double v = 0.3 + 2.3 * (u - Math.floor(u));
      if (k == 4 || k == 5 && j % 2 == 0) {
        v = -v;
      } else if (k == 6) {
        v = 3 + v * 4;
      } else if (k == 7) {
        v = 2 + (j * 3 + 1) % 7;
      } else if (k == 8) {
        v = 5 + (j * 2 + 3) % 5;
      } else if (k == 9 || k == 10) {
        v = (k == 9 ? 0.36 : -0.36) * v;
      } else if (k == 11) {
        v = -1.1 - v;
      } else if (k == 12) {
        v = 9 + 7 * v;
      } else if (k == 13) {
        v = 0.02 + 0.35 * v;
      }
      values.put(names.get(j), v);
    }
    return new ExprEvaluator.Point(values, degree);
  }

  /** A point far from zero, where only expressions in pieces can still change their form: |x + 100| - 100. */
  private ExprEvaluator.Point farPoint(double scale) {
    Map<String, Double> values = new HashMap<>();
    for (int j = 0; j < names.size(); j++) {
      values.put(names.get(j), scale * (1 + 0.37 * j));
    }
    return new ExprEvaluator.Point(values, degree);
  }

  /** True where the expression has pieces: other formulas for other ranges of its variables. */
  private static boolean piecewise(Expr e) {
    if (e instanceof Expr.Call c) {
      switch (c.name()) {
        case "abs", "max", "min", "sgn", "floor", "ceil", "root" -> {
          return true;
        }
        default -> { }
      }
    }
    return e.children().stream().anyMatch(SamplingComparer::piecewise);
  }

  /** Adds the names in the bounds of sums and products, which are whole numbers. */
  private static void bounds(Expr e, Set<String> whole) {
    if (e instanceof Expr.Call c && (c.name().equals("from") || c.name().equals("to"))) {
      whole.addAll(e.variables());
    }
    e.children().forEach(c -> bounds(c, whole));
  }

  private ExprEvaluator.Point atWhole(ExprEvaluator.Point p, int k, Set<String> whole) {
    Map<String, Double> values = new HashMap<>(p.values());
    int j = 0;
    for (String n : names) {
      if (whole.contains(n)) {
        values.put(n, (double) (1 + (k + 2 * j++) % 7));
      }
    }
    return new ExprEvaluator.Point(values, p.degree());
  }

  private static boolean speaksOfI(Expr e) {
    return e instanceof Expr.Sym(String n) && n.equals("i")
        || e.children().stream().anyMatch(SamplingComparer::speaksOfI);
  }

  /** (-1)^n: a power of a negative number, which has real values at whole exponents alone. */
  private static boolean alternates(Expr e) {
    if (e instanceof Expr.Op(char op, Expr base, Expr exponent) && op == '^' && !exponent.variables().isEmpty()
        && (base instanceof Expr.Neg || base instanceof Expr.Num(Rational v, int d) && v.num().signum() < 0)) {
      return true;
    }
    return e.children().stream().anyMatch(SamplingComparer::alternates);
  }

  /** The relative error that decimal coefficients of six digits or more allow; 0 where there are none. */
  private static double coarseness(Expr e) {
    double worst = 0;
    if (e instanceof Expr.Num n && n.decimals() > 0) {
      int digits = n.value().num().signum() == 0 ? 0
          : n.decimals() + 1 + (int) Math.floor(Math.log10(Math.abs(n.value().toDouble())));
      worst = digits >= 6 ? 0.6 * Math.pow(10, 1 - digits) : 0;
    }
    for (Expr c : e.children()) {
      worst = Math.max(worst, coarseness(c));
    }
    return worst;
  }
}
