package dev.sphere.engine.grade;

import dev.sphere.engine.grade.Token.Kind;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/** The atoms of an expression: numbers, names, groups, functions, matrices. */
final class PrimaryParser {
  private static final Set<String> FUNCTIONS =
      Set.of("sin", "cos", "tan", "cot", "sec", "csc", "asin", "acos", "atan", "sinh", "cosh", "tanh", "ln", "log", "lg",
          "exp", "arg", "Re", "Im", "det", "gcd", "lcm", "max", "min", "deg", "ceil", "floor", "abs", "coth", "asec", "csch",
          "sech", "asinh", "acosh", "atanh", "acot", "acsc", "sgn", "factorial", "nPr", "sinc", "asech", "acsch", "acoth");
  private static final Set<String> ACCENTS =
      Set.of("overline", "bar", "hat", "vec", "widehat", "overrightarrow", "tilde", "widetilde", "dot", "ddot",
          "overleftrightarrow", "overparen", "wideparen", "overarc", "not");
  private static final Set<String> BIG = Set.of("sum", "prod", "int", "lim", "iint", "oint");

  private PrimaryParser() {}

  static Expr read(ExprParser p) {
    Token t = p.take();
    return switch (t.kind()) {
      case NUMBER -> number(p, t);
      case LETTER -> new Expr.Sym(subscripted(p, t.text()));
      case WORD -> word(p, t.text());
      case TEXT -> text(t.text());
      case COMMAND -> command(p, t.text());
      case OPERATOR -> operator(p, t);
      case END -> throw p.unexpected();
    };
  }

  private static Expr text(String text) {
    Rational n = Words.number(text);
    return n != null ? new Expr.Num(n, -1) : new Expr.Text(text);
  }

  /** A short run of letters is a product, whose last letter takes the exponent: yx^3. */
  private static Expr word(ExprParser p, String w) {
    Rational n = Words.number(w);
    if (n != null) {
      return new Expr.Num(n, -1);
    }
    if (w.length() > 3) {
      return new Expr.Sym(w);
    }
    Expr product = new Expr.Sym(w.substring(0, 1));
    for (int i = 1; i < w.length(); i++) {
      Expr letter = new Expr.Sym(w.substring(i, i + 1));
      if (i == w.length() - 1 && p.peek().is("^") && !p.ahead(1).isCommand("circ")) {
        p.take();
        letter = new Expr.Op('^', letter, p.exponent());
      }
      product = new Expr.Op('*', product, letter);
    }
    return product;
  }

  private static Expr number(ExprParser p, Token t) {
    boolean integer = t.decimals() < 0 && t.value().isInteger();
    if (integer && p.peek().is("_")) {
      p.take();
      int base = p.argument() instanceof Expr.Num n ? n.value().intOr(0) : 0;
      return new Expr.Num(inBase(t.text(), base), -1);
    }
    if (integer && p.peek().isCommand("frac")) {
      Expr f = p.primary();
      if (f instanceof Expr.Op(char op, Expr.Num a, Expr.Num b) && op == '/' && proper(a, b)) {
        return new Expr.Num(t.value().plus(a.value().dividedBy(b.value())), -1);
      }
      return new Expr.Op('*', new Expr.Num(t.value(), -1), f);
    }
    boolean plainMixed = integer && p.peek().kind() == Kind.NUMBER && p.peek().space() && p.ahead(1).is("/")
        && p.ahead(2).kind() == Kind.NUMBER;
    if (plainMixed) {
      Expr.Num a = new Expr.Num(p.peek().value(), p.peek().decimals());
      Expr.Num b = new Expr.Num(p.ahead(2).value(), p.ahead(2).decimals());
      if (proper(a, b)) {
        p.take();
        p.take();
        p.take();
        return new Expr.Num(t.value().plus(a.value().dividedBy(b.value())), -1);
      }
    }
    return new Expr.Num(t.value(), t.decimals());
  }

  private static boolean proper(Expr.Num a, Expr.Num b) {
    return a.decimals() < 0 && b.decimals() < 0 && a.value().isInteger() && b.value().isInteger()
        && a.value().num().signum() > 0 && a.value().num().compareTo(b.value().num()) < 0;
  }

