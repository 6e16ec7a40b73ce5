package dev.sphere.grade.compare;

import dev.sphere.grade.value.Complex;
import dev.sphere.grade.value.Expr;
import dev.sphere.grade.value.ExprEvaluator;
import dev.sphere.grade.value.Rational;
import dev.sphere.grade.value.Units;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Compares single values: numbers, expressions, quantities with units. */
final class ScalarComparer {
  private static final String ANGLE = "{angle=1}";

  private final ExprEvaluator evaluator;

  ScalarComparer(ExprEvaluator evaluator) {
    this.evaluator = evaluator;
  }

  /** True for an exact zero. */
  boolean zero(Expr e) {
    Rational r = evaluator.exact(e);
    return r != null && r.num().signum() == 0;
  }

  Decision compare(Expr a, Expr b) {
    if (a instanceof Expr.Quantity || b instanceof Expr.Quantity) {
      return quantities(a, b);
    }
    boolean pa = isPercent(a);
    boolean pb = isPercent(b);
    if (pa != pb) {
      // 10 % stands for 10 (the unit left out) and for 0.1 (its value).
      Expr percent = pa ? a : b;
      Expr other = pa ? b : a;
      if (other.has(Expr.Degrees.class)) {
        return Decision.of(Rule.DIFFERENT_UNITS);
      }
      Decision d = values(percent, other);
      if (d.equal()) {
        return Decision.of(Rule.PERCENT_AS_ITS_VALUE);
      }
      d = values(withoutPercent(percent), other);
      return d.equal() ? Decision.of(Rule.PERCENT_SIGN_LEFT_OUT) : d;
    }
    boolean da = a.has(Expr.Degrees.class);
    boolean db = b.has(Expr.Degrees.class);
    Decision d = values(a, b, 1);
    if (!d.equal() && da != db) {
      Decision radians = values(a, b, Math.PI / 180);
      return radians.equal() ? Decision.of(Rule.DEGREES_AS_RADIANS) : d;
    }
    return d.equal() && da != db ? Decision.of(Rule.DEGREE_SIGN_LEFT_OUT) : d;
  }

  private static boolean isPercent(Expr e) {
    return e instanceof Expr.Percent || e instanceof Expr.Neg n && isPercent(n.of());
  }

  private static Expr withoutPercent(Expr e) {
    return e instanceof Expr.Percent p ? p.of() : e instanceof Expr.Neg n ? new Expr.Neg(withoutPercent(n.of())) : e;
  }

  private Decision quantities(Expr a, Expr b) {
    String ua = a instanceof Expr.Quantity q ? q.unit() : "";
    String ub = b instanceof Expr.Quantity q ? q.unit() : "";
    Expr va = a instanceof Expr.Quantity q ? q.value() : a;
    Expr vb = b instanceof Expr.Quantity q ? q.value() : b;
    Units.Unit x = Units.parse(ua);
    Units.Unit y = Units.parse(ub);
    if (differentSign(va, ua, b) || differentSign(vb, ub, a)) {
      return Decision.of(Rule.DIFFERENT_UNITS);
    }
    boolean measured = x != null && !x.dimension().equals("{}") && !ua.isEmpty();
    boolean measuredToo = y != null && !y.dimension().equals("{}") && !ub.isEmpty();
    if (measured && !x.dimension().equals(ANGLE) && (b instanceof Expr.Degrees || isPercent(b))
        || measuredToo && !y.dimension().equals(ANGLE) && (a instanceof Expr.Degrees || isPercent(a))) {
      return Decision.of(Rule.DIFFERENT_UNITS);
    }
    if (measured && counts(ub, y, x) || measuredToo && counts(ua, x, y)) {
      return Decision.of(Rule.DIFFERENT_UNITS);
    }
    if (measured && x.dimension().equals(ANGLE) && x.factor() == 1
        && (!measuredToo || x.dimension().equals(y.dimension()))) {
      return compare(new Expr.Degrees(va), b);
    }
    if (measuredToo && y.dimension().equals(ANGLE) && y.factor() == 1
        && (!measured || x.dimension().equals(y.dimension()))) {
      return compare(a, new Expr.Degrees(vb));
    }
    boolean scaleA = x != null && x.dimension().equals("{}") && x.factor() != 1;
    boolean scaleB = y != null && y.dimension().equals("{}") && y.factor() != 1;
    if (scaleA || scaleB) {
      // 3 million, 2 dozen: part of the number
      Expr sa = scaleA ? new Expr.Op('*', va, Expr.number((long) x.factor())) : a;
      Expr sb = scaleB ? new Expr.Op('*', vb, Expr.number((long) y.factor())) : b;
      return compare(sa, sb);
    }
    boolean none = ua.isEmpty() || ub.isEmpty() || x == null || y == null || x.dimension().equals("{}")
        || y.dimension().equals("{}");
    if (none) {
      Decision d = compare(scaled(va, ua), scaled(vb, ub));
      return d.equal() ? Decision.of(Rule.SAME_VALUE_UNIT_LEFT_OUT) : d;
    }
    if (!x.dimension().equals(y.dimension())) {
      return Decision.of(Rule.DIFFERENT_UNITS);
    }
    if (x.factor() == y.factor()) {
      Decision d = compare(va, vb);
      return d.equal() ? Decision.of(Rule.SAME_VALUE_AND_UNIT) : d;
    }
    Complex ca = evaluator.at(va, ExprEvaluator.Point.NONE).times(Complex.of(x.factor()));
    Complex cb = evaluator.at(vb, ExprEvaluator.Point.NONE).times(Complex.of(y.factor()));
    return ca.finite() && ca.near(cb, 1e-9, 0) ? Decision.of(Rule.SAME_VALUE_AFTER_CONVERSION_OF_UNITS)
        : Decision.of(Rule.DIFFERENT_VALUES);
  }

