package dev.sphere.engine.grade;

import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Writes a parsed expression in Symja's language. Every name is replaced by one of ours (v1, v2, ...) and every function
 * must be on the list here, so that nothing an answer says can call anything.
 */
final class SymjaTerm {
  private static final Map<String, String> FUNCTIONS = Map.ofEntries(
      Map.entry("sin", "Sin"), Map.entry("cos", "Cos"), Map.entry("tan", "Tan"), Map.entry("cot", "Cot"),
      Map.entry("sec", "Sec"), Map.entry("csc", "Csc"), Map.entry("asin", "ArcSin"), Map.entry("acos", "ArcCos"),
      Map.entry("atan", "ArcTan"), Map.entry("sinh", "Sinh"), Map.entry("cosh", "Cosh"), Map.entry("tanh", "Tanh"),
      Map.entry("exp", "Exp"), Map.entry("ln", "Log"), Map.entry("abs", "Abs"), Map.entry("floor", "Floor"),
      Map.entry("ceil", "Ceiling"), Map.entry("factorial", "Factorial"), Map.entry("binom", "Binomial"),
      Map.entry("gcd", "GCD"), Map.entry("lcm", "LCM"), Map.entry("max", "Max"), Map.entry("min", "Min"));
  private static final int MOST = 4_000;

  private final Map<String, String> names = new HashMap<>();
  private final StringBuilder out = new StringBuilder();

  private SymjaTerm() {}

  /** a - b; null where one of them holds what has no translation, or is too long. */
  static String difference(Expr a, Expr b) {
    SymjaTerm t = new SymjaTerm();
    t.out.append('(');
    boolean written = t.write(a);
    t.out.append(")-(");
    written = written && t.write(b);
    return written ? t.out.append(')').toString() : null;
  }

  private boolean write(Expr e) {
    if (out.length() > MOST) {
      return false;
    }
    return switch (e) {
      case Expr.Num n -> {
        out.append('(').append(n.value().num()).append('/').append(n.value().den()).append(')');
        yield out.length() <= MOST;
      }
      case Expr.Sym s -> name(s.name());
      case Expr.Neg n -> {
        out.append("(-(");
        boolean ok = write(n.of());
        out.append("))");
        yield ok;
      }
      case Expr.Percent p -> {
        out.append("((1/100)*");
        boolean ok = write(p.of());
        out.append(')');
        yield ok;
      }
      case Expr.Op o -> {
        out.append('(');
        boolean ok = write(o.left());
        out.append(o.op());
        ok = ok && write(o.right());
        out.append(')');
        yield ok;
      }
      case Expr.Call c -> call(c);
      default -> false;
    };
  }

  private boolean name(String name) {
    switch (name) {
      case "pi" -> out.append("Pi");
      case "e" -> out.append("E");
      case "i" -> out.append("I");
      case "infty" -> out.append("Infinity");
      default -> out.append(names.computeIfAbsent(name, n -> "v" + (names.size() + 1)));
    }
    return true;
  }

  private boolean call(Expr.Call c) {
    List<Expr> args = c.args();
    switch (c.name()) {
      case "root" -> {
        // index, radicand
        out.append("((");
        boolean ok = args.size() == 2 && write(args.get(1));
        out.append(")^(1/(");
        ok = ok && write(args.get(0));
        out.append(")))");
        return ok;
      }
      case "log" -> {
        out.append("Log(");
        boolean ok = args.size() == 2 && write(args.get(1));
        out.append(',');
        ok = ok && write(args.get(0));
        out.append(')');
        return ok;
      }
      case "sum", "prod" -> {
        return big(c.name().equals("sum") ? "Sum" : "Product", args);
      }
      default -> {
        String f = FUNCTIONS.get(c.name());
        if (f == null) {
          return false;
        }
        out.append(f).append('(');
        boolean ok = true;
        for (int i = 0; ok && i < args.size(); i++) {
          out.append(i > 0 ? "," : "");
          ok = write(args.get(i));
        }
        out.append(')');
        return ok;
      }
    }
  }

  /** from(k = 1), to(n), body. */
  private boolean big(String f, List<Expr> args) {
    boolean shape = args.size() == 3
        && args.get(0) instanceof Expr.Call from && from.name().equals("from") && from.args().size() == 1
        && from.args().getFirst() instanceof Expr.Rel r && r.ops().equals(List.of("="))
        && r.sides().getFirst() instanceof Expr.Sym
        && args.get(1) instanceof Expr.Call to && to.name().equals("to") && to.args().size() == 1;
    if (!shape) {
      return false;
    }
    Expr.Rel r = (Expr.Rel) ((Expr.Call) args.get(0)).args().getFirst();
    out.append(f).append('(');
    boolean ok = write(args.get(2));
    out.append(",{");
    ok = ok && write(r.sides().getFirst());
    out.append(',');
    ok = ok && write(r.sides().getLast());
    out.append(',');
    ok = ok && write(((Expr.Call) args.get(1)).args().getFirst());
    out.append("})");
    return ok;
  }
}
