package dev.sphere.engine.template;

import dev.sphere.engine.MarkedText;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;

/** Source to tokens, with the whitespace rules of Jinja2 under trim_blocks and lstrip_blocks. */
final class TemplateLexer {
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

  private static final String[] OPERATORS = {
    "//", "**", "==", "!=", "<=", ">=", "+", "-", "/", "*", "%", "~", "[", "]", "(", ")", "{", "}", "<", ">", "=", ".",
    ":", "|", ","
  };

  private static final int LONGEST_NAME = 400;

  private final String source;
  private final List<Token> tokens = new ArrayList<>();
  private int at;
  private int line = 1;
  private int counted; // up to here lines are counted
  private boolean lineStart = true; // what was read last ended in a newline

  private TemplateLexer(String source) {
    this.source = source;
  }

  static List<Token> tokens(String source) {
    if (source.length() > RenderBudget.LONGEST_SOURCE) {
      throw new TemplateException(
          "the template has " + source.length() + " characters; at most " + RenderBudget.LONGEST_SOURCE);
    }
    String text = source.replace("\r\n", "\n").replace('\r', '\n');
    TemplateLexer lexer = new TemplateLexer(text.endsWith("\n") ? text.substring(0, text.length() - 1) : text);
    lexer.run();
    return lexer.tokens;
  }

  private void run() {
    while (true) {
      int tag = nextTag(at);
      if (tag < 0) {
        data(at, source.length());
        at = source.length();
        add(Token.Kind.LAST, "", null);
        return;
      }
      char kind = source.charAt(tag + 1);
      char mark = tag + 2 < source.length() ? source.charAt(tag + 2) : ' ';
      data(at, dataEnd(at, tag, kind, mark));
      at = tag + (mark == '-' || mark == '+' && kind != '{' ? 3 : 2);
      count(tag);
      if (kind == '#') {
        comment(tag);
      } else if (kind == '%' && raw()) {
        continue;
      } else {
        add(kind == '{' ? Token.Kind.PRINT : Token.Kind.BLOCK, source.substring(tag, at), null);
        tag(kind);
      }
    }
  }

  private int nextTag(int from) {
    for (int i = source.indexOf('{', from); i >= 0 && i + 1 < source.length(); i = source.indexOf('{', i + 1)) {
      char c = source.charAt(i + 1);
      if (c == '{' || c == '%' || c == '#') {
        return i;
      }
    }
    return -1;
  }

  /** Where the data before a tag ends. */
  private int dataEnd(int from, int tag, char kind, char mark) {
    int to = tag;
    if (mark == '-') {
      while (to > from && Values.isSpace(source.charAt(to - 1))) {
        to--;
      }
    } else if (kind != '{' && mark != '+') {
      int begin = tag;
      while (begin > from && source.charAt(begin - 1) != '\n' && Values.isSpace(source.charAt(begin - 1))) {
        begin--;
      }
      if (begin > from ? source.charAt(begin - 1) == '\n' : lineStart) {
        to = begin;
      }
    }
    return to;
  }

  private void data(int from, int to) {
    if (to > from) {
      count(from);
      add(Token.Kind.DATA, source.substring(from, to), null);
    }
  }

  private void count(int to) {
    for (; counted < to; counted++) {
      if (source.charAt(counted) == '\n') {
        line++;
      }
    }
  }

  private void add(Token.Kind kind, String text, Object value) {
    tokens.add(new Token(kind, text, value, line));
  }

  private TemplateException error(String message) {
    return new TemplateException("line " + line + ": " + message);
  }

  private void comment(int tag) {
    int end = source.indexOf("#}", at);
    if (end < 0) {
      throw error("the comment is not closed");
    }
    char mark = end > tag + 2 ? source.charAt(end - 1) : ' ';
    at = end + 2;
    after(mark, true);
  }

