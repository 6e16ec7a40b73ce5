package dev.sphere.engine.template;

import java.util.ArrayList;
import java.util.List;

/** Cuts a source into tokens, with Jinja2's rules for white space under trim_blocks and lstrip_blocks. */
final class Lexer {
  private static final String[] OPERATORS = {
    "//", "==", "!=", "<=", ">=", "+", "-", "*", "%", "~", "[", "]", "(", ")", "{", "}", "<", ">", "=", ".", ":",
    "|", ","
  };

  private static final int LONGEST_WORD = 400; // a name or a number

  private final String source;
  private final List<Token> tokens = new ArrayList<>();
  private int at;
  private int line = 1;
  private int counted; // lines are counted up to this index
  private boolean lineStart = true; // the last tag's end took a newline along

  private Lexer(String source) {
    this.source = source;
  }

  static List<Token> tokens(String source) {
    if (source.length() > RenderBudget.LONGEST_SOURCE) {
      throw new TemplateException(
          "the template has " + source.length() + " characters; at most " + RenderBudget.LONGEST_SOURCE);
    }
    String text = source.replace("\r\n", "\n").replace('\r', '\n');
    Lexer lexer = new Lexer(text.endsWith("\n") ? text.substring(0, text.length() - 1) : text);
    lexer.run();
    return lexer.tokens;
  }

  private void run() {
    for (int tag = nextTag(); tag >= 0; tag = nextTag()) {
      char kind = source.charAt(tag + 1);
      boolean minus = source.startsWith("-", tag + 2);
      data(dataEnd(tag, kind, minus));
      at = tag + (minus ? 3 : 2);
      if (kind == '#') {
        int end = source.indexOf("#}", at);
        if (end < 0) {
          throw error("the comment is not closed");
        }
        at = end + 2;
        close(source.charAt(end - 1) == '-', true);
      } else {
        add(kind == '{' ? Token.Kind.PRINT : Token.Kind.BLOCK, tag, source.substring(tag, at));
        tag(kind == '{' ? "}}" : "%}");
      }
    }
    data(source.length());
    add(Token.Kind.LAST, source.length(), "");
  }

  private int nextTag() {
    for (int i = source.indexOf('{', at); i >= 0 && i + 1 < source.length(); i = source.indexOf('{', i + 1)) {
      if ("{%#".indexOf(source.charAt(i + 1)) >= 0) {
        return i;
      }
    }
    return -1;
  }

  /** The end of the data before a tag: without white space before a minus, or before a block or comment on its line. */
  private int dataEnd(int tag, char kind, boolean minus) {
    int to = tag;
    while (to > at && isSpace(to - 1) && (minus || kind != '{' && source.charAt(to - 1) != '\n')) {
      to--;
    }
    boolean begins = to > at ? source.charAt(to - 1) == '\n' : lineStart;
    return minus || begins ? to : tag;
  }

  private void data(int to) {
    if (to > at) {
      add(Token.Kind.DATA, at, source.substring(at, to));
    }
  }

  private void add(Token.Kind kind, int from, String text) {
    count(from);
    tokens.add(new Token(kind, text, line));
  }

  private void count(int to) {
    for (; counted < to; counted++) {
      if (source.charAt(counted) == '\n') {
        line++;
      }
    }
  }

  private TemplateException error(String message) {
    count(Math.min(at, source.length()));
    return new TemplateException("line " + line + ": " + message);
  }

  /** Skips what a tag's end takes along: all white space after a minus, one newline after a block or a comment. */
  private void close(boolean minus, boolean trims) {
    int from = at;
    if (minus) {
      skipSpace();
    } else if (trims && source.startsWith("\n", at)) {
      at++;
    }
    lineStart = at > from && source.charAt(at - 1) == '\n';
  }

  private boolean isSpace(int index) {
    return Values.isSpace(source.charAt(index));
  }

  private void skipSpace() {
    while (at < source.length() && isSpace(at)) {
      at++;
    }
  }

  /** The tokens of a tag, up to its end. A closing mark within brackets is no end. */
  private void tag(String end) {
    int open = 0;
    while (true) {
      skipSpace();
      if (at >= source.length()) {
        throw error("the template ends within a tag that is not closed");
      }
      boolean minus = source.startsWith("-" + end, at);
      if (open <= 0 && (minus || source.startsWith(end, at))) {
        add(Token.Kind.END, at, end);
        at += minus ? 3 : 2;
        close(minus, end.equals("%}"));
        return;
      }
      char c = source.charAt(at);
      if (c == '\'' || c == '"') {
        string(c);
      } else if (isWord(at)) {
        word(Character.isDigit(c));
      } else {
        open += "([{".indexOf(c) >= 0 ? 1 : ")]}".indexOf(c) >= 0 ? -1 : 0;
        operator();
      }
    }
  }

  private void operator() {
    for (String o : OPERATORS) {
      if (source.startsWith(o, at)) {
        add(Token.Kind.OPERATOR, at, o);
        at += o.length();
        return;
      }
    }
    throw error("the character '" + Character.toString(source.codePointAt(at)) + "' means nothing in a tag");
  }

  private boolean isWord(int index) {
    return index < source.length()
        && (Character.isLetterOrDigit(source.charAt(index)) || source.charAt(index) == '_');
  }

  private void word(boolean number) {
    int from = at;
    while (isWord(at) && (!number || Character.isDigit(source.charAt(at)))) {
      at++;
    }
    if (at - from > LONGEST_WORD) {
      throw error("a name or number of " + (at - from) + " characters; at most " + LONGEST_WORD);
    }
    if (number && source.startsWith(".", at)) {
      throw error("numbers with a point are not known to chat templates");
    }
    add(number ? Token.Kind.NUMBER : Token.Kind.NAME, from, source.substring(from, at));
  }

  private void string(char quote) {
    int from = at++;
    StringBuilder value = new StringBuilder();
    for (; at < source.length() && source.charAt(at) != quote; at++) {
      char c = source.charAt(at);
      value.append(c == '\\' && at + 1 < source.length() ? escaped(source.charAt(++at)) : c);
    }
    if (at >= source.length()) {
      throw error("the text in quotes is not closed");
    }
    at++;
    add(Token.Kind.STRING, from, value.toString());
  }

  /** The character that a backslash and another character mean. */
  private char escaped(char c) {
    return switch (c) {
      case '\\', '\'', '"' -> c;
      case 'n' -> '\n';
      case 'r' -> '\r';
      case 't' -> '\t';
      default -> throw error("the escape \\" + c + " is not known to chat templates");
    };
  }
}
