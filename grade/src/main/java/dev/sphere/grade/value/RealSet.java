package dev.sphere.grade.value;

import dev.sphere.grade.extract.Phrases;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.DoublePredicate;

/**
 * A set of real numbers made of intervals and points. Two such sets are equal when they agree at every end point and
 * between each two of them.
 *
 * @param ends the finite end points, in any order
 * @param has membership
 */
public record RealSet(List<Double> ends, DoublePredicate has) {
  static final RealSet ALL = new RealSet(List.of(), x -> true);
  static final RealSet EMPTY = new RealSet(List.of(), x -> false);

  /** Reads an expression as a set of reals; null when it is none (or has parameters). */
  public static RealSet of(Expr e, ExprEvaluator evaluator) {
    return switch (e) {
      case Expr.Sym(String n) when n.equals("emptyset") -> EMPTY;
      case Expr.Sym(String n) when n.equals("set:R") -> ALL;
      case Expr.Text(String t) when Phrases.key(t).equals("all real numbers") -> ALL;
      case Expr.Text(String t) when Phrases.key(t).equals("empty set") -> EMPTY;
      case Expr.Group g when g.items().size() == 2 && g.open() != '<' -> interval(g, evaluator);
      case Expr.SetOf s -> points(s.items(), evaluator);
      case Expr.SetOp s -> {
        RealSet a = of(s.left(), evaluator);
        RealSet b = of(s.right(), evaluator);
        yield a == null || b == null ? null : a.combine(b, s.op());
      }
      case Expr.Rel r -> relation(r, evaluator);
      case Expr.ListOf l -> list(l, evaluator);
      default -> null;
    };
  }

  /** True for expressions that can be nothing but a set of reals, so that (1, 2) beside them is an interval. */
  public static boolean surely(Expr e) {
    return switch (e) {
      case Expr.SetOp s -> true;
      case Expr.Rel r -> r.ops().stream().anyMatch(o -> !o.equals("=") && !o.equals("~"));
      case Expr.Sym(String n) -> n.equals("emptyset") || n.equals("set:R");
      case Expr.Text(String t) -> Phrases.key(t).equals("all real numbers") || Phrases.key(t).equals("empty set");
      case Expr.Group g -> g.items().size() == 2 && (g.open() == '[') != (g.close() == ']')
          || g.items().stream().anyMatch(Expr::isInfinite);
      case Expr.ListOf l -> l.items().stream().anyMatch(RealSet::surely);
      default -> false;
    };
  }

  RealSet combine(RealSet o, char op) {
    List<Double> all = new ArrayList<>(ends);
    all.addAll(o.ends);
    return new RealSet(all, switch (op) {
      case 'u' -> x -> has.test(x) || o.has.test(x);
      case 'n' -> x -> has.test(x) && o.has.test(x);
      default -> x -> has.test(x) && !o.has.test(x);
    });
  }

  /** True when both hold the same numbers, looked at in each end point and between each two of them. */
  public boolean sameAs(RealSet o, GradingBudget budget) {
    TreeSet<Double> marks = new TreeSet<>(ends);
    marks.addAll(o.ends);
    List<Double> probes = new ArrayList<>();
    Double last = null;
    for (double m : marks) {
      if (last == null) {
        probes.add(m - Math.max(1, Math.abs(m)));
      } else if (compare(last, m) != 0) {
        probes.add((last + m) / 2);
      }
      probes.add(m);
      last = m;
    }
    probes.add(last == null ? 0 : last + Math.max(1, Math.abs(last)));
    for (double x : probes) {
      budget.spend(1 + ends.size() + o.ends.size());
      if (has.test(x) != o.has.test(x)) {
        return false;
      }
    }
    return true;
  }

  private boolean isEmpty(GradingBudget budget) {
    return sameAs(EMPTY, budget);
  }

  private static int compare(double a, double b) {
    if (a == b) {
      // also 0 and -0
      return 0;
    }
    if (Double.isInfinite(a) || Double.isInfinite(b)) {
      return Double.compare(a, b);
    }
    return Math.abs(a - b) <= 1e-9 * Math.max(1e-3, Math.max(Math.abs(a), Math.abs(b))) ? 0 : Double.compare(a, b);
  }

  private static RealSet interval(Expr.Group g, ExprEvaluator evaluator) {
    double low = real(g.items().get(0), evaluator);
    double high = real(g.items().get(1), evaluator);
    if (Double.isNaN(low) || Double.isNaN(high) || low > high || low == high && (g.open() != '[' || g.close() != ']')) {
      return null;
    }
    return between(low, g.open() == '[', high, g.close() == ']');
  }

