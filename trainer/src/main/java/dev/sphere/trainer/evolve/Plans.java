package dev.sphere.trainer.evolve;

import dev.sphere.engine.SamplingSettings;
import dev.sphere.engine.prompt.Prompts;
import dev.sphere.engine.reward.MonteCarloPrm;
import dev.sphere.engine.run.ModelDefaults;
import dev.sphere.engine.run.PrmSpec;
import dev.sphere.engine.run.SearchPlan;
import dev.sphere.engine.search.SearchSettings;
import dev.sphere.engine.stage.PairRules;
import dev.sphere.engine.stage.StageSettings;
import dev.sphere.engine.stage.StageSettings.Pairing;
import dev.sphere.engine.strategy.Strategy;
import dev.sphere.engine.strategy.StrategySettings;
import dev.sphere.trainer.job.TrainJob;
import dev.sphere.trainer.job.Tuning;
import dev.sphere.trainer.loop.TrainSettings;
import dev.sphere.trainer.loss.LossSettings;
import dev.sphere.trainer.optim.OptimizerSettings;
import dev.sphere.trainer.optim.Schedule;
import java.nio.file.Path;
import java.util.List;

/** Turns a recipe's words into the engine's and the trainer's settings. */
final class Plans {
  private Plans() {}

  static SearchPlan search(Recipe recipe, Path policy, Path small, long seed) {
    Recipe.Search told = recipe.search();
    ModelDefaults manner = ModelDefaults.of(policy);
    int stepTokens = told.maxStepTokens() == null ? manner.stepTokens() : told.maxStepTokens();
    int solutionTokens = told.maxTokens() == null ? manner.solutionTokens() : told.maxTokens();
    SearchSettings paper = SearchSettings.paper();
    SearchSettings search = new SearchSettings(
        told.candidates(),
        SamplingSettings.temperature(told.temperature(), stepTokens),
        told.depth(),
        told.simulations(),
        paper.uct(),
        told.advantageWeight(),
        paper.outcomeWeight(),
        told.separator() == null ? manner.separator() : told.separator(),
        paper.resampleRounds(),
        paper.distinct(),
        paper.stopAtAnswer());
    StageSettings usual = StageSettings.defaults();
    StageSettings stages = new StageSettings(
        recipe.prompts(manner.prompts()),
        told.stages().contains("correction"),
        told.stages().contains("diversity"),
        usual.diversityFactor(),
        Pairing.valueOf(told.pairing().toUpperCase(java.util.Locale.ROOT)),
        told.pairsPerStage(),
        usual.corrections(),
        usual.correctPaired(),
        usual.truncatedRejected(),
        new PairRules(told.nearDuplicates(), told.pairsPerProblem(), told.maxLengthRatio(), told.guessedAnswers()));
    PrmSpec prm = new PrmSpec(told.prm(), new MonteCarloPrm.Settings(
        told.rollouts(), SamplingSettings.temperature(told.temperature(), solutionTokens), told.earlyStop()));
    StrategySettings strategy =
        told.strategy() == null ? null : StrategySettings.of(Strategy.of(told.strategy()), told.budget());
    return new SearchPlan(policy, null, small, prm, search, stages, seed, strategy, told.parallel());
  }

  static TrainJob train(Recipe recipe, Path policy, Path folder, long seed) {
    Recipe.Train told = recipe.train();
    String separator = recipe.search().separator() == null ? ModelDefaults.of(policy).separator()
        : recipe.search().separator();
    OptimizerSettings optimizer = switch (told.optimizer()) {
      case "adamw" -> OptimizerSettings.adamw(told.learningRate());
      case "sgd" -> OptimizerSettings.sgd(told.learningRate(), 0);
      default -> throw new IllegalArgumentException("train.optimizer must be adamw or sgd, not " + told.optimizer());
    };
    Schedule.Kind shape = Schedule.Kind.of(told.schedule());
    double warmup = told.warmup();
    TrainSettings settings = TrainSettings.defaults(told.learningRate())
        .withOptimizer(optimizer.withWeightDecay(told.weightDecay()).withMaxGradNorm(told.maxGradNorm()))
        .withSchedule(warmup < 1 ? Schedule.ofRatio(shape, warmup) : Schedule.of(shape, (int) warmup))
        .withBatchSize(told.batchPairs())
        .withEpochs(told.epochs())
        .withSeed(seed);
    return TrainJob.of(policy, folder, settings)
        .withTuning(told.method().equals("full") ? Tuning.full() : Tuning.lora(told.loraRank(), told.loraAlpha()))
        .withMaxLength(told.maxLength())
        .withTemplate(recipe.prompts(Prompts.defaults()).template())
        .withStepSeparator(told.rejected().equals("first_step") ? separator : null)
        .withResume(true);
  }

  static LossSettings loss(Recipe.Train told) {
    List<Double> weights = told.lossWeights() == null ? List.of() : told.lossWeights();
    return LossSettings.of(List.of(told.loss().split("\\s*,\\s*")), weights).withBeta(told.beta());
  }
}
