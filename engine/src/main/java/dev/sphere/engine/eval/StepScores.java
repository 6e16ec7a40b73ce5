package dev.sphere.engine.eval;

import dev.sphere.base.InFlight;
import dev.sphere.base.SplitMix;
import dev.sphere.engine.DrawKey;
import dev.sphere.engine.Generation;
import dev.sphere.engine.Policy;
import dev.sphere.engine.ProcessRewardModel;
import dev.sphere.engine.Progress;
import dev.sphere.engine.TokenPath;
import dev.sphere.engine.data.StepCase;
import dev.sphere.engine.prompt.Prompts;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BiConsumer;
import java.util.stream.IntStream;

/** Scores given solutions step by step, as a search would have scored them. */
public final class StepScores {
  private StepScores() {}

  /**
   * Scores all steps of all cases.
   *
   * @param policy tokenises the steps; a Monte Carlo reward also rolls out with it
   * @param separator what ends a step in the policy's words
   * @param seed of the draws, if the reward draws
   * @param parallel cases in flight; changes speed alone
   * @param known the scores of cases that are done, by index; these are not scored again
   * @param listener is given each other case that is done, from the calling thread
   * @param progress is given each case after that
   * @return for each case the scores of its steps, in order
   */
  public static List<double[]> of(List<StepCase> cases, Policy policy, ProcessRewardModel prm, Prompts prompts,
      String separator, long seed, int parallel, Map<Integer, double[]> known, BiConsumer<Integer, double[]> listener,
      Progress progress) throws InterruptedException {
    progress.begin("score", "solutions", known.size(), cases.size());
    Map<Integer, double[]> all = new HashMap<>(known);
    List<Integer> missing = IntStream.range(0, cases.size()).boxed().filter(i -> !known.containsKey(i)).toList();
    InFlight.run(missing, parallel, i -> one(cases.get(i), policy, prm, prompts, separator, seed), (n, scores) -> {
      listener.accept(missing.get(n), scores);
      all.put(missing.get(n), scores);
      progress.at(all.size(), () -> "");
    });
    return IntStream.range(0, cases.size()).mapToObj(all::get).toList();
  }

  private static double[] one(
      StepCase c, Policy policy, ProcessRewardModel prm, Prompts prompts, String separator, long seed)
      throws InterruptedException {
    TokenPath path = TokenPath.root(policy.tokenizePrompt(policy.prompt(prompts.ask(c.problem()))));
    double[] scores = new double[c.steps().size()];
    for (int i = 0; i < scores.length; i++) {
      boolean last = i == scores.length - 1;
      String text = last ? c.steps().get(i) : c.steps().get(i).stripTrailing() + separator;
      int[] tokens = policy.tokenizeAnswer(text);
      Generation step = new Generation(
          tokens, new float[tokens.length], text, last ? Generation.Finish.END : Generation.Finish.STOP);
      DrawKey key = new DrawKey(seed, SplitMix.hash(c.problem().id()), SplitMix.hash("step " + i), 0);
      scores[i] = prm.score(c.problem(), path, key, List.of(step))[0];
      path = path.extend(tokens);
    }
    return scores;
  }
}
