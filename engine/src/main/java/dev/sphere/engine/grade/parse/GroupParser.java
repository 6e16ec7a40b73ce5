package dev.sphere.engine.grade.parse;

import dev.sphere.engine.grade.parse.Token.Kind;
import dev.sphere.engine.grade.value.Expr;
import java.util.ArrayList;
import java.util.List;

/** What stands between brackets: groups, tuples, intervals, sets, absolute values, vectors, matrices. */
final class GroupParser {
  private GroupParser() {}

  /** The group that the operator {@code t}, which has been taken, begins. */
  static Expr read(ExprParser p, Token t) {
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

  static Expr angles(ExprParser p) {
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

  static Expr matrix(ExprParser p, String environment) {
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
