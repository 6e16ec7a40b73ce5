package dev.sphere.grade.compare;

import dev.sphere.grade.value.Complex;
import dev.sphere.grade.value.Expr;
import dev.sphere.grade.value.ExprEvaluator;
import dev.sphere.grade.value.Rational;
import java.util.List;
import java.util.Set;

/** Equations and inequalities against each other and against plain values. */
final class RelationComparer {
  private final Comparer comparer;
  private final ExprEvaluator evaluator;

  RelationComparer(Comparer comparer, ExprEvaluator evaluator) {
    this.comparer = comparer;
    this.evaluator = evaluator;
  }

  Decision compare(Expr a, Expr b) {
    if (a instanceof Expr.Rel x && b instanceof Expr.Rel y) {
      return both(x, y);
    }
    Expr.Rel r = a instanceof Expr.Rel x ? x : (Expr.Rel) b;
    Expr value = a instanceof Expr.Rel ? b : a;
    boolean goldIsValue = !(a instanceof Expr.Rel);
    String op = r.ops().getFirst();
    if (op.equals("in")) {
      return comparer.compare(r.sides().get(1), value);
    }
    if (r.ops().contains("~")) {
      return approximate(r, value, !goldIsValue);
    }
    if (!r.ops().stream().allMatch("="::equals)) {
      return Decision.of(Rule.AN_INEQUALITY_AND_A_VALUE);
    }
    if (!standsFor(r.sides().getFirst(), r.sides().getLast(), goldIsValue)) {
      return swapped(r, value);
    }
    Decision d = comparer.compare(r.sides().getLast(), value);
    return d.equal() ? Decision.of(Rule.VALUE_OF_THE_EQUATION, d.how()) : d;
  }

  /** 5 = x, with the name on the right. */
  private Decision swapped(Expr.Rel r, Expr value) {
    if (r.sides().size() == 2 && isName(r.sides().get(1))) {
      return comparer.compare(r.sides().get(0), value);
    }
    return Decision.of(Rule.AN_EQUATION_AND_A_VALUE);
  }

  /**
   * An answer with an approximation sign: one side is the value; a rounded one will do where the gold answer is
   * rounded.
   */
  private Decision approximate(Expr.Rel r, Expr value, boolean gold) {
    for (Expr side : r.sides()) {
      if (side.isScalar() && value.isScalar() && !(side instanceof Expr.Sym)) {
        if (comparer.compare(side, value).equal()) {
          return Decision.of(Rule.ONE_SIDE_OF_THE_APPROXIMATION);
        }
        Rational literal = evaluator.exact(bare(side));
        Complex v = evaluator.at(value, ExprEvaluator.Point.NONE);
        if (gold && literal != null && v.isReal() && Rounding.loosely(side, literal, v.re())) {
          return Decision.of(Rule.APPROXIMATION_OF_THE_VALUE);
        }
      }
    }
    return Decision.of(Rule.DIFFERENT_FROM_THE_APPROXIMATION);
  }

  private static Expr bare(Expr e) {
    return e instanceof Expr.Quantity q ? q.value() : e;
  }

  private static boolean isName(Expr e) {
    return e instanceof Expr.Sym(String n) && !n.equals("pi") && !n.equals("infty") || e instanceof Expr.Text;
  }

  /**
   * True when "left = right" gives the value right: left is a name, a function's head, a computation without variables,
   * or (in a prediction only) an expression in several names, such as m + n.
   */
  private boolean standsFor(Expr left, Expr right, boolean prediction) {
    if (left instanceof Expr.Quantity(Expr.Call integral, String dx) && integral.name().endsWith("int")) {
      return true;
    }
    if (isName(left) || left instanceof Expr.Call c && !c.args().isEmpty() && !isElementary(c)
        || left instanceof Expr.Ratio && (right instanceof Expr.Ratio || right.isScalar())) {
      return true;
    }
    Set<String> names = left.variables();
    names.remove("angle");
    names.remove("triangle");
    if (names.isEmpty()) {
      return left.isScalar() && right.isScalar() ? comparer.scalars().compare(left, right).equal() : prediction;
    }
    if (!left.isScalar()) {
      return left instanceof Expr.Group;
    }
    if (comparer.scalars().zero(right) && !(left instanceof Expr.Call)) {
      // "5x - 7y = 0" is an equation, whatever was asked
      return false;
    }
    boolean capitals = names.stream().allMatch(n -> Character.isUpperCase(n.charAt(0))) || left instanceof Expr.Call;
    return prediction && right.variables().isEmpty() && (names.size() > 1 || capitals) || capitals && names.size() > 1;
  }