  /** Skips what a tag's end takes along: all space after a minus, a newline after a block or a comment. */
  private void after(char mark, boolean trims) {
    int from = at;
    if (mark == '-') {
      while (at < source.length() && Values.isSpace(source.charAt(at))) {
        at++;
      }
    } else if (trims && mark != '+' && source.startsWith("\n", at)) {
      at++;
    }
    lineStart = at > from && source.charAt(at - 1) == '\n';
  }

  /** A raw block: what is in it is data. */
  private boolean raw() {
    int end = blockEnd(at, "raw");
    if (end < 0) {
      return false;
    }
    at = end;
    after(source.charAt(end - 3), true);
    for (int tag = source.indexOf("{%", at); tag >= 0; tag = source.indexOf("{%", tag + 2)) {
      char mark = tag + 2 < source.length() ? source.charAt(tag + 2) : ' ';
      end = blockEnd(tag + (mark == '-' || mark == '+' ? 3 : 2), "endraw");
      if (end >= 0) {
        data(at, dataEnd(at, tag, '%', mark));
        count(tag);
        at = end;
        after(source.charAt(end - 3), true);
        return true;
      }
    }
    throw error("the raw block is not closed");
  }

  /** Index after a tag that holds that word alone; -1 when it does not. */
  private int blockEnd(int from, String word) {
    int i = skipSpace(from);
    if (!source.startsWith(word, i)) {
      return -1;
    }
    i = skipSpace(i + word.length());
    if (source.startsWith("-%}", i) || source.startsWith("+%}", i)) {
      return i + 3;
    }
    return source.startsWith("%}", i) ? i + 2 : -1;
  }

  private int skipSpace(int from) {
    int i = from;
    while (i < source.length() && Values.isSpace(source.charAt(i))) {
      i++;
    }
    return i;
  }

  /** The tokens of a tag, up to its end. A closing mark within brackets is no end. */
  private void tag(char kind) {
    String end = kind == '{' ? "}}" : "%}";
    Deque<Character> open = new ArrayDeque<>();
    while (true) {
      at = skipSpace(at);
      count(at);
      if (at >= source.length()) {
        throw error("the template ends within a tag that is not closed");
      }
      char c = source.charAt(at);
      if (open.isEmpty()) {
        boolean marked = c == '-' || c == '+' && kind == '%';
        int close = marked ? at + 1 : at;
        if (source.startsWith(end, close)) {
          at = close + 2;
          add(Token.Kind.END, end, null);
          after(marked ? c : ' ', kind == '%');
          return;
        }
      }
      if (c == '\'' || c == '"') {
        string(c);
      } else if (c >= '0' && c <= '9') {
        number();
      } else if (Character.isUnicodeIdentifierStart(c) || c == '_') {
        int from = at;
        while (at < source.length() && Character.isUnicodeIdentifierPart(source.charAt(at))
            && !Character.isIdentifierIgnorable(source.charAt(at))) {
          at++;
        }
        if (at - from > LONGEST_NAME) { // a name is looked up in any number of scopes
          throw error("a name of " + (at - from) + " characters; at most " + LONGEST_NAME);
        }
        add(Token.Kind.NAME, source.substring(from, at), null);
      } else {
        operator(open);
      }
    }
  }

  private void operator(Deque<Character> open) {
    for (String o : OPERATORS) {
      if (source.startsWith(o, at)) {
        char c = o.charAt(0);
        if (c == '(' || c == '[' || c == '{') {
          open.push(c == '(' ? ')' : c == '[' ? ']' : '}');
        } else if ((c == ')' || c == ']' || c == '}') && (open.isEmpty() || open.pop() != c)) {
          throw error("'" + c + "' closes nothing");
        }
        add(Token.Kind.OPERATOR, o, null);
        at += o.length();
        return;
      }
    }
    throw error("the character '" + Character.toString(source.codePointAt(at)) + "' means nothing in a tag");
  }

