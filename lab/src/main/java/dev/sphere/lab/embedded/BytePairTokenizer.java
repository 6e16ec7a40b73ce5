package dev.sphere.lab.embedded;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A byte-level BPE vocabulary, learned from text, as GPT-2 and Qwen2 have it: 256 byte tokens, so that any text can be
 * written, then one token a merge, then the control tokens. Text is cut as Qwen2's tokenizer cuts it (each digit on its
 * own), so that llama.cpp reads it as {@code tokenizer.ggml.model = gpt2, tokenizer.ggml.pre = qwen2}.
 *
 * @param tokens the tokens in the order of their ids, in GPT-2's printable alphabet for bytes
 * @param merges the merges in the order in which they were learned, {@code left right}
 * @param controls number of control tokens; they are the last ones
 */
public record BytePairTokenizer(List<String> tokens, List<String> merges, int controls) {
  /** Qwen2's pre-tokenizer (as in its published tokenizer.json). */
  private static final Pattern WORDS = Pattern.compile(
      "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*"
          + "|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+",
      Pattern.UNICODE_CHARACTER_CLASS);

  private static final char[] ALPHABET = alphabet();

  public BytePairTokenizer {
    tokens = List.copyOf(tokens);
    merges = List.copyOf(merges);
  }

  /**
   * Learns a vocabulary of at most {@code size} tokens.
   *
   * @param texts the text to learn from, without control tokens
   * @param size number of tokens, 256 bytes and the control tokens included
   * @param controlTokens the control tokens, in the order of their ids
   */
  public static BytePairTokenizer learn(Iterable<String> texts, int size, List<String> controlTokens) {
    List<String> tokens = new ArrayList<>();
    for (char c : ALPHABET) {
      tokens.add(String.valueOf(c));
    }
    Map<List<String>, Long> words = count(texts);
    List<String> merges = new ArrayList<>();
    while (tokens.size() + controlTokens.size() < size) {
      Map<String, Long> pairs = new TreeMap<>(); // sorted, so that ties are broken alike everywhere
      words.forEach((word, n) -> {
        for (int i = 0; i + 1 < word.size(); i++) {
          pairs.merge(word.get(i) + " " + word.get(i + 1), n, Long::sum);
        }
      });
      if (pairs.isEmpty()) {
        break;
      }
      String best = Collections.max(pairs.entrySet(), Map.Entry.comparingByValue()).getKey();
      merges.add(best);
      tokens.add(best.replace(" ", ""));
      words = merged(words, best.substring(0, best.indexOf(' ')), best.substring(best.indexOf(' ') + 1));
    }
    tokens.addAll(controlTokens);
    return new BytePairTokenizer(tokens, merges, controlTokens.size());
  }

  /** Id of a control token. */
  public int control(String token) {
    int id = tokens.lastIndexOf(token);
    if (id < tokens.size() - controls) {
      throw new IllegalArgumentException("no control token: " + token);
    }
    return id;
  }

  /** GGUF's token types: 1 normal, 3 control. */
  public int[] types() {
    int[] types = new int[tokens.size()];
    for (int i = 0; i < types.length; i++) {
      types[i] = i < types.length - controls ? 1 : 3;
    }
    return types;
  }

  /** Text without control tokens as ids: the plain, slow reference for what llama.cpp does with this vocabulary. */
  public List<Integer> encode(String text) {
    Map<String, Integer> ids = new HashMap<>();
    for (int i = 0; i < tokens.size(); i++) {
      ids.putIfAbsent(tokens.get(i), i);
    }
    List<Integer> out = new ArrayList<>();
    Matcher m = WORDS.matcher(text);
    while (m.find()) {
      List<String> word = bytes(m.group());
      for (String merge : merges) {
        word = merged(word, merge.substring(0, merge.indexOf(' ')), merge.substring(merge.indexOf(' ') + 1));
      }
      for (String t : word) {
        out.add(ids.get(t));
      }
    }
    return out;
  }

  private static Map<List<String>, Long> count(Iterable<String> texts) {
    Map<String, Long> counts = new TreeMap<>();
    for (String text : texts) {
      Matcher m = WORDS.matcher(text);
      while (m.find()) {
        counts.merge(m.group(), 1L, Long::sum);
      }
    }
    Map<List<String>, Long> words = new HashMap<>();
    counts.forEach((word, n) -> words.merge(bytes(word), n, Long::sum));
    return words;
  }

  private static Map<List<String>, Long> merged(Map<List<String>, Long> words, String left, String right) {
    Map<List<String>, Long> out = new HashMap<>();
    words.forEach((word, n) -> out.merge(merged(word, left, right), n, Long::sum));
    return out;
  }

  private static List<String> merged(List<String> word, String left, String right) {
    List<String> out = new ArrayList<>(word.size());
    for (int i = 0; i < word.size(); i++) {
      if (i + 1 < word.size() && word.get(i).equals(left) && word.get(i + 1).equals(right)) {
        out.add(left + right);
        i++;
      } else {
        out.add(word.get(i));
      }
    }
    return out;
  }

  private static List<String> bytes(String word) {
    List<String> out = new ArrayList<>();
    for (byte b : word.getBytes(StandardCharsets.UTF_8)) {
      out.add(String.valueOf(ALPHABET[b & 0xff]));
    }
    return out;
  }

  /** GPT-2's printable stand-ins: printable bytes stand for themselves, the others for U+0100 and on, in order. */
  private static char[] alphabet() {
    char[] out = new char[256];
    int next = 0x100;
    for (int b = 0; b < 256; b++) {
      boolean printable = b >= '!' && b <= '~' || b >= 0xa1 && b <= 0xac || b >= 0xae;
      out[b] = (char) (printable ? b : next++);
    }
    return out;
  }
}
