package dev.sphere.trainer.evolve;

import static java.util.stream.Collectors.joining;

import com.fasterxml.jackson.annotation.JsonProperty;
import dev.sphere.engine.prompt.ChatTemplate;
import dev.sphere.engine.prompt.Prompts;
import dev.sphere.engine.stage.PairRules;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.exc.UnrecognizedPropertyException;
import tools.jackson.dataformat.yaml.YAMLMapper;

/**
 * Everything that an evolution run is told, read from one YAML file. Absent values take the defaults that stand here;
 * an
 * unknown key is an error that names it. {@code recipes/paper.yaml} comments each value.
 *
 * @param name what reports call it
 * @param model the policy: a GGUF file or {@code embedded}
 * @param smallModel π_small of stage 3: a GGUF file or {@code embedded-small}; absent: stage 3 is skipped and says so
 * @param problems the problems to search: a file or {@code embedded:train}
 * @param limit most problems of that set; 0 takes all
 * @param seed of everything random
 * @param rounds most rounds; a round starts from the newest policy
 * @param prompt what is said to the models; absent: what suits the model's file
 * @param search how trees are grown
 * @param train how the policy learns from the pairs
 * @param evaluate how base and evolved policy are compared
 */
public record Recipe(
    String name,
    String model,
    @JsonProperty("small_model") String smallModel,
    String problems,
    int limit,
    long seed,
    int rounds,
    Prompt prompt,
    Search search,
    Train train,
    Evaluate evaluate) {

  public Recipe {
    name = name == null ? "unnamed" : name;
    require(model != null, "model", "a GGUF file or 'embedded'", model);
    require(problems != null, "problems", "a problem file or 'embedded:train'", problems);
    rounds = rounds == 0 ? 1 : rounds;
    require(limit >= 0, "limit", "0 (all) or more", limit);
    require(rounds >= 1, "rounds", "at least 1", rounds);
    search = search == null ? Search.defaults() : search;
    train = train == null ? Train.defaults() : train;
  }

  /**
   * What is said to the models; each value may be absent.
   *
   * @param template how a dialogue is rendered: {@code plain}, Jinja text or a file of it; absent: the models' own
   * @param system the system turn
   * @param question the user's turn, with {@code {question}} for the problem's text
   * @param correction the user's turn after a wrong solution (stage 2); {@code {marker}} stands for the next setting
   * @param correctedAfter the marker after which the answer to {@code correction} holds the solution; empty: all of it is
   */
  public record Prompt(
      String template,
      String system,
      String question,
      String correction,
      @JsonProperty("corrected_after") String correctedAfter) {}

  /**
   * How trees are grown. The defaults are the paper's, or our reading where it gives none (see docs/explanation/method.md).
   *
   * @param stages any of generation, correction, diversity
   * @param prm the process reward as {@code sphere search --prm} takes it: mc, FILE.gguf, implicit:REF.gguf, random,
   *     outcome
   * @param rollouts completions of one step by which {@code mc} scores it
   * @param candidates E
   * @param temperature of every draw
   * @param depth most steps of a solution
   * @param simulations of each search; one is the paper's two chains
   * @param advantageWeight w of {@code R = prm + w (prm - parent's prm)}
   * @param separator the text that ends a step; absent: as the model is spoken to (an empty line; embedded: a line
   *     feed)
   * @param maxStepTokens most tokens of a step; absent: likewise (512; embedded: 64)
   * @param maxTokens most tokens of a Monte Carlo completion; absent: likewise (1024; embedded: 256)
   * @param pairing chains (the paper's: a right Sol_max against a wrong Sol_min) or any (right against wrong)
   * @param pairsPerStage most pairs that one stage makes of one problem
   * @param pairsPerProblem most pairs of one problem, all stages together; absent: any number
   * @param nearDuplicates leave out pairs at least so alike to an earlier one, 0 to 1; absent: only exact repetitions
   * @param maxLengthRatio most that one side of a pair may be longer than the other; 0: any
   * @param guessedAnswers solutions whose answer is not stated may make pairs
   * @param strategy another way to search (sphere search --strategy), with {@code budget} tokens; absent: the paper's
   * @param budget tokens a problem and stage for {@code strategy}
   * @param earlyStop stop Monte Carlo rollouts of an expansion when they can no longer change what survives
   * @param parallel problems in flight; changes the speed, never the result
   */
  public record Search(
      List<String> stages,
      String prm,
      Integer rollouts,
      Integer candidates,
      Float temperature,
      Integer depth,
      Integer simulations,
      @JsonProperty("advantage_weight") Double advantageWeight,
      String separator,
      @JsonProperty("max_step_tokens") Integer maxStepTokens,
      @JsonProperty("max_tokens") Integer maxTokens,
      String pairing,
      @JsonProperty("pairs_per_stage") Integer pairsPerStage,
      @JsonProperty("pairs_per_problem") Integer pairsPerProblem,
      @JsonProperty("near_duplicates") Double nearDuplicates,
      @JsonProperty("max_length_ratio") Double maxLengthRatio,
      @JsonProperty("guessed_answers") Boolean guessedAnswers,
      String strategy,
      Long budget,
      @JsonProperty("early_stop") Boolean earlyStop,
      Integer parallel) {
    public Search {
      stages = stages == null ? List.of("generation", "correction", "diversity") : List.copyOf(stages);
      prm = or(prm, "mc");
      rollouts = or(rollouts, 8);
      candidates = or(candidates, 5);
      temperature = or(temperature, 0.8f);
      depth = or(depth, 24);
      simulations = or(simulations, 1);
      advantageWeight = or(advantageWeight, 1.0);
      pairing = or(pairing, "chains");
      require(pairing.equals("chains") || pairing.equals("any"), "search.pairing", "chains or any", pairing);
      pairsPerStage = or(pairsPerStage, 4);
      pairsPerProblem = or(pairsPerProblem, Integer.MAX_VALUE);
      nearDuplicates = or(nearDuplicates, PairRules.defaults().nearDuplicate());
      maxLengthRatio = or(maxLengthRatio, 0.0);
      guessedAnswers = or(guessedAnswers, false);
      budget = or(budget, 4000L);
      earlyStop = or(earlyStop, false);
      parallel = or(parallel, 16);
    }

    static Search defaults() {
      return new Search(
          null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null,
              null, null,
          null);
    }
  }

  /**
   * How the policy learns. Names and meanings are those of {@code sphere train dpo}.
   *
   * @param method lora or full
   * @param loss one TRL loss name or several, separated by commas
   * @param lossWeights one weight for each loss; absent: all 1
   * @param rejected what of a rejected solution counts: {@code whole}, or {@code first_step}: up to the end of its
   *     first
   *     step that differs from the chosen one's
   */
  public record Train(
      String method,
      String loss,
      @JsonProperty("loss_weights") List<Double> lossWeights,
      String rejected,
      Double beta,
      String optimizer,
      @JsonProperty("learning_rate") Double learningRate,
      String schedule,
      Double warmup,
      Integer epochs,
      @JsonProperty("batch_pairs") Integer batchPairs,
      @JsonProperty("lora_rank") Integer loraRank,
      @JsonProperty("lora_alpha") Double loraAlpha,
      @JsonProperty("weight_decay") Double weightDecay,
      @JsonProperty("max_grad_norm") Double maxGradNorm,
      @JsonProperty("max_length") Integer maxLength) {
    public Train {
      method = or(method, "lora");
      require(method.equals("lora") || method.equals("full"), "train.method", "lora or full", method);
      loss = or(loss, "sigmoid");
      rejected = or(rejected, "whole");
      require(rejected.matches("whole|first_step"), "train.rejected", "whole or first_step", rejected);
      beta = or(beta, 0.1);
      optimizer = or(optimizer, "adamw");
      learningRate = or(learningRate, 1e-5);
      schedule = or(schedule, "linear");
      warmup = or(warmup, 0.1);
      epochs = or(epochs, 1);
      batchPairs = or(batchPairs, 16);
      loraRank = or(loraRank, 16);
      loraAlpha = or(loraAlpha, 2.0 * loraRank);
      weightDecay = or(weightDecay, 0.0);
      maxGradNorm = or(maxGradNorm, 1.0);
      maxLength = or(maxLength, 2048);
    }

    static Train defaults() {
      return new Train(null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null);
    }
  }

  /**
   * How base and evolved policy are compared, greedily and on the same problems.
   *
   * @param problems a problem file or {@code embedded:test}; none of them may be among the searched ones
   * @param limit most problems; 0 takes all
   * @param maxTokens most tokens of an answer; absent: as the model is spoken to (1024; embedded: 256)
   * @param ngram problems that share so many words in a row with one of these are not searched, and are listed in
   *     decontamination.jsonl; absent or 0: only problems with the same words throughout are refused
   */
  public record Evaluate(
      String problems, Integer limit, @JsonProperty("max_tokens") Integer maxTokens, Integer ngram) {
    public Evaluate {
      require(problems != null, "evaluate.problems", "a problem file or 'embedded:test'", problems);
      limit = or(limit, 0);
      ngram = or(ngram, 0);
    }
  }

  /**
   * Reads a recipe.
   *
   * @throws IllegalArgumentException when the text is no recipe: the message names the key or the line
   */
  public static Recipe parse(String yaml) {
    YAMLMapper mapper =
        YAMLMapper.builder()
            .enable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
            .disable(DeserializationFeature.FAIL_ON_NULL_FOR_PRIMITIVES)
            .build();
    try {
      Recipe recipe = mapper.readValue(yaml, Recipe.class);
      if (recipe == null) {
        throw new IllegalArgumentException("the recipe is empty");
      }
      return recipe;
    } catch (UnrecognizedPropertyException e) {
      String key = e.getPath().stream().map(JacksonException.Reference::getPropertyName).collect(joining("."));
      throw new IllegalArgumentException("unknown key '" + key + "'; known here: " + e.getKnownPropertyIds(), e);
    } catch (JacksonException e) {
      String where = e.getLocation() == null ? "" : " (line " + e.getLocation().getLineNr() + ")";
      Throwable cause = e.getCause() instanceof IllegalArgumentException ? e.getCause() : e;
      String what = cause == e ? e.getOriginalMessage() : cause.getMessage();
      throw new IllegalArgumentException(what.lines().findFirst().orElse("unreadable") + where, e);
    }
  }

  /** The same recipe with another seed. */
  public Recipe withSeed(long value) {
    return new Recipe(name, model, smallModel, problems, limit, value, rounds, prompt, search, train, evaluate);
  }

  /** What is said to the models: what this recipe tells, over what is usual. */
  Prompts prompts(Prompts usual) {
    return prompt == null ? usual : usual.with(prompt.system(), prompt.question(), prompt.correction(),
        prompt.correctedAfter(), ChatTemplate.named(prompt.template()));
  }

  /** Reads a recipe from a file; the file's name stands in front of every complaint. */
  public static Recipe read(Path file) throws IOException {
    String text = Files.readString(file);
    try {
      return parse(text);
    } catch (IllegalArgumentException e) {
      throw new IllegalArgumentException("recipe " + file + ": " + e.getMessage(), e);
    }
  }

  private static <T> T or(T value, T otherwise) {
    return value == null ? otherwise : value;
  }

  private static void require(boolean holds, String key, String expected, Object value) {
    if (!holds) {
      throw new IllegalArgumentException(key + " must be " + expected + ", not " + value);
    }
  }
}
