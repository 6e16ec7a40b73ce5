package dev.sphere.grade.parse;

import dev.sphere.grade.parse.MathToken.Kind;
import dev.sphere.grade.value.Expr;
import java.util.ArrayList;
import java.util.List;

/** Reads groups: brackets of all kinds, sets, bars and matrices. */
final class BracketParser {
  private final TokenReader in;
  private final MathParser answers;
  private final TermParser terms;

  /** How many | are open: where one is, the next closes it. */
  private int bars;

  BracketParser(TokenReader in, MathParser answers, TermParser terms) {
    this.in = in;
    this.answers = answers;
    this.terms = terms;
  }

  /** True where the next | closes an open one. */
  boolean insideBars() {
    return bars > 0;
  }

  /** The group that the operator {@code t}, which has been taken, begins. */
  Expr bracketed(MathToken t) {
    switch (t.text()) {
      case "$" -> {
        return terms.primary();
      }
      case "|" -> {
        bars++;
        Expr e = terms.additive();
        bars--;
        in.expect("|");
        return new Expr.Call("abs", List.of(e));
      }
      case "(", "[", "]" -> {
        return group(t.is("(") || t.is("]") ? '(' : '[', t.is("]"));
      }
      case "{", "\\{" -> {
        return braces(t.is("\\{"));
      }
      default -> {
        in.back();
        throw in.unexpected();
      }
    }
  }

  /** Round or square brackets; french ones may be turned outwards, ]0, 1[. */
  private Expr group(char open, boolean french) {
    int before = bars;
    bars = 0;
    List<Expr> items = new ArrayList<>();
    char close;
    while (true) {
      MathToken t = in.peek();
      boolean end = t.is(")") || t.is("]") || t.is("[") && (french || items.size() == 2);
      if (end) {
        in.take();
        close = t.is("]") ? ']' : ')';
        break;
      }
      if (MathParser.separatesItems(t)) {
        in.take();
      } else {
        items.add(answers.relation());
      }
    }
    bars = before;
    if (items.isEmpty()) {
      throw in.unexpected();
    }
    return items.size() == 1 && !(items.getFirst() instanceof Expr.Group && open == '[') ? items.getFirst()
        : new Expr.Group(open, close, List.copyOf(items));
  }

  /** Braces: a set by its items, a set by a condition (which is what is given), or LaTeX's own grouping. */
  private Expr braces(boolean set) {
    int before = bars;
    bars = set ? 1 : before;
    List<Expr> items = new ArrayList<>();
    boolean commas = false;
    Expr condition = null;
    while (true) {
      MathToken t = in.peek();
      if (t.is("\\}") || t.is("}")) {
        in.take();
        break;
      }
      if (MathParser.separatesItems(t)) {
        commas = true;
        in.take();
      } else if (set && (t.is("|") || t.is(":")) && items.size() == 1) {
        in.take();
        bars = 0;
        condition = answers.relation();
      } else {
        Expr item = answers.relation();
        if (set && item instanceof Expr.Ratio r && r.parts().size() == 2) {
          throw in.unexpected();
        }
        if (set && item instanceof Expr.Rel r && r.sides().getFirst() instanceof Expr.Ratio q
            && q.parts().size() == 2) {
          // {x : x > 3}
          List<Expr> sides = new ArrayList<>(r.sides());
          sides.set(0, q.parts().get(1));
          condition = new Expr.Rel(List.copyOf(sides), r.ops());
        }
        items.add(item);
      }
    }
    bars = before;
    if (condition != null) {
      return condition;
    }
    if (!set && !commas) {
      return items.size() == 1 ? items.getFirst() : new Expr.Text("");
    }
    return items.isEmpty() ? new Expr.Sym("emptyset") : new Expr.SetOf(List.copyOf(items));
  }

  /** A vector in angle brackets, the opening one of which has been taken. */
  Expr angles() {
    List<Expr> items = new ArrayList<>();
    while (!in.peek().isCommand("rangle")) {
      items.add(answers.relation());
      if (!in.skip(",") && !in.peek().isCommand("rangle")) {
        throw in.unexpected();
      }
    }
    in.take();
    return new Expr.Group('<', '>', List.copyOf(items));
  }

  /** An environment whose begin has been taken: a matrix, a determinant, or lines that are answers of their own. */
  Expr matrix(String environment) {
    if (environment.startsWith("array") && in.peek().is("{")) {
      while (!in.take().is("}")) {
        if (in.peek().kind() == Kind.END) {
          throw in.unexpected();
        }
      }
    }
    List<List<Expr>> rows = new ArrayList<>();
    List<Expr> row = new ArrayList<>();
    while (true) {
      MathToken t = in.peek();
      if (t.kind() == Kind.COMMAND && t.text().startsWith("end:")) {
        in.take();
        break;
      }
      if (in.skip("&") || in.skip(",")) {
        continue;
      }
      if (t.isCommand("row")) {
        in.take();
        rows.add(List.copyOf(row));
        row.clear();
      } else {
        row.add(answers.relation());
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
