package dev.sphere.grade.compare;

import dev.sphere.grade.value.Expr;
import java.util.ArrayList;
import java.util.List;

/** Writes a ± b as the two answers a + b and a - b; several signs in one expression go together. */
final class SignExpansion {
  private SignExpansion() {}

  static Expr expand(Expr e) {
    if (!e.has(Expr.PlusMinus.class)) {
      return e;
    }
    List<Expr> items = new ArrayList<>();
    List<Expr> from = e instanceof Expr.ListOf l ? l.items() : e instanceof Expr.SetOf s ? s.items() : List.of(e);
    for (Expr item : from) {
      if (item.has(Expr.PlusMinus.class)) {
        items.add(choose(item, true));
        items.add(choose(item, false));
      } else {
        items.add(item);
      }
    }
    return e instanceof Expr.SetOf ? new Expr.SetOf(items) : new Expr.ListOf(items, true);
  }

  private static Expr choose(Expr e, boolean plus) {
    return switch (e) {
      case Expr.PlusMinus p -> {
        Expr right = choose(p.right(), plus);
        boolean add = plus != p.flipped();
        yield p.left() == null ? add ? right : new Expr.Neg(right)
            : new Expr.Op(add ? '+' : '-', choose(p.left(), plus), right);
      }
      case Expr.Call c -> new Expr.Call(c.name(), choose(c.args(), plus));
      case Expr.Op o -> new Expr.Op(o.op(), choose(o.left(), plus), choose(o.right(), plus));
      case Expr.Neg n -> new Expr.Neg(choose(n.of(), plus));
      case Expr.Group g -> new Expr.Group(g.open(), g.close(), choose(g.items(), plus));
      case Expr.Rel r -> new Expr.Rel(choose(r.sides(), plus), r.ops());
      case Expr.Quantity q -> new Expr.Quantity(choose(q.value(), plus), q.unit());
      case Expr.Percent p -> new Expr.Percent(choose(p.of(), plus));
      case Expr.Degrees d -> new Expr.Degrees(choose(d.of(), plus));
      case Expr.ListOf l -> new Expr.ListOf(choose(l.items(), plus), l.or());
      default -> e;
    };
  }

  private static List<Expr> choose(List<Expr> items, boolean plus) {
    return items.stream().map(i -> choose(i, plus)).toList();
  }
}
