package dev.sphere.grade.parse;

import dev.sphere.grade.parse.MathToken.Kind;
import dev.sphere.grade.value.Expr;
import dev.sphere.grade.value.Rational;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/** Reads functions and commands with their arguments. */
final class CommandParser {
  private static final Set<String> FUNCTIONS =
      Set.of("sin", "cos", "tan", "cot", "sec", "csc", "asin", "acos", "atan", "sinh", "cosh", "tanh", "ln", "log",
          "lg", "exp", "arg", "Re", "Im", "det", "gcd", "lcm", "max", "min", "deg", "ceil", "floor", "abs", "coth",
          "asec", "csch", "sech", "asinh", "acosh", "atanh", "acot", "acsc", "sgn", "factorial", "nPr", "sinc",
          "asech", "acsch", "acoth");

  /** Functions whose arguments in brackets may be several. */
  private static final Set<String> OF_SEVERAL = Set.of("gcd", "lcm", "max", "min", "binom", "nPr");

  /** Commands with ends below and above. */
  private static final Set<String> BIG = Set.of("sum", "prod", "int", "lim", "iint", "oint");
  private static final Set<String> ACCENTS =
      Set.of("overline", "bar", "hat", "vec", "widehat", "overrightarrow", "tilde", "widetilde", "dot", "ddot",
          "overleftrightarrow", "overparen", "wideparen", "overarc", "not");

  private final TokenReader in;
  private final MathParser answers;
  private final TermParser terms;
  private final BracketParser brackets;

  CommandParser(TokenReader in, MathParser answers, TermParser terms, BracketParser brackets) {
    this.in = in;
    this.answers = answers;
    this.terms = terms;
    this.brackets = brackets;
  }

  /** The command {@code name}, which has been taken, with its arguments. */
  Expr command(String name) {
    if (FUNCTIONS.contains(name)) {
      return call(name);
    }
    if (ACCENTS.contains(name)) {
      String accent = switch (name) {
        case "overrightarrow" -> "vec";
        case "widehat" -> "hat";
        case "bar" -> "overline";
        default -> name;
      };
      return new Expr.Call(accent, List.of(terms.argument()));
    }
    if (BIG.contains(name)) {
      return big(name);
    }
    if (name.startsWith("begin:")) {
      return brackets.matrix(name.substring(6));
    }
    return switch (name) {
      case "frac" -> new Expr.Op('/', terms.digitArgument(), terms.digitArgument());
      case "binom" -> in.peek().is("(") ? call(name)
          : new Expr.Call("binom", List.of(terms.digitArgument(), terms.digitArgument()));
      case "sqrt" -> root();
      case "cbrt" -> new Expr.Call("root", List.of(Expr.number(3), terms.argument()));
      case "lfloor" -> enclosed("floor", "rfloor");
      case "lceil" -> enclosed("ceil", "rceil");
      case "langle" -> brackets.angles();
      case "times", "cdot", "or", "and", "row", "end", "to" -> throw in.unexpected();
      default -> {
        if (name.startsWith("end:")) {
          throw in.unexpected();
        }
        yield new Expr.Sym(terms.subscripted(name));
      }
    };
  }

  private Expr root() {
    Expr index = Expr.number(2);
    if (in.skip("[")) {
      index = terms.additive();
      in.expect("]");
    }
    return new Expr.Call("root", List.of(index, terms.argument()));
  }

  private Expr enclosed(String function, String close) {
    Expr e = terms.additive();
    if (!in.peek().isCommand(close)) {
      throw in.unexpected();
    }
    in.take();
    return new Expr.Call(function, List.of(e));
  }

  /** The call of function {@code name}, whose name has been taken: its exponent, base and arguments. */
  private Expr call(String name) {
    Expr power = null;
    Expr base = null;
    for (int k = 0; k < 2; k++) {
      if (in.skip("^")) {
        power = terms.exponent();
      } else if (in.skip("_")) {
        base = subscript();
      }
    }
    boolean inverse = power instanceof Expr.Neg(Expr.Num n) && n.value().equals(Rational.ONE);
    String f = inverse && name.length() == 3 ? "a" + name : name;
    List<Expr> args = new ArrayList<>();
    MathToken open = in.peek();
    if (open.is("(") && OF_SEVERAL.contains(name)) {
      Expr inside = terms.primary();
      args.addAll(inside instanceof Expr.Group g ? g.items() : List.of(inside));
    } else if (open.is("(") || open.is("{") || open.is("[") || open.is("|")) {
      args.add(terms.primary());
    } else {
      args.add(bareArgument());
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
  private Expr subscript() {
    MathToken t = in.peek();
    boolean run = t.kind() == Kind.NUMBER && t.text().length() > 1;
    if (run) {
      MathToken next = in.ahead(1);
      boolean argument = next.kind() == Kind.NUMBER || next.kind() == Kind.LETTER || next.kind() == Kind.COMMAND
          || next.is("(") || next.is("{");
      return argument ? terms.argument() : terms.digitArgument();
    }
    return terms.argument();
  }

  /** \sin 2x: the factors that follow, up to a sign or another function. */
  private Expr bareArgument() {
    if (in.skip("-")) {
      return new Expr.Neg(bareArgument());
    }
    Expr e = terms.power();
    while (terms.startsFactor() && !(in.peek().kind() == Kind.COMMAND && FUNCTIONS.contains(in.peek().text()))
        && !in.peek().is("(") && !in.peek().is("[")) {
      e = new Expr.Op('*', e, terms.power());
    }
    if (in.peek().is("/") && (in.ahead(1).kind() == Kind.NUMBER) && !(e instanceof Expr.Num)) {
      // sin pi/3 in plain text
      in.take();
      e = new Expr.Op('/', e, terms.power());
    }
    return e;
  }

  /** A sum, product, integral or limit: its ends as calls "from" and "to", then what it goes over. */
  private Expr big(String name) {
    List<Expr> args = new ArrayList<>();
    while (in.peek().is("_") || in.peek().is("^")) {
      boolean lower = in.take().is("_");
      if (in.skip("{")) {
        args.add(new Expr.Call(lower ? "from" : "to", List.of(answers.relation())));
        in.expect("}");
      } else {
        args.add(new Expr.Call(lower ? "from" : "to", List.of(terms.argument())));
      }
    }
    args.add(bareArgument());
    return new Expr.Call(name, List.copyOf(args));
  }
}
