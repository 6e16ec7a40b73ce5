package dev.sphere.grade.compare;

import dev.sphere.grade.value.Expr;
import dev.sphere.grade.value.Rational;

/**
 * When a decimal counts as a value that it only approximates: it must be that value rounded or cut to the digits given,
 * with at least four significant digits and a relative error of at most 1e-4. So 0.3333 is 1/3, but 0.33 is not, and
 * whole numbers or terminating fractions are never approximated.
 */
final class Rounding {
  private Rounding() {}

  /** Both values are exact and differ. */
  static boolean agree(Expr a, Rational x, Expr b, Rational y) {
    int da = decimals(a);
    int db = decimals(b);
    if (da >= 0 && db >= 0 && da != db) {
      boolean aShorter = da < db;
      int d = Math.min(da, db);
      Rational shorter = aShorter ? x : y;
      return d >= 4 && digits(shorter, d) >= 5 && of(aShorter ? a : b, shorter, (aShorter ? y : x).toDouble());
    }
    if (da >= 0 && db < 0) {
      return !y.isDecimal() && of(a, x, y.toDouble());
    }
    return db >= 0 && da < 0 && !x.isDecimal() && of(b, y, x.toDouble());
  }

  /** True when the literal {@code e} with the value {@code literal} is {@code value} rounded or cut. */
  static boolean of(Expr e, Rational literal, double value) {
    int d = decimals(e);
    if (d < 0 || d > 18 || digits(literal, d) < 4) {
      return false;
    }
    double v = literal.toDouble();
    double unit = Math.pow(10, -d);
    double error = Math.abs(v - value);
    boolean rounded = error <= Math.max(0.5 * unit * (1 + 1e-9), 4e-16 * Math.abs(value));
    boolean cut = error < unit && Math.abs(v) <= Math.abs(value);
    return (rounded || cut) && error <= 1e-4 * Math.abs(value);
  }

  /** True when {@code literal} is {@code value} rounded to its digits, three significant ones at least. */
  static boolean loosely(Expr e, Rational literal, double value) {
    int d = decimals(e);
    return d >= 1 && digits(literal, d) >= 3
        && Math.abs(literal.toDouble() - value) <= 0.5 * Math.pow(10, -d) * (1 + 1e-9);
  }

  /** Digits after the point of a decimal literal, -1 for anything else. */
  static int decimals(Expr e) {
    return switch (e) {
      case Expr.Num n -> n.decimals();
      case Expr.Neg n -> decimals(n.of());
      case Expr.Percent p -> decimals(p.of());
      case Expr.Degrees d -> decimals(d.of());
      case Expr.Quantity q -> decimals(q.value());
      case Expr.Op o -> scientific(o);
      default -> -1;
    };
  }

  /** The decimals of 2.5 * 10^-3, which is 0.0025. */
  private static int scientific(Expr.Op o) {
    boolean power = o.op() == '*' && o.left() instanceof Expr.Num m && m.decimals() >= 0
        && o.right() instanceof Expr.Op p && p.op() == '^' && p.left() instanceof Expr.Num ten
        && ten.value().equals(Rational.of(10));
    if (!power) {
      return -1;
    }
    Expr exponent = ((Expr.Op) o.right()).right();
    int n = exponent instanceof Expr.Num e ? e.value().intOr(0)
        : exponent instanceof Expr.Neg(Expr.Num e) ? -e.value().intOr(0) : 0;
    return Math.max(-1, ((Expr.Num) o.left()).decimals() - n);
  }

  /** Significant digits of a value written with d decimals. */
  private static int digits(Rational r, int d) {
    double v = Math.abs(r.toDouble());
    return v == 0 ? 0 : d + 1 + (int) Math.floor(Math.log10(v) + 1e-12);
  }
}
