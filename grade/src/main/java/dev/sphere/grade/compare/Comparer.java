package dev.sphere.grade.compare;

import dev.sphere.grade.extract.Phrases;
import dev.sphere.grade.value.Expr;
import dev.sphere.grade.value.ExprEvaluator;
import dev.sphere.grade.value.GradingBudget;
import dev.sphere.grade.value.RealSet;
import java.util.List;

/**
 * Decides by the kind of the answers: lists and sets in any order, tuples in order, intervals as sets of reals,
 * relations by what they say, single values by value.
 */
public final class Comparer {
  private final GradingBudget budget;
  private final ExprEvaluator evaluator;
  private final ScalarComparer scalars;
  private final RelationComparer relations;
  private final ItemComparer items;

  /** @param budget bounds the work of all comparisons, which throw {@link GradingBudget.Stop} when it is spent */
  public Comparer(GradingBudget budget) {
    this.budget = budget;
    this.evaluator = new ExprEvaluator(budget);
    this.scalars = new ScalarComparer(evaluator);
    this.relations = new RelationComparer(this, evaluator);
    this.items = new ItemComparer(this, evaluator);
  }

  ScalarComparer scalars() {
    return scalars;
  }

  /** Decides whether the prediction {@code b} means the same as the gold answer {@code a}. */
  public Decision compare(Expr a, Expr b) {
    budget.spend(5);
    if (a.equals(b)) {
      return Decision.of(Rule.SAME_EXPRESSION);
    }
    if (a.has(Expr.PlusMinus.class) || b.has(Expr.PlusMinus.class)) {
      return compareExpanded(SignExpansion.expand(a), SignExpansion.expand(b));
    }
    if (RealSet.surely(a) || RealSet.surely(b)) {
      RealSet x = RealSet.of(a, evaluator);
      RealSet y = x == null ? null : RealSet.of(b, evaluator);
      if (y != null && !relations.differentNames(a, b)) {
        if (x.sameAs(y, budget)) {
          return Decision.of(Rule.SAME_SET_OF_REALS);
        }
        // The ends may be given as rounded decimals.
        return a instanceof Expr.Group g && b instanceof Expr.Group h && items.tuples(g, h).equal()
            ? Decision.of(Rule.SAME_ENDS_ROUNDED) : Decision.of(Rule.DIFFERENT_SETS_OF_REALS);
      }
    }
    if (ItemComparer.isItems(a) || ItemComparer.isItems(b)) {
      return items.compare(a, b);
    }
    if (a instanceof Expr.Rel || b instanceof Expr.Rel) {
      return relations.compare(a, b);
    }
    if (a instanceof Expr.Text || b instanceof Expr.Text) {
      String x = render(a);
      String y = render(b);
      return x != null && y != null && Phrases.key(x).equals(Phrases.key(y)) ? Decision.of(Rule.SAME_WORDS)
          : Decision.of(Rule.DIFFERENT_WORDS);
    }
    return structures(a, b);
  }

  private Decision compareExpanded(Expr a, Expr b) {
    if (a.has(Expr.PlusMinus.class) || b.has(Expr.PlusMinus.class)) {
      return Decision.of(Rule.SIGNS_NOT_EXPANDED);
    }
    Decision d = compare(a, b);
    return d.equal() ? Decision.of(Rule.SAME_VALUES_OF_PLUS_MINUS) : d;
  }

  private Decision structures(Expr a, Expr b) {
    Expr foldedA = MatrixArithmetic.fold(a);
    Expr foldedB = MatrixArithmetic.fold(b);
    if (foldedA != a || foldedB != b) {
      return compare(foldedA, foldedB);
    }
    if (a instanceof Expr.Ratio || b instanceof Expr.Ratio) {
      return ratios(a, b);
    }
    if (a instanceof Expr.SetOp x && b instanceof Expr.SetOp y) {
      boolean same = x.op() == y.op() && (compare(x.left(), y.left()).equal() && compare(x.right(), y.right()).equal()
          || x.op() != '\\' && compare(x.left(), y.right()).equal() && compare(x.right(), y.left()).equal());
      return same ? Decision.of(Rule.SAME_SET_OPERATION) : Decision.of(Rule.DIFFERENT_SET_OPERATIONS);
    }
    List<List<Expr>> m = rows(a);
    List<List<Expr>> n = rows(b);
    if (m != null && n != null && (a instanceof Expr.Matrix || b instanceof Expr.Matrix || nested(a))) {
      return matrices(m, n);
    }
    if (a instanceof Expr.Group g && b instanceof Expr.Group h) {
      return items.tuples(g, h);
    }
    if (a.isScalar() && b.isScalar()) {
      Decision d = scalars.compare(a, b);
      // Sums have no value here, but their parts have.
      return d.equal() || !holdsSum(a) || !holdsSum(b) || !coefficients(a, b).equal() ? d
          : Decision.of(Rule.SAME_PARTS);
    }
    return coefficients(a, b);
  }

