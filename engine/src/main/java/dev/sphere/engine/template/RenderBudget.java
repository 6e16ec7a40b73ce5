package dev.sphere.engine.template;

import dev.sphere.engine.MarkedText;

/**
 * Bounds time and memory of one rendering. Every evaluated node, every character that is read or made and every element
 * of a list costs; a rendering that has spent its budget ends in an error. No clock is involved, so the same template
 * ends in the same place on every machine.
 */
final class RenderBudget {
  /** The budget of any rendering, in characters; a node costs 1, an element of a list {@link #ELEMENT}. */
  static final long BASE = 8L << 20;

  /** The budget that each character of the dialogue adds. */
  static final long PER_CHARACTER = 64;

  /** The longest text, in characters. */
  static final int LONGEST_TEXT = 16 << 20;

  /** The most numbers that {@code range} makes, as in Jinja2's sandbox. */
  static final int LONGEST_RANGE = 100_000;

  /** Levels of expressions, statements and values inside one another. */
  static final int DEEPEST = 400;

  /** The longest source, in characters. */
  static final int LONGEST_SOURCE = 1 << 20;

  private static final int ELEMENT = 8;

  private final int[] lines = new int[DEEPEST + 1]; // the line of each level
  private long left;
  private int depth;

  /** @param input characters of the dialogue */
  RenderBudget(long input) {
    this.left = BASE + PER_CHARACTER * input;
  }

  TemplateException error(String message) {
    return new TemplateException("line " + lines[depth] + ": " + message);
  }

  /** Spends a number of characters. */
  void spend(long characters) {
    left -= characters;
    if (left < 0) {
      throw error("the template does too much: it has handled all the characters that this dialogue allows it");
    }
  }

  /** Spends a new list's elements. */
  void spendElements(long elements) {
    if (elements > LONGEST_TEXT) {
      throw error("the template makes a list of " + elements + " elements");
    }
    spend(ELEMENT * elements);
  }

  /** Spends a new text's characters. */
  void spendText(long characters) {
    if (characters > LONGEST_TEXT) {
      throw error("the template makes a text of " + characters + " characters; at most " + LONGEST_TEXT);
    }
    spend(characters);
  }

  /** Appends a text to a growing one, which must not become too long. */
  void append(MarkedText.Builder out, MarkedText text) {
    spendText((long) out.length() + text.length() > LONGEST_TEXT ? LONGEST_TEXT + 1L : text.length());
    out.append(text);
  }

  /** Goes one level deeper, to a node of that line; {@link #leave} goes back. */
  void enter(int line) {
    if (depth == DEEPEST) {
      throw error("the template or its values are nested more than " + DEEPEST + " levels deep");
    }
    lines[++depth] = line;
    spend(1);
  }

  /** Goes one level deeper, in a value. */
  void enter() {
    enter(lines[depth]);
  }

  void leave() {
    depth--;
  }
}
