package dev.sphere.engine.bench;

import dev.sphere.base.InFlight;
import dev.sphere.bindings.llama.ContextOptions;
import dev.sphere.bindings.llama.Model;
import dev.sphere.engine.DrawKey;
import dev.sphere.engine.Generation;
import dev.sphere.engine.Policy.Request;
import dev.sphere.engine.SamplingSettings;
import dev.sphere.engine.TokenPath;
import dev.sphere.engine.bench.BareLoop.Sampling;
import dev.sphere.engine.bench.BareLoop.Took;
import dev.sphere.engine.decode.BatchedPolicy;
import dev.sphere.engine.decode.RolloutCounters;
import dev.sphere.engine.prompt.ChatTemplate;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;

/**
 * {@code bench rollouts}: generated tokens a second of the rollout engine, sampling, log-probabilities, text and stop
 * rules included, beside three llama.cpp loops of the same shape in the same run: without any sampling, with a sampler
 * chain for each sequence, and with sampling in the graph.
 */
public final class RolloutBench {
  /** Part of the bare loop's rate that is aimed at. */
  static final double AIM_BARE = 0.97;

  /** Multiple of the sampler chain's rate that is aimed at, with 32 sequences. */
  static final double AIM_CHAIN = 1.3;

  /** Name of the figure for the time in which tokens are drawn; on a GPU the aim is 0.03. */
  public static final String DRAWING = "engine, drawing";

  private static final float TEMPERATURE = 0.8f;

  /**
   * What is run.
   *
   * @param prompt tokens of each prompt, at least 1; all prompts differ
   * @param shared the first of them that all prompts have in common; the loops compute them for each sequence
   * @param generate tokens that each sequence generates, at least 2
   * @param parallel sequences at once, 1 to 256
   * @param repetitions measured runs, after one to warm up
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
  }

  private final Model model;
  private final Plan plan;
  private final Times engine;
  private final Times bare;
  private final Times chain;
  private final Times graph;

  /** Seconds of one contender, by repetition. */
  private final class Times {
    private final String name;
    private final double[] prompts = new double[plan.repetitions()];
    private final double[] all = new double[plan.repetitions()];

    Times(String name) {
      this.name = name;
    }

    double note(int repetition, Took took) {
      if (repetition >= 0) {
        prompts[repetition] = took.prompts();
        all[repetition] = took.all();
      }
      return took.all();
    }

    /** Generated tokens over all of the time, prompts included. */
    Figure whole() {
      double[] rates = new double[all.length];
      for (int i = 0; i < rates.length; i++) {
        rates[i] = (double) plan.parallel() * plan.generate() / all[i];
      }
      return Figure.of(name, "tokens/s", rates);
    }

    /** Generated tokens after each sequence's first one, over the time after the prompts. */
    Figure generation() {
      double[] rates = new double[all.length];
      for (int i = 0; i < rates.length; i++) {
        rates[i] = plan.parallel() * (plan.generate() - 1.0) / (all[i] - prompts[i]);
      }
      return Figure.of(name + ", generation alone", "tokens/s", rates);
    }
  }

  /** A benchmark of a loaded model. */
  public RolloutBench(Model model, Plan plan) {
    this.model = model;
    this.plan = plan;
    this.engine = new Times("engine");
    this.bare = new Times("llama.cpp, no sampling");
    this.chain = new Times("llama.cpp, sampler chain");
    this.graph = new Times("llama.cpp, sampling in the graph");
  }

  /** Runs it, all contenders in turns. */
  public BenchResult run() throws InterruptedException {
    return run(true);
  }

  /** Runs the engine alone, for one who brings other contenders. */
  public BenchResult runAlone() throws InterruptedException {
    return run(false);
  }

