package dev.sphere.engine.search;

import java.util.Locale;

/** When two candidate steps count as the same step. */
public enum Distinct {
  /** Equal character by character. */
  EXACT,
  /** Equal when every run of white space counts as one space and the ends are stripped. The default. */
  WHITESPACE,
  /** Equal when white space, letter case and the marks {@code . , ; : ! $} are left out. */
  LOOSE;

  /** The form of a step's text by which it is compared. */
  public String normalise(String text) {
    return switch (this) {
      case EXACT -> text;
      case WHITESPACE -> text.strip().replaceAll("\\s+", " ");
      case LOOSE -> text.toLowerCase(Locale.ROOT).replaceAll("[\\s.,;:!$]+", "");
    };
  }
}
