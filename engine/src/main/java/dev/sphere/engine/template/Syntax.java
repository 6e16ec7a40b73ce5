package dev.sphere.engine.template;

import dev.sphere.engine.MarkedText;
import java.util.List;
import java.util.Map;

/** What a template is made of when it has been read. */
final class Syntax {
  private Syntax() {}

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

  /** Statements; {@link #line} is where one begins. */
  sealed interface Statement {
    int line();

    record Data(int line, MarkedText text) implements Statement {}

    record Print(int line, Expr value) implements Statement {}

    record If(int line, List<Expr> conditions, List<List<Statement>> branches, List<Statement> otherwise)
        implements Statement {}

    /** @param condition which elements are taken; null for all */
    record For(
        int line, List<String> targets, Expr over, Expr condition, List<Statement> body, List<Statement> otherwise)
        implements Statement {}

    /** @param attribute of the namespace that {@code targets} names; null for a variable, or several */
    record Set(int line, List<String> targets, String attribute, Expr value) implements Statement {}

    /** @param value what the text of the body becomes; {@link TemplateParser#CAPTURED} in it is that text */
    record Capture(int line, String target, Expr value, List<Statement> body) implements Statement {}

    /** @param name {@code caller} for the body of a call block */
    record Macro(
        int line,
        String name,
        List<String> parameters,
        List<Expr> defaults,
        List<Statement> body,
        boolean takesMore,
        boolean takesNamed)
        implements Statement {}

    record CallBlock(int line, Macro caller, Expr.Call call) implements Statement {}

    record With(int line, List<String> targets, List<Expr> values, List<Statement> body) implements Statement {}

    /** {@code generation}: what the assistant says. Nothing but its body counts here. */
    record Block(int line, List<Statement> body) implements Statement {}

    record Break(int line) implements Statement {}

    record Continue(int line) implements Statement {}
  }
}
