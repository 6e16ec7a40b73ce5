package dev.sphere.engine.model;

import dev.sphere.bindings.Batch;
import dev.sphere.bindings.Context;
import dev.sphere.bindings.ContextOptions;
import dev.sphere.bindings.Model;
import dev.sphere.engine.DrawKey;
import dev.sphere.engine.Policy.Request;
import dev.sphere.engine.SamplingSettings;
import dev.sphere.engine.StopRule;
import dev.sphere.engine.TokenPath;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/**
 * The core of {@code bench rollouts}: generated tokens a second of the rollout engine (sampling, log-probabilities,
 * text and stop rules included), and of a bare llama.cpp decode loop of the same shape (no sampling at all) in the same
 * run.
 */
public final class RolloutBench {
  /**
   * What is run.
   *
   * @param prompt tokens of each prompt, at least 1; all prompts differ
   * @param generate tokens that each sequence generates
   * @param parallel sequences at once
   * @param repetitions measured runs, after one to warm up
   */
  public record Plan(int prompt, int generate, int parallel, int repetitions) {
    public Plan {
      if (prompt < 1 || generate < 1 || parallel < 1 || repetitions < 1) {
        throw new IllegalArgumentException("prompt, generate, parallel and repetitions must be positive");
      }
    }
  }

  /**
   * What came out; rates in tokens a second, medians over the repetitions.
   *
   * @param tokensPerSecond generated tokens, prompts' time included
   * @param slowest of the repetitions
   * @param fastest of the repetitions
   * @param bareTokensPerSecond the same of the bare loop, one context with all cores, micro-batches of 512
   * @param ratio engine over bare loop
   * @param lanes decode loops of the engine
   * @param threads threads in each of them
   * @param steps micro-batches that the engine computed in all repetitions
   */
  public record Result(
      Plan plan,
      String model,
      double tokensPerSecond,
      double slowest,
      double fastest,
      double bareTokensPerSecond,
      double ratio,
      int lanes,
      int threads,
      long steps) {}

  private final Model model;
  private final Plan plan;

  /** A benchmark of a loaded model. */
  public RolloutBench(Model model, Plan plan) {
    this.model = model;
    this.plan = plan;
  }

  /** Runs it; engine and bare loop take turns. */
  public Result run() throws InterruptedException {
    LlamaPolicy.Options auto = LlamaPolicy.Options.auto(model, plan.parallel());
    int lanes = Math.min(auto.lanes(), plan.parallel());
    int slots = Math.clamp(Math.ceilDiv(plan.parallel(), lanes), 1, LlamaPolicy.Options.MOST_SLOTS);
    int cells = Math.max(256, Math.ceilDiv(slots * (plan.prompt() + plan.generate()) * 5, 4) + 128);
    LlamaPolicy.Options options =
        new LlamaPolicy.Options(lanes, auto.threads(), slots, cells, 0, auto.kvType());
    double[] rates = new double[plan.repetitions()];
    double[] bare = new double[plan.repetitions()];
    try (LlamaPolicy policy = LlamaPolicy.of(model, null, ChatTemplate.PLAIN, options)) {
      engine(policy, -1);
      bare();
      for (int i = 0; i < plan.repetitions(); i++) {
        rates[i] = engine(policy, i);
        bare[i] = bare();
      }
      Arrays.sort(rates);
      Arrays.sort(bare);
      double median = rates[rates.length / 2];
      double bareMedian = bare[bare.length / 2];
      return new Result(
          plan,
          model.description(),
          median,
          rates[0],
          rates[rates.length - 1],
          bareMedian,
          median / bareMedian,
          lanes,
          options.threads(),
          policy.counters().steps());
    }
  }

  private double engine(LlamaPolicy policy, int repetition) throws InterruptedException {
    long begin = System.nanoTime();
    long drawn = 0;
    try (var pool = Executors.newVirtualThreadPerTaskExecutor()) {
      List<Future<Integer>> running = new ArrayList<>();
      for (int s = 0; s < plan.parallel(); s++) {
        int sequence = s;
        running.add(pool.submit(() -> generate(policy, repetition, sequence)));
      }
      for (Future<Integer> f : running) {
        drawn += f.get();
      }
    } catch (ExecutionException e) {
      throw e.getCause() instanceof RuntimeException r ? r : new IllegalStateException(e.getCause());
    }
    return drawn / seconds(begin);
  }

  private int generate(LlamaPolicy policy, int repetition, int sequence) throws InterruptedException {
    DrawKey key = new DrawKey(repetition, sequence, 0, 0);
    Request request = new Request(key, SamplingSettings.temperature(0.8f, plan.generate()), StopRule.never());
    return policy.generate(TokenPath.root(prompt(sequence)), List.of(request)).getFirst().tokens().length;
  }

  private int[] prompt(int sequence) {
    return new Random(sequence).ints(plan.prompt(), 0, Math.min(250, model.vocabulary().size())).toArray();
  }

  /** llama.cpp as its own batched benchmark drives it: prompts in large batches, then one token a sequence a step. */
  private double bare() {
    int cores = Runtime.getRuntime().availableProcessors();
    int sequences = Math.min(plan.parallel(), ContextOptions.MAX_SEQUENCES);
    int cells = sequences * (plan.prompt() + plan.generate());
    ContextOptions shape =
        new ContextOptions(
            cells, Math.max(512, sequences), 512, sequences, cores, true, true, LlamaPolicy.Options.CACHE, false);
    try (Context context = Context.open(model, shape);
        Batch batch = new Batch(shape.batch())) {
      long begin = System.nanoTime();
      for (int s = 0; s < sequences; s++) {
        int[] prompt = prompt(s);
        for (int i = 0; i < prompt.length; i++) {
          batch.add(prompt[i], i, s, i + 1 == prompt.length);
          if (batch.size() == 512) {
            context.decode(batch);
            batch.clear();
          }
        }
      }
      if (batch.size() > 0) {
        context.decode(batch);
      }
      for (int i = 1; i < plan.generate(); i++) { // the first token comes from the prompt's last output
        batch.clear();
        for (int s = 0; s < sequences; s++) {
          batch.add((i * 31 + s) % 250, plan.prompt() + i - 1, s, true);
        }
        context.decode(batch);
        context.logits();
      }
      return sequences * (double) plan.generate() / seconds(begin);
    }
  }

  private static double seconds(long begin) {
    return (System.nanoTime() - begin) / 1e9;
  }
}
