package dev.sphere.engine.template;

import dev.sphere.engine.MarkedText;
import java.util.List;

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

  /** @param value what the text of the body becomes; {@link Parser#CAPTURED} in it is that text */
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
