package dev.sphere.grade.parse;

import dev.sphere.grade.parse.MathToken.Kind;
import dev.sphere.grade.value.Expr;
import dev.sphere.grade.value.GradingBudget;
import dev.sphere.grade.value.NumberWords;
import dev.sphere.grade.value.Rational;
import dev.sphere.grade.value.Units;
import java.util.List;
import java.util.Set;

/** Reads sums, products, signs, powers, numbers and names. */
final class TermParser {
  private static final int MAX_DEPTH = 120;

  /** Commands that begin no factor of a product. */
  private static final Set<String> NO_FACTOR =
      Set.of("or", "and", "implies", "row", "le", "ge", "ne", "approx", "in", "equiv", "sim", "cong", "cup", "cap",
          "setminus", "backslash", "times", "cdot", "div", "pm", "mp", "to", "circ", "rfloor", "rceil", "rangle", "not",
          "notin", "choose", "pmod", "bmod", "mod", "leqq", "geqq", "over", "colon", "prime", "subset", "subseteq");

  private static final Set<String> ORDINAL = Set.of("th", "st", "nd", "rd");

  private final TokenReader in;
  private final BracketParser brackets;
  private final CommandParser commands;
  private int depth;

  TermParser(TokenReader in, MathParser answers) {
    this.in = in;
    this.brackets = new BracketParser(in, answers, this);
    this.commands = new CommandParser(in, answers, this, brackets);
  }

  private void deeper() {
    if (++depth > MAX_DEPTH) {
      throw new GradingBudget.Stop("nested deeper than " + MAX_DEPTH);
    }
  }

  /** A sum. */
  Expr additive() {
    deeper();
    in.spend();
    Expr left = term();
    while (true) {
      MathToken t = in.peek();
      if (t.is("+") || t.is("-")) {
        in.take();
        left = new Expr.Op(t.text().charAt(0), left, term());
      } else if (t.isCommand("pm") || t.isCommand("mp") || t.is("+") && in.ahead(1).is("/")) {
        in.take();
        left = new Expr.PlusMinus(left, term(), t.isCommand("mp"));
      } else if (t.isCommand("choose")) {
        in.take();
        left = new Expr.Call("binom", List.of(left, additive()));
      } else if (t.isCommand("over")) {
        in.take();
        left = new Expr.Op('/', left, additive());
      } else if (t.isCommand("pmod") || t.isCommand("bmod") || t.isCommand("mod")) {
        in.take();
        left = new Expr.Call("mod", List.of(left, unary()));
      } else {
        depth--;
        return left;
      }
    }
  }

  /** A product, with signs between its factors or without. */
  private Expr term() {
    Expr left = unary();
    while (true) {
      in.spend();
      MathToken t = in.peek();
      if (t.is("*") || t.isCommand("times") || t.isCommand("cdot")) {
        in.take();
        left = new Expr.Op('*', left, unary());
      } else if (t.is("/") || t.isCommand("div")) {
        in.take();
        left = new Expr.Op('/', left, unary());
      } else if (startsFactor()) {
        left = new Expr.Op('*', left, power());
      } else {
        return left;
      }
    }
  }

  private Expr unary() {
    deeper();
    MathToken t = in.peek();
    Expr e;
    if (in.skip("-")) {
      e = new Expr.Neg(unary());
    } else if (in.skip("+")) {
      // +/- for ±
      boolean either = in.peek().is("/") && in.ahead(1).is("-");
      in.advance(either ? 2 : 0);
      e = either ? new Expr.PlusMinus(null, unary(), false) : unary();
    } else if (t.isCommand("pm") || t.isCommand("mp")) {
      in.take();
      e = new Expr.PlusMinus(null, unary(), t.isCommand("mp"));
    } else {
      e = power();
    }
    depth--;
    return e;
  }

