package dev.sphere.engine.template;

import dev.sphere.engine.MarkedText;

/**
 * What one rendering may use. Every evaluated node, every character that is read or made and every element of a list
 * costs; who has used up everything is stopped. So time and memory are bounded without a clock, and the same template
 * ends in the same place on every machine.
 */
final class RenderBudget {
  /** What any rendering may use, in characters; a node counts as one, an element of a list as eight. */
  static final long BASE = 8L << 20;

  /** What each character of the dialogue adds to that. */
  static final long PER_CHARACTER = 64;

  /** The longest text. */
  static final int LONGEST_TEXT = 16 << 20;

  /** The longest list that {@code range} makes, as in Jinja2's sandbox. */
  static final int LONGEST_RANGE = 100_000;

  /** Expressions, blocks and values inside one another. */
  static final int DEEPEST = 400;

  /** The longest source. */
  static final int LONGEST_SOURCE = 1 << 20;

  private static final int ELEMENT = 8;

  private long left;
  private int depth;
  private int line;

  /** @param input characters of the dialogue */
  RenderBudget(long input) {
    this.left = BASE + PER_CHARACTER * input;
  }

  /** Where the template is, for messages. */
  void at(int line) {
    this.line = line;
  }

  TemplateException error(String message) {
    return new TemplateException("line " + line + ": " + message);
  }

  /** Uses up that many characters. */
  void spend(long characters) {
    left -= characters;
    if (left < 0) {
      throw error("the template does too much: it has handled all the characters that this dialogue allows it");
    }
  }

  /** A list of that many elements is about to be made. */
  void spendElements(long elements) {
    if (elements > LONGEST_TEXT) {
      throw error("the template makes a list of " + elements + " elements");
    }
    spend(ELEMENT * elements);
  }

  /** A text of that many characters is about to be made. */
  void spendText(long characters) {
    if (characters > LONGEST_TEXT) {
      throw error("the template makes a text of " + characters + " characters; at most " + LONGEST_TEXT);
    }
    spend(characters);
  }

  MarkedText text(String made) {
    spendText(made.length());
    return MarkedText.of(made);
  }

  /** One level deeper; {@link #leave} goes back. */
  void enter() {
    if (++depth > DEEPEST) {
      throw error("the template or its values are nested more than " + DEEPEST + " levels deep");
    }
    spend(1);
  }

  void leave() {
    depth--;
  }
}
