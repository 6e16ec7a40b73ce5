package dev.sphere.engine.decode;

import dev.sphere.base.SplitMix;
import dev.sphere.engine.DrawKey;
import dev.sphere.engine.Generation;
import dev.sphere.engine.Policy;
import dev.sphere.engine.SamplingSettings;
import dev.sphere.engine.StopRule;
import dev.sphere.engine.TokenPath;
import java.util.ArrayList;
import java.util.List;
import java.util.function.IntFunction;

/** Completions of prompts. */
public final class Completions {
  private Completions() {}

  /**
   * A prompt to complete.
   *
   * @param id names it in the random numbers' key: the same id, seed and prompt give the same completions
   * @param tokens the prompt's tokens
   */
  public record Prompt(String id, int[] tokens) {}

  /**
   * Draws completions of a prompt.
   *
   * @param samples how many, at least 1
   * @param stop where a completion ends, besides end token and limit
   * @param seed of the draws
   * @return the completions, in order
   */
  public static List<Generation> complete(
      Policy policy, Prompt prompt, int samples, SamplingSettings sampling, StopRule stop, long seed)
      throws InterruptedException {
    return complete(policy, prompt, samples, sampling, k -> stop, seed);
  }

  /**
   * The completions of one prompt.
   *
   * @param stops the rule that ends each completion; those that share one share their rows while they draw alike
   */
  public static List<Generation> complete(
      Policy policy, Prompt prompt, int samples, SamplingSettings sampling, IntFunction<StopRule> stops, long seed)
      throws InterruptedException {
    List<Policy.Request> requests = new ArrayList<>();
    for (int k = 0; k < samples; k++) {
      requests.add(new Policy.Request(new DrawKey(seed, SplitMix.hash(prompt.id()), 0, k), sampling, stops.apply(k)));
    }
    return policy.generate(TokenPath.root(prompt.tokens()), requests);
  }
}
