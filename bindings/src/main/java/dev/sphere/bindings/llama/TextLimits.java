package dev.sphere.bindings.llama;

import dev.sphere.bindings.load.AbiConstants;
import dev.sphere.bindings.load.LlamaException;
import java.nio.charset.StandardCharsets;
import java.util.BitSet;

/**
 * Admits texts of up to 1 MiB that llama.cpp tokenizes in seconds, not minutes. Its time is linear in the
 * length but for three things, each quadratic: a text is cut at special tokens, and for each cut all earlier ones are
 * counted; the pre-tokenizer deepseek-llm looks for the end of the text from each character of white space, and
 * superbpe for the end of the number from each digit. What is counted here grows as that time does, about 2 ns a step.
 */
final class TextLimits {
  private static final long MAX_STEPS = 1L << 32;
  /** A step of std::regex takes as long as this many of a walk along a list. */
  private static final int REGEX_STEP = 16;

  private enum Run { NONE, WHITE_SPACE, DIGITS }

  private final Run run;
  private final Specials all = new Specials();
  private final Specials userDefined = new Specials(); // those are cut at even in plain text

  /** Special tokens by their first two bytes. */
  private static final class Specials {
    final BitSet beginnings = new BitSet(1 << 16);
    long count;

    void add(String bytes) {
      int first = bytes.charAt(0) << 8;
      if (bytes.length() == 1) {
        beginnings.set(first, first + 256);
      } else {
        beginnings.set(first | bytes.charAt(1));
      }
      count++;
    }

    /** At most this many steps: tokens looked for in the whole text and in each part, parts counted at each cut. */
    long steps(byte[] text) {
      long places = 0;
      for (int i = 0; i < text.length; i++) {
        int next = i + 1 < text.length ? text[i + 1] & 0xFF : 0;
        places += beginnings.get((text[i] & 0xFF) << 8 | next) ? 1 : 0;
      }
      return count * (text.length / 16 + places) + places * places;
    }
  }

  /** Limits for a vocabulary with this pre-tokenizer (empty: none); its special tokens are to be added. */
  TextLimits(String preTokenizer) {
    run = switch (preTokenizer) {
      case "deepseek-llm" -> Run.WHITE_SPACE;
      case "superbpe" -> Run.DIGITS;
      default -> Run.NONE;
    };
  }

  /** Adds a {@linkplain SpecialTokens#isSpecial special} token; its text as Latin-1, a byte a character, not empty. */
  void add(int attributes, String bytes) {
    all.add(bytes);
    if (!SpecialTokens.isControl(attributes)) {
      userDefined.add(bytes);
    }
  }

  /**
   * The text in UTF-8.
   *
   * @param parseSpecial whether special tokens in it are read as such
   * @throws LlamaException when it is too long, or would take too long
   */
  byte[] admit(String text, boolean parseSpecial, Model model) {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    if (bytes.length > AbiConstants.SPHERE_TOKENIZE_BYTES) {
      throw new LlamaException("Cannot tokenize a text of " + bytes.length + " bytes with " + model
          + ": at most " + AbiConstants.SPHERE_TOKENIZE_BYTES + " bytes are tokenized at once. Shorten the text.");
    }
    if ((parseSpecial ? all : userDefined).steps(bytes) > MAX_STEPS) {
      throw new LlamaException("Cannot tokenize a text of " + bytes.length + " bytes with " + model
          + ": too many special tokens may stand in it, which would take minutes. Split the text.");
    }
    if (run != Run.NONE && REGEX_STEP * squaredRuns(text) > MAX_STEPS) {
      throw new LlamaException("Cannot tokenize a text of " + bytes.length + " bytes with " + model + ": it holds "
          + (run == Run.DIGITS ? "numbers" : "white space") + " so long that this tokenizer would take minutes. "
          + "Shorten them.");
    }
    return bytes;
  }

  private long squaredRuns(String text) {
    long sum = 0;
    long length = 0;
    for (int i = 0; i <= text.length(); i++) {
      if (i < text.length() && belongs(text.charAt(i))) {
        length++;
      } else {
        sum += length * length;
        length = 0;
      }
    }
    return sum;
  }

  private boolean belongs(char c) {
    return run == Run.DIGITS
        ? c >= '0' && c <= '9'
        : Character.isWhitespace(c) || Character.isSpaceChar(c) || c == '\u0085';
  }
}
