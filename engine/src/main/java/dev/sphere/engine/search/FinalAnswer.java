package dev.sphere.engine.search;

import dev.sphere.engine.StopRule;
import java.util.regex.Pattern;

/** Sees that a solution has stated its final answer. What the answer is worth is the outcome reward's business. */
public final class FinalAnswer {
  private static final Pattern HASHES = Pattern.compile("(?m)^\\s*####[ \\t]*\\S");

  private FinalAnswer() {}

  /** True when the text holds a closed {@code \boxed{...}} (or {@code \fbox}) or a line {@code #### x}. */
  public static boolean in(String text) {
    return boxed(text, "\\boxed") || boxed(text, "\\fbox") || HASHES.matcher(text).find();
  }

  /** Ends a generation when the answer is complete: at the box's closing brace, or after the {@code ####} line. */
  public static StopRule stop() {
    return (text, newFrom) -> {
      for (int i = newFrom; i < text.length(); i++) {
        char c = text.charAt(i);
        if (c == '}' && in(text.toString()) || c == '\n' && HASHES.matcher(text).find()) {
          return true;
        }
      }
      return false;
    };
  }

  private static boolean boxed(String text, String command) {
    for (int at = text.indexOf(command); at >= 0; at = text.indexOf(command, at + 1)) {
      int i = at + command.length();
      while (i < text.length() && text.charAt(i) == ' ') {
        i++;
      }
      if (i < text.length() && text.charAt(i) == '{' && closes(text, i)) {
        return true;
      }
    }
    return false;
  }

  private static boolean closes(String text, int open) {
    int deep = 0;
    for (int i = open; i < text.length(); i++) {
      char c = text.charAt(i);
      if (c == '\\') {
        i++; // an escaped brace does not count
      } else if (c == '{') {
        deep++;
      } else if (c == '}' && --deep == 0) {
        return true;
      }
    }
    return false;
  }
}
