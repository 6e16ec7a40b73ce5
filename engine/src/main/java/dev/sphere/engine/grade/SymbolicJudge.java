package dev.sphere.engine.grade;

/** The last resort where values at points decide nothing: a computer algebra system that is asked whether a term is zero. */
@FunctionalInterface
interface SymbolicJudge {
  /**
   * Asks about a difference.
   *
   * @param term an expression in Symja's language, made from a parsed answer, never from its text
   * @return true or false where the system knows, null where it does not, or took too long
   */
  Boolean isZero(String term);
}
