package dev.sphere.engine.grade.parse;

import dev.sphere.engine.grade.extract.Cleaner;
import dev.sphere.engine.grade.parse.Token.Kind;
import dev.sphere.engine.grade.value.Budget;
import dev.sphere.engine.grade.value.Expr;
import dev.sphere.engine.grade.value.Units;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Reads a whole answer: lists of relations between sets and quantities; the expressions in them by the parent class. */
public final class Parser extends ExprParser {
  private static final Map<String, String> RELATIONS =
      Map.of("le", "<=", "ge", ">=", "ne", "!=", "approx", "~", "in", "in", "equiv", "=", "sim", "~", "cong", "~",
          "leqq", "<=", "geqq", ">=");

  private Parser(List<Token> tokens, Budget budget) {
    super(tokens, budget);
  }

  /**
   * Reads an answer that {@link Cleaner} has cleaned.
   *
   * @throws Budget.Stop when it is no mathematics that this parser knows, or too much of it
   */
  public static Expr parse(List<Token> tokens, Budget budget) {
    Parser p = new Parser(tokens, budget);
    Expr e = p.answer();
    if (p.peek().kind() != Kind.END) {
      throw p.unexpected();
    }
    return e;
  }

  private Expr answer() {
    List<Expr> items = new ArrayList<>();
    List<Expr> segments = new ArrayList<>();
    int segment = 0;
    boolean nested = false;
    boolean or = false;
    while (peek().kind() != Kind.END) {
      if (separator()) {
        or |= peek().isCommand("or");
        if (peek().isCommand("implies")) {
          items.clear();
          segments.clear();
          segment = 0;
        }
        if (peek().is(";") && items.size() > segment) {
          nested |= items.size() > segment + 1;
          segments.add(together(items.subList(segment, items.size())));
          segment = items.size();
        }
        take();
        continue;
      }
      items.add(relation());
      if (peek().kind() != Kind.END && !separator()) {
        throw unexpected();
      }
    }
    if (items.isEmpty()) {
      throw new Budget.Stop("nothing to read");
    }
    if (!segments.isEmpty() && items.size() > segment && (nested || items.size() > segment + 1)) {
      // x = 1, y = 2; x = 3, y = 4: answers of several parts
      segments.add(together(items.subList(segment, items.size())));
      return new Expr.ListOf(List.copyOf(segments), or);
    }
    return items.size() == 1 ? items.getFirst() : new Expr.ListOf(List.copyOf(items), or);
  }

  private static Expr together(List<Expr> parts) {
    return parts.size() == 1 ? parts.getFirst() : new Expr.ListOf(List.copyOf(parts), false);
  }

  private boolean separator() {
    Token t = peek();
    return t.is(",") || t.is(";") || t.isCommand("or") || t.isCommand("and") || t.isCommand("implies");
  }

  @Override
  Expr relation() {
    List<Expr> sides = new ArrayList<>();
    List<String> ops = new ArrayList<>();
    String leading = relationAt();
    if (leading != null) {
      // "= 5" says 5; "> 5" speaks of an unnamed quantity.
      if (leading.equals("=")) {
        return relation();
      }
      sides.add(new Expr.Sym("?"));
      ops.add(leading);
    }
    sides.add(side());
    for (String op = relationAt(); op != null; op = relationAt()) {
      ops.add(op);
      sides.add(side());
    }
    return ops.isEmpty() ? sides.getFirst() : new Expr.Rel(List.copyOf(sides), List.copyOf(ops));
  }

  /** Takes a relation sign, or returns null when there is none. */
  private String relationAt() {
    Token t = peek();
    String op = null;
    if (t.kind() == Kind.OPERATOR && ("=".equals(t.text()) || "<".equals(t.text()) || ">".equals(t.text())
        || "<=".equals(t.text()) || ">=".equals(t.text()) || "!=".equals(t.text()))) {
      op = t.text();
    } else if (t.kind() == Kind.COMMAND) {
      op = RELATIONS.get(t.text());
      if (t.text().equals("not") && ahead(1).is("=")) {
        take();
        op = "!=";
      }
    } else if (t.kind() == Kind.WORD && t.text().equals("in")) {
      Token n = ahead(1);
      op = n.is("(") || n.is("[") || n.is("\\{") || n.text().startsWith("set:") ? "in" : null;
    }
    if (op != null) {
      take();
      if (op.equals("<") && peek().is("=") || op.equals(">") && peek().is("=")) {
        take();
        return op + "=";
      }
    }
    return op;
  }

