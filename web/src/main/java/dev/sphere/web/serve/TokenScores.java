package dev.sphere.web.serve;

import java.util.Arrays;

/**
 * The log-probabilities of a text's tokens, and the likeliest tokens in each one's place. Entry i belongs to the token
 * with index i, given those before it. An entry behind the last token is that of the likeliest next token.
 *
 * @param tokens the text
 * @param from the first entry, at least 1
 * @param logProbs natural, from entry {@code from} on
 * @param ranks how many of the likeliest tokens each entry holds
 * @param likeliest [entries x ranks], the likeliest first
 * @param likeliestLogProbs [entries x ranks]
 */
record TokenScores(int[] tokens, int from, float[] logProbs, int ranks, int[] likeliest, float[] likeliestLogProbs) {
  static TokenScores empty(int[] tokens, int from, int entries, int ranks) {
    return new TokenScores(tokens, from, new float[entries], ranks, new int[entries * ranks],
        new float[entries * ranks]);
  }

  /** The index behind the last entry. */
  int end() {
    return from + logProbs.length;
  }

  float logProb(int entry) {
    return logProbs[entry - from];
  }

  int likeliest(int entry, int rank) {
    return likeliest[(entry - from) * ranks + rank];
  }

  float likeliestLogProb(int entry, int rank) {
    return likeliestLogProbs[(entry - from) * ranks + rank];
  }

  /** Floats and ints that it holds. */
  long size() {
    return tokens.length + logProbs.length * (1L + 2L * ranks);
  }

  /** Whether it has the first entries of another text's scores, and how many of that text's tokens it shares. */
  int sharedWith(int[] text, int first, int wantedRanks) {
    if (from > first || ranks < wantedRanks) {
      return 0;
    }
    int most = Math.min(Math.min(tokens.length, text.length), end());
    int different = Arrays.mismatch(tokens, 0, most, text, 0, most);
    return different < 0 ? most : different;
  }

  /** Takes entries before {@code end} from another text's scores that begin alike. */
  void copy(TokenScores other, int end) {
    for (int entry = from; entry < end; entry++) {
      logProbs[entry - from] = other.logProb(entry);
      for (int rank = 0; rank < ranks; rank++) {
        likeliest[(entry - from) * ranks + rank] = other.likeliest(entry, rank);
        likeliestLogProbs[(entry - from) * ranks + rank] = other.likeliestLogProb(entry, rank);
      }
    }
  }
}
