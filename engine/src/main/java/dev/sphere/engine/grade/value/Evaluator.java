package dev.sphere.engine.grade.value;

import java.util.List;
import java.util.Map;

/** The value of an expression: exactly, where it is rational, or in double precision at a point. */
public final class Evaluator {
  private final Budget budget;

  /** True while values that are not real count as undefined. */
  private boolean realOnly;

  public Evaluator(Budget budget) {
    this.budget = budget;
  }

  /** The exact rational value; null when there is none or it is too big. Percent counts as hundredths. */
  public Rational exact(Expr e) {
    budget.spend(1);
    return switch (e) {
      case Expr.Num n -> n.value();
      case Expr.Neg n -> {
        Rational r = exact(n.of());
        yield r == null ? null : r.negate();
      }
      case Expr.Percent p -> {
        Rational r = exact(p.of());
        yield r == null ? null : r.dividedBy(Rational.of(100));
      }
      case Expr.Op o -> exactOp(o);
      case Expr.Call c -> exactCall(c);
      default -> null;
    };
  }

  private Rational exactOp(Expr.Op o) {
    Rational a = exact(o.left());
    Rational b = a == null ? null : exact(o.right());
    if (b == null) {
      return null;
    }
    budget.spend((a.bits() + b.bits()) / 64 + 1);
    return switch (o.op()) {
      case '+' -> a.plus(b);
      case '-' -> a.minus(b);
      case '*' -> a.times(b);
      case '/' -> a.dividedBy(b);
      default -> exactPower(a, b);
    };
  }

  private Rational exactPower(Rational a, Rational b) {
    if (a.num().signum() == 0) {
      return b.num().signum() > 0 ? Rational.ZERO : null;
    }
    int n = b.intOr(Integer.MAX_VALUE);
    if (n != Integer.MAX_VALUE) {
      long bits = (long) a.bits() * Math.abs((long) n);
      budget.spend(Math.min(bits, 4L * Rational.MAX_BITS) / 64);
      return Math.abs(n) > 2 * Rational.MAX_BITS && a.bits() > 2 ? null : a.pow(n);
    }
    int d = b.den().bitLength() < 7 ? b.den().intValue() : 0;
    Rational root = d < 2 || b.num().bitLength() > 20 ? null : a.root(d);
    return root == null ? null : exactPower(root, Rational.of(b.num().intValue()));
  }

  private Rational exactCall(Expr.Call c) {
    List<Expr> args = c.args();
    Rational a = args.isEmpty() ? null : exact(args.getFirst());
    if (a == null) {
      return null;
    }
    Rational b = args.size() > 1 ? exact(args.get(1)) : null;
    return switch (c.name()) {
      case "abs" -> a.num().signum() < 0 ? a.negate() : a;
      case "floor" -> floor(a);
      case "ceil" -> floor(a.negate()).negate();
      case "factorial" -> factorial(a.intOr(-1));
      case "root" -> {
        budget.spend(200);
        yield b == null ? null : b.root(a.intOr(0));
      }
      case "binom" -> b == null ? null : binomial(a.intOr(-1), b.intOr(-1));
      case "gcd" -> b == null || args.size() != 2 || !a.isInteger() || !b.isInteger() ? null
          : Rational.of(a.num().gcd(b.num()), java.math.BigInteger.ONE);
      default -> null;
    };
  }

  private static Rational floor(Rational a) {
    java.math.BigInteger[] qr = a.num().divideAndRemainder(a.den());
    java.math.BigInteger q = qr[1].signum() < 0 ? qr[0].subtract(java.math.BigInteger.ONE) : qr[0];
    return Rational.of(q, java.math.BigInteger.ONE);
  }

  private Rational factorial(int n) {
    if (n < 0 || n > 3000) {
      return null;
    }
    budget.spend(n + (long) n * n / 32);
    java.math.BigInteger f = java.math.BigInteger.ONE;
    for (int k = 2; k <= n; k++) {
      f = f.multiply(java.math.BigInteger.valueOf(k));
    }
    return Rational.of(f, java.math.BigInteger.ONE);
  }

  private Rational binomial(int n, int k) {
    if (n < 0 || k < 0 || k > n || n > 3000) {
      return n >= 0 && n <= 3000 && k > n ? Rational.ZERO : null;
    }
    int m = Math.min(k, n - k);
    budget.spend(m + (long) m * m / 8);
    Rational c = Rational.ONE;
    for (int j = 1; j <= m && c != null; j++) {
      c = c.times(Rational.of(n - m + j)).dividedBy(Rational.of(j));
    }
    return c;
  }

  /**
   * A point at which expressions are evaluated.
   *
   * @param values a value for each variable
   * @param degree what one degree is worth: 1 when answers are compared in degrees, pi / 180 when in radians
   * @param sign +1 or -1: which of the two values of ± is meant
   */
  public record Point(Map<String, Double> values, double degree, int sign) {}

  /** The value at a point over the reals: not a number as soon as a part of it leaves them. */
  public Complex realAt(Expr e, Point p) {
    realOnly = true;
    try {
      return at(e, p);
    } finally {
      realOnly = false;
    }
  }

  /** The value at a point; NaN where it is undefined or where a part has no value. */
  public Complex at(Expr e, Point p) {
    Complex c = valueAt(e, p);
    return realOnly && c.im() != 0 && !c.isReal() ? Complex.NAN : c;
  }

  private Complex valueAt(Expr e, Point p) {
    budget.spend(2);
    return switch (e) {
      case Expr.Num n -> Complex.of(n.value().toDouble());
      case Expr.Sym s -> symbol(s.name(), p);
      case Expr.Neg n -> at(n.of(), p).negate();
      case Expr.Percent q -> at(q.of(), p).times(Complex.of(0.01));
      case Expr.Degrees d -> at(d.of(), p).times(Complex.of(p.degree()));
      case Expr.Quantity q -> at(q.value(), p);
      case Expr.PlusMinus pm -> {
        Complex r = at(pm.right(), p);
        Complex signed = p.sign() > 0 != pm.flipped() ? r : r.negate();
        yield pm.left() == null ? signed : at(pm.left(), p).plus(signed);
      }
      case Expr.Op o -> operation(o, p);
      case Expr.Call c -> Functions.at(c, p, this);
      default -> Complex.NAN;
    };
  }

  private static Complex symbol(String name, Point p) {
    return switch (name) {
      case "pi" -> Complex.of(Math.PI);
      case "e" -> Complex.of(Math.E);
      case "i" -> Complex.I;
      case "infty" -> Complex.of(Double.POSITIVE_INFINITY);
      default -> {
        Double v = p.values().get(name);
        yield v == null ? Complex.NAN : Complex.of(v);
      }
    };
  }

  private Complex operation(Expr.Op o, Point p) {
    Complex a = at(o.left(), p);
    Complex b = at(o.right(), p);
    return switch (o.op()) {
      case '+' -> a.plus(b);
      case '-' -> a.minus(b);
      case '*' -> a.times(b);
      case '/' -> a.over(b);
      default -> {
        // An odd root of a negative real number is the real one, as in school.
        Rational r = a.isReal() && a.re() < 0 && b.im() == 0 ? exact(o.right()) : null;
        if (r != null && !r.isInteger() && r.den().testBit(0)) {
          double root = Math.pow(-a.re(), b.re());
          yield Complex.of(r.num().testBit(0) ? -root : root);
        }
        yield a.pow(b);
      }
    };
  }
}