  /** True when the next token continues a product without a sign. */
  boolean startsFactor() {
    MathToken t = in.peek();
    boolean afterNumber = in.previous().kind() == Kind.NUMBER;
    return switch (t.kind()) {
      case NUMBER -> !afterNumber;
      case LETTER -> !(t.text().equals("U") && (in.previous().is(")") || in.previous().is("]")));
      case WORD -> t.text().length() <= 3 && !Units.known(t.text()) && NumberWords.number(t.text()) == null
          && !(afterNumber && t.space()) && !isPlainWord(t.text());
      case COMMAND -> !NO_FACTOR.contains(t.text()) && !t.text().startsWith("end:") && !isUnitCommand();
      case OPERATOR -> t.is("(") || t.is("{") || t.is("[") && closes() || t.is("|") && !brackets.insideBars();
      case TEXT, END -> false;
    };
  }

  /** False for the bracket that ends ]0, 1[. */
  private boolean closes() {
    int open = 0;
    for (int k = 0; k < 200; k++) {
      MathToken t = in.ahead(k);
      open += t.is("[") ? 1 : t.is("]") ? -1 : 0;
      if (open == 0) {
        return true;
      }
      if (t.kind() == Kind.END) {
        break;
      }
    }
    return false;
  }

  private static boolean isPlainWord(String w) {
    return switch (w) {
      case "in", "is", "if", "of", "the", "for", "per", "at", "to", "so", "by", "as", "are" -> true;
      default -> false;
    };
  }

  /** A primary with what stands behind it and an exponent; ^\circ are degrees, a prime or 10^{th} say nothing. */
  Expr power() {
    Expr base = postfix(primary());
    if (!in.skip("^")) {
      return base;
    }
    if (in.peek().isCommand("circ") || in.peek().is("{") && in.ahead(1).isCommand("circ") && in.ahead(2).is("}")) {
      in.advance(in.peek().is("{") ? 3 : 1);
      return postfix(new Expr.Degrees(base));
    }
    if (in.peek().isCommand("prime") || in.peek().is("{") && in.ahead(1).isCommand("prime")) {
      argument();
      return base;
    }
    MathToken next = in.peek().is("{") ? in.ahead(1) : in.peek();
    if ((next.kind() == Kind.WORD || next.kind() == Kind.TEXT) && ORDINAL.contains(next.text())) {
      argument();
      return base;
    }
    return postfix(new Expr.Op('^', base, exponent()));
  }

  Expr exponent() {
    if (in.skip("-")) {
      return new Expr.Neg(exponent());
    }
    in.skip("+");
    Expr e = argument();
    return in.skip("^") ? new Expr.Op('^', e, exponent()) : e;
  }

  private Expr postfix(Expr base) {
    Expr e = base;
    while (true) {
      in.spend();
      MathToken t = in.peek();
      if (t.is("!") && !in.ahead(1).is("=")) {
        in.take();
        e = new Expr.Call("factorial", List.of(e));
      } else if (t.is("%")) {
        in.take();
        e = new Expr.Percent(e);
      } else if (t.isCommand("circ")) {
        in.take();
        e = new Expr.Degrees(e);
      } else if (t.is("'") && e instanceof Expr.Sym s) {
        in.take();
        e = new Expr.Sym(s.name() + "'");
      } else {
        return e;
      }
    }
  }

  /** The argument of a command: a braced or bracketed group, a whole number, a letter or another command. */
  Expr argument() {
    MathToken t = in.peek();
    if (t.is("{") || t.is("(")) {
      return primary();
    }
    if (t.kind() == Kind.NUMBER) {
      in.take();
      return new Expr.Num(t.value(), t.decimals());
    }
    return primary();
  }

  /** As LaTeX reads it: of an unbraced number only the first digit belongs to the argument. */
  Expr digitArgument() {
    MathToken t = in.peek();
    if (t.kind() == Kind.NUMBER && t.text().length() > 1 && t.text().indexOf('.') < 0) {
      String rest = t.text().substring(1);
      in.replace(new MathToken(Kind.NUMBER, rest, Rational.ofDecimal(rest), -1, false));
      return Expr.number(t.text().charAt(0) - '0');
    }
    return argument();
  }

  /** A number, a name, a function of its arguments, or what stands in brackets. */
  Expr primary() {
    deeper();
    in.spend();
    MathToken t = in.take();
    Expr e = switch (t.kind()) {
      case NUMBER -> number(t);
      case LETTER -> new Expr.Sym(subscripted(t.text()));
      case WORD -> word(t.text());
      case TEXT -> text(t.text());
      case COMMAND -> commands.command(t.text());
      case OPERATOR -> brackets.bracketed(t);
      case END -> throw in.unexpected();
    };
    depth--;
    return e;
  }

