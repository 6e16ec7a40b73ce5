package dev.sphere.engine;

import java.util.Arrays;

/**
 * Text that knows which of its characters came from a message. A chat template's own characters may be read as special
 * tokens; a message's may not, or its text could close its turn ({@link Tokenizer#tokenizePrompt(MarkedText)}).
 *
 * <p>Immutable. Two are equal when their characters are, whatever the marks.
 */
public final class MarkedText implements Comparable<MarkedText> {
  private static final int[] NONE = {};

  private final String text;
  private final int[] content; // from, to, from, to, ...: ascending, neither empty nor touching

  private MarkedText(String text, int[] content) {
    this.text = text;
    this.content = content;
  }

  /** Text of which nothing is marked. */
  public static MarkedText of(String text) {
    return new MarkedText(text, NONE);
  }

  /** Text that is a message's as a whole. */
  public static MarkedText content(String text) {
    return new MarkedText(text, text.isEmpty() ? NONE : new int[] {0, text.length()});
  }

  /**
   * Text with marks.
   *
   * @param content where message text begins and ends: from, to, from, to, ...; ascending, in chars
   * @throws IllegalArgumentException when they are not ascending or not inside the text
   */
  public static MarkedText of(String text, int[] content) {
    int last = 0;
    Builder marked = new Builder();
    for (int i = 0; i + 1 < content.length; i += 2) {
      if (content[i] < last || content[i + 1] < content[i] || content[i + 1] > text.length()) {
        throw new IllegalArgumentException(
            "message text must be given as ascending pairs within the " + text.length() + " characters: "
                + Arrays.toString(content));
      }
      last = content[i + 1];
      marked.mark(content[i], last);
    }
    if (content.length % 2 != 0) {
      throw new IllegalArgumentException("message text is given as pairs: " + Arrays.toString(content));
    }
    return new MarkedText(text, marked.marks());
  }

  /** The characters. */
  public String text() {
    return text;
  }

  /** Where message text begins and ends: from, to, from, to, ...; ascending, in chars. */
  public int[] content() {
    return content.clone();
  }

  /** Whether any character is a message's. */
  public boolean hasContent() {
    return content.length > 0;
  }

  /** Whether a character between {@code from} and {@code to} is a message's. */
  public boolean hasContent(int from, int to) {
    int first = firstAfter(from);
    return 2 * first < content.length && content[2 * first] < to;
  }

  /** The number of the first span that ends after {@code from}. */
  private int firstAfter(int from) {
    int low = 0;
    int high = content.length / 2;
    while (low < high) {
      int middle = (low + high) >>> 1;
      if (content[2 * middle + 1] > from) {
        high = middle;
      } else {
        low = middle + 1;
      }
    }
    return low;
  }

  /** Number of chars. */
  public int length() {
    return text.length();
  }

  /** The chars from {@code from} up to {@code to}, with their marks. */
  public MarkedText substring(int from, int to) {
    return from == 0 && to == text.length() ? this : new Builder().append(this, from, to).build();
  }

  @Override
  public int compareTo(MarkedText other) {
    return text.compareTo(other.text);
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof MarkedText m && text.equals(m.text);
  }

  @Override
  public int hashCode() {
    return text.hashCode();
  }

  /** The characters. */
  @Override
  public String toString() {
    return text;
  }

  /** Puts texts together; marks move along. */
  public static final class Builder {
    private final StringBuilder text = new StringBuilder();
    private int[] marks = NONE;
    private int count;

    /** Number of chars so far. */
    public int length() {
      return text.length();
    }

    /** Adds text that is no message's. */
    public Builder append(String part) {
      text.append(part);
      return this;
    }

    /** Adds text. */
    public Builder append(MarkedText part) {
      return append(part, 0, part.length());
    }

    /** Adds text that is a message's where {@code like} has any message text. */
    public Builder append(String part, MarkedText like) {
      if (like.hasContent() && !part.isEmpty()) {
        mark(text.length(), text.length() + part.length());
      }
      return append(part);
    }

    /** Adds a part of a text. */
    public Builder append(MarkedText part, int from, int to) {
      int shift = text.length() - from;
      int[] content = part.content;
      for (int i = 2 * part.firstAfter(from); i < content.length && content[i] < to; i += 2) {
        mark(Math.max(content[i], from) + shift, Math.min(content[i + 1], to) + shift);
      }
      text.append(part.text, from, to);
      return this;
    }

    private void mark(int from, int to) {
      if (from == to) {
        return;
      }
      if (count > 0 && marks[count - 1] == from) {
        marks[count - 1] = to;
        return;
      }
      if (count == marks.length) {
        marks = Arrays.copyOf(marks, Math.max(8, 2 * count));
      }
      marks[count++] = from;
      marks[count++] = to;
    }

    private int[] marks() {
      return count == 0 ? NONE : Arrays.copyOf(marks, count);
    }

    /** The whole text with its marks. */
    public MarkedText build() {
      return new MarkedText(text.toString(), marks());
    }
  }
}