  private void number() {
    int from = at;
    if (source.charAt(at) == '0' && at + 1 < source.length()) {
      int base = switch (source.charAt(at + 1)) {
        case 'x', 'X' -> 16;
        case 'o', 'O' -> 8;
        case 'b', 'B' -> 2;
        default -> 10;
      };
      if (base != 10) {
        at += 2;
        while (at < source.length() && Character.isLetterOrDigit(source.charAt(at)) || source.startsWith("_", at)) {
          at++;
        }
        integer(from, source.substring(from + 2, at), base);
        return;
      }
    }
    digits();
    boolean afterDot = from > 0 && source.charAt(from - 1) == '.'; // a.0.1 asks for elements
    boolean real = false;
    if (!afterDot && source.startsWith(".", at) && digitAt(at + 1)) {
      at++;
      digits();
      real = true;
    }
    if (!afterDot && (source.startsWith("e", at) || source.startsWith("E", at))) {
      int exponent = source.startsWith("+", at + 1) || source.startsWith("-", at + 1) ? at + 2 : at + 1;
      if (digitAt(exponent)) {
        at = exponent;
        digits();
        real = true;
      }
    }
    String text = source.substring(from, at);
    if (text.length() > 400) {
      throw error("a number of " + text.length() + " characters");
    }
    if (real) {
      add(Token.Kind.NUMBER, text, Double.valueOf(text.replace("_", "")));
    } else {
      integer(from, text, 10);
    }
  }

  private void integer(int from, String digits, int base) {
    try {
      add(Token.Kind.NUMBER, source.substring(from, at), Long.valueOf(digits.replace("_", ""), base));
    } catch (NumberFormatException e) {
      throw error("'" + digits.substring(0, Math.min(40, digits.length())) + "' is no integer of 64 bits");
    }
  }

  private boolean digitAt(int i) {
    return i < source.length() && source.charAt(i) >= '0' && source.charAt(i) <= '9';
  }

  private void digits() {
    while (digitAt(at) || source.startsWith("_", at) && digitAt(at + 1)) {
      at++;
    }
  }

  private void string(char quote) {
    int from = at++;
    StringBuilder value = new StringBuilder();
    while (at < source.length() && source.charAt(at) != quote) {
      char c = source.charAt(at++);
      if (c != '\\') {
        value.append(c);
      } else if (at < source.length()) {
        escape(value);
      }
    }
    if (at >= source.length()) {
      throw error("the text in quotes is not closed");
    }
    at++;
    add(Token.Kind.STRING, source.substring(from, at), MarkedText.of(value.toString()));
  }

  /** What stands after a backslash, as in Python. */
  private void escape(StringBuilder value) {
    char c = source.charAt(at++);
    switch (c) {
      case '\n' -> { } // the line goes on
      case '\\', '\'', '"' -> value.append(c);
      case 'a' -> value.append('\u0007');
      case 'b' -> value.append('\b');
      case 'f' -> value.append('\f');
      case 'n' -> value.append('\n');
      case 'r' -> value.append('\r');
      case 't' -> value.append('\t');
      case 'v' -> value.append('\u000b');
      case 'x' -> value.appendCodePoint(hex(2));
      case 'u' -> value.append((char) hex(4));
      case 'U' -> value.appendCodePoint(hex(8));
      case '0', '1', '2', '3', '4', '5', '6', '7' -> {
        int code = c - '0';
        for (int i = 0; i < 2 && at < source.length() && Character.digit(source.charAt(at), 8) >= 0; i++) {
          code = code * 8 + source.charAt(at++) - '0';
        }
        value.append((char) code);
      }
      case 'N' -> throw error("characters by name (\\N) are not known: write the character itself");
      default -> value.append('\\').append(c);
    }
  }

  private int hex(int digits) {
    long code = 0;
    for (int i = 0; i < digits; i++) {
      int digit = at < source.length() ? Character.digit(source.charAt(at), 16) : -1;
      if (digit < 0) {
        throw error("an escape in a text in quotes needs " + digits + " hexadecimal digits");
      }
      code = code * 16 + digit;
      at++;
    }
    if (code > Character.MAX_CODE_POINT) {
      throw error("an escape in a text in quotes names no character");
    }
    return (int) code;
  }
}
