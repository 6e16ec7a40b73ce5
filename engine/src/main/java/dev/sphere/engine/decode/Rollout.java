package dev.sphere.engine.decode;

import dev.sphere.base.SplitMix;
import dev.sphere.bindings.llama.Vocabulary;
import dev.sphere.engine.Generation;
import dev.sphere.engine.Generation.Finish;
import dev.sphere.engine.Policy.Request;
import java.util.Arrays;
import java.util.stream.IntStream;

/**
 * One sequence that is computed: a path and what was drawn after it. It stands for all requests of a job that have
 * drawn these tokens: for the whole job while the path is computed, then for those that agree, until their draws
 * differ.
 */
final class Rollout {
  final RolloutJob job;
  KvCache.Entry entry; // null while it has no place in the cache
  int computed; // tokens that were computed before, here or in another lane, whether or not the cache holds them
  boolean ahead; // drawn from known rows, so that its tokens may stand in the cache in another's place

  private int[] requests; // indices in the job of those that it stands for
  private int[] tokens; // path and drawn tokens
  private int length;
  private float[] logProbs; // of the drawn tokens
  private final Utf8Assembler text;
  private long mark; // of the tokens
  private long otherMark;

  /** Stands for all of a job's requests. */
  Rollout(RolloutJob job) {
    this(job, IntStream.range(0, job.requests.size()).toArray(), Arrays.copyOf(job.path, job.path.length + 32),
        job.path.length, new float[32], new Utf8Assembler());
    this.computed = job.computed;
    for (int token : job.path) {
      mark(token);
    }
  }

  private Rollout(RolloutJob job, int[] requests, int[] tokens, int length, float[] logProbs, Utf8Assembler text) {
    this.job = job;
    this.requests = requests;
    this.tokens = tokens;
    this.length = length;
    this.logProbs = logProbs;
    this.text = text;
  }

  /** A rollout with these tokens that stands for some of the requests; it has no place in the cache yet. */
  Rollout part(int[] positions) {
    Rollout part = new Rollout(job, at(positions), tokens.clone(), length, logProbs.clone(), text.copy());
    part.computed = computed;
    part.mark = mark;
    part.otherMark = otherMark;
    return part;
  }

  /** Keeps some of the requests; the others go on in rollouts of their own. */
  void keep(int[] positions) {
    requests = at(positions);
  }

  private int[] at(int[] positions) {
    return Arrays.stream(positions).map(i -> requests[i]).toArray();
  }

  /** How many of the job's requests it stands for. */
  int requests() {
    return requests.length;
  }

  /** Index in the job of the i-th of them. */
  int request(int i) {
    return requests[i];
  }

  private Request first() {
    return job.requests.get(requests[0]); // the others have the same rule and limit
  }

  int length() {
    return length;
  }

  int drawn() {
    return length - job.path.length;
  }

  int token(int i) {
    return tokens[i];
  }

  int[] tokens() {
    return tokens;
  }

  /** Two sequences of equal tokens have equal marks, and others have not: 128 bits with {@link #otherMark}. */
  long mark() {
    return mark;
  }

  long otherMark() {
    return otherMark;
  }

  private void mark(int token) {
    mark = SplitMix.mix(mark + SplitMix.STEP + token);
    otherMark = SplitMix.mix(otherMark * SplitMix.STEP ^ ~token);
  }

  /** Tokens that must be computed before the next one can be drawn. */
  int pending() {
    return length - (entry == null ? 0 : entry.length());
  }

  /**
   * Takes a token that all of its requests have drawn.
   *
   * @param limit longest sequence that is possible
   * @return why the generation ends with it, null when it goes on
   */
  Finish accept(int token, float logProb, Vocabulary vocabulary, int limit) {
    if (length == tokens.length) {
      tokens = Arrays.copyOf(tokens, length * 2);
    }
    int index = drawn();
    if (index == logProbs.length) {
      logProbs = Arrays.copyOf(logProbs, index * 2);
    }
    tokens[length++] = token;
    mark(token);
    logProbs[index] = logProb;
    if (vocabulary.isEndOfGeneration(token) && first().stop().atEndToken()) {
      return Finish.END;
    }
    int newFrom = text.length();
    text.add(vocabulary.bytes(token));
    if (first().stop().stop(text.text(), newFrom)) {
      return Finish.STOP;
    }
    return index + 1 >= first().sampling().maxTokens() || length >= limit ? Finish.LENGTH : null;
  }

  Generation generation(Finish finish) {
    return new Generation(
        Arrays.copyOfRange(tokens, job.path.length, length), Arrays.copyOf(logProbs, drawn()), text.finish(), finish);
  }
}
