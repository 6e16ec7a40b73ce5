package dev.sphere.grade.compare;

import dev.sphere.grade.value.Complex;
import dev.sphere.grade.value.Expr;
import dev.sphere.grade.value.ExprEvaluator;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;

/** Answers of several items: lists and sets in any order, tuples in order. */
final class ItemComparer {
  private final Comparer comparer;
  private final ExprEvaluator evaluator;

  ItemComparer(Comparer comparer, ExprEvaluator evaluator) {
    this.comparer = comparer;
    this.evaluator = evaluator;
  }

  /** True for a list or a set. */
  static boolean isItems(Expr e) {
    return e instanceof Expr.ListOf || e instanceof Expr.SetOf;
  }

  /** A list or set against whatever the other answer is: in any order, unless names or brackets fix it. */
  Decision compare(Expr a, Expr b) {
    boolean groupA = a instanceof Expr.Group g && g.open() != '<' && g.items().size() > 1
        && (g.open() == '[') == (g.close() == ']');
    boolean groupB = b instanceof Expr.Group g && g.open() != '<' && g.items().size() > 1
        && (g.open() == '[') == (g.close() == ']');
    if ((groupA || groupB) && (isInterval(a) || isInterval(b))) {
      return Decision.of(Rule.AN_INTERVAL_AND_A_LIST);
    }
    if (groupA && b instanceof Expr.ListOf l) {
      return inOrder(((Expr.Group) a).items(), l.items(), Rule.SAME_ITEMS_BRACKETS_LEFT_OUT);
    }
    if (groupB && a instanceof Expr.ListOf l) {
      return inOrder(l.items(), ((Expr.Group) b).items(), Rule.SAME_ITEMS_BRACKETS_LEFT_OUT);
    }
    List<Expr> x = itemsOf(a);
    List<Expr> y = itemsOf(b);
    if (x.size() == 1 && y.size() == 1) {
      return comparer.compare(x.getFirst(), y.getFirst());
    }
    if (x.size() != y.size()) {
      x = flat(x);
      y = flat(y);
    }
    if (x.size() != y.size() && (a instanceof Expr.SetOf || b instanceof Expr.SetOf)) {
      x = distinct(x);
      y = distinct(y);
    }
    if (y.size() > x.size() && x.size() > 1 && distinct(x).size() == x.size()) {
      // An answer that is given twice says nothing new.
      y = distinct(y);
    }
    if (x.size() != y.size()) {
      return Decision.of(Rule.DIFFERENT_NUMBERS_OF_ANSWERS);
    }
    boolean namedA = named(x);
    if (namedA != named(y)) {
      return inOrder(x, y, Rule.SAME_VALUES_IN_THE_ORDER_OF_THE_NAMES);
    }
    return matching(x, y) ? Decision.of(Rule.SAME_ANSWERS_IN_ANY_ORDER) : Decision.of(Rule.DIFFERENT_ANSWERS);
  }

  /** Tuples in order, whose brackets count where there are two items: those may be an interval. */
  Decision tuples(Expr.Group g, Expr.Group h) {
    if (g.items().size() != h.items().size()) {
      return Decision.of(Rule.TUPLES_OF_DIFFERENT_LENGTH);
    }
    boolean brackets = g.items().size() != 2
        || round(g.open()) == round(h.open()) && round(g.close()) == round(h.close());
    if (!brackets) {
      return Decision.of(Rule.DIFFERENT_BRACKETS);
    }
    return inOrder(g.items(), h.items(), Rule.SAME_ITEMS_IN_ORDER);
  }

  /** Compares item by item; {@code rule} is the decision when all are equal. */
  Decision inOrder(List<Expr> x, List<Expr> y, Rule rule) {
    if (x.size() != y.size()) {
      return Decision.of(Rule.DIFFERENT_NUMBERS_OF_ANSWERS);
    }
    for (int i = 0; i < x.size(); i++) {
      if (!comparer.compare(x.get(i), y.get(i)).equal()) {
        return Decision.of(Rule.ITEM_DIFFERS, i + 1);
      }
    }
    return Decision.of(rule);
  }

  /** [-2, 2] with growing ends is an interval rather than a list in brackets. */
  private boolean isInterval(Expr e) {
    if (!(e instanceof Expr.Group g) || g.open() != '[' || g.close() != ']' || g.items().size() != 2) {
      return false;
    }
    ExprEvaluator.Point p = ExprEvaluator.Point.NONE;
    Complex low = evaluator.at(g.items().get(0), p);
    Complex high = evaluator.at(g.items().get(1), p);
    return low.isReal() && high.isReal() && low.re() < high.re();
  }

  private static List<Expr> itemsOf(Expr e) {
    return switch (e) {
      case Expr.ListOf l -> l.items();
      case Expr.SetOf s -> s.items();
      default -> List.of(e);
    };
  }

  private static List<Expr> flat(List<Expr> items) {
    return items.stream().flatMap(e -> e instanceof Expr.ListOf l ? l.items().stream() : Stream.of(e)).toList();
  }

  /** True for x = 1, y = 2: values that belong to different names, so that their order says which is which. */
  private static boolean named(List<Expr> items) {
    Set<Expr> names = new HashSet<>();
    for (Expr e : items) {
      if (!(e instanceof Expr.Rel r) || !r.ops().getFirst().equals("=")) {
        return false;
      }
      // x_1 and x_2 number the answers, they do not tell them apart.
      Expr name = r.sides().getFirst();
      names.add(name instanceof Expr.Sym(String n) && n.matches("[A-Za-z]_\\d")
          ? new Expr.Sym(n.substring(0, 1)) : name);
    }
    return names.size() > 1;
  }

  private List<Expr> distinct(List<Expr> items) {
    List<Expr> kept = new ArrayList<>();
    for (Expr e : items) {
      if (kept.stream().noneMatch(k -> comparer.compare(k, e).equal())) {
        kept.add(e);
      }
    }
    return kept;
  }

  private boolean matching(List<Expr> x, List<Expr> y) {
    List<Expr> rest = new ArrayList<>(y);
    for (Expr e : x) {
      int found = -1;
      for (int i = 0; i < rest.size() && found < 0; i++) {
        found = comparer.compare(e, rest.get(i)).equal() ? i : -1;
      }
      if (found < 0) {
        return false;
      }
      rest.remove(found);
    }
    return true;
  }

  private static boolean round(char bracket) {
    return bracket != '[' && bracket != ']';
  }
}
