package dev.sphere.web.serve;

import dev.sphere.engine.StopRule;
import java.util.List;

/**
 * Ends a generation behind the first of some strings.
 *
 * @param strings none of them empty; an empty list never ends anything
 * @param atEndToken whether the model's end token ends it too
 */
record StopStrings(List<String> strings, boolean atEndToken) implements StopRule {
  @Override
  public boolean stop(CharSequence text, int newFrom) {
    return !strings.isEmpty() && at(text.toString(), newFrom) >= 0;
  }

  /** Where the first of the strings begins that ends behind {@code newFrom}; -1 for none. */
  int at(String text, int newFrom) {
    int first = -1;
    for (String s : strings) {
      int at = text.indexOf(s, Math.max(0, newFrom - s.length() + 1));
      first = at >= 0 && (first < 0 || at < first) ? at : first;
    }
    return first;
  }

  /** The text before the first of the strings. */
  String cut(String text) {
    int at = at(text, 0);
    return at < 0 ? text : text.substring(0, at);
  }

  /** How much of a text without any of the strings can be sent: what may begin one of them is held back. */
  int safe(String text) {
    int safe = text.length();
    for (String s : strings) {
      for (int n = Math.min(s.length() - 1, text.length()); n > 0; n--) {
        if (text.endsWith(s.substring(0, n))) {
          safe = Math.min(safe, text.length() - n);
          break;
        }
      }
    }
    return safe;
  }
}
