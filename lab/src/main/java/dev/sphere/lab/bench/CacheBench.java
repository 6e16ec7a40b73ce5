package dev.sphere.lab.bench;

import dev.sphere.bindings.llama.Batch;
import dev.sphere.bindings.llama.Context;
import dev.sphere.bindings.llama.ContextOptions;
import dev.sphere.bindings.llama.KvType;
import dev.sphere.bindings.llama.Model;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The two layouts of a KV cache under the load of search trees: one cache in which sequences share
 * cells, as the engine uses it, and one stream a sequence, where a fork copies a whole stream.
 *
 * <p>Each tree has E sequences. All of a tree's sequences fork from its prompt; they make a step of tokens together; then
 * all fork from the first of them, and so on. Tokens are fixed and nothing is drawn: what is measured is computing,
 * masks, forks and copies. Both layouts compute every token once, with the same attention kernel and threads.
 */
public final class CacheBench {
  /**
   * The sizes of a run.
   *
   * @param trees trees in flight
   * @param candidates sequences of each tree (E)
   * @param prompt tokens of each prompt
   * @param depth steps of each path
   * @param step tokens a step
   * @param threads that compute
   * @param repetitions measured runs, after one to warm up
   */
  public record Plan(int trees, int candidates, int prompt, int depth, int step, int threads, int repetitions) {
    public Plan {
      if (trees < 1 || candidates < 1 || prompt < 2 || depth < 1 || step < 1 || threads < 1 || repetitions < 1) {
        throw new IllegalArgumentException("all sizes must be positive, prompts at least 2");
      }
      if (trees * candidates > ContextOptions.MAX_SEQUENCES) {
        throw new IllegalArgumentException(
            trees * candidates + " sequences: llama.cpp takes " + ContextOptions.MAX_SEQUENCES);
      }
    }

    int sequences() {
      return trees * candidates;
    }
  }

  private final Model model;
  private final Plan plan;

  /** A benchmark of a loaded model. */
  public CacheBench(Model model, Plan plan) {
    this.model = model;
    this.plan = plan;
  }

  /** Runs it, both layouts in turns. */
  public BenchResult run() throws InterruptedException {
    List<Figure> seconds =
        new InterleavedRuns(plan.repetitions())
            .add("one cache, shared cells", "s", i -> time(true))
            .add("one stream a sequence", "s", i -> time(false))
            .run();
    Map<String, Object> shape = new LinkedHashMap<>();
    shape.put("model", model.description());
    shape.put("trees", plan.trees());
    shape.put("candidates", plan.candidates());
    shape.put("prompt", plan.prompt());
    shape.put("depth", plan.depth());
    shape.put("step", plan.step());
    shape.put("threads", plan.threads());
    shape.put("repetitions", plan.repetitions());
    shape.put("shared_cells", options(true).cells());
    shape.put("stream_cells", options(false).cells());
    double tokens = plan.trees() * plan.prompt() + (double) plan.sequences() * plan.depth() * plan.step();
    List<Figure> figures = new ArrayList<>(seconds);
    for (Figure f : seconds) {
      double[] rates = f.samples().stream().mapToDouble(s -> tokens / s).toArray();
      figures.add(Figure.of(f.name() + ", computed", "tokens/s", rates));
    }
    return new BenchResult(
        "cache", shape, figures, List.of(new Ratio(seconds.get(1).over(seconds.get(0), "streams over shared cells"),
            Ratio.REPORTED)));
  }

  private ContextOptions options(boolean shared) {
    int path = plan.prompt() + plan.depth() * plan.step();
    int drawn = plan.candidates() * plan.depth() * plan.step();
    // 256 cells are llama.cpp's unit: a stream rounds up to it.
    int cells = shared ? plan.trees() * (plan.prompt() + drawn) : plan.sequences() * Math.ceilDiv(path, 256) * 256;
    int micro = ContextOptions.INVARIANT_MICRO_BATCH;
    return new ContextOptions(
        cells, Math.max(micro, plan.sequences()), micro, plan.sequences(), plan.threads(), shared, true, KvType.F16,
        false);
  }

  private double time(boolean shared) {
    ContextOptions options = options(shared);
    try (Context context = Context.open(model, options);
        Batch batch = new Batch(options.batch())) {
      long begin = System.nanoTime();
      for (int tree = 0; tree < plan.trees(); tree++) {
        for (int i = 0; i < plan.prompt(); i++) {
          add(context, batch, tree * plan.candidates(), i);
        }
        flush(context, batch);
      }
      for (int at = plan.prompt(); at < plan.prompt() + plan.depth() * plan.step(); at += plan.step()) {
        fork(context);
        for (int i = at; i < at + plan.step(); i++) {
          for (int s = 0; s < plan.sequences(); s++) {
            add(context, batch, s, i);
          }
          flush(context, batch);
        }
      }
      return InterleavedRuns.seconds(begin);
    }
  }

  /** All sequences of a tree go on from its first one. */
  private void fork(Context context) {
    for (int s = 0; s < plan.sequences(); s++) {
      int first = s - s % plan.candidates();
      if (s != first) {
        context.removeSequence(s, -1, -1);
        context.copySequence(first, s, -1, -1);
      }
    }
  }

  private void add(Context context, Batch batch, int sequence, int position) {
    batch.add(3 + (position * 31 + sequence) % 200, position, sequence, position >= plan.prompt());
    if (batch.size() == batch.capacity()) {
      flush(context, batch);
    }
  }

  private static void flush(Context context, Batch batch) {
    if (batch.size() > 0) {
      context.decode(batch);
      batch.clear();
    }
  }
}
