package dev.sphere.engine;

import java.util.Arrays;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * The words after which a corrected solution begins, such as "Corrected solution:". Before them stands a critique. At
 * the beginning of a line, other case, Markdown's bold and headings, and a missing colon are the same marker. Within a
 * line only its exact text counts.
 */
public final class SolutionMarker {
  /** No marker: the whole text is the solution. */
  public static final SolutionMarker NONE = new SolutionMarker("");

  private final Pattern line; // null for none

  private SolutionMarker(String text) {
    String words = text.strip().replaceFirst("[:：]+$", "");
    this.line = words.isBlank() ? null : Pattern.compile(
        "^[ \\t#*_>-]*" + Arrays.stream(words.split("\\s+")).map(Pattern::quote).collect(Collectors.joining("[ \\t]+"))
            + "[ \\t*_]*(?:[:：][ \\t*_]*|$)|(?-i:" + Pattern.quote(text.strip()) + ")(?![A-Za-z])[ \\t*_]*",
        Pattern.MULTILINE | Pattern.CASE_INSENSITIVE | Pattern.UNICODE_CASE);
  }

  /** A marker; a colon at its end is not part of it. Empty for {@link #NONE}. */
  public static SolutionMarker of(String text) {
    return text.isBlank() ? NONE : new SolutionMarker(text);
  }

  /** True for no marker. */
  public boolean isNone() {
    return line == null;
  }

  /** Where the solution begins in a text: after the last marker; 0 without one to look for, -1 where it is missing. */
  public int end(String text) {
    if (line == null) {
      return 0;
    }
    int end = -1;
    for (Matcher m = line.matcher(text); m.find(); ) {
      end = m.end();
    }
    return end;
  }

  /** The solution within a text; null where the marker is missing. */
  public String solution(String text) {
    int end = end(text);
    return end < 0 ? null : line == null ? text : text.substring(end).stripLeading();
  }

  /** The text that an outcome reward reads: the solution within a text, or all of it where the marker is missing. */
  public String solutionOrAll(String text) {
    String solution = solution(text);
    return solution == null ? text : solution;
  }
}
