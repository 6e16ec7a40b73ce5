package dev.sphere.lab.bench;

import dev.sphere.bindings.kernel.BenchKernels;
import dev.sphere.bindings.kernel.Draws;
import dev.sphere.bindings.kernel.TargetLogProbs;
import dev.sphere.bindings.llama.SamplerChain;
import dev.sphere.bindings.tensor.NativeFloats;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;

/**
 * The sampling and log-probability kernels over rows of logits, against what the same memory can do (a copy: bytes read
 * and written; a walk: the cheapest way to read them all) and against llama.cpp's own sampler chain.
 *
 * <p>A kernel's bandwidth is the size of the logits over its time: they are read from memory once, whatever it does with
 * them. Logits are drawn from a normal distribution with a few likely tokens on top, as models make them.
 */
public final class KernelBench {
  static final double AIM = 0.8;

  /**
   * The sizes of a run.
   *
   * @param rows rows of logits
   * @param vocabulary logits in each
   * @param threads that share the rows
   * @param repetitions measured runs, after one to warm up
   */
  public record Plan(int rows, int vocabulary, int threads, int repetitions) {
    public Plan {
      if (rows < 1 || vocabulary < 2 || threads < 1 || repetitions < 1) {
        throw new IllegalArgumentException("rows, threads and repetitions must be positive, vocabulary at least 2");
      }
    }
  }

  /** A way to draw. */
  private record Manner(String name, float temperature, int topK, float topP, float minP) {}

  private static final List<Manner> MANNERS =
      List.of(
          new Manner("temperature 1", 1, 0, 1, 0),
          new Manner("temperature 0.8", 0.8f, 0, 1, 0),
          new Manner("greedy", 0, 0, 1, 0),
          new Manner("top-p 0.95", 0.8f, 0, 0.95f, 0),
          new Manner("min-p 0.05", 0.8f, 0, 1, 0.05f),
          new Manner("top-k 40, top-p 0.95, min-p 0.05", 0.8f, 40, 0.95f, 0.05f));

  /** Over flat logits, on one thread: half of the vocabulary and more is left. */
  private static final List<Manner> FLAT =
      List.of(
          new Manner("top-p 0.95", 0.8f, 0, 0.95f, 0),
          new Manner("min-p 0.05", 0.8f, 0, 1, 0.05f),
          new Manner("top-k 50000", 0.8f, 50_000, 1, 0));

  private static final int FLAT_ROWS = 8;

  private final Plan plan;

  KernelBench(Plan plan) {
    this.plan = plan;
  }

  /** Runs it, all kernels in turns. */
  public BenchResult run() throws InterruptedException {
    long n = (long) plan.rows() * plan.vocabulary();
    double bytes = n * 4.0;
    List<SamplerChain> chains = new ArrayList<>();
    try (NativeFloats logits = NativeFloats.allocate(n);
        NativeFloats other = NativeFloats.allocate(n);
        NativeFloats flat = NativeFloats.allocate((long) FLAT_ROWS * plan.vocabulary());
        Draws draws = new Draws(Math.max(plan.rows(), FLAT_ROWS));
        TargetLogProbs targets = new TargetLogProbs(plan.rows())) {
      fill(logits);
      fillFlat(flat);
      InterleavedRuns turns = new InterleavedRuns(plan.repetitions());
      turns.add("copy", "GB/s", i -> rate(2 * bytes, () -> BenchKernels.copy(other, logits, plan.threads())));
      turns.add("walk", "GB/s", i -> rate(bytes, () -> BenchKernels.largest(logits, plan.threads())));
      for (Manner m : MANNERS) {
        turns.add("sample, " + m.name(), "GB/s", i -> rate(bytes, () -> sample(draws, logits, plan.rows(), m, i, plan.threads())));
      }
      for (Manner m : FLAT) {
        turns.add("sample flat logits, " + m.name(), "ms a row",
            i -> 1e3 / FLAT_ROWS * best(() -> sample(draws, flat, FLAT_ROWS, m, i, 1)));
      }
      turns.add("log-probabilities", "GB/s", i -> rate(bytes, () -> logProbs(targets, logits)));
      for (Manner m : MANNERS) {
        List<SamplerChain> own = new ArrayList<>();
        for (int t = 0; t < plan.threads(); t++) {
          own.add(new SamplerChain(m.temperature(), m.topK(), m.topP(), m.minP(), t + 1));
        }
        chains.addAll(own);
        turns.add(chain(m), "GB/s", i -> rate(bytes, () -> SamplerChain.draw(own, logits, plan.vocabulary())));
      }
      return result(turns.run());
    } finally {
      chains.forEach(SamplerChain::close);
    }
  }

