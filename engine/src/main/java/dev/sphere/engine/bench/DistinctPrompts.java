package dev.sphere.engine.bench;

import java.util.Random;

/** Prompts that no two calls share. */
final class DistinctPrompts {
  private DistinctPrompts() {}

  /** Tokens of a prompt of its own for each (repetition, sequence): nothing of it is in any cache. */
  static int[] prompt(int repetition, int sequence, int length, int vocabulary) {
    int most = Math.min(vocabulary, 30_000);
    Random random = new Random(1_000_003L * (repetition + 2) + sequence);
    // The first tokens are the number itself, so that no prompt begins like another one.
    int[] tokens = random.ints(length, 3, most).toArray();
    long number = (repetition + 2L) * 100_003 + sequence;
    for (int i = 0; i < Math.min(length, 6); i++) {
      tokens[i] = (int) (3 + number % (Math.min(most, 250) - 3));
      number /= Math.min(most, 250) - 3;
    }
    return tokens;
  }
}