  /** The value of digits in a base from 2 to 36. */
  static Rational inBase(String digits, int base) {
    if (base < 2 || base > 36 || digits.length() > 2000) {
      throw new Budget.Stop("no number in base " + base);
    }
    for (int i = 0; i < digits.length(); i++) {
      if (Character.digit(digits.charAt(i), base) < 0) {
        throw new Budget.Stop("no digit of base " + base + ": " + digits.charAt(i));
      }
    }
    return Rational.of(new BigInteger(digits, base), BigInteger.ONE);
  }

  /** The name with its subscript: a_1, a_{n+1} (the subscript's text, spaces removed). */
  private static String subscripted(ExprParser p, String name) {
    if (!p.peek().is("_")) {
      return name;
    }
    p.take();
    StringBuilder sub = new StringBuilder(name).append('_');
    if (!p.peek().is("{")) {
      return sub.append(p.take().text()).toString();
    }
    int depth = 0;
    do {
      Token t = p.take();
      depth += t.is("{") ? 1 : t.is("}") ? -1 : 0;
      if (t.kind() == Kind.END) {
        throw p.unexpected();
      }
      if (!t.is("{") && !t.is("}")) {
        sub.append(t.text());
      }
    } while (depth > 0);
    return sub.toString();
  }

  private static Expr command(ExprParser p, String name) {
    if (FUNCTIONS.contains(name)) {
      return function(p, name);
    }
    if (ACCENTS.contains(name)) {
      String accent = switch (name) {
        case "overrightarrow" -> "vec";
        case "widehat" -> "hat";
        case "bar" -> "overline";
        default -> name;
      };
      return new Expr.Call(accent, List.of(p.argument()));
    }
    if (BIG.contains(name)) {
      return big(p, name);
    }
    if (name.startsWith("begin:")) {
      return matrix(p, name.substring(6));
    }
    return switch (name) {
      case "frac" -> new Expr.Op('/', p.digitArgument(), p.digitArgument());
      case "binom" -> p.peek().is("(") ? function(p, name)
          : new Expr.Call("binom", List.of(p.digitArgument(), p.digitArgument()));
      case "sqrt" -> root(p);
      case "cbrt" -> new Expr.Call("root", List.of(Expr.number(3), p.argument()));
      case "lfloor" -> enclosed(p, "floor", "rfloor");
      case "lceil" -> enclosed(p, "ceil", "rceil");
      case "langle" -> angles(p);
      case "times", "cdot", "or", "and", "row", "end", "to" -> throw p.unexpected();
      default -> {
        if (name.startsWith("end:")) {
          throw p.unexpected();
        }
        yield new Expr.Sym(subscripted(p, name));
      }
    };
  }

  private static Expr root(ExprParser p) {
    Expr index = Expr.number(2);
    if (p.peek().is("[")) {
      p.take();
      index = p.additive();
      p.expect("]");
    }
    return new Expr.Call("root", List.of(index, p.argument()));
  }

  private static Expr enclosed(ExprParser p, String function, String close) {
    Expr e = p.additive();
    if (!p.peek().isCommand(close)) {
      throw p.unexpected();
    }
    p.take();
    return new Expr.Call(function, List.of(e));
  }

  private static Expr angles(ExprParser p) {
    List<Expr> items = new ArrayList<>();
    while (!p.peek().isCommand("rangle")) {
      items.add(p.relation());
      if (p.peek().is(",")) {
        p.take();
      } else if (!p.peek().isCommand("rangle")) {
        throw p.unexpected();
      }
    }
    p.take();
    return new Expr.Group('<', '>', List.copyOf(items));
  }

