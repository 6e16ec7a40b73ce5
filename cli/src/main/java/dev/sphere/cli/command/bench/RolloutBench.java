package dev.sphere.cli.command.bench;

import dev.sphere.base.InFlight;
import dev.sphere.bindings.llama.ContextOptions;
import dev.sphere.bindings.llama.Model;
import dev.sphere.engine.DrawKey;
import dev.sphere.engine.Generation;
import dev.sphere.engine.Policy.Request;
import dev.sphere.engine.SamplingSettings;
import dev.sphere.engine.StopRule;
import dev.sphere.engine.TokenPath;
import dev.sphere.engine.decode.BatchedPolicy;
import dev.sphere.engine.decode.RolloutCounters;
import dev.sphere.engine.prompt.ChatTemplate;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.Callable;

/**
 * Times the rollout engine on prompts of random tokens: sampling, log-probabilities, text and stop rules included. Each
 * repetition has prompts of its own, of which nothing is in the cache.
 */
public final class RolloutBench implements AutoCloseable {
  /** Temperature of the draws. */
  public static final float TEMPERATURE = 0.8f;

  /**
   * The work of one repetition.
   *
   * @param prompt tokens of each prompt, at least 1; all prompts differ
   * @param shared tokens at the beginning that all prompts have in common
   * @param generate tokens that each sequence generates, at least 2
   * @param parallel sequences at once, 1 to 256
   * @param repetitions timed runs, after one to warm up
   */
  public record Plan(int prompt, int shared, int generate, int parallel, int repetitions) {
    public Plan {
      if (prompt < 1 || generate < 2 || parallel < 1 || parallel > ContextOptions.MAX_SEQUENCES || repetitions < 1) {
        throw new IllegalArgumentException(
            "prompt and repetitions must be positive, generate at least 2, parallel 1 to "
                + ContextOptions.MAX_SEQUENCES);
      }
      if (shared < 0 || shared > prompt) {
        throw new IllegalArgumentException("shared must be 0 to prompt: " + shared);
      }
    }

    /** Generated tokens a second over the whole time, prompts included. */
    public double rate(Seconds run) {
      return (double) parallel * generate / run.all();
    }

    /** Generated tokens a second after each sequence's first token, over the time after the prompts. */
    public double generationRate(Seconds run) {
      return parallel * (generate - 1.0) / (run.all() - run.prompts());
    }
  }

  /**
   * How long a repetition took.
   *
   * @param prompts seconds until the first token of each sequence was drawn
   * @param all seconds in all
   */
  public record Seconds(double prompts, double all) {}

  private final Plan plan;
  private final int vocabulary;
  private final BatchedPolicy.Options options;
  private final BatchedPolicy policy;

  /** Opens the rollout engine over a loaded model, with cells for all sequences. */
  public RolloutBench(Model model, Plan plan) {
    this.plan = plan;
    this.vocabulary = model.vocabulary().size();
    BatchedPolicy.Options auto = BatchedPolicy.Options.auto(model, plan.parallel());
    this.options = auto.withCells(auto.slots() * (plan.prompt() + plan.generate()) * 5 / 4 + 256);
    this.policy = BatchedPolicy.of(model, null, ChatTemplate.PLAIN, options);
  }

  /** The rollout engine's lanes, threads and slots. */
  public BatchedPolicy.Options options() {
    return options;
  }

  /**
   * Runs a repetition: the prompts alone with one token each, then other prompts with all tokens.
   *
   * @param repetition -1 to warm up, then from 0 on; no two may be equal
   */
  public Seconds run(int repetition) throws InterruptedException {
    double prompts = seconds(2 * repetition + 1_001, 1);
    return new Seconds(prompts, seconds(2 * repetition + 1_002, plan.generate()));
  }

  private double seconds(int repetition, int generate) throws InterruptedException {
    List<Callable<List<Generation>>> jobs = new ArrayList<>();
    List<int[]> prompts = prompts(repetition);
    for (int s = 0; s < plan.parallel(); s++) {
      DrawKey key = new DrawKey(repetition, s, 0, 0);
      Request request = new Request(key, SamplingSettings.temperature(TEMPERATURE, generate), fullLength(generate));
      TokenPath prompt = TokenPath.root(prompts.get(s));
      jobs.add(() -> policy.generate(prompt, List.of(request)));
    }
    long begin = System.nanoTime();
    InFlight.together(jobs);
    return (System.nanoTime() - begin) / 1e9;
  }

  /** The prompts of a repetition, one for each sequence. */
  public List<int[]> prompts(int repetition) {
    int[] common = prompt(repetition, 99_999, plan.shared(), vocabulary);
    List<int[]> prompts = new ArrayList<>();
    for (int s = 0; s < plan.parallel(); s++) {
      int[] prompt = new int[plan.prompt()];
      int own = plan.prompt() - plan.shared();
      System.arraycopy(common, 0, prompt, 0, plan.shared());
      System.arraycopy(prompt(repetition, s, own, vocabulary), 0, prompt, plan.shared(), own);
      prompts.add(prompt);
    }
    return prompts;
  }

  /** Random tokens that begin otherwise for each repetition and sequence, so that nothing of them is in a cache. */
  public static int[] prompt(int repetition, int sequence, int length, int vocabulary) {
    int most = Math.min(vocabulary, 30_000);
    int[] tokens = new Random(1_000_003L * (repetition + 2) + sequence).ints(length, 3, most).toArray();
    // The first tokens are the number itself.
    long number = (repetition + 2L) * 100_003 + sequence;
    for (int i = 0; i < Math.min(length, 6); i++) {
      tokens[i] = (int) (3 + number % (Math.min(most, 250) - 3));
      number /= Math.min(most, 250) - 3;
    }
    return tokens;
  }

  /**
   * Ends a generation after a number of tokens, and not at the model's end token, so that all sequences do the same work.
   * It ends by rule and not by the limit, as a step of a search does: the engine then keeps its cells. For one request.
   */
  public static StopRule fullLength(int tokens) {
    return new StopRule() {
      private int seen;

      @Override
      public boolean stop(CharSequence text, int newFrom) {
        return ++seen == tokens;
      }

      @Override
      public boolean atEndToken() {
        return false;
      }
    };
  }

  /** Share of the steps so far in which tokens were drawn; on a GPU the aim is 0.03. */
  public double drawingShare() {
    RolloutCounters.Reading c = policy.counters();
    return c.drawNanos() / ((double) c.decodeNanos() + c.drawNanos() + c.ownNanos());
  }

  @Override
  public void close() {
    policy.close();
  }
}
