package dev.sphere.grade.value;

import java.util.List;
import java.util.Set;
import java.util.TreeSet;

/** An answer read as mathematics. Plain data; depth is bounded by the parser. */
public sealed interface Expr {
  /** Names that are no variables. */
  Set<String> CONSTANTS = Set.of("pi", "e", "i", "infty");

  /**
   * A literal number.
   *
   * @param value its exact value
   * @param decimals digits after the decimal point; -1 for an integer or an exact (repeating, mixed, base-n) literal
   */
  record Num(Rational value, int decimals) implements Expr {}

  /** A variable or named constant: x, \alpha, a_1, pi, e, i, infinity. */
  record Sym(String name) implements Expr {}

  /** A function of its arguments: sin, log (value, base), root (index, radicand), abs, floor, f. */
  record Call(String name, List<Expr> args) implements Expr {}

  /** A binary operation: one of + - * / ^. */
  record Op(char op, Expr left, Expr right) implements Expr {}

  record Neg(Expr of) implements Expr {}

  /** left ± right (or ∓ when {@code flipped}); left may be null. */
  record PlusMinus(Expr left, Expr right, boolean flipped) implements Expr {}

  /** Items in brackets: a tuple, a point, an interval. {@code open} and {@code close} are ( ) [ ] or < >. */
  record Group(char open, char close, List<Expr> items) implements Expr {}

  /** Several answers: a, b and c. {@code or} is true when "or" stood between them. */
  record ListOf(List<Expr> items, boolean or) implements Expr {}

  /** A finite set in braces. */
  record SetOf(List<Expr> items) implements Expr {}

  /** Union u, intersection n or difference \ of sets. */
  record SetOp(char op, Expr left, Expr right) implements Expr {}

  record Matrix(List<List<Expr>> rows) implements Expr {}

  /** A chain of relations: sides.get(0) ops.get(0) sides.get(1) ...; ops are = < > <= >= != ~ in. */
  record Rel(List<Expr> sides, List<String> ops) implements Expr {}

  /** a : b : c. */
  record Ratio(List<Expr> parts) implements Expr {}

  /** A value with words after it, a unit or whatever was counted. */
  record Quantity(Expr value, String unit) implements Expr {}

  record Percent(Expr of) implements Expr {}

  record Degrees(Expr of) implements Expr {}

  record Text(String text) implements Expr {}

  /** The direct parts of an expression. */
  default List<Expr> children() {
    return switch (this) {
      case Num n -> List.of();
      case Sym s -> List.of();
      case Text t -> List.of();
      case Call c -> c.args();
      case Op o -> List.of(o.left(), o.right());
      case Neg n -> List.of(n.of());
      case PlusMinus p -> p.left() == null ? List.of(p.right()) : List.of(p.left(), p.right());
      case Group g -> g.items();
      case ListOf l -> l.items();
      case SetOf s -> s.items();
      case SetOp s -> List.of(s.left(), s.right());
      case Matrix m -> m.rows().stream().flatMap(List::stream).toList();
      case Rel r -> r.sides();
      case Ratio r -> r.parts();
      case Quantity q -> List.of(q.value());
      case Percent p -> List.of(p.of());
      case Degrees d -> List.of(d.of());
    };
  }

  /** True when some part of the expression is of that kind. */
  default boolean has(Class<? extends Expr> kind) {
    if (kind.isInstance(this)) {
      return true;
    }
    for (Expr c : children()) {
      if (c.has(kind)) {
        return true;
      }
    }
    return false;
  }

  /** True when the expression is a single value: no list, set, relation, matrix or text in it. */
  default boolean isScalar() {
    boolean plain = switch (this) {
      case Num n -> true;
      case Sym s -> true;
      case Call c -> true;
      case Op o -> true;
      case Neg n -> true;
      case Percent p -> true;
      case Degrees d -> true;
      case Quantity q -> true;
      default -> false;
    };
    if (!plain) {
      return false;
    }
    if (this instanceof Call c && (c.name().equals("from") || c.name().equals("to"))) {
      // the bounds of a sum, k = 1
      return true;
    }
    for (Expr c : children()) {
      if (!c.isScalar()) {
        return false;
      }
    }
    return true;
  }

  /** The names of the variables in the expression: every name but those of constants. */
  default Set<String> variables() {
    Set<String> names = new TreeSet<>();
    addVariables(names);
    return names;
  }

  private void addVariables(Set<String> names) {
    if (this instanceof Sym(String n) && !CONSTANTS.contains(n)) {
      names.add(n);
    }
    for (Expr c : children()) {
      c.addVariables(names);
    }
  }

  /** True for infinity, with or without a sign. */
  default boolean isInfinite() {
    return this instanceof Sym s && s.name().equals("infty") || this instanceof Neg n && n.of().isInfinite();
  }

  /** True where a power is so large that values under- or overflow almost everywhere. */
  default boolean hasLargePower() {
    if (this instanceof Op(char op, Expr base, Num n) && op == '^' && Math.abs(n.value().toDouble()) > 40) {
      return true;
    }
    return children().stream().anyMatch(Expr::hasLargePower);
  }

  static Num number(long n) {
    return new Num(Rational.of(n), -1);
  }
}
