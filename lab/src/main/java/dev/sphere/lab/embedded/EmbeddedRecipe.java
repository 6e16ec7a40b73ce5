package dev.sphere.lab.embedded;

import com.fasterxml.jackson.annotation.JsonProperty;
import dev.sphere.trainer.data.Packing;
import dev.sphere.trainer.loop.TrainSettings;
import dev.sphere.trainer.optim.OptimizerSettings;
import dev.sphere.trainer.optim.Schedule;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Map;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.dataformat.yaml.YAMLMapper;

/**
 * How the embedded models are trained from random weights. Every value shapes the result; an unknown key is an error.
 *
 * @param models by name: {@code embedded}, {@code embedded-small}
 */
public record EmbeddedRecipe(Map<String, Entry> models) {
  /**
   * One model.
   *
   * @param seed of its random weights
   * @param corpus what it reads
   * @param train how it is trained
   * @param type of the saved matrices: bf16, f16 or f32
   */
  public record Entry(long seed, Corpus corpus, Train train, String type) {}

  /**
   * The dialogues; see {@link SftCorpus.Settings}.
   *
   * @param seed of problems and choices
   * @param dialogues how many
   * @param correction share of correction dialogues
   * @param hasty share of solutions in a hurry
   */
  public record Corpus(long seed, int dialogues, double correction, double hasty) {
    SftCorpus.Settings settings() {
      return new SftCorpus.Settings(seed, dialogues, correction, hasty);
    }
  }

  /**
   * The schedule; AdamW on all weights.
   *
   * @param batch dialogues a step
   * @param steps that the schedule is made for
   * @param stopAfter steps after which training stops all the same, so that the model stays imperfect
   * @param seed of the order of the dialogues
   */
  public record Train(
      @JsonProperty("learning_rate") double learningRate,
      String schedule,
      @JsonProperty("warmup_steps") int warmupSteps,
      @JsonProperty("weight_decay") double weightDecay,
      double beta2,
      @JsonProperty("max_grad_norm") double maxGradNorm,
      int batch,
      int steps,
      @JsonProperty("stop_after") int stopAfter,
      long seed,
      @JsonProperty("save_every") int saveEvery) {
    TrainSettings settings(int threads) {
      return TrainSettings.defaults(learningRate)
          .withOptimizer(OptimizerSettings.adamw(learningRate).withWeightDecay(weightDecay).withBetas(0.9, beta2)
              .withMaxGradNorm(maxGradNorm))
          .withSchedule(new Schedule(Schedule.Kind.valueOf(schedule.toUpperCase(Locale.ROOT)), warmupSteps))
          .withPacking(Packing.defaults())
          .withBatchSize(batch)
          .withMaxSteps(steps)
          .withSeed(seed)
          .withCheckpoints(saveEvery, 1000)
          .withLogEvery(10)
          .withThreads(threads);
    }
  }

  /**
   * Reads a recipe.
   *
   * @throws IllegalArgumentException naming the file and what is wrong in it
   */
  public static EmbeddedRecipe read(Path file) {
    YAMLMapper mapper = YAMLMapper.builder()
        .enable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
        .enable(DeserializationFeature.FAIL_ON_NULL_FOR_PRIMITIVES)
        .enable(DeserializationFeature.FAIL_ON_MISSING_CREATOR_PROPERTIES)
        .build();
    try {
      return mapper.readValue(Files.readString(file), EmbeddedRecipe.class);
    } catch (JacksonException e) {
      throw new IllegalArgumentException(
          "recipe " + file + ": " + e.getOriginalMessage().lines().findFirst().orElse("unreadable"), e);
    } catch (IOException e) {
      throw new IllegalArgumentException("recipe " + file + " cannot be read: " + e.getMessage(), e);
    }
  }

  /** The entry of that name. */
  public Entry entry(String name) {
    Entry entry = models.get(name);
    if (entry == null) {
      throw new IllegalArgumentException("the recipe has no model " + name + "; it has " + models.keySet());
    }
    return entry;
  }
}