  private static boolean holdsSum(Expr e) {
    return e instanceof Expr.Call c && (c.name().equals("sum") || c.name().equals("prod"));
  }

  /** Expressions with matrices or tuples in them, such as t(1, 2): only when both are built alike. */
  private Decision coefficients(Expr a, Expr b) {
    boolean alike = a.getClass() == b.getClass() && a.children().size() == b.children().size()
        && (!(a instanceof Expr.Op x) || x.op() == ((Expr.Op) b).op())
        && (!(a instanceof Expr.Call c) || c.name().equals(((Expr.Call) b).name()));
    if (!alike || a.children().isEmpty()) {
      return Decision.of(Rule.DIFFERENT_KINDS_OF_ANSWER);
    }
    for (int i = 0; i < a.children().size(); i++) {
      if (!compare(a.children().get(i), b.children().get(i)).equal()) {
        return Decision.of(Rule.DIFFERENT_PARTS);
      }
    }
    return Decision.of(Rule.SAME_PARTS);
  }

  private static boolean nested(Expr e) {
    return e instanceof Expr.Group g && g.items().stream().allMatch(Expr.Group.class::isInstance);
  }

  /** The rows of a matrix; a vector or a list of lists counts as one. */
  private static List<List<Expr>> rows(Expr e) {
    return switch (e) {
      case Expr.Matrix m -> m.rows();
      case Expr.Group g when nested(g) -> g.items().stream().map(i -> ((Expr.Group) i).items()).toList();
      case Expr.Group g -> List.of(g.items());
      case Expr.Call c when c.args().size() == 1 && (c.name().equals("Matrix") || c.name().equals("bmatrix")) ->
          rows(c.args().getFirst());
      default -> null;
    };
  }

  private Decision matrices(List<List<Expr>> m, List<List<Expr>> n) {
    boolean vectors = isVector(m) && isVector(n);
    List<Expr> x = m.stream().flatMap(List::stream).toList();
    List<Expr> y = n.stream().flatMap(List::stream).toList();
    if (!vectors && m.size() != n.size() || x.size() != y.size()) {
      return Decision.of(Rule.MATRICES_OF_DIFFERENT_SHAPE);
    }
    for (int i = 0; !vectors && i < m.size(); i++) {
      if (m.get(i).size() != n.get(i).size()) {
        return Decision.of(Rule.MATRICES_OF_DIFFERENT_SHAPE);
      }
    }
    return items.inOrder(x, y, Rule.SAME_ENTRIES);
  }

  private static boolean isVector(List<List<Expr>> rows) {
    return rows.size() == 1 || rows.stream().allMatch(r -> r.size() == 1);
  }

  private Decision ratios(Expr a, Expr b) {
    if (a instanceof Expr.Ratio x && b instanceof Expr.Ratio y) {
      if (x.parts().size() != y.parts().size()) {
        return Decision.of(Rule.RATIOS_OF_DIFFERENT_LENGTH);
      }
      for (int i = 0; i < x.parts().size(); i++) {
        if (scalars.zero(x.parts().get(i)) || scalars.zero(y.parts().get(i))) {
          return items.inOrder(x.parts(), y.parts(), Rule.SAME_RATIO);
        }
      }
      for (int i = 1; i < x.parts().size(); i++) {
        Expr left = new Expr.Op('*', x.parts().get(0), y.parts().get(i));
        Expr right = new Expr.Op('*', y.parts().get(0), x.parts().get(i));
        if (!scalars.compare(left, right).equal()) {
          return Decision.of(Rule.DIFFERENT_RATIOS);
        }
      }
      return Decision.of(Rule.SAME_RATIO);
    }
    Expr.Ratio r = a instanceof Expr.Ratio x ? x : (Expr.Ratio) b;
    Expr other = a instanceof Expr.Ratio ? b : a;
    if (r.parts().size() != 2 || !other.isScalar() || other instanceof Expr.Quantity) {
      return Decision.of(Rule.A_RATIO_AND_NO_RATIO);
    }
    Decision d = scalars.compare(new Expr.Op('/', r.parts().get(0), r.parts().get(1)), other);
    return d.equal() ? Decision.of(Rule.RATIO_AS_A_FRACTION) : d;
  }

  /** The letters of a text, a name or a product of names; null for anything else. */
  private static String render(Expr e) {
    return switch (e) {
      case Expr.Text t -> t.text();
      case Expr.Sym s -> s.name();
      case Expr.Op o when o.op() == '*' -> {
        String l = render(o.left());
        String r = render(o.right());
        yield l == null || r == null ? null : l + r;
      }
      default -> null;
    };
  }
}
