package dev.sphere.grade.parse;

import dev.sphere.grade.parse.MathToken.Kind;
import dev.sphere.grade.value.Expr;
import dev.sphere.grade.value.GradingBudget;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Makes an expression of tokens by recursive descent. From the outside in: an answer is a list of relations, a relation
 * stands between sides (ratios and set operations of quantities): they are read here. {@link QuantityParser} reads a
 * sum with a unit, {@link TermParser} products, signs, powers, numbers and names, {@link CommandParser} functions and
 * commands, {@link BracketParser} groups in brackets.
 */
final class MathParser {
  private static final Set<String> RELATION_SIGNS = Set.of("=", "<", ">", "<=", ">=", "!=");
  private static final Map<String, String> RELATION_COMMANDS =
      Map.of("le", "<=", "ge", ">=", "ne", "!=", "approx", "~", "in", "in", "equiv", "=", "sim", "~", "cong", "~",
          "leqq", "<=", "geqq", ">=");

  /** Letters that may name a function: f(x) = x + 1 defines one. Other letters before brackets are factors. */
  private static final String FUNCTION_NAMES = "fghpqFGHPQRSTNVLuvw";

  /** Letters that name a function before an inequality too; p(x) < 3 may be a product. */
  private static final String BOUNDED_FUNCTION_NAMES = "fghF";

  private final TokenReader in;
  private final QuantityParser quantities;

  private MathParser(TokenReader in) {
    this.in = in;
    this.quantities = new QuantityParser(in, new TermParser(in, this));
  }

  /**
   * Reads a whole answer.
   *
   * @throws GradingBudget.Stop when it is no mathematics that this parser knows, or too much of it
   */
  static Expr parse(List<MathToken> tokens, GradingBudget budget) {
    TokenReader in = new TokenReader(tokens, budget);
    Expr e = new MathParser(in).answer();
    if (in.peek().kind() != Kind.END) {
      throw in.unexpected();
    }
    return e;
  }

  /** Relations between separators. All before "implies" is dropped; semicolons may part answers of several parts. */
  private Expr answer() {
    List<Expr> items = new ArrayList<>();
    List<Expr> segments = new ArrayList<>();
    int segment = 0;
    boolean nested = false;
    boolean or = false;
    while (in.peek().kind() != Kind.END) {
      if (separator()) {
        or |= in.peek().isCommand("or");
        if (in.peek().isCommand("implies")) {
          items.clear();
          segments.clear();
          segment = 0;
        }
        if (in.peek().is(";") && items.size() > segment) {
          nested |= items.size() > segment + 1;
          segments.add(together(items.subList(segment, items.size())));
          segment = items.size();
        }
        in.take();
        continue;
      }
      items.add(relation());
      if (in.peek().kind() != Kind.END && !separator()) {
        throw in.unexpected();
      }
    }
    if (items.isEmpty()) {
      throw new GradingBudget.Stop("nothing to read");
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
    return separatesItems(in.peek()) || in.peek().isCommand("implies");
  }

  static boolean separatesItems(MathToken t) {
    return t.is(",") || t.is(";") || t.isCommand("and") || t.isCommand("or");
  }

  /** A relation, or a plain expression, set or quantity. */
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
    MathToken t = in.peek();
    String op = null;
    if (t.kind() == Kind.OPERATOR && RELATION_SIGNS.contains(t.text())) {
      op = t.text();
    } else if (t.kind() == Kind.COMMAND) {
      op = RELATION_COMMANDS.get(t.text());
      if (t.text().equals("not") && in.ahead(1).is("=")) {
        in.take();
        op = "!=";
      }
    } else if (t.kind() == Kind.WORD && t.text().equals("in")) {
      op = QuantityParser.isSetStart(in.ahead(1)) ? "in" : null;
    }
    if (op != null) {
      in.take();
      if ((op.equals("<") || op.equals(">")) && in.skip("=")) {
        return op + "=";
      }
    }
    return op;
  }

  /** One side of a relation: a function's head, a ratio, sets joined by set operations. */
  private Expr side() {
    in.spend();
    if (functionHead()) {
      String f = in.take().text();
      if (in.peek().is("'")) {
        f += in.take().text();
      }
      in.take();
      List<Expr> args = new ArrayList<>();
      do {
        args.add(relation());
      } while (in.skip(","));
      in.expect(")");
      return new Expr.Call(f, List.copyOf(args));
    }
    Expr left = quantities.quantity();
    if (in.peek().is(":")) {
      List<Expr> parts = new ArrayList<>(List.of(left));
      while (in.skip(":")) {
        parts.add(quantities.quantity());
      }
      return new Expr.Ratio(List.copyOf(parts));
    }
    for (char op = setOperation(left); op != 0; op = setOperation(left)) {
      in.take();
      left = new Expr.SetOp(op, left, quantities.quantity());
    }
    return left;
  }

  /** Whether a set operation follows: u, n or \, else 0. */
  private char setOperation(Expr left) {
    MathToken t = in.peek();
    boolean setLike = !left.isScalar();
    if (t.isCommand("cup") || setLike && t.kind() == Kind.LETTER && t.text().equals("U")) {
      return 'u';
    }
    if (t.isCommand("cap")) {
      return 'n';
    }
    boolean minus = t.isCommand("setminus") || t.isCommand("backslash") || setLike && t.is("-");
    return minus || setLike && t.isCommand("row") && in.ahead(1).is("\\{") ? '\\' : 0;
  }

  /** f(x) = ..., where f(x) is no product. */
  private boolean functionHead() {
    MathToken t = in.peek();
    boolean name = t.kind() == Kind.LETTER && FUNCTION_NAMES.contains(t.text());
    int open = in.ahead(1).is("'") ? 2 : 1;
    if (!name || !in.ahead(open).is("(")) {
      return false;
    }
    int depth = 0;
    for (int k = open; k < 40; k++) {
      MathToken a = in.ahead(k);
      if (a.kind() == Kind.END) {
        return false;
      }
      depth += a.is("(") ? 1 : a.is(")") ? -1 : 0;
      if (depth == 0) {
        MathToken next = in.ahead(k + 1);
        return next.is("=") || BOUNDED_FUNCTION_NAMES.contains(t.text())
            && (next.is("<") || next.is(">") || next.is("<=") || next.is(">=")
                || next.isCommand("le") || next.isCommand("ge"));
      }
    }
    return false;
  }
}