  /** "min" and "sec" after a number are units when no argument follows. */
  boolean isUnitCommand() {
    MathToken t = in.peek();
    if (!t.isCommand("min") && !t.isCommand("sec")) {
      return false;
    }
    MathToken n = in.ahead(1);
    return n.kind() == Kind.END || n.is(",") || n.is("/") || n.is(")") || n.is("}") || n.kind() == Kind.WORD
        || n.isCommand("and") || n.isCommand("or") || n.is("=");
  }

  private static Expr text(String text) {
    Rational n = NumberWords.number(text);
    return n != null ? new Expr.Num(n, -1) : new Expr.Text(text);
  }

  /** A short run of letters is a product, whose last letter takes the exponent: yx^3. */
  private Expr word(String w) {
    Rational n = NumberWords.number(w);
    if (n != null) {
      return new Expr.Num(n, -1);
    }
    if (w.length() > 3) {
      return new Expr.Sym(w);
    }
    Expr product = new Expr.Sym(w.substring(0, 1));
    for (int i = 1; i < w.length(); i++) {
      Expr letter = new Expr.Sym(w.substring(i, i + 1));
      if (i == w.length() - 1 && in.peek().is("^") && !in.ahead(1).isCommand("circ")) {
        in.take();
        letter = new Expr.Op('^', letter, exponent());
      }
      product = new Expr.Op('*', product, letter);
    }
    return product;
  }

  /** A number, perhaps in a base (101_2) or mixed with a proper fraction (1 1/2, 2\frac{1}{3}). */
  private Expr number(MathToken t) {
    boolean integer = t.decimals() < 0 && t.value().isInteger();
    if (integer && in.skip("_")) {
      int base = argument() instanceof Expr.Num n ? n.value().intOr(0) : 0;
      return new Expr.Num(Rational.inBase(t.text(), base), -1);
    }
    if (integer && in.peek().isCommand("frac")) {
      Expr f = primary();
      if (f instanceof Expr.Op(char op, Expr.Num a, Expr.Num b) && op == '/' && proper(a, b)) {
        return new Expr.Num(t.value().plus(a.value().dividedBy(b.value())), -1);
      }
      return new Expr.Op('*', new Expr.Num(t.value(), -1), f);
    }
    boolean plainMixed = integer && in.peek().kind() == Kind.NUMBER && in.peek().space() && in.ahead(1).is("/")
        && in.ahead(2).kind() == Kind.NUMBER;
    if (plainMixed) {
      Expr.Num a = new Expr.Num(in.peek().value(), in.peek().decimals());
      Expr.Num b = new Expr.Num(in.ahead(2).value(), in.ahead(2).decimals());
      if (proper(a, b)) {
        in.advance(3);
        return new Expr.Num(t.value().plus(a.value().dividedBy(b.value())), -1);
      }
    }
    return new Expr.Num(t.value(), t.decimals());
  }

  private static boolean proper(Expr.Num a, Expr.Num b) {
    return a.decimals() < 0 && b.decimals() < 0 && a.value().isInteger() && b.value().isInteger()
        && a.value().num().signum() > 0 && a.value().num().compareTo(b.value().num()) < 0;
  }

  /** The name with its subscript: a_1, a_{n+1} (the subscript's text, spaces removed). */
  String subscripted(String name) {
    if (!in.skip("_")) {
      return name;
    }
    StringBuilder sub = new StringBuilder(name).append('_');
    if (!in.peek().is("{")) {
      return sub.append(in.take().text()).toString();
    }
    int braces = 0;
    do {
      MathToken t = in.take();
      braces += t.is("{") ? 1 : t.is("}") ? -1 : 0;
      if (t.kind() == Kind.END) {
        throw in.unexpected();
      }
      if (!t.is("{") && !t.is("}")) {
        sub.append(t.text());
      }
    } while (braces > 0);
    return sub.toString();
  }
}
