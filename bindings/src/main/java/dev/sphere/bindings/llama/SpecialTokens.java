package dev.sphere.bindings.llama;

import dev.sphere.bindings.load.AbiConstants;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * A vocabulary's special tokens, found in text as llama.cpp finds them: the longest first, each from the left. With
 * them a prompt is cut so that llama.cpp reads those that a chat template wrote, and none that a message's text holds.
 */
final class SpecialTokens {
  private static final int STRIPS_LEFT = 1 << 7; // llama_token_attr, as the next
  private static final int STRIPS_RIGHT = 1 << 8;

  /**
   * A part of a text.
   *
   * @param literal whether special tokens in it are text
   */
  record Piece(int from, int to, boolean literal) {}

  private record Special(String text, int attributes) {
    boolean isControl() {
      return SpecialTokens.isControl(attributes);
    }
  }

  private record Occurrence(Special special, int from) {
    int to() {
      return from + special.text.length();
    }
  }

  private final Map<Character, List<Special>> byFirst = new HashMap<>();

  /** Whether a token with these attributes is found in text before all else. */
  static boolean isSpecial(int attributes) {
    return isControl(attributes) || (attributes & AbiConstants.LLAMA_TOKEN_ATTR_USER_DEFINED) != 0;
  }

  /** Whether such a token is read only where special tokens are parsed; a user-defined token is read in any text. */
  static boolean isControl(int attributes) {
    return (attributes & (AbiConstants.LLAMA_TOKEN_ATTR_CONTROL | AbiConstants.LLAMA_TOKEN_ATTR_UNKNOWN)) != 0;
  }

  /** A special token's text and its attributes. */
  void add(String text, int attributes) {
    if (!text.isEmpty()) {
      byFirst.computeIfAbsent(text.charAt(0), c -> new ArrayList<>()).add(new Special(text, attributes));
    }
  }

  /**
   * The text in pieces to be tokenized one by one.
   *
   * @param content where message text begins and ends: from, to, from, to, ...; ascending
   * @return null where no message holds a special token: then the whole text is one piece
   */
  List<Piece> pieces(String text, int[] content) {
    if (content.length == 0) {
      return null;
    }
    BitSet messages = new BitSet();
    for (int i = 0; i + 1 < content.length; i += 2) {
      messages.set(content[i], content[i + 1]);
    }
    List<Occurrence> all = occurrences(text);
    if (all.stream().noneMatch(f -> f.special.isControl() && touches(messages, f))) {
      return null;
    }
    all.sort(Comparator.<Occurrence>comparingInt(f -> -f.special.text.length()).thenComparingInt(f -> f.from));
    BitSet taken = new BitSet();
    List<Occurrence> template = new ArrayList<>(); // control tokens that stay ones
    BitSet defused = new BitSet();
    for (Occurrence f : all) {
      if (touches(taken, f)) {
        continue;
      }
      if (f.special.isControl() && touches(messages, f)) {
        defused.set(f.from, f.to());
        continue;
      }
      taken.set(f.from, f.to());
      if (f.special.isControl()) {
        template.add(f);
      }
    }
    template.sort(Comparator.comparingInt(Occurrence::from));
    return defused.isEmpty() ? null : cut(text, template, defused);
  }

  private static boolean touches(BitSet set, Occurrence f) {
    int next = set.nextSetBit(f.from);
    return next >= 0 && next < f.to();
  }

  private List<Occurrence> occurrences(String text) {
    List<Occurrence> all = new ArrayList<>();
    for (int i = 0; i < text.length(); i++) {
      for (Special s : byFirst.getOrDefault(text.charAt(i), List.of())) {
        if (text.startsWith(s.text, i)) {
          all.add(new Occurrence(s, i));
        }
      }
    }
    return all;
  }

  /** Between two of the template's tokens a text with a message's special token is literal; all else goes together. */
  private static List<Piece> cut(String text, List<Occurrence> template, BitSet defused) {
    List<Piece> pieces = new ArrayList<>();
    int done = 0; // up to here there are pieces
    for (int i = 0; i <= template.size(); i++) {
      Occurrence before = i == 0 ? null : template.get(i - 1);
      Occurrence after = i == template.size() ? null : template.get(i);
      int from = before == null ? 0 : before.to();
      int to = after == null ? text.length() : after.from;
      int next = defused.nextSetBit(from);
      if (next < 0 || next >= to) {
        continue;
      }
      if (from > done) {
        pieces.add(new Piece(done, from, false));
      }
      done = to;
      // llama.cpp drops the white space beside some tokens.
      boolean stripsFront = before != null && (before.special.attributes & STRIPS_RIGHT) != 0;
      boolean stripsBack = after != null && (after.special.attributes & STRIPS_LEFT) != 0;
      while (stripsFront && from < to && isSpace(text.charAt(from))) {
        from++;
      }
      while (stripsBack && from < to && isSpace(text.charAt(to - 1))) {
        to--;
      }
      if (from < to) {
        pieces.add(new Piece(from, to, true));
      }
    }
    if (done < text.length()) {
      pieces.add(new Piece(done, text.length(), false));
    }
    return pieces;
  }

  private static boolean isSpace(char c) {
    return c == ' ' || c >= 9 && c <= 13;
  }
}
