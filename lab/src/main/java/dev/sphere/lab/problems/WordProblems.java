package dev.sphere.lab.problems;

import dev.sphere.engine.Problem;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.function.ToIntFunction;
import java.util.zip.CRC32C;

/**
 * A seeded, endless stream of word problems of one split. A problem's split follows from its content (kind and numbers),
 * so what one split holds never occurs in another, whatever the seeds, names and phrasings.
 */
public final class WordProblems {
  /** Which use a problem is for; shares of the content space in percent. */
  public enum Split {
    /** Supervised training of the embedded models. */
    SFT(70),
    /** Search: {@code embedded:train}. */
    SEARCH(14),
    /** Tuning of settings: {@code embedded:validation}. */
    VALIDATION(8),
    /** Evaluation, never used for anything else: {@code embedded:test}. */
    TEST(8);

    private final int share;

    Split(int share) {
      this.share = share;
    }

    /** The split that a problem's content belongs to. */
    public static Split of(WordProblem problem) {
      return part(problem.key(), values(), s -> s.share);
    }
  }

  /** Where a content belongs, of 100 equal parts of all contents: 0 to 99, by its CRC-32C. */
  public static int bucket(String key) {
    CRC32C crc = new CRC32C();
    crc.update(key.getBytes(StandardCharsets.UTF_8));
    return (int) (crc.getValue() % 100);
  }

  /** The part that a content belongs to, of parts with these shares in percent, by its {@link #bucket}. */
  static <T> T part(String key, T[] parts, ToIntFunction<T> share) {
    int bucket = bucket(key);
    for (T part : parts) {
      bucket -= share.applyAsInt(part);
      if (bucket < 0) {
        return part;
      }
    }
    throw new AssertionError("shares do not add up to 100");
  }

  private final Split split;
  private final SplittableRandom random;

  /** A stream of problems; the same seed and split give the same problems. */
  public WordProblems(Split split, long seed) {
    this.split = split;
    this.random = new SplittableRandom(seed * 31 + split.ordinal());
  }

  /** The next problem. Its content may come again; see {@link #distinct}. */
  public WordProblem next() {
    while (true) {
      ProblemKinds[] kinds = ProblemKinds.values();
      WordProblem p = kinds[random.nextInt(kinds.length)].write(random.split());
      if (Split.of(p) == split) {
        return p;
      }
    }
  }

  /** The first {@code count} problems whose content is pairwise distinct. */
  public static List<WordProblem> distinct(Split split, long seed, int count) {
    WordProblems stream = new WordProblems(split, seed);
    Set<String> seen = new HashSet<>();
    List<WordProblem> out = new ArrayList<>();
    while (out.size() < count) {
      WordProblem p = stream.next();
      if (seen.add(p.key())) {
        out.add(p);
      }
    }
    return out;
  }

  /** Problems with known answers under ids {@code prefix-0}, {@code prefix-1}, ... */
  public static List<Problem> problems(Split split, long seed, int count, String prefix) {
    List<Problem> out = new ArrayList<>();
    for (WordProblem p : distinct(split, seed, count)) {
      out.add(p.toProblem(prefix + "-" + out.size()));
    }
    return out;
  }
}
