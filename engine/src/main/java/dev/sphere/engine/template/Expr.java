package dev.sphere.engine.template;

import java.util.List;
import java.util.Map;

/** Expressions; {@link #line} is where one begins. */
sealed interface Expr {
  int line();

  record Literal(int line, Object value) implements Expr {}

  record Name(int line, String name) implements Expr {}

  record Sequence(int line, List<Expr> elements, boolean tuple) implements Expr {}

  record Mapping(int line, List<Expr> keys, List<Expr> values) implements Expr {}

  /** {@code -}, {@code +} or {@code not}. */
  record Unary(int line, String operator, Expr operand) implements Expr {}

  record Binary(int line, String operator, Expr left, Expr right) implements Expr {}

  /** {@code a < b <= c}: each operand with the next, until one fails. */
  record Comparison(int line, Expr first, List<String> operators, List<Expr> operands) implements Expr {}

  /** {@code and}, {@code or}: the value of the operand that decides. */
  record Logic(int line, boolean and, Expr left, Expr right) implements Expr {}

  /** @param no null where there is no else */
  record Conditional(int line, Expr condition, Expr yes, Expr no) implements Expr {}

  record Attribute(int line, Expr of, String name) implements Expr {}

  record Element(int line, Expr of, Expr key) implements Expr {}

  /** {@code of[from:to:step]}; null where a bound is left out. */
  record Slice(int line, Expr of, Expr from, Expr to, Expr step) implements Expr {}

  record Call(int line, Expr function, Arguments arguments) implements Expr {}

  record Filter(int line, Expr value, String name, Arguments arguments) implements Expr {}

  record Check(int line, Expr value, String name, Arguments arguments, boolean negated) implements Expr {}

  /** Arguments of a call. */
  record Arguments(List<Expr> positional, Map<String, Expr> named) {
    static final Arguments NONE = new Arguments(List.of(), Map.of());
  }
}
