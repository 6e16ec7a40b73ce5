package dev.sphere.engine.decode;

import dev.sphere.base.InFlight;
import dev.sphere.base.SplitMix;
import dev.sphere.engine.DrawKey;
import dev.sphere.engine.Generation;
import dev.sphere.engine.Policy;
import dev.sphere.engine.SamplingSettings;
import dev.sphere.engine.StopRule;
import dev.sphere.engine.TokenPath;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BiConsumer;

/** Completes many prompts at once, so that the policy's batch stays full. */
public final class Completions {
  private static final int IN_FLIGHT = 256;

  private Completions() {}

  /**
   * A prompt to complete.
   *
   * @param id names it in the random numbers' key: the same id, seed and prompt give the same completions
   * @param tokens the prompt's tokens
   */
  public record Prompt(String id, int[] tokens) {}

  /**
   * Draws {@code samples} completions of each prompt.
   *
   * @param policy the model
   * @param prompts in the order in which the answer comes
   * @param samples completions a prompt, at least 1
   * @param sampling how tokens are drawn
   * @param stop where a completion ends, besides end token and limit
   * @param seed of the draws
   * @param listener called by the calling thread for each prompt that is done, in the order in which they are done:
   *     index, completions
   * @return for each prompt its completions, in order
   */
  public static List<List<Generation>> complete(
      Policy policy,
      List<Prompt> prompts,
      int samples,
      SamplingSettings sampling,
      StopRule stop,
      long seed,
      BiConsumer<Integer, List<Generation>> listener)
      throws InterruptedException {
    return InFlight.run(
        prompts, IN_FLIGHT, prompt -> complete(policy, prompt, samples, sampling, stop, seed), listener::accept);
  }

  /** The completions of one prompt. */
  public static List<Generation> complete(
      Policy policy, Prompt prompt, int samples, SamplingSettings sampling, StopRule stop, long seed)
      throws InterruptedException {
    List<Policy.Request> requests = new ArrayList<>();
    for (int k = 0; k < samples; k++) {
      requests.add(new Policy.Request(new DrawKey(seed, SplitMix.hash(prompt.id()), 0, k), sampling, stop));
    }
    return policy.generate(TokenPath.root(prompt.tokens()), requests);
  }
}
