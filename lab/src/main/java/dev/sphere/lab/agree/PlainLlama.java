package dev.sphere.lab.agree;

import dev.sphere.bindings.kernel.AttentionKernel;
import dev.sphere.bindings.llama.Batch;
import dev.sphere.bindings.llama.Context;
import dev.sphere.bindings.llama.ContextOptions;
import dev.sphere.bindings.llama.KvType;
import dev.sphere.bindings.llama.Model;
import dev.sphere.bindings.tensor.NativeFloats;
import dev.sphere.engine.decode.BatchedPolicy;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * llama.cpp as its own tools drive it, a sequence a prompt: a prompt at a time in batches of 512 tokens, then a token
 * of each sequence a step, ten sequences together. No kernel of Sphere's computes; log-probabilities are taken from
 * the logits in double precision.
 */
final class PlainLlama {
  private static final int BATCH = 512;
  private static final int TOGETHER = 10;

  /**
   * A prompt's first token that another way chose otherwise, and how much likelier llama.cpp finds its own, in nats.
   */
  record Divergence(int prompt, int position, int token, int other, double gap) {}

  private final Context context;
  private final Batch batch;
  private final List<int[]> prompts;
  private final int tokens;
  private final List<DecodedRun> others;
  private final List<List<Divergence>> found;
  private final boolean[][] apart; // [other][prompt]
  private final List<int[]> generated = new ArrayList<>();
  private final List<double[]> logProbs = new ArrayList<>();
  private final float[] row; // of logits, that was read last
  private double normalizer; // of that row

  private PlainLlama(
      Context context, Batch batch, List<int[]> prompts, int tokens, List<DecodedRun> others, List<List<Divergence>> found) {
    this.context = context;
    this.batch = batch;
    this.prompts = prompts;
    this.tokens = tokens;
    this.others = others;
    this.found = found;
    this.apart = new boolean[others.size()][prompts.size()];
    this.row = new float[context.model().vocabulary().size()];
    for (int[] prompt : prompts) {
      generated.add(new int[tokens]);
      logProbs.add(new double[prompt.length - 1 + tokens]);
    }
  }

  /**
   * Decodes greedily.
   *
   * @param exact attention in F32 with a cache in F32; false: llama.cpp's defaults, flash attention and a cache in F16
   * @param others what is held against it
   * @param found is given for each of {@code others} where it first chose otherwise
   */
  static DecodedRun decode(String name, Path file, boolean exact, List<int[]> prompts, int tokens, List<DecodedRun> others,
      List<List<Divergence>> found) {
    int longest = prompts.stream().mapToInt(p -> p.length).max().orElse(1) + tokens;
    int each = Math.ceilDiv(longest, 256) * 256; // llama.cpp gives each sequence a multiple of 256 cells
    AttentionKernel.enable(false); // llama.cpp as it is
    try (Model model = Model.load(file)) {
      int threads = BatchedPolicy.Options.auto(model, 0).threads();
      ContextOptions shape = new ContextOptions(TOGETHER * each, BATCH, BATCH, TOGETHER, threads, false, !exact,
          exact ? KvType.F32 : KvType.F16, false);
      try (Context context = Context.open(model, shape); Batch batch = new Batch(BATCH)) {
        PlainLlama plain = new PlainLlama(context, batch, prompts, tokens, others, found);
        for (int from = 0; from < prompts.size(); from += TOGETHER) {
          plain.group(from, Math.min(TOGETHER, prompts.size() - from));
        }
        return new DecodedRun(name, plain.generated, plain.logProbs);
      }
    } finally {
      AttentionKernel.enable(true);
    }
  }

  /** {@code n} prompts from {@code first} on, each in a sequence of its own. */
  private void group(int first, int n) {
    context.clear();
    for (int s = 0; s < n; s++) {
      prompt(first + s, s);
      choose(first + s, 0);
    }
    for (int i = 1; i < tokens; i++) {
      batch.clear();
      for (int s = 0; s < n; s++) {
        batch.add(generated.get(first + s)[i - 1], prompts.get(first + s).length + i - 1, s, true);
      }
      context.decode(batch);
      NativeFloats logits = context.logits();
      for (int s = 0; s < n; s++) {
        read(logits, s);
        choose(first + s, i);
      }
    }
  }

  /** Computes a prompt; the row of its last token is what was read last. */
  private void prompt(int p, int sequence) {
    int[] prompt = prompts.get(p);
    for (int from = 0; from < prompt.length; from += BATCH) {
      int n = Math.min(BATCH, prompt.length - from);
      batch.clear();
      for (int i = from; i < from + n; i++) {
        batch.add(prompt[i], i, sequence, true);
      }
      context.decode(batch);
      NativeFloats logits = context.logits();
      for (int i = from; i < from + n; i++) {
        read(logits, i - from);
        if (i + 1 < prompt.length) {
          logProbs.get(p)[i] = row[prompt[i + 1]] - normalizer;
        }
      }
    }
  }

  /** The prompt's greedy token number {@code i}, from the row that was read last. */
  private void choose(int p, int i) {
    int best = best();
    for (int k = 0; k < others.size(); k++) {
      int other = others.get(k).generated().get(p)[i];
      if (!apart[k][p] && other != best) {
        apart[k][p] = true;
        found.get(k).add(new Divergence(p, i, best, other, (double) row[best] - row[other]));
      }
    }
    generated.get(p)[i] = best;
    logProbs.get(p)[prompts.get(p).length - 1 + i] = row[best] - normalizer;
  }

  private void read(NativeFloats logits, int at) {
    logits.read((long) at * row.length, row);
    double most = row[best()];
    double sum = 0;
    for (float logit : row) {
      sum += Math.exp(logit - most);
    }
    normalizer = most + Math.log(sum);
  }

  /** The likeliest token, the lowest among equals. */
  private int best() {
    int best = 0;
    for (int i = 1; i < row.length; i++) {
      if (row[i] > row[best]) {
        best = i;
      }
    }
    return best;
  }
}
