package dev.sphere.engine.grade.parse;

import dev.sphere.engine.grade.parse.Token.Kind;
import dev.sphere.engine.grade.value.Budget;
import dev.sphere.engine.grade.value.Expr;
import dev.sphere.engine.grade.value.Rational;
import dev.sphere.engine.grade.value.Units;
import dev.sphere.engine.grade.value.Words;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/** Recursive descent over sums, products, powers and functions. */
abstract class ExprParser {
  private static final int MAX_DEPTH = 120;
  private static final Set<String> NOT_PRIMARY =
      Set.of("or", "and", "implies", "row", "le", "ge", "ne", "approx", "in", "equiv", "sim", "cong", "cup", "cap",
          "setminus", "backslash", "times", "cdot", "div", "pm", "mp", "to", "circ", "rfloor", "rceil", "rangle", "not",
          "notin", "choose", "pmod", "bmod", "mod", "leqq", "geqq", "over", "colon", "prime", "subset", "subseteq");

  private static final Set<String> ORDINAL = Set.of("th", "st", "nd", "rd");

  final Budget budget;
  private final List<Token> tokens;
  private int at;
  private int depth;
  int insideBars;

  ExprParser(List<Token> tokens, Budget budget) {
    this.tokens = new ArrayList<>(tokens);
    this.budget = budget;
  }

  /** A relation, or a plain expression, set or quantity. */
  abstract Expr relation();

  final Token peek() {
    return tokens.get(at);
  }

  final Token ahead(int k) {
    return tokens.get(Math.min(at + k, tokens.size() - 1));
  }

  final Token take() {
    Token t = tokens.get(at);
    if (t.kind() != Kind.END) {
      at++;
    }
    return t;
  }

  final int mark() {
    return at;
  }

  final void reset(int mark) {
    at = mark;
  }

  /** Puts another token in the place of the next one. */
  final void replaceNext(Token t) {
    tokens.set(at, t);
  }

  final void expect(String operator) {
    if (!take().is(operator)) {
      at--;
      throw unexpected();
    }
  }

  final Budget.Stop unexpected() {
    return new Budget.Stop("cannot read '" + peek().text() + "' at token " + at);
  }

  final Expr additive() {
    if (++depth > MAX_DEPTH) {
      throw new Budget.Stop("nested deeper than " + MAX_DEPTH);
    }
    budget.spend(1);
    Expr left = term();
    while (true) {
      Token t = peek();
      if (t.is("+") || t.is("-")) {
        take();
        left = new Expr.Op(t.text().charAt(0), left, term());
      } else if (t.isCommand("pm") || t.isCommand("mp") || t.is("+") && ahead(1).is("/")) {
        take();
        left = new Expr.PlusMinus(left, term(), t.isCommand("mp"));
      } else if (t.isCommand("choose")) {
        take();
        left = new Expr.Call("binom", List.of(left, additive()));
      } else if (t.isCommand("over")) {
        take();
        left = new Expr.Op('/', left, additive());
      } else if (t.isCommand("pmod") || t.isCommand("bmod") || t.isCommand("mod")) {
        take();
        left = new Expr.Call("mod", List.of(left, unary()));
      } else {
        depth--;
        return left;
      }
    }
  }

  private Expr term() {
    Expr left = unary();
    while (true) {
      budget.spend(1);
      Token t = peek();
      if (t.is("*") || t.isCommand("times") || t.isCommand("cdot")) {
        take();
        left = new Expr.Op('*', left, unary());
      } else if (t.is("/") || t.isCommand("div")) {
        take();
        left = new Expr.Op('/', left, unary());
      } else if (startsFactor()) {
        left = new Expr.Op('*', left, power());
      } else {
        return left;
      }
    }
  }

  final Expr unary() {
    Token t = peek();
    if (++depth > MAX_DEPTH) {
      throw new Budget.Stop("nested deeper than " + MAX_DEPTH);
    }
    Expr e;
    if (t.is("-")) {
      take();
      e = new Expr.Neg(unary());
    } else if (t.is("+")) {
      take();
      boolean slash = peek().is("/") && ahead(1).is("-");
      if (slash) {
        take();
        take();
        e = new Expr.PlusMinus(null, unary(), false);
      } else {
        e = unary();
      }
    } else if (t.isCommand("pm") || t.isCommand("mp")) {
      take();
      e = new Expr.PlusMinus(null, unary(), t.isCommand("mp"));
    } else {
      e = power();
    }
    depth--;
    return e;
  }

