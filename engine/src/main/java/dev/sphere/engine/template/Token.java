package dev.sphere.engine.template;

/**
 * A piece of a template's source.
 *
 * @param text the characters; of a string what it means, without quotes and escapes
 */
record Token(Kind kind, String text, int line) {
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

  /** The token as messages name it. */
  String describe() {
    return switch (kind) {
      case DATA, LAST -> "the end of the template";
      case END -> "the end of the tag";
      default -> "'" + (text.length() > 40 ? text.substring(0, 40) + "..." : text) + "'";
    };
  }

  TemplateException error(String message) {
    return new TemplateException("line " + line + ": " + message);
  }
}