  private static RealSet between(double low, boolean closedLow, double high, boolean closedHigh) {
    List<Double> ends = new ArrayList<>();
    if (Double.isFinite(low)) {
      ends.add(low);
    }
    if (Double.isFinite(high)) {
      ends.add(high);
    }
    return new RealSet(ends, x -> {
      int a = compare(x, low);
      int b = compare(x, high);
      return (a > 0 || a == 0 && closedLow) && (b < 0 || b == 0 && closedHigh);
    });
  }

  private static RealSet points(List<Expr> items, ExprEvaluator evaluator) {
    List<Double> values = new ArrayList<>();
    for (Expr e : items) {
      double v = real(e, evaluator);
      if (!Double.isFinite(v)) {
        return null;
      }
      values.add(v);
    }
    return new RealSet(values, x -> values.stream().anyMatch(v -> compare(x, v) == 0));
  }

  private static RealSet list(Expr.ListOf l, ExprEvaluator evaluator) {
    RealSet union = null;
    RealSet both = null;
    for (Expr e : l.items()) {
      RealSet s = of(e, evaluator);
      if (s == null) {
        return null;
      }
      union = union == null ? s : union.combine(s, 'u');
      both = both == null ? s : both.combine(s, 'n');
    }
    boolean intervals = l.items().stream().noneMatch(Expr.Rel.class::isInstance);
    return l.or() || intervals || both == null || both.isEmpty(new GradingBudget(1_000_000)) ? union : both;
  }

  private static RealSet relation(Expr.Rel r, ExprEvaluator evaluator) {
    if (r.ops().equals(List.of("in"))) {
      return of(r.sides().get(1), evaluator);
    }
    Set<String> names = new TreeSet<>();
    List<Expr> sides = r.sides().stream().map(RealSet::named).toList();
    for (Expr s : sides) {
      if (!s.isScalar()) {
        return null;
      }
      names.addAll(s.variables());
    }
    if (names.size() != 1) {
      return null;
    }
    String x = names.iterator().next();
    RealSet all = ALL;
    for (int i = 0; i < r.ops().size(); i++) {
      RealSet one = half(sides.get(i), r.ops().get(i), sides.get(i + 1), x, evaluator);
      if (one == null && !r.ops().contains("=")) {
        one = new Inequality(sides.get(i), r.ops().get(i), sides.get(i + 1), x, evaluator).solutions();
      }
      if (one == null) {
        return null;
      }
      all = all.combine(one, 'n');
    }
    return all;
  }

  /** In 0 < f(x) < 1 it is f(x) that has the range. */
  private static Expr named(Expr side) {
    boolean unknown = side instanceof Expr.Call c && c.name().length() == 1;
    return unknown ? new Expr.Sym("?") : side;
  }

  /** The solutions of one relation that is linear in x. */
  private static RealSet half(Expr left, String op, Expr right, String x, ExprEvaluator evaluator) {
    if (left.isInfinite() || right.isInfinite()) {
      return ALL;
    }
    double[] f = new double[8];
    double[] at = {0, 1, 2.5, -3.25, 61.5, -47.75, 1234.5, -2345.25};
    for (int i = 0; i < f.length; i++) {
      ExprEvaluator.Point p = ExprEvaluator.Point.of(Map.of(x, at[i]));
      Complex d = evaluator.at(left, p).minus(evaluator.at(right, p));
      if (!d.finite() || !d.isReal()) {
        return null;
      }
      f[i] = d.re();
    }
    double slope = f[1] - f[0];
    double size = 1e-9 * (Math.abs(f[0]) + Math.abs(f[1]) + Math.abs(slope));
    if (Math.abs(slope) <= size) {
      return null;
    }
    for (int i = 2; i < f.length; i++) {
      // |x - 4| is linear on either side of 4
      if (Math.abs(f[i] - f[0] - at[i] * slope) > (1 + Math.abs(at[i])) * size) {
        return null;
      }
    }
    double root = -f[0] / slope;
    boolean upper = slope > 0;
    return switch (op) {
      case "<" -> upper ? between(Double.NEGATIVE_INFINITY, false, root, false)
          : between(root, false, Double.POSITIVE_INFINITY, false);
      case "<=" -> upper ? between(Double.NEGATIVE_INFINITY, false, root, true)
          : between(root, true, Double.POSITIVE_INFINITY, false);
      case ">" -> half(right, "<", left, x, evaluator);
      case ">=" -> half(right, "<=", left, x, evaluator);
      case "=" -> between(root, true, root, true);
      case "!=" -> ALL.combine(between(root, true, root, true), '\\');
      default -> null;
    };
  }

  private static double real(Expr e, ExprEvaluator evaluator) {
    if (!e.isScalar()) {
      return Double.NaN;
    }
    Complex c = evaluator.at(e, ExprEvaluator.Point.NONE);
    return e.isInfinite() ? (e instanceof Expr.Neg ? -1 : 1) * Double.POSITIVE_INFINITY : c.isReal() ? c.re()
        : Double.NaN;
  }
}