  /** One side of a relation: a function's head, a ratio, sets joined by set operations. */
  private Expr side() {
    budget.spend(1);
    if (functionHead()) {
      String f = take().text();
      if (peek().is("'")) {
        f += take().text();
      }
      take();
      List<Expr> args = new ArrayList<>();
      do {
        args.add(relation());
      } while (peek().is(",") && take() != null);
      expect(")");
      return new Expr.Call(f, List.copyOf(args));
    }
    Expr left = quantity();
    if (peek().is(":")) {
      List<Expr> parts = new ArrayList<>(List.of(left));
      while (peek().is(":")) {
        take();
        parts.add(quantity());
      }
      return new Expr.Ratio(List.copyOf(parts));
    }
    for (char op = setOperation(left); op != 0; op = setOperation(left)) {
      take();
      left = new Expr.SetOp(op, left, quantity());
    }
    return left;
  }

  private char setOperation(Expr left) {
    Token t = peek();
    boolean setLike = !left.isScalar();
    if (t.isCommand("cup") || setLike && t.kind() == Kind.LETTER && t.text().equals("U")) {
      return 'u';
    }
    if (t.isCommand("cap")) {
      return 'n';
    }
    boolean minus = t.isCommand("setminus") || t.isCommand("backslash") || setLike && t.is("-");
    return minus || setLike && t.isCommand("row") && ahead(1).is("\\{") ? '\\' : 0;
  }

  /** f(x) = ..., where f(x) is no product. */
  private boolean functionHead() {
    Token t = peek();
    boolean name = t.kind() == Kind.LETTER && "fghpqFGHPQRSTNVLuvw".contains(t.text());
    int open = ahead(1).is("'") ? 2 : 1;
    if (!name || !ahead(open).is("(")) {
      return false;
    }
    int depth = 0;
    for (int k = open; k < 40; k++) {
      Token a = ahead(k);
      if (a.kind() == Kind.END) {
        return false;
      }
      depth += a.is("(") ? 1 : a.is(")") ? -1 : 0;
      if (depth == 0) {
        Token next = ahead(k + 1);
        return next.is("=") || "fghF".contains(t.text()) && (next.is("<") || next.is(">") || next.is("<=") || next.is(">=")
            || next.isCommand("le") || next.isCommand("ge"));
      }
    }
    return false;
  }

  /** An expression with currency before it or units after it. */
  private Expr quantity() {
    boolean minus = peek().is("-") && (ahead(1).is("$") || isCurrency(ahead(1)));
    if (minus) {
      take();
    }
    String unit = "";
    if (peek().is("$") || isCurrency(peek()) && ahead(1).kind() == Kind.NUMBER) {
      unit = peek().is("$") ? "USD" : peek().text();
      take();
    }
    Expr e = additive();
    if (minus) {
      e = new Expr.Neg(e);
    }
    String after = unitText();
    if (unit.isEmpty() || !after.isEmpty() && !Units.sameUnit(unit, after)) {
      unit = (unit + " " + after).strip();
    }
    return unit.isEmpty() ? e : new Expr.Quantity(e, unit);
  }

  private static boolean isCurrency(Token t) {
    return t.kind() == Kind.WORD && (t.text().equals("EUR") || t.text().equals("GBP") || t.text().equals("JPY")
        || t.text().equals("USD") || t.text().equals("Rs"));
  }

  private String unitText() {
    StringBuilder unit = new StringBuilder();
    while (true) {
      Token t = peek();
      boolean word = t.kind() == Kind.WORD && !(t.text().equals("in") && isSetStart(ahead(1)))
          || t.kind() == Kind.TEXT || isUnitCommand();
      boolean slash = t.is("/") && unit.length() > 0;
      boolean letter = t.kind() == Kind.LETTER && unit.length() > 0;
      if (!word && !slash && !letter && !(t.isCommand("cdot") && unit.length() > 0)) {
        return unit.toString();
      }
      take();
      unit.append(slash ? "/" : (unit.isEmpty() || unit.toString().endsWith("/") ? "" : " ") + t.text());
      if (peek().is("^")) {
        take();
        boolean brace = peek().is("{");
        if (brace) {
          take();
        }
        unit.append("^").append(peek().is("-") ? take().text() : "").append(take().text());
        if (brace) {
          expect("}");
        }
      }
    }
  }

  private static boolean isSetStart(Token t) {
    return t.is("(") || t.is("[") || t.is("\\{") || t.text().startsWith("set:");
  }
}