  private static String chain(Manner m) {
    return "llama.cpp's chain, " + m.name();
  }

  private BenchResult result(List<Figure> figures) {
    Map<String, Object> shape = new LinkedHashMap<>();
    shape.put("rows", plan.rows());
    shape.put("vocabulary", plan.vocabulary());
    shape.put("threads", plan.threads());
    shape.put("repetitions", plan.repetitions());
    shape.put("bytes", (long) plan.rows() * plan.vocabulary() * 4);
    BenchResult all = new BenchResult("kernels", shape, figures, List.of());
    List<Ratio> ratios = new ArrayList<>();
    for (Manner m : MANNERS) {
      String name = "sample, " + m.name();
      ratios.add(new Ratio(all.figure(name).over(all.figure("copy"), name + " / copy"), AIM));
      ratios.add(new Ratio(all.figure(name).over(all.figure("walk"), name + " / walk"), Ratio.REPORTED));
      ratios.add(
          new Ratio(all.figure(name).over(all.figure(chain(m)), name + " / llama.cpp's chain"), Ratio.REPORTED));
    }
    String logProbs = "log-probabilities";
    ratios.add(new Ratio(all.figure(logProbs).over(all.figure("copy"), logProbs + " / copy"), AIM));
    ratios.add(new Ratio(all.figure(logProbs).over(all.figure("walk"), logProbs + " / walk"), Ratio.REPORTED));
    return new BenchResult("kernels", shape, figures, ratios);
  }

  private void fill(NativeFloats logits) {
    Random random = new Random(7);
    float[] row = new float[plan.vocabulary()];
    for (int r = 0; r < plan.rows(); r++) {
      for (int i = 0; i < row.length; i++) {
        row[i] = (float) (random.nextGaussian() * 2.5);
      }
      for (int k = 0; k < 30; k++) {
        row[random.nextInt(row.length)] += 10 + 6 * random.nextFloat();
      }
      logits.write((long) r * row.length, row);
    }
  }

  /** As a model of random weights makes them. */
  private void fillFlat(NativeFloats logits) {
    Random random = new Random(8);
    float[] row = new float[plan.vocabulary()];
    for (int r = 0; r < FLAT_ROWS; r++) {
      for (int i = 0; i < row.length; i++) {
        row[i] = (float) (random.nextGaussian() * 0.5);
      }
      logits.write((long) r * row.length, row);
    }
  }

  private void sample(Draws draws, NativeFloats logits, int rows, Manner m, int repetition, int threads) {
    draws.clear();
    for (int r = 0; r < rows; r++) {
      draws.add(r, repetition, 0, 0, r, 0, m.temperature(), m.topK(), m.topP(), m.minP());
    }
    draws.sample(logits, plan.vocabulary(), threads);
  }

  private void logProbs(TargetLogProbs targets, NativeFloats logits) {
    targets.clear();
    for (int r = 0; r < plan.rows(); r++) {
      targets.add(r, r % plan.vocabulary());
    }
    targets.compute(logits, plan.vocabulary(), plan.threads());
  }

  private static double rate(double bytes, Runnable work) {
    return bytes / best(work) / 1e9;
  }

  /** Seconds of {@code work}, the best of three: what the kernel can do, not what disturbed it. */
  private static double best(Runnable work) {
    double best = Double.MAX_VALUE;
    for (int i = 0; i < 3; i++) {
      long begin = System.nanoTime();
      work.run();
      best = Math.min(best, InterleavedRuns.seconds(begin));
    }
    return best;
  }
}
