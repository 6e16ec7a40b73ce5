package dev.sphere.engine.model;

/**
 * Whitespace control of Jinja2 with trim_blocks and lstrip_blocks, done on the template's text: Jinjava does not know
 * the minus of {@code {{-} and {@code -}}}. What comes out has no whitespace marks, and means the same to an engine
 * that keeps all text.
 */
final class JinjaWhitespace {
  private final String source;
  private final StringBuilder out = new StringBuilder();
  private boolean stripNext; // the tag before ended in a minus
  private boolean trimNext; // the tag before was a block or comment: its newline goes

  private JinjaWhitespace(String source) {
    this.source = source;
  }

  static String resolve(String source) {
    return new JinjaWhitespace(source).run();
  }

  private String run() {
    int at = 0;
    while (true) {
      int tag = nextTag(at);
      if (tag < 0) {
        text(source.substring(at), ' ', false);
        return out.toString();
      }
      char kind = source.charAt(tag + 1);
      int end = tagEnd(tag);
      char before = source.charAt(tag + 2);
      boolean marked = before == '-' || before == '+';
      text(source.substring(at, tag), before, kind != '{');
      char after = source.charAt(end - 3);
      boolean closedByMark = after == '-' || (after == '+' && kind != '{');
      if (kind != '#') { // comments say nothing
        int from = tag + (marked ? 3 : 2);
        int to = Math.max(from, end - (closedByMark ? 3 : 2));
        out.append('{').append(kind).append(' ').append(source, from, to).append(' ');
        out.append(source, end - 2, end);
      }
      stripNext = after == '-';
      trimNext = kind != '{' && after != '+';
      at = end;
    }
  }

  private int nextTag(int from) {
    for (int i = source.indexOf('{', from); i >= 0 && i + 3 < source.length(); i = source.indexOf('{', i + 1)) {
      char c = source.charAt(i + 1);
      if (c == '{' || c == '%' || c == '#') {
        return i;
      }
    }
    return -1;
  }

  /** Index after the tag's closing mark; marks within strings do not count, except in comments. */
  private int tagEnd(int tag) {
    char kind = source.charAt(tag + 1);
    char close = kind == '{' ? '}' : kind;
    char quote = 0;
    for (int i = tag + 2; i + 1 < source.length(); i++) {
      char c = source.charAt(i);
      if (quote != 0) {
        if (c == '\\') {
          i++;
        } else if (c == quote) {
          quote = 0;
        }
      } else if (kind != '#' && (c == '\'' || c == '"')) {
        quote = c;
      } else if (c == close && source.charAt(i + 1) == '}') {
        return i + 2;
      }
    }
    throw new IllegalArgumentException(
        "The chat template has a tag that is not closed: "
            + source.substring(tag, Math.min(source.length(), tag + 40)));
  }

  /** Text before a tag that begins with {@code mark}; {@code block}: it is a block or a comment. */
  private void text(String text, char mark, boolean block) {
    int from = 0;
    int to = text.length();
    if (stripNext) {
      while (from < to && Character.isWhitespace(text.charAt(from))) {
        from++;
      }
    } else if (trimNext && from < to && text.charAt(from) == '\n') {
      from++;
    }
    if (mark == '-') {
      while (to > from && Character.isWhitespace(text.charAt(to - 1))) {
        to--;
      }
    } else if (block && mark != '+') {
      int lineStart = to;
      while (lineStart > from && (text.charAt(lineStart - 1) == ' ' || text.charAt(lineStart - 1) == '\t')) {
        lineStart--;
      }
      boolean newLine = lineStart > 0 ? text.charAt(lineStart - 1) == '\n' : out.isEmpty();
      if (newLine) {
        to = lineStart;
      }
    }
    out.append(text, from, to);
  }
}
