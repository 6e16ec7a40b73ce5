package dev.sphere.grade.parse;

import dev.sphere.grade.value.Rational;

/**
 * A piece of an answer.
 *
 * @param kind what it is
 * @param text its text: digits, letter, command name, operator
 * @param value a number's value, else null
 * @param decimals a number's digits after the point, -1 for an integer or exact literal
 * @param space true when space stood before it
 */
record MathToken(Kind kind, String text, Rational value, int decimals, boolean space) {
  enum Kind {
    NUMBER,
    /** One letter: a variable. */
    LETTER,
    /** Letters that are no known function. */
    WORD,
    /** A command or known function, without the backslash; "begin:NAME" and "end:NAME" for environments. */
    COMMAND,
    /** The inside of \text{...}. */
    TEXT,
    OPERATOR,
    END
  }

  MathToken(Kind kind, String text, boolean space) {
    this(kind, text, null, -1, space);
  }

  boolean is(String operator) {
    return kind == Kind.OPERATOR && text.equals(operator);
  }

  boolean isCommand(String name) {
    return kind == Kind.COMMAND && text.equals(name);
  }
}