  private static Expr function(ExprParser p, String name) {
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

  private static Expr big(ExprParser p, String name) {
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

  private static Expr operator(ExprParser p, Token t) {
    switch (t.text()) {
      case "$" -> {
        return p.primary();
      }
      case "|" -> {
        p.insideBars++;
        Expr e = p.additive();
        p.insideBars--;
        p.expect("|");
        return new Expr.Call("abs", List.of(e));
      }
      case "(", "[", "]" -> {
        return group(p, t.is("(") || t.is("]") ? '(' : '[', t.is("]"));
      }
      case "{", "\\{" -> {
        return braces(p, t.is("\\{"));
      }
      default -> {
        p.reset(p.mark() - 1);
        throw p.unexpected();
      }
    }
  }

  private static Expr group(ExprParser p, char open, boolean french) {
    int bars = p.insideBars;
    p.insideBars = 0;
    List<Expr> items = new ArrayList<>();
    char close;
    while (true) {
      Token t = p.peek();
      boolean end = t.is(")") || t.is("]") || t.is("[") && (french || items.size() == 2);
      if (end) {
        p.take();
        close = t.is("]") ? ']' : ')';
        break;
      }
      if (t.is(",") || t.is(";") || t.isCommand("and") || t.isCommand("or")) {
        p.take();
      } else {
        items.add(p.relation());
      }
    }
    p.insideBars = bars;
    if (items.isEmpty()) {
      throw p.unexpected();
    }
    return items.size() == 1 && !(items.getFirst() instanceof Expr.Group && open == '[') ? items.getFirst()
        : new Expr.Group(open, close, List.copyOf(items));
  }

  private static Expr braces(ExprParser p, boolean set) {
    int bars = p.insideBars;
    p.insideBars = set ? 1 : bars;
    List<Expr> items = new ArrayList<>();
    boolean commas = false;
    Expr condition = null;
    while (true) {
      Token t = p.peek();
      if (t.is("\\}") || t.is("}")) {
        p.take();
        break;
      }
      if (t.is(",") || t.is(";") || t.isCommand("and") || t.isCommand("or")) {
        commas = true;
        p.take();
      } else if (set && (t.is("|") || t.is(":")) && items.size() == 1) {
        p.take();
        p.insideBars = 0;
        condition = p.relation();
      } else {
        Expr item = p.relation();
        if (set && item instanceof Expr.Ratio r && r.parts().size() == 2) {
          throw p.unexpected();
        }
        if (set && item instanceof Expr.Rel r && r.sides().getFirst() instanceof Expr.Ratio q && q.parts().size() == 2) {
          // {x : x > 3}
          List<Expr> sides = new ArrayList<>(r.sides());
          sides.set(0, q.parts().get(1));
          condition = new Expr.Rel(List.copyOf(sides), r.ops());
        }
        items.add(item);
      }
    }
    p.insideBars = bars;
    if (condition != null) {
      return condition;
    }
    if (!set && !commas) {
      return items.size() == 1 ? items.getFirst() : new Expr.Text("");
    }
    return items.isEmpty() ? new Expr.Sym("emptyset") : new Expr.SetOf(List.copyOf(items));
  }

  private static Expr matrix(ExprParser p, String environment) {
    if (environment.startsWith("array") && p.peek().is("{")) {
      while (!p.take().is("}")) {
        if (p.peek().kind() == Kind.END) {
          throw p.unexpected();
        }
      }
    }
    List<List<Expr>> rows = new ArrayList<>();
    List<Expr> row = new ArrayList<>();
    while (true) {
      Token t = p.peek();
      if (t.kind() == Kind.COMMAND && t.text().startsWith("end:")) {
        p.take();
        break;
      }
      if (t.is("&") || t.is(",")) {
        p.take();
      } else if (t.isCommand("row")) {
        p.take();
        rows.add(List.copyOf(row));
        row.clear();
      } else {
        row.add(p.relation());
      }
    }
    if (!row.isEmpty()) {
      rows.add(List.copyOf(row));
    }
    rows.removeIf(List::isEmpty);
    if (environment.startsWith("align") || environment.startsWith("gather") || environment.equals("cases")) {
      return new Expr.ListOf(rows.stream().flatMap(List::stream).toList(), false);
    }
    if (environment.equals("vmatrix")) {
      return new Expr.Call("det", List.of(new Expr.Matrix(List.copyOf(rows))));
    }
    return new Expr.Matrix(List.copyOf(rows));
  }
}
