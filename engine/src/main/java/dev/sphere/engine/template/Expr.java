package dev.sphere.engine.template;

/** A parsed expression. */
@FunctionalInterface
interface Expr {
  /** The expression's value with the variables of a scope. */
  Object value(Scope scope);
}
