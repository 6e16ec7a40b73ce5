package dev.sphere.engine.grade.parse;

import dev.sphere.engine.grade.parse.Token.Kind;
import dev.sphere.engine.grade.value.Expr;
import dev.sphere.engine.grade.value.Functions;
import dev.sphere.engine.grade.value.Rational;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/** Functions with their exponents, bases and arguments, in brackets or bare; sums, integrals and limits. */
final class FunctionParser {
  private static final Set<String> FUNCTIONS =
      Set.of("sin", "cos", "tan", "cot", "sec", "csc", "asin", "acos", "atan", "sinh", "cosh", "tanh", "ln", "log", "lg",
          "exp", "arg", "Re", "Im", "det", "gcd", "lcm", "max", "min", "deg", "ceil", "floor", "abs", "coth", "asec", "csch",
          "sech", "asinh", "acosh", "atanh", "acot", "acsc", "sgn", "factorial", "nPr", "sinc", "asech", "acsch", "acoth");
  private static final Set<String> BIG = Set.of("sum", "prod", "int", "lim", "iint", "oint");

  private FunctionParser() {}

  static boolean isFunction(String command) {
    return FUNCTIONS.contains(command);
  }

  static boolean isBig(String command) {
    return BIG.contains(command);
  }

  /** The call of function {@code name}, whose name has been taken: its exponent, base and arguments. */
  static Expr call(ExprParser p, String name) {
    Expr power = null;
    Expr base = null;
    for (int k = 0; k < 2; k++) {
      if (p.peek().is("^")) {
        p.take();
        power = p.exponent();
      } else if (p.peek().is("_")) {
        p.take();
        base = subscript(p);
      }
    }
    boolean inverse = power instanceof Expr.Neg(Expr.Num n) && n.value().equals(Rational.ONE);
    String f = inverse && name.length() == 3 ? "a" + name : name;
    List<Expr> args = new ArrayList<>();
    Token open = p.peek();
    if (open.is("(") && (name.equals("gcd") || name.equals("lcm") || name.equals("max") || name.equals("min")
        || name.equals("binom") || name.equals("nPr"))) {
      Expr inside = p.primary();
      args.addAll(inside instanceof Expr.Group g ? g.items() : List.of(inside));
    } else if (open.is("(") || open.is("{") || open.is("[") || open.is("|")) {
      args.add(p.primary());
    } else {
      args.add(bareArgument(p));
    }
    if (f.equals("log")) {
      f = base == null ? "ln" : "log";
      if (base != null) {
        args.add(base);
      }
    } else if (f.equals("lg")) {
      f = "log";
      args.add(Expr.number(10));
    }
    Expr call = new Expr.Call(f, List.copyOf(args));
    return power == null || !f.equals(name) && inverse ? call : new Expr.Op('^', call, power);
  }

  /** The subscript of a logarithm: \log_28 is the logarithm of 8 to the base 2. */
  private static Expr subscript(ExprParser p) {
    Token t = p.peek();
    boolean run = t.kind() == Kind.NUMBER && t.text().length() > 1;
    if (run) {
      Token next = p.ahead(1);
      boolean argument = next.kind() == Kind.NUMBER || next.kind() == Kind.LETTER || next.kind() == Kind.COMMAND
          || next.is("(") || next.is("{");
      return argument ? p.argument() : p.digitArgument();
    }
    return p.argument();
  }

  /** \sin 2x: the factors that follow, up to a sign or another function. */
  private static Expr bareArgument(ExprParser p) {
    if (p.peek().is("-")) {
      p.take();
      return new Expr.Neg(bareArgument(p));
    }
    Expr e = p.power();
    while (p.startsFactor() && !(p.peek().kind() == Kind.COMMAND && FUNCTIONS.contains(p.peek().text()))
        && !p.peek().is("(") && !p.peek().is("[")) {
      e = new Expr.Op('*', e, p.power());
    }
    if (p.peek().is("/") && (p.ahead(1).kind() == Kind.NUMBER) && !(e instanceof Expr.Num)) {
      // sin pi/3 in plain text
      p.take();
      e = new Expr.Op('/', e, p.power());
    }
    return e;
  }

  /** A sum, product, integral or limit: its ends as calls "from" and "to", then what it goes over. */
  static Expr big(ExprParser p, String name) {
    List<Expr> args = new ArrayList<>();
    while (p.peek().is("_") || p.peek().is("^")) {
      boolean lower = p.take().is("_");
      if (p.peek().is("{")) {
        p.take();
        args.add(new Expr.Call(lower ? "from" : "to", List.of(p.relation())));
        p.expect("}");
      } else {
        args.add(new Expr.Call(lower ? "from" : "to", List.of(p.argument())));
      }
    }
    args.add(bareArgument(p));
    return new Expr.Call(name, List.copyOf(args));
  }
}
