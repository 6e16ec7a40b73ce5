package dev.sphere.base;

/**
 * Makes text from files and models safe to show on a terminal or a page. Characters that steer a terminal or turn the
 * reading direction are written as JSON escapes: {@code \}{@code u001b} for escape. Text in JSON stays the same JSON.
 */
public final class SafeText {
  private SafeText() {}

  /** The text with every control character but line feed and tab written out; the same object if there is none. */
  public static String text(String text) {
    StringBuilder out = null;
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      if (steers(c)) {
        out = out == null ? new StringBuilder(text.length() + 16).append(text, 0, i) : out;
        out.append(String.format("\\u%04x", (int) c));
      } else if (out != null) {
        out.append(c);
      }
    }
    return out == null ? text : out.toString();
  }

  /** C0 but line feed and tab, DEL, C1, line and paragraph separators, and all that overrides the reading direction. */
  public static boolean steers(char c) {
    return c < 0x20 && c != '\n' && c != '\t' || c >= 0x7F && c <= 0x9F
        || c == 0x061C || c == 0x200E || c == 0x200F || c >= 0x2028 && c <= 0x202E || c >= 0x2066 && c <= 0x2069;
  }

  /** The text as {@link #text} gives it, with HTML's special characters escaped too. */
  public static String html(String raw) {
    String text = text(raw);
    StringBuilder out = new StringBuilder(text.length() + 16);
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      switch (c) {
        case '&' -> out.append("&amp;");
        case '<' -> out.append("&lt;");
        case '>' -> out.append("&gt;");
        case '"' -> out.append("&quot;");
        case '\'' -> out.append("&#39;");
        default -> out.append(c);
      }
    }
    return out.toString();
  }
}