  /** True for the names that a function's value goes by: y, or the function's own letter (f, a_n for a(n)). */
  private static boolean isValueOf(Expr.Call f, Expr name) {
    return name instanceof Expr.Sym(String n) && (n.equals("y") || n.equals(f.name()) || n.startsWith(f.name() + "_"));
  }

  private static boolean isElementary(Expr.Call c) {
    return switch (c.name()) {
      case "root", "abs", "ln", "log", "sin", "cos", "tan", "factorial", "floor", "ceil", "binom" -> true;
      default -> false;
    };
  }

  private Decision both(Expr.Rel x, Expr.Rel y) {
    boolean equations = x.ops().stream().allMatch("="::equals) && y.ops().stream().allMatch("="::equals);
    Expr lx = x.sides().getFirst();
    Expr ly = y.sides().getFirst();
    Expr rx = x.sides().getLast();
    Expr ry = y.sides().getLast();
    if (x.ops().equals(y.ops()) && x.ops().size() == 1 && !x.ops().contains("~")) {
      boolean mirrored = equations && comparer.compare(lx, ry).equal() && comparer.compare(rx, ly).equal();
      if (mirrored || comparer.compare(lx, ly).equal() && comparer.compare(rx, ry).equal()) {
        return Decision.of(Rule.SAME_SIDES);
      }
    }
    if (!equations && (x.ops().contains("~") || y.ops().contains("~"))) {
      boolean first = x.ops().contains("~");
      Expr.Rel approximate = first ? x : y;
      Expr other = first ? ry : rx;
      return lx.equals(ly) || lx instanceof Expr.Sym(String n) && n.equals("?")
          || ly instanceof Expr.Sym(String m) && m.equals("?") ? approximate(approximate, other, first)
          : Decision.of(Rule.DIFFERENT_NAMES);
    }
    boolean headX = isName(lx) || lx instanceof Expr.Call c && !isElementary(c);
    boolean headY = isName(ly) || ly instanceof Expr.Call d && !isElementary(d);
    if (equations && headX && headY) {
      boolean free = lx.equals(ly) || lx instanceof Expr.Call f && isValueOf(f, ly)
          || ly instanceof Expr.Call g && isValueOf(g, lx);
      if (free && comparer.compare(rx, ry).equal()) {
        return Decision.of(Rule.SAME_RIGHT_HAND_SIDE);
      }
      if (lx instanceof Expr.Call && ly instanceof Expr.Call) {
        return renamed(x, y);
      }
      if (lx.equals(ly) && !rx.isScalar()) {
        return comparer.compare(rx, ry);
      }
    }
    if (!x.sides().stream().allMatch(Expr::isScalar) || !y.sides().stream().allMatch(Expr::isScalar)) {
      return x.ops().equals(y.ops()) && comparer.compare(lx, ly).equal() && comparer.compare(rx, ry).equal()
          ? Decision.of(Rule.SAME_SIDES) : Decision.of(Rule.DIFFERENT_RELATIONS);
    }
    if (x.sides().size() != 2 || y.sides().size() != 2) {
      return chains(x, y);
    }
    return proportional(x, y, equations);
  }

  /** f(x) = 2x and f(t) = 2t say the same. */
  private Decision renamed(Expr.Rel x, Expr.Rel y) {
    Expr.Call f = (Expr.Call) x.sides().getFirst();
    Expr.Call g = (Expr.Call) y.sides().getFirst();
    boolean single = f.args().size() == 1 && g.args().size() == 1 && f.args().getFirst() instanceof Expr.Sym
        && g.args().getFirst() instanceof Expr.Sym && f.name().equals(g.name());
    if (!single) {
      return Decision.of(Rule.DIFFERENT_FUNCTIONS);
    }
    String from = ((Expr.Sym) g.args().getFirst()).name();
    String to = ((Expr.Sym) f.args().getFirst()).name();
    Expr right = rename(y.sides().getLast(), from, to);
    Decision d = comparer.compare(x.sides().getLast(), right);
    return d.equal() ? Decision.of(Rule.SAME_FUNCTION) : d;
  }