  /**
   * 3 boxes beside 3 cm. Words around the same kind of unit ("5 miles away") are no other unit, nor are "units", which
   * stand for any.
   */
  private static boolean counts(String text, Units.Unit unit, Units.Unit measure) {
    if (text.isEmpty() || unit != null || text.toLowerCase(java.util.Locale.ROOT).contains("unit")) {
      return false;
    }
    for (String word : text.replaceAll("[^A-Za-z]+", " ").strip().split(" ")) {
      Units.Unit w = Units.parse(word);
      if (w != null && w.dimension().equals(measure.dimension())) {
        return false;
      }
    }
    return true;
  }

  /** 20 boxes beside 20 % or 20 degrees. */
  private static boolean differentSign(Expr value, String unit, Expr other) {
    boolean signed = other instanceof Expr.Degrees || isPercent(other);
    return signed && !unit.isEmpty() && !(value instanceof Expr.Degrees) && !isPercent(value)
        && !unit.toLowerCase(java.util.Locale.ROOT).matches(".*(?:deg|°|percent|pct|radian).*");
  }

  /** 3 million dollars beside a bare number are 3,000,000. */
  private static Expr scaled(Expr value, String unit) {
    long scale = Units.scale(unit);
    return scale == 1 ? value : new Expr.Op('*', value, Expr.number(scale));
  }

  private Decision values(Expr a, Expr b) {
    return values(a, b, 1);
  }

  private Decision values(Expr a, Expr b, double degree) {
    if (a.equals(b)) {
      return Decision.of(Rule.SAME_EXPRESSION);
    }
    Rational x = degree == 1 ? evaluator.exact(withoutDegrees(a)) : null;
    Rational y = degree == 1 ? evaluator.exact(withoutDegrees(b)) : null;
    if (x != null && y != null) {
      if (x.equals(y)) {
        return Decision.of(Rule.SAME_NUMBER);
      }
      return Rounding.agree(a, x, b, y) ? Decision.of(Rule.ROUNDED_TO_THE_DIGITS_GIVEN)
          : Decision.of(Rule.DIFFERENT_NUMBERS);
    }
    Set<String> names = a.variables();
    names.addAll(b.variables());
    if (names.isEmpty()) {
      return constants(a, x, b, y, degree);
    }
    return new SamplingComparer(evaluator, List.copyOf(names), degree).compare(a, b);
  }

  private Decision constants(Expr a, Rational x, Expr b, Rational y, double degree) {
    if (a.isInfinite() || b.isInfinite()) {
      boolean same = a.isInfinite() && b.isInfinite() && (a instanceof Expr.Neg) == (b instanceof Expr.Neg);
      return same ? Decision.of(Rule.SAME_INFINITY) : Decision.of(Rule.INFINITE_AND_FINITE);
    }
    ExprEvaluator.Point p = new ExprEvaluator.Point(Map.of(), degree);
    Complex u = evaluator.at(a, p);
    Complex v = evaluator.at(b, p);
    if (!u.finite() || !v.finite()) {
      return Decision.of(Rule.NO_VALUE_TO_COMPARE);
    }
    if (close(u, v)) {
      return Decision.of(Rule.SAME_VALUE);
    }
    boolean rounded = x != null && v.isReal() && Rounding.of(a, x, v.re())
        || y != null && u.isReal() && Rounding.of(b, y, u.re());
    return rounded ? Decision.of(Rule.ROUNDED_TO_THE_DIGITS_GIVEN) : Decision.of(Rule.DIFFERENT_VALUES);
  }

  /** Equal up to rounding errors; for large values so tight that whole numbers still differ. */
  static boolean close(Complex u, Complex v) {
    double size = Math.max(u.abs(), v.abs());
    double tolerance = Math.max(1e-12 * Math.max(size, 0.1), Math.min(1e-9 * size, 1e-7));
    return u.minus(v).abs() <= tolerance;
  }

  private static Expr withoutDegrees(Expr e) {
    return e instanceof Expr.Degrees d ? d.of() : e instanceof Expr.Neg(Expr.Degrees d) ? new Expr.Neg(d.of()) : e;
  }
}
