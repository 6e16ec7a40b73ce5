package dev.sphere.lab.bench;

import dev.sphere.bindings.llama.Model;
import dev.sphere.cli.command.bench.RolloutBench;
import dev.sphere.cli.command.bench.RolloutBench.Seconds;
import dev.sphere.lab.bench.BareLoop.Sampling;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The rollout engine ({@link RolloutBench}) beside three llama.cpp loops of the same shape in the same run: without any
 * sampling, with a sampler chain for each sequence, and with sampling in the graph. The loops compute a beginning that
 * prompts share for each sequence.
 */
final class RolloutPeers {
  /** Part of the bare loop's rate that is aimed at. */
  private static final double AIM_BARE = 0.97;

  /** Multiple of the sampler chain's rate that is aimed at, with 32 sequences. */
  private static final double AIM_CHAIN = 1.3;

  private final Model model;
  private final RolloutBench.Plan plan;

  RolloutPeers(Model model, RolloutBench.Plan plan) {
    this.model = model;
    this.plan = plan;
  }

  /** Runs all four in turns. */
  BenchResult run() throws InterruptedException {
    BareLoop loop = new BareLoop(model, plan.parallel(), RolloutBench.TEMPERATURE);
    Map<Sampling, List<Seconds>> theirs = new LinkedHashMap<>();
    try (RolloutBench engine = new RolloutBench(model, plan)) {
      List<Seconds> ours = new ArrayList<>();
      InterleavedRuns turns = new InterleavedRuns(plan.repetitions()).add("engine", "s", i -> note(i, engine.run(i), ours));
      for (Sampling sampling : Sampling.values()) {
        List<Seconds> runs = new ArrayList<>();
        theirs.put(sampling, runs);
        turns.add(sampling.name, "s", i -> note(i, loop.run(engine.prompts(i), plan.generate(), sampling), runs));
      }
      turns.run();
      return result(engine, ours, theirs);
    }
  }

  private static double note(int repetition, Seconds took, List<Seconds> runs) {
    if (repetition >= 0) {
      runs.add(took);
    }
    return took.all();
  }

  private BenchResult result(RolloutBench engine, List<Seconds> ours, Map<Sampling, List<Seconds>> theirs) {
    Map<String, Object> shape = new LinkedHashMap<>();
    shape.put("model", model.description());
    shape.put("prompt", plan.prompt());
    shape.put("shared", plan.shared());
    shape.put("generate", plan.generate());
    shape.put("parallel", plan.parallel());
    shape.put("repetitions", plan.repetitions());
    shape.put("temperature", RolloutBench.TEMPERATURE);
    shape.put("lanes", engine.options().lanes());
    shape.put("threads", engine.options().threads());
    shape.put("slots", engine.options().slots());
    List<Figure> figures = new ArrayList<>(List.of(whole("engine", ours), generation("engine", ours)));
    List<Ratio> ratios = new ArrayList<>();
    theirs.forEach((sampling, runs) -> {
      Figure whole = whole("llama.cpp, " + sampling.name, runs);
      Figure generation = generation("llama.cpp, " + sampling.name, runs);
      figures.addAll(List.of(whole, generation));
      double aim = switch (sampling) {
        case NONE -> AIM_BARE;
        case CHAIN -> plan.parallel() == 32 ? AIM_CHAIN : Ratio.REPORTED;
        case IN_GRAPH -> Ratio.REPORTED;
      };
      String over = "over " + sampling.name;
      ratios.add(new Ratio(figures.get(1).over(generation, over + ", generation alone"), aim));
      ratios.add(new Ratio(figures.getFirst().over(whole, over), aim));
    });
    figures.add(Figure.of("engine, drawing", "of a step", new double[] {engine.drawingShare()}));
    return new BenchResult("rollouts", shape, figures, ratios);
  }

  private Figure whole(String name, List<Seconds> runs) {
    return Figure.of(name, "tokens/s", runs.stream().mapToDouble(plan::rate).toArray());
  }

  private Figure generation(String name, List<Seconds> runs) {
    return Figure.of(name + ", generation alone", "tokens/s", runs.stream().mapToDouble(plan::generationRate).toArray());
  }
}
