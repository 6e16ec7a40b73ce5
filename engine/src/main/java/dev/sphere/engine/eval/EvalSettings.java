package dev.sphere.engine.eval;

import dev.sphere.engine.SamplingSettings;

/**
 * What is generated for each problem.
 *
 * @param greedy true generates one greedy answer (pass@1)
 * @param samples sampled answers for mean@k, pass@k and maj@k; 0 for none
 * @param sampling how samples are drawn; its maxTokens also bounds the greedy answer
 * @param seed of the samples
 * @param inFlight problems that are asked for at once; changes speed alone
 */
public record EvalSettings(boolean greedy, int samples, SamplingSettings sampling, long seed, int inFlight) {
  public EvalSettings {
    if (samples < 0 || !greedy && samples == 0) {
      throw new IllegalArgumentException("nothing to evaluate: no greedy answer and " + samples + " samples");
    }
    if (inFlight < 1) {
      throw new IllegalArgumentException("at least one problem must be in flight: " + inFlight);
    }
  }

  /** One greedy answer of at most {@code maxTokens} tokens. */
  public static EvalSettings greedy(int maxTokens) {
    return new EvalSettings(true, 0, SamplingSettings.temperature(1f, maxTokens), 0, 64);
  }
}
