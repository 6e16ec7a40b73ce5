package dev.sphere.engine.decode;

import dev.sphere.bindings.llama.Vocabulary;
import dev.sphere.engine.Generation;
import dev.sphere.engine.Generation.Finish;
import dev.sphere.engine.Policy.Request;
import java.util.Arrays;

/**
 * One sequence that is computed: a path and what was drawn after it. Until the path's last token is computed, the first
 * rollout of a job stands for all of the job's requests; then it is forked.
 */
final class Rollout {
  final RolloutJob job;
  final int request; // index in the job
  KvCache.Entry entry; // null while nothing of it is in the cache
  boolean forked; // false while it stands for the whole job
  int computed; // tokens that were computed before, here or in another lane, whether or not the cache holds them

  private int[] tokens; // path and drawn tokens
  private int length;
  private float[] logProbs = new float[32];
  private final Utf8Assembler text = new Utf8Assembler();

  Rollout(RolloutJob job, int request) {
    this.job = job;
    this.request = request;
    this.tokens = Arrays.copyOf(job.path, job.path.length + 32);
    this.length = job.path.length;
    this.computed = job.computed;
  }

  Request request() {
    return job.requests.get(request);
  }

  /** How many of the job's requests it stands for. */
  int requests() {
    return forked ? 1 : job.requests.size();
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

  /** Tokens that must be computed before the next one can be drawn. */
  int pending() {
    return length - (entry == null ? 0 : entry.length());
  }

  /**
   * Takes a drawn token.
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
    logProbs[index] = logProb;
    if (vocabulary.isEndOfGeneration(token) && request().stop().atEndToken()) {
      return Finish.END;
    }
    int newFrom = text.length();
    text.add(vocabulary.bytes(token));
    if (request().stop().stop(text.text(), newFrom)) {
      return Finish.STOP;
    }
    return index + 1 >= request().sampling().maxTokens() || length >= limit ? Finish.LENGTH : null;
  }

  Generation generation(Finish finish) {
    return new Generation(
        Arrays.copyOfRange(tokens, job.path.length, length),
        Arrays.copyOf(logProbs, drawn()),
        text.finish(),
        finish);
  }
}