  private static Expr rename(Expr e, String from, String to) {
    return switch (e) {
      case Expr.Sym(String n) -> n.equals(from) ? new Expr.Sym(to) : e;
      case Expr.Op o -> new Expr.Op(o.op(), rename(o.left(), from, to), rename(o.right(), from, to));
      case Expr.Neg n -> new Expr.Neg(rename(n.of(), from, to));
      case Expr.Call c -> new Expr.Call(c.name(), c.args().stream().map(a -> rename(a, from, to)).toList());
      default -> e;
    };
  }

  private Decision chains(Expr.Rel x, Expr.Rel y) {
    if (x.ops().stream().allMatch("="::equals) && y.ops().stream().allMatch("="::equals)) {
      return comparer.compare(x.sides().getFirst(), y.sides().getFirst()).equal()
          && comparer.compare(x.sides().getLast(), y.sides().getLast()).equal()
          ? Decision.of(Rule.SAME_ENDS_OF_THE_CHAIN) : Decision.of(Rule.DIFFERENT_CHAINS);
    }
    Expr.Rel z = x.ops().getFirst().charAt(0) == y.ops().getFirst().charAt(0) ? y : reversed(y);
    if (!x.ops().equals(z.ops())) {
      return Decision.of(Rule.DIFFERENT_RELATIONS);
    }
    for (int i = 0; i < x.sides().size(); i++) {
      if (!comparer.compare(x.sides().get(i), z.sides().get(i)).equal()) {
        return Decision.of(Rule.DIFFERENT_RELATIONS);
      }
    }
    return Decision.of(Rule.SAME_CHAIN_OF_RELATIONS);
  }

  private static Expr.Rel reversed(Expr.Rel r) {
    List<String> ops = r.ops().reversed().stream().map(o -> switch (o.charAt(0)) {
      case '<' -> o.replace('<', '>');
      case '>' -> o.replace('>', '<');
      default -> o;
    }).toList();
    return new Expr.Rel(List.copyOf(r.sides().reversed()), ops);
  }

  /** Left minus right of one is a constant multiple of the other's, with a positive constant for inequalities. */
  private Decision proportional(Expr.Rel x, Expr.Rel y, boolean equations) {
    String ox = x.ops().getFirst();
    Expr.Rel z = ox.charAt(0) == y.ops().getFirst().charAt(0) ? y : reversed(y);
    if (!ox.equals(z.ops().getFirst())) {
      return Decision.of(Rule.DIFFERENT_RELATIONS);
    }
    Expr p = new Expr.Op('-', x.sides().get(0), x.sides().get(1));
    Expr q = new Expr.Op('-', z.sides().get(0), z.sides().get(1));
    Set<String> names = p.variables();
    if (!names.equals(q.variables()) || names.isEmpty()) {
      return Decision.of(Rule.RELATIONS_BETWEEN_DIFFERENT_NAMES);
    }
    if (p.hasLargePower() || q.hasLargePower()) {
      return Decision.of(Rule.POWERS_TOO_LARGE_TO_COMPARE);
    }
    Complex ratio = null;
    int valid = 0;
    boolean constant = true;
    for (int k = 0; k < 8; k++) {
      ExprEvaluator.Point at = SamplingComparer.point(List.copyOf(names), k, 1);
      Complex u = evaluator.at(p, at);
      Complex v = evaluator.at(q, at);
      if (!u.finite() || !v.finite() || u.abs() < 1e-9 || v.abs() < 1e-9) {
        continue;
      }
      Complex c = u.over(v);
      constant &= ratio == null || ratio.near(c, 1e-8, 0);
      ratio = ratio == null ? c : ratio;
      valid++;
    }
    boolean sign = equations || ox.equals("!=") || ratio != null && ratio.isReal() && ratio.re() > 0;
    if (constant && valid >= 3 && sign) {
      return Decision.of(equations ? Rule.EQUATION_TIMES_A_CONSTANT : Rule.INEQUALITY_TIMES_A_CONSTANT);
    }
    return equations && new ZeroSets(evaluator).sameZeros(p, q, List.copyOf(names)) ? Decision.of(Rule.SAME_ZEROS)
        : Decision.of(Rule.DIFFERENT_RELATIONS);
  }

  /** True for relations about different variables, such as x > 5 and y > 5. */
  boolean differentNames(Expr a, Expr b) {
    if (!(a instanceof Expr.Rel) || !(b instanceof Expr.Rel)) {
      return false;
    }
    Set<String> x = a.variables();
    Set<String> y = b.variables();
    return !x.equals(y) && !x.contains("?") && !y.contains("?");
  }
}
