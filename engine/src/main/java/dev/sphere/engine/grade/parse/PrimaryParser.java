package dev.sphere.engine.grade.parse;

import dev.sphere.engine.grade.parse.Token.Kind;
import dev.sphere.engine.grade.value.Budget;
import dev.sphere.engine.grade.value.Expr;
import dev.sphere.engine.grade.value.Rational;
import dev.sphere.engine.grade.value.Words;
import java.math.BigInteger;
import java.util.List;
import java.util.Set;

/** The atoms of an expression: numbers and names here, functions and groups by parsers of their own. */
public final class PrimaryParser {
  private static final Set<String> ACCENTS =
      Set.of("overline", "bar", "hat", "vec", "widehat", "overrightarrow", "tilde", "widetilde", "dot", "ddot",
          "overleftrightarrow", "overparen", "wideparen", "overarc", "not");

  private PrimaryParser() {}

  static Expr read(ExprParser p) {
    Token t = p.take();
    return switch (t.kind()) {
      case NUMBER -> number(p, t);
      case LETTER -> new Expr.Sym(subscripted(p, t.text()));
      case WORD -> word(p, t.text());
      case TEXT -> text(t.text());
      case COMMAND -> command(p, t.text());
      case OPERATOR -> GroupParser.read(p, t);
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
  public static Rational inBase(String digits, int base) {
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
    if (FunctionParser.isFunction(name)) {
      return FunctionParser.call(p, name);
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
    if (FunctionParser.isBig(name)) {
      return FunctionParser.big(p, name);
    }
    if (name.startsWith("begin:")) {
      return GroupParser.matrix(p, name.substring(6));
    }
    return switch (name) {
      case "frac" -> new Expr.Op('/', p.digitArgument(), p.digitArgument());
      case "binom" -> p.peek().is("(") ? FunctionParser.call(p, name)
          : new Expr.Call("binom", List.of(p.digitArgument(), p.digitArgument()));
      case "sqrt" -> root(p);
      case "cbrt" -> new Expr.Call("root", List.of(Expr.number(3), p.argument()));
      case "lfloor" -> enclosed(p, "floor", "rfloor");
      case "lceil" -> enclosed(p, "ceil", "rceil");
      case "langle" -> GroupParser.angles(p);
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

}
