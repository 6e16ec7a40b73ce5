package dev.sphere.engine.template;

/**
 * A piece of a template.
 *
 * @param text of data the text, of anything else how it is written
 * @param value of a string, an integer or a float its value; null else
 */
record Token(Kind kind, String text, Object value, int line) {
  enum Kind {
    /** Text outside of tags. */
    DATA,
    /** Opens an expression to print. */
    PRINT,
    /** Opens a statement. */
    BLOCK,
    /** Closes either. */
    END,
    NAME,
    STRING,
    NUMBER,
    OPERATOR,
    /** The template's end. */
    LAST
  }

  boolean is(String operator) {
    return kind == Kind.OPERATOR && text.equals(operator);
  }

  boolean isName(String name) {
    return kind == Kind.NAME && text.equals(name);
  }

  /** For messages. */
  String describe() {
    return switch (kind) {
      case DATA, LAST -> "the end of the template";
      case END -> "the end of the tag";
      default -> "'" + (text.length() > 40 ? text.substring(0, 40) + "..." : text) + "'";
    };
  }
}
