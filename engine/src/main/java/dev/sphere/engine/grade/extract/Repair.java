package dev.sphere.engine.grade.extract;

import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Undoes what happened to a text on its way here: chat tokens, hidden thoughts, backslashes that were escaped twice. */
public final class Repair {
  private static final Pattern CHAT_TOKEN =
      Pattern.compile("<\\|(?:im_start|im_end|endoftext|end_of_text|eot_id|eom_id|end|user|start_header_id)\\|>|</s>"
          + "|<end_of_turn>|<eos>");
  private static final Pattern DOUBLED =
      Pattern.compile("(?<!\\\\)\\\\\\\\(?=(?:[dtc]?frac|sqrt|left|right|text|boxed|pi|leq?|geq?|lt|gt|infty|cdot|times|cup|cap"
          + "|pm|in|sin|cos|tan|log|ln|angle|circ|theta|alpha|beta|mathrm|mathbf|mathbb|overline|binom|begin|end|quad|neq?"
          + "|approx|%|\\{|\\})(?![a-z]))");

  private Repair() {}

  /** Decimal digits of other scripts as 0 to 9. */
  private static String latinDigits(String s) {
    StringBuilder out = null;
    for (int i = 0; i < s.length(); i++) {
      char c = s.charAt(i);
      if (c >= 0x660 && Character.isDigit(c)) {
        out = out == null ? new StringBuilder(s) : out;
        out.setCharAt(i, (char) ('0' + Character.digit(c, 10)));
      }
    }
    return out == null ? s : out.toString();
  }

  /** The text as it was meant; the same object when there is nothing to undo. Linear in its length. */
  public static String repair(String text) {
    String s = latinDigits(text);
    int thought = s.lastIndexOf("</think>");
    if (thought >= 0 && !s.substring(thought + 8).isBlank()) {
      s = s.substring(thought + 8);
    }
    if (s.indexOf('<') >= 0) {
      Matcher m = CHAT_TOKEN.matcher(s);
      while (m.find()) {
        if (!s.substring(0, m.start()).isBlank()) {
          s = s.substring(0, m.start());
          break;
        }
      }
    }
    return s.contains("\\\\") ? single(s) : s;
  }

  /** "\\frac" is "\frac" escaped twice; in a text where that happened every run of backslashes is twice too long. */
  private static String single(String s) {
    Matcher m = DOUBLED.matcher(s);
    if (!m.find()) {
      return s;
    }
    boolean everywhere = true;
    boolean aCommand = false;
    for (int i = s.indexOf('\\'); i >= 0 && everywhere; i = s.indexOf('\\', i)) {
      int from = i;
      while (i < s.length() && s.charAt(i) == '\\') {
        i++;
      }
      everywhere = (i - from) % 2 == 0;
      aCommand |= i - from == 2 && i < s.length() && Character.isLetter(s.charAt(i));
    }
    if (everywhere && aCommand) {
      return s.replace("\\\\", "\\");
    }
    // A row break of a matrix that is followed by a command stays.
    return s.contains("\\begin") ? s : m.replaceAll("\\\\");
  }
}