  /** True when the next token continues a product without a sign. */
  final boolean startsFactor() {
    Token t = peek();
    boolean afterNumber = at > 0 && tokens.get(at - 1).kind() == Kind.NUMBER;
    return switch (t.kind()) {
      case NUMBER -> !afterNumber;
      case LETTER -> !(t.text().equals("U") && at > 0 && (tokens.get(at - 1).is(")") || tokens.get(at - 1).is("]")));
      case WORD -> t.text().length() <= 3 && !Units.known(t.text()) && Words.number(t.text()) == null
          && !(afterNumber && t.space()) && !isPlainWord(t.text());
      case COMMAND -> !NOT_PRIMARY.contains(t.text()) && !t.text().startsWith("end:") && !isUnitCommand();
      case OPERATOR -> t.is("(") || t.is("{") || t.is("[") && closes() || t.is("|") && insideBars == 0;
      case TEXT, END -> false;
    };
  }

  /** False for the bracket that ends ]0, 1[. */
  private boolean closes() {
    int depth = 0;
    for (int k = 0; k < 200; k++) {
      Token t = ahead(k);
      depth += t.is("[") ? 1 : t.is("]") ? -1 : 0;
      if (depth == 0) {
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

  /** "min" and "sec" after a number are units when no argument follows. */
  final boolean isUnitCommand() {
    Token t = peek();
    if (!t.isCommand("min") && !t.isCommand("sec")) {
      return false;
    }
    Token n = ahead(1);
    return n.kind() == Kind.END || n.is(",") || n.is("/") || n.is(")") || n.is("}") || n.kind() == Kind.WORD
        || n.isCommand("and") || n.isCommand("or") || n.is("=");
  }

  final Expr power() {
    Expr base = postfix(primary());
    if (!peek().is("^")) {
      return base;
    }
    take();
    if (peek().isCommand("circ") || peek().is("{") && ahead(1).isCommand("circ") && ahead(2).is("}")) {
      boolean brace = peek().is("{");
      take();
      if (brace) {
        take();
        take();
      }
      return postfix(new Expr.Degrees(base));
    }
    if (peek().isCommand("prime") || peek().is("{") && ahead(1).isCommand("prime")) {
      argument();
      return base;
    }
    Token next = peek().is("{") ? ahead(1) : peek();
    if ((next.kind() == Kind.WORD || next.kind() == Kind.TEXT) && ORDINAL.contains(next.text())) {
      argument();
      return base;
    }
    return postfix(new Expr.Op('^', base, exponent()));
  }

  final Expr exponent() {
    if (peek().is("-")) {
      take();
      return new Expr.Neg(exponent());
    }
    if (peek().is("+")) {
      take();
    }
    Expr e = argument();
    if (peek().is("^")) {
      take();
      e = new Expr.Op('^', e, exponent());
    }
    return e;
  }

  private Expr postfix(Expr base) {
    Expr e = base;
    while (true) {
      budget.spend(1);
      Token t = peek();
      if (t.is("!") && !ahead(1).is("=")) {
        take();
        e = new Expr.Call("factorial", List.of(e));
      } else if (t.is("%")) {
        take();
        e = new Expr.Percent(e);
      } else if (t.isCommand("circ")) {
        take();
        e = new Expr.Degrees(e);
      } else if (t.is("'") && e instanceof Expr.Sym s) {
        take();
        e = new Expr.Sym(s.name() + "'");
      } else {
        return e;
      }
    }
  }

  /** The argument of a command: a braced or bracketed group, a whole number, a letter or another command. */
  final Expr argument() {
    Token t = peek();
    if (t.is("{") || t.is("(")) {
      return primary();
    }
    if (t.kind() == Kind.NUMBER) {
      take();
      return new Expr.Num(t.value(), t.decimals());
    }
    return primary();
  }

  /** As LaTeX reads it: of an unbraced number only the first digit belongs to the argument. */
  final Expr digitArgument() {
    Token t = peek();
    if (t.kind() == Kind.NUMBER && t.text().length() > 1 && t.text().indexOf('.') < 0) {
      String rest = t.text().substring(1);
      replaceNext(new Token(Kind.NUMBER, rest, Rational.ofDecimal(rest), -1, false));
      return Expr.number(t.text().charAt(0) - '0');
    }
    return argument();
  }

  final Expr primary() {
    if (++depth > MAX_DEPTH) {
      throw new Budget.Stop("nested deeper than " + MAX_DEPTH);
    }
    budget.spend(1);
    Expr e = PrimaryParser.read(this);
    depth--;
    return e;
  }
}