  private BenchResult run(boolean baselines) throws InterruptedException {
    BatchedPolicy.Options auto = BatchedPolicy.Options.auto(model, plan.parallel());
    int needed = auto.slots() * (plan.prompt() + plan.generate()) * 5 / 4 + 256;
    BatchedPolicy.Options options = auto.withCells(needed);
    BareLoop loop = new BareLoop(model, plan.parallel(), TEMPERATURE);
    try (BatchedPolicy policy = BatchedPolicy.of(model, null, ChatTemplate.PLAIN, options)) {
      InterleavedRuns turns = new InterleavedRuns(plan.repetitions()).add("engine", "s", i -> engine.note(i, engine(policy, i)));
      if (baselines) {
        turns
            .add("bare", "s", i -> bare.note(i, loop.run(prompts(i), plan.generate(), Sampling.NONE)))
            .add("chain", "s", i -> chain.note(i, loop.run(prompts(i), plan.generate(), Sampling.CHAIN)))
            .add("graph", "s", i -> graph.note(i, loop.run(prompts(i), plan.generate(), Sampling.IN_GRAPH)));
      }
      turns.run();
      RolloutCounters.Reading c = policy.counters();
      double step = (double) c.decodeNanos() + c.drawNanos() + c.ownNanos();
      return result(options, baselines, Figure.of(DRAWING, "of a step", new double[] {c.drawNanos() / step}));
    }
  }

  private BenchResult result(BatchedPolicy.Options options, boolean baselines, Figure drawing) {
    Map<String, Object> shape = new LinkedHashMap<>();
    shape.put("model", model.description());
    shape.put("prompt", plan.prompt());
    shape.put("shared", plan.shared());
    shape.put("generate", plan.generate());
    shape.put("parallel", plan.parallel());
    shape.put("repetitions", plan.repetitions());
    shape.put("temperature", TEMPERATURE);
    shape.put("lanes", options.lanes());
    shape.put("threads", options.threads());
    shape.put("slots", options.slots());
    if (!baselines) {
      return new BenchResult("rollouts", shape, List.of(engine.whole(), engine.generation(), drawing), List.of());
    }
    List<Figure> figures = new ArrayList<>();
    for (Times t : List.of(engine, bare, chain, graph)) {
      figures.add(t.whole());
      figures.add(t.generation());
    }
    figures.add(drawing);
    double aimChain = plan.parallel() == 32 ? AIM_CHAIN : Ratio.REPORTED;
    List<Ratio> ratios =
        List.of(
            ratio(engine.generation(), bare.generation(), "over no sampling, generation alone", AIM_BARE),
            ratio(engine.whole(), bare.whole(), "over no sampling", AIM_BARE),
            ratio(engine.generation(), chain.generation(), "over the sampler chain, generation alone", aimChain),
            ratio(engine.whole(), chain.whole(), "over the sampler chain", aimChain),
            ratio(engine.generation(), graph.generation(), "over sampling in the graph, generation alone",
                Ratio.REPORTED),
            ratio(engine.whole(), graph.whole(), "over sampling in the graph", Ratio.REPORTED));
    return new BenchResult("rollouts", shape, figures, ratios);
  }

  private static Ratio ratio(Figure ours, Figure theirs, String name, double aim) {
    return new Ratio(ours.over(theirs, name), aim);
  }

  /** The prompts alone with one token each, then other prompts with all tokens: both the engine's own order of work. */
  private Took engine(BatchedPolicy policy, int repetition) throws InterruptedException {
    double prompts = seconds(policy, 2 * repetition + 1_001, 1);
    return new Took(prompts, seconds(policy, 2 * repetition + 1_002, plan.generate()));
  }

  private double seconds(BatchedPolicy policy, int repetition, int generate) throws InterruptedException {
    List<Callable<List<Generation>>> jobs = new ArrayList<>();
    List<int[]> prompts = prompts(repetition);
    for (int s = 0; s < plan.parallel(); s++) {
      DrawKey key = new DrawKey(repetition, s, 0, 0);
      Request request = new Request(key, SamplingSettings.temperature(TEMPERATURE, generate), new FullLength(generate));
      TokenPath prompt = TokenPath.root(prompts.get(s));
      jobs.add(() -> policy.generate(prompt, List.of(request)));
    }
    long begin = System.nanoTime();
    InFlight.together(jobs);
    return InterleavedRuns.seconds(begin);
  }

  private List<int[]> prompts(int repetition) {
    int vocabulary = model.vocabulary().size();
    int[] common = DistinctPrompts.prompt(repetition, 99_999, plan.shared(), vocabulary);
    List<int[]> prompts = new ArrayList<>();
    for (int s = 0; s < plan.parallel(); s++) {
      int[] prompt = new int[plan.prompt()];
      int own = plan.prompt() - plan.shared();
      System.arraycopy(common, 0, prompt, 0, plan.shared());
      System.arraycopy(DistinctPrompts.prompt(repetition, s, own, vocabulary), 0, prompt, plan.shared(), own);
      prompts.add(prompt);
    }
    return prompts;
  }
}
