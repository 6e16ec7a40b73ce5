package dev.sphere.lab.bench;

import dev.sphere.bindings.kernel.AttentionKernel;
import dev.sphere.bindings.llama.Batch;
import dev.sphere.bindings.llama.Context;
import dev.sphere.bindings.llama.ContextOptions;
import dev.sphere.bindings.llama.KvType;
import dev.sphere.bindings.llama.Model;
import dev.sphere.bindings.llama.SamplerChain;
import dev.sphere.cli.command.bench.RolloutBench.Seconds;
import java.util.ArrayList;
import java.util.List;

/**
 * llama.cpp as its own tools drive it, as a baseline: prompts in batches of 512, then one token a sequence a step, one
 * context with all cores. Nothing of Sphere's engine is in it, and it gives no log-probabilities.
 */
final class BareLoop {
  /** Where tokens are drawn. */
  enum Sampling {
    /** Nowhere: fixed tokens, as llama-batched-bench takes. */
    NONE("no sampling"),
    /** A sampler chain for each sequence, on the CPU, one after the other, and the token's text, as llama-parallel does. */
    CHAIN("sampler chain"),
    /** A sampler chain for each sequence, in the graph. */
    IN_GRAPH("sampling in the graph");

    final String name;

    Sampling(String name) {
      this.name = name;
    }
  }

  private static final int BATCH = 512;

  private final Model model;
  private final int sequences;
  private final float temperature;

  BareLoop(Model model, int sequences, float temperature) {
    if (sequences > ContextOptions.MAX_SEQUENCES) {
      throw new IllegalArgumentException(
          sequences + " sequences at once: llama.cpp takes " + ContextOptions.MAX_SEQUENCES);
    }
    this.model = model;
    this.sequences = sequences;
    this.temperature = temperature;
  }

  Seconds run(List<int[]> prompts, int generate, Sampling sampling) {
    int cells = prompts.stream().mapToInt(p -> p.length + generate).sum() + sequences;
    int cores = Runtime.getRuntime().availableProcessors();
    ContextOptions shape =
        new ContextOptions(
            cells, Math.max(BATCH, sequences), BATCH, sequences, cores, true, true, KvType.F16, false);
    List<SamplerChain> chains = new ArrayList<>();
    AttentionKernel.enable(false); // llama.cpp as it is
    try {
      for (int s = 0; s < sequences && sampling != Sampling.NONE; s++) {
        chains.add(new SamplerChain(temperature, 0, 1, 0, s + 1));
      }
      try (Context context = open(shape, sampling == Sampling.IN_GRAPH ? chains : List.of());
          Batch batch = new Batch(shape.batch())) {
        return loop(context, batch, prompts, generate, chains);
      }
    } finally {
      chains.forEach(SamplerChain::close);
      AttentionKernel.enable(true);
    }
  }

  private Context open(ContextOptions shape, List<SamplerChain> inGraph) {
    return inGraph.isEmpty() ? Context.open(model, shape) : SamplerChain.open(model, shape, inGraph);
  }

  private Seconds loop(Context context, Batch batch, List<int[]> prompts, int generate, List<SamplerChain> chains) {
    int[] next = new int[sequences];
    long begin = System.nanoTime();
    List<int[]> outputs = new ArrayList<>(); // sequence, place in the batch
    for (int s = 0; s < sequences; s++) {
      int[] prompt = prompts.get(s);
      for (int i = 0; i < prompt.length; i++) {
        if (i + 1 == prompt.length) {
          outputs.add(new int[] {s, batch.size()});
        }
        batch.add(prompt[i], i, s, i + 1 == prompt.length);
        if (batch.size() == BATCH) {
          compute(context, batch, outputs, chains, next, 0);
        }
      }
    }
    compute(context, batch, outputs, chains, next, 0);
    double first = InterleavedRuns.seconds(begin);
    for (int i = 1; i < generate; i++) {
      for (int s = 0; s < sequences; s++) {
        outputs.add(new int[] {s, s});
        batch.add(next[s], prompts.get(s).length + i - 1, s, true);
      }
      compute(context, batch, outputs, chains, next, i);
    }
    return new Seconds(first, InterleavedRuns.seconds(begin));
  }

  private void compute(
      Context context, Batch batch, List<int[]> outputs, List<SamplerChain> chains, int[] next, int step) {
    if (batch.size() == 0) {
      return;
    }
    context.decode(batch);
    for (int[] o : outputs) {
      if (chains.isEmpty()) {
        next[o[0]] = 3 + (step * 31 + o[0]) % 200;
      } else {
        next[o[0]] = chains.get(o[0]).sample(context, o[1]);
        model.vocabulary().bytes(next[o[0]]);
      }
    }
    batch.clear();
    outputs.clear();
  }
}
