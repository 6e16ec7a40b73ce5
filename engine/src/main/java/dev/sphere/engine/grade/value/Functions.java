package dev.sphere.engine.grade.value;

import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** The values of named functions. An unknown function has the same made-up smooth value wherever it is met. */
public final class Functions {
  private Functions() {}

  static Complex at(Expr.Call c, Evaluator.Point p, Evaluator evaluator) {
    List<Expr> args = c.args();
    if (args.isEmpty()) {
      return Complex.NAN;
    }
    if (c.name().equals("sum") || c.name().equals("prod")) {
      return series(c, p, evaluator);
    }
    Evaluator.Point inside = isTrig(c.name())
        ? new Evaluator.Point(p.values(), Math.PI / 180, p.sign()) : p;
    Complex[] v = new Complex[args.size()];
    for (int i = 0; i < v.length; i++) {
      v[i] = evaluator.at(args.get(i), inside);
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
  private static Complex series(Expr.Call c, Evaluator.Point p, Evaluator evaluator) {
    boolean bounded = c.args().size() == 3 && c.args().get(0) instanceof Expr.Call from && from.name().equals("from")
        && from.args().getFirst() instanceof Expr.Rel r && r.sides().size() == 2 && r.ops().getFirst().equals("=")
        && r.sides().getFirst() instanceof Expr.Sym && c.args().get(1) instanceof Expr.Call to && to.name().equals("to");
    if (!bounded) {
      return Complex.NAN;
    }
    Expr.Rel start = (Expr.Rel) ((Expr.Call) c.args().get(0)).args().getFirst();
    String name = ((Expr.Sym) start.sides().getFirst()).name();
    double low = whole(evaluator.at(start.sides().getLast(), p));
    double high = whole(evaluator.at(((Expr.Call) c.args().get(1)).args().getFirst(), p));
    if (!(high - low < 400) || high < low - 1) {
      return Complex.NAN;
    }
    boolean sum = c.name().equals("sum");
    Complex total = sum ? Complex.of(0) : Complex.ONE;
    Map<String, Double> values = new HashMap<>(p.values());
    for (double k = low; k <= high; k++) {
      values.put(name, k);
      Complex term = evaluator.at(c.args().getLast(), new Evaluator.Point(values, p.degree(), p.sign()));
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
