package dev.sphere.trainer.evolve;

import dev.sphere.engine.PreferencePair;
import dev.sphere.engine.SamplingSettings;
import dev.sphere.engine.decode.Precision;
import dev.sphere.engine.eval.EvalSettings;
import dev.sphere.engine.run.Evaluation;
import dev.sphere.engine.run.ModelDefaults;
import dev.sphere.engine.run.SearchPlan;
import dev.sphere.engine.search.SearchSettings;
import dev.sphere.engine.settings.GivenSettings;
import dev.sphere.trainer.job.JobSettings;
import dev.sphere.trainer.job.PairSettings;
import dev.sphere.trainer.job.TrainJob;
import dev.sphere.trainer.job.TrainTask;
import dev.sphere.trainer.loss.LossSettings;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/** Turns a recipe's words into the engine's and the trainer's settings. */
final class Plans {
  private Plans() {}

  /**
   * A round's search.
   *
   * @param before the policy that the round before began with; null in the first round
   */
  static SearchPlan search(Recipe recipe, Path policy, Path before, Path small, long seed) {
    GivenSettings told = recipe.search();
    if (before != null && recipe.reward() == Recipe.Reward.IMPLICIT) {
      // The policy's own log-probabilities come with its steps; the small model's steps are the policy's to judge too.
      String models = small == null ? before.toString() : policy + "," + before;
      String beta = String.valueOf(loss(recipe).beta());
      told = told.over(GivenSettings.nothing().with("prm_beta", List.of(beta), "reward")).with("prm", List.of("implicit:" + models), "reward");
    }
    return SearchPlan.of(seeded(told, seed), policy, null, small);
  }

  /** How a policy is compared with others: greedy answers, and samples beside them. */
  static Evaluation.Plan evaluation(Recipe recipe, Path model, Path adapter, int samples) {
    ModelDefaults manner = ModelDefaults.of(model);
    Integer asked = recipe.evaluate().maxTokens();
    int maxTokens = asked == null ? manner.solutionTokens() : asked;
    float temperature = Recipe.SEARCH.make(SamplingSettings.class, recipe.search(), manner.values(), Map.of()).temperature();
    EvalSettings settings = EvalSettings.greedy(maxTokens).withSamples(samples).withSeed(recipe.seed())
        .withSampling(SamplingSettings.temperature(temperature, maxTokens));
    return new Evaluation.Plan(model, adapter, recipe.prompts(manner.values()), settings, null, manner.separator(),
        Recipe.SEARCH.make(Precision.class, recipe.search()));
  }

  /** The same where a model is asked as is usual for it, with its usual limits. */
  static Evaluation.Plan usualEvaluation(Recipe recipe, Path model) {
    ModelDefaults usual = ModelDefaults.of(model);
    return new Evaluation.Plan(model, null, usual.prompts(),
        EvalSettings.greedy(usual.solutionTokens()).withSeed(recipe.seed()),
        null, usual.separator(), Recipe.SEARCH.make(Precision.class, recipe.search()));
  }

  static TrainJob train(Recipe recipe, Path policy, Path folder, long seed) {
    String template = recipe.prompts(ModelDefaults.instructed().values()).template();
    TrainJob job = JobSettings.of(seeded(recipe.train(), seed), template).job(policy, folder, null, true);
    String stepEnd = Recipe.SEARCH.make(
        SearchSettings.class, recipe.search(), ModelDefaults.of(policy).values(), Map.of()).separator();
    return pairs(recipe).cut(job, stepEnd);
  }

  /** What is trained on: the pairs of a search, or the siblings in its folder. */
  static TrainTask task(Recipe recipe, List<PreferencePair> pairs, Path run) {
    LossSettings loss = loss(recipe);
    return pairs(recipe).siblings() ? pairs(recipe).siblings(run, loss) : new TrainTask.PreferPairs(pairs, loss);
  }

  private static LossSettings loss(Recipe recipe) {
    return Recipe.TRAIN.make(LossSettings.class, recipe.train());
  }

  private static PairSettings pairs(Recipe recipe) {
    return Recipe.TRAIN.make(PairSettings.class, recipe.train());
  }

  private static GivenSettings seeded(GivenSettings told, long seed) {
    return told.with("seed", List.of(String.valueOf(seed)), "seed");
  }
}
