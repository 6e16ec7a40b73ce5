package dev.sphere.grade.value;

import java.math.BigInteger;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * The value of an expression: exactly, where it is rational, or in double precision at a point. Not for several
 * threads.
 */
public final class ExprEvaluator {
  private final GradingBudget budget;

  /** True while values that are not real count as undefined. */
  private boolean realOnly;

  /** @param budget bounds the work, which throws {@link GradingBudget.Stop} when it is spent */
  public ExprEvaluator(GradingBudget budget) {
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
          : Rational.of(a.num().gcd(b.num()), BigInteger.ONE);
      default -> null;
    };
  }

  private static Rational floor(Rational a) {
    BigInteger[] qr = a.num().divideAndRemainder(a.den());
    BigInteger q = qr[1].signum() < 0 ? qr[0].subtract(BigInteger.ONE) : qr[0];
    return Rational.of(q, BigInteger.ONE);
  }

  private Rational factorial(int n) {
    if (n < 0 || n > 3000) {
      return null;
    }
    budget.spend(n + (long) n * n / 32);
    BigInteger f = BigInteger.ONE;
    for (int k = 2; k <= n; k++) {
      f = f.multiply(BigInteger.valueOf(k));
    }
    return Rational.of(f, BigInteger.ONE);
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
   */
  public record Point(Map<String, Double> values, double degree) {
    /** For expressions without variables. */
    public static final Point NONE = of(Map.of());

    /** A point where answers are compared in degrees. */
    public static Point of(Map<String, Double> values) {
      return new Point(values, 1);
    }
  }

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
        Complex signed = pm.flipped() ? r.negate() : r;
        yield pm.left() == null ? signed : at(pm.left(), p).plus(signed);
      }
      case Expr.Op o -> operation(o, p);
      case Expr.Call c -> function(c, p);
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

  /** The value of a named function. An unknown one has the same made-up smooth value wherever it is met. */
  private Complex function(Expr.Call c, Point p) {
    List<Expr> args = c.args();
    if (args.isEmpty()) {
      return Complex.NAN;
    }
    if (c.name().equals("sum") || c.name().equals("prod")) {
      return series(c, p);
    }
    Point inside = isTrig(c.name())
        ? new Point(p.values(), Math.PI / 180) : p;
    Complex[] v = new Complex[args.size()];
    for (int i = 0; i < v.length; i++) {
      v[i] = at(args.get(i), inside);
    }
    Complex x = v[0];
    return switch (c.name()) {
      case "sin" -> x.sin();
      case "cos" -> x.cos();
      case "tan" -> x.sin().over(x.cos());
      case "cot" -> x.cos().over(x.sin());
      case "sec" -> Complex.ONE.over(x.cos());
      case "csc" -> Complex.ONE.over(x.sin());
      case "asin" -> real(x, Math.asin(x.re()));
      case "acos" -> real(x, Math.acos(x.re()));
      case "atan" -> real(x, Math.atan(x.re()));
      case "asec" -> real(x, Math.acos(1 / x.re()));
      case "acot" -> real(x, Math.PI / 2 - Math.atan(x.re()));
      case "sinc" -> x.re() == 0 && x.im() == 0 ? Complex.ONE : x.sin().over(x);
      case "sinh" -> x.exp().minus(x.negate().exp()).over(Complex.of(2));
      case "cosh" -> x.exp().plus(x.negate().exp()).over(Complex.of(2));
      case "tanh" -> real(x, Math.tanh(x.re()));
      case "coth" -> real(x, 1 / Math.tanh(x.re()));
      case "sech" -> real(x, 1 / Math.cosh(x.re()));
      case "csch" -> real(x, 1 / Math.sinh(x.re()));
      case "asinh" -> real(x, Math.signum(x.re()) * Math.log(Math.abs(x.re()) + Math.sqrt(x.re() * x.re() + 1)));
      case "acosh" -> real(x, Math.log(x.re() + Math.sqrt(x.re() * x.re() - 1)));
      case "atanh" -> real(x, 0.5 * Math.log((1 + x.re()) / (1 - x.re())));
      case "acsc" -> real(x, Math.asin(1 / x.re()));
      case "asech" -> real(x, Math.log((1 + Math.sqrt(1 - x.re() * x.re())) / x.re()));
      case "acsch" -> real(x, Math.signum(x.re()) * Math.log((1 + Math.sqrt(1 + x.re() * x.re())) / Math.abs(x.re())));
      case "acoth" -> real(x, 0.5 * Math.log((x.re() + 1) / (x.re() - 1)));
      case "sgn" -> real(x, Math.signum(x.re()));
      case "exp" -> x.exp();
      case "ln" -> x.ln();
      case "log" -> v.length > 1 ? x.ln().over(v[1].ln()) : x.ln();
      case "abs" -> Complex.of(x.abs());
      case "floor" -> real(x, Math.floor(x.re() + 1e-12));
      case "ceil" -> real(x, Math.ceil(x.re() - 1e-12));
      case "factorial" -> real(x, gamma(x.re() + 1));
      case "root" -> root(v);
      case "binom" -> v.length < 2 ? Complex.NAN
          : real(x, gamma(x.re() + 1) / gamma(v[1].re() + 1) / gamma(x.re() - v[1].re() + 1));
      case "nPr" -> v.length < 2 ? Complex.NAN : real(x, gamma(x.re() + 1) / gamma(x.re() - v[1].re() + 1));
      case "Re" -> Complex.of(x.re());
      case "Im" -> Complex.of(x.im());
      case "arg" -> Complex.of(Math.atan2(x.im(), x.re()));
      case "max" -> extreme(v, true);
      case "min" -> extreme(v, false);
      case "mod", "gcd", "lcm" -> integers(c.name(), v);
      case "det" -> Complex.NAN;
      case "overline", "bar" -> new Complex(x.re(), -x.im());
      case "int", "iint", "oint", "lim", "from", "to" -> Complex.NAN;
      default -> unknown(c.name(), v);
    };
  }

  /** A sum or product over whole numbers: of at most 400 terms, so that the budget holds. */
  private Complex series(Expr.Call c, Point p) {
    boolean bounded = c.args().size() == 3 && c.args().get(0) instanceof Expr.Call from && from.name().equals("from")
        && from.args().getFirst() instanceof Expr.Rel r && r.sides().size() == 2 && r.ops().getFirst().equals("=")
        && r.sides().getFirst() instanceof Expr.Sym && c.args().get(1) instanceof Expr.Call to
        && to.name().equals("to");
    if (!bounded) {
      return Complex.NAN;
    }
    Expr.Rel start = (Expr.Rel) ((Expr.Call) c.args().get(0)).args().getFirst();
    String name = ((Expr.Sym) start.sides().getFirst()).name();
    double low = whole(at(start.sides().getLast(), p));
    double high = whole(at(((Expr.Call) c.args().get(1)).args().getFirst(), p));
    if (!(high - low < 400) || high < low - 1) {
      return Complex.NAN;
    }
    boolean sum = c.name().equals("sum");
    Complex total = sum ? Complex.of(0) : Complex.ONE;
    Map<String, Double> values = new HashMap<>(p.values());
    for (double k = low; k <= high; k++) {
      values.put(name, k);
      Complex term = at(c.args().getLast(), new Point(values, p.degree()));
      total = sum ? total.plus(term) : total.times(term);
    }
    return total;
  }

  /** The value where it is a whole number, else not a number. */
  private static double whole(Complex c) {
    return c.isReal() && Math.abs(c.re() - Math.rint(c.re())) < 1e-9 ? Math.rint(c.re()) : Double.NaN;
  }

  private static boolean isTrig(String name) {
    return switch (name) {
      case "sin", "cos", "tan", "cot", "sec", "csc" -> true;
      default -> false;
    };
  }

  private static Complex real(Complex x, double value) {
    return x.isReal() ? Complex.of(value) : Complex.NAN;
  }

  private static Complex root(Complex[] v) {
    Complex n = v[0];
    Complex x = v.length > 1 ? v[1] : Complex.NAN;
    boolean odd = n.isReal() && n.re() == Math.rint(n.re()) && Math.abs(n.re() % 2) == 1;
    if (odd && x.isReal() && x.re() < 0) {
      return Complex.of(-Math.pow(-x.re(), 1 / n.re()));
    }
    if (n.re() == 2 && n.im() == 0 && x.im() == 0) {
      return x.re() >= 0 ? Complex.of(Math.sqrt(x.re())) : new Complex(0, Math.sqrt(-x.re()));
    }
    return x.re() == 0 && x.im() == 0 ? Complex.of(0) : x.pow(Complex.ONE.over(n));
  }

  private static Complex extreme(Complex[] v, boolean max) {
    double best = v[0].re();
    for (Complex x : v) {
      best = !x.isReal() ? Double.NaN : max ? Math.max(best, x.re()) : Math.min(best, x.re());
    }
    return Complex.of(best);
  }

  private static Complex integers(String name, Complex[] v) {
    if (v.length < 2 || !v[0].isReal() || !v[1].isReal()) {
      return Complex.NAN;
    }
    double a = v[0].re();
    double b = v[1].re();
    if (name.equals("mod")) {
      return Complex.of(a - b * Math.floor(a / b));
    }
    return Complex.NAN;
  }

  /** Gamma by Lanczos' approximation (g = 7, n = 9), good to 1e-13; exact factorials come from exact arithmetic. */
  static double gamma(double x) {
    if (x < 0.5) {
      return Math.PI / (Math.sin(Math.PI * x) * gamma(1 - x));
    }
    double[] c = {0.99999999999980993, 676.5203681218851, -1259.1392167224028, 771.32342877765313,
        -176.61502916214059, 12.507343278686905, -0.13857109526572012, 9.9843695780195716e-6, 1.5056327351493116e-7};
    double t = x - 1;
    double sum = c[0];
    for (int i = 1; i < 9; i++) {
      sum += c[i] / (t + i);
    }
    double w = t + 7.5;
    return Math.sqrt(2 * Math.PI) * Math.pow(w, t + 0.5) * Math.exp(-w) * sum;
  }

  private static Complex unknown(String name, Complex[] v) {
    double h = 0.37 + (name.hashCode() & 0xffff) / 65536.0;
    for (int i = 0; i < v.length; i++) {
      h = Math.sin(h * 1.7 + v[i].re() * (0.9 + 0.31 * i) + 0.77 * v[i].im()) + 1.9;
    }
    return Complex.of(h);
  }
}
