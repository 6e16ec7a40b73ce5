package dev.sphere.lab.bench;

import dev.sphere.bindings.kernel.AttentionKernel;
import dev.sphere.bindings.kernel.TargetLogProbs;
import dev.sphere.bindings.llama.Batch;
import dev.sphere.bindings.llama.Context;
import dev.sphere.bindings.llama.ContextOptions;
import dev.sphere.bindings.llama.KvType;
import dev.sphere.bindings.llama.Model;
import dev.sphere.cli.command.bench.RolloutBench;
import dev.sphere.engine.decode.Scorer;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * log-probabilities of the pairs of trees, packed so that every shared token is computed once,
 * against separate sequences through llama.cpp: full batches of 512 tokens with as many sequences as fit, one context
 * with all cores, our log-probability kernel on the logits.
 *
 * <p>A tree has two chains of steps ({@link TreeBench}); a pair is a leaf of the one (chosen) with a leaf of the other
 * (rejected). Leaves of a chain share all but their last step.
 */
public final class ScoreBench {
  static final double AIM = 2;
  private static final int BATCH = 512;

  /**
   * The sizes of a run.
   *
   * @param trees trees whose pairs are scored
   * @param pairs pairs of each tree
   * @param prompt tokens of each prompt
   * @param depth steps of each completion
   * @param step tokens a step
   * @param repetitions measured runs, after one to warm up
   */
  public record Plan(int trees, int pairs, int prompt, int depth, int step, int repetitions) {
    public Plan {
      if (trees < 1 || pairs < 1 || prompt < 1 || depth < 1 || step < 1 || repetitions < 1) {
        throw new IllegalArgumentException("all sizes must be positive");
      }
    }
  }

  private final Model model;
  private final Plan plan;

  /** A benchmark of a loaded model. */
  public ScoreBench(Model model, Plan plan) {
    this.model = model;
    this.plan = plan;
  }

  /** Rows of all trees: for each pair the chosen, then the rejected one. */
  List<Scorer.Row> rows(int repetition) {
    int vocabulary = model.vocabulary().size();
    List<Scorer.Row> rows = new ArrayList<>();
    int trunk = (plan.depth() - 1) * plan.step();
    for (int t = 0; t < plan.trees(); t++) {
      int[] prompt = RolloutBench.prompt(repetition, t, plan.prompt(), vocabulary);
      int[][] chains = {
        RolloutBench.prompt(repetition, 10_000 + t, trunk, vocabulary),
        RolloutBench.prompt(repetition, 20_000 + t, trunk, vocabulary)
      };
      for (int p = 0; p < plan.pairs(); p++) {
        for (int c = 0; c < 2; c++) {
          int[] leaf = RolloutBench.prompt(repetition, 30_000 + (t * plan.pairs() + p) * 2 + c, plan.step(), vocabulary);
          int[] completion = java.util.Arrays.copyOf(chains[c], trunk + plan.step());
          System.arraycopy(leaf, 0, completion, trunk, plan.step());
          rows.add(new Scorer.Row(prompt, completion));
        }
      }
    }
    return rows;
  }

  /** Runs it, both ways in turns. */
  public BenchResult run() throws InterruptedException {
    long targets = (long) plan.trees() * plan.pairs() * 2 * plan.depth() * plan.step();
    List<Figure> seconds =
        new InterleavedRuns(plan.repetitions())
            .add("packed trees", "s", i -> time(() -> packed(rows(i))))
            .add("separate sequences", "s", i -> time(() -> separate(rows(i))))
            .run();
    List<Figure> figures = new ArrayList<>(seconds);
    for (Figure f : seconds) {
      double[] rates = f.samples().stream().mapToDouble(s -> targets / s).toArray();
      figures.add(Figure.of(f.name() + ", log-probabilities", "tokens/s", rates));
    }
    return new BenchResult(
        "score",
        shape(targets),
        figures,
        List.of(new Ratio(seconds.get(1).over(seconds.get(0), "against separate sequences"), AIM)));
  }

  /** Both ways open their contexts anew. */
  private List<float[]> packed(List<Scorer.Row> rows) throws InterruptedException {
    try (Scorer scorer = Scorer.of(model, null)) {
      return scorer.score(rows);
    }
  }

  private Map<String, Object> shape(long targets) {
    long separate = (long) plan.trees() * plan.pairs() * 2 * (plan.prompt() + (long) plan.depth() * plan.step());
    long packed = plan.trees() * (plan.prompt() + 2L * (plan.depth() - 1 + plan.pairs()) * plan.step());
    Map<String, Object> shape = new LinkedHashMap<>();
    shape.put("model", model.description());
    shape.put("trees", plan.trees());
    shape.put("pairs", plan.pairs());
    shape.put("prompt", plan.prompt());
    shape.put("depth", plan.depth());
    shape.put("step", plan.step());
    shape.put("repetitions", plan.repetitions());
    shape.put("log_probabilities", targets);
    shape.put("separate_tokens", separate);
    shape.put("packed_tokens", packed);
    return shape;
  }

  private interface Scoring {
    List<float[]> run() throws InterruptedException;
  }

  private static double time(Scoring scoring) throws InterruptedException {
    long begin = System.nanoTime();
    scoring.run();
    return InterleavedRuns.seconds(begin);
  }

  /** Each row a sequence of its own; the same numbers in the same order as {@link Scorer#score}. */
  List<float[]> separate(List<Scorer.Row> rows) {
    int longest = rows.stream().mapToInt(r -> r.prompt().length + r.completion().length).max().orElse(1);
    int together = Math.clamp(BATCH / longest, 1, rows.size());
    int cores = Runtime.getRuntime().availableProcessors();
    int batchSize = Math.max(BATCH, longest);
    ContextOptions shape =
        new ContextOptions(
            together * longest, batchSize, BATCH, together, cores, true, true, KvType.F16, false);
    List<float[]> results = new ArrayList<>();
    AttentionKernel.enable(false); // llama.cpp as it is
    try (Context context = Context.open(model, shape);
        Batch batch = new Batch(batchSize);
        TargetLogProbs targets = new TargetLogProbs(batchSize)) {
      for (int from = 0; from < rows.size(); from += together) {
        score(rows.subList(from, Math.min(rows.size(), from + together)), context, batch, targets, cores, results);
      }
    } finally {
      AttentionKernel.enable(true);
    }
    return results;
  }

  private void score(
      List<Scorer.Row> rows, Context context, Batch batch, TargetLogProbs targets, int cores, List<float[]> results) {
    context.clear();
    batch.clear();
    targets.clear();
    for (int s = 0; s < rows.size(); s++) {
      int[] prompt = rows.get(s).prompt();
      int[] completion = rows.get(s).completion();
      for (int i = 0; i < prompt.length + completion.length; i++) {
        int target = i + 1 - prompt.length; // the completion's token that this position predicts
        boolean output = target >= 0 && target < completion.length;
        int row = batch.add(i < prompt.length ? prompt[i] : completion[i - prompt.length], i, s, output);
        if (output) {
          targets.add(row, completion[target]);
        }
      }
    }
    context.decode(batch);
    targets.compute(context.logits(), model.vocabulary().size(), cores);
    int next = 0;
    for (Scorer.Row row : rows) {
      float[] logProbs = new float[row.completion().length];
      for (int i = 0; i < logProbs.length; i++) {
        logProbs[i] = targets.logProb(next++);
      }
      results.add(logProbs);
    }
  }
}
