package dev.sphere.trainer.model;

import dev.sphere.bindings.tensor.Rope;
import dev.sphere.trainer.PackedBatch;
import dev.sphere.trainer.autodiff.PlainOps;
import java.lang.management.ManagementFactory;
import java.util.Arrays;
import java.util.SplittableRandom;

/**
 * Tokens per second of forward plus backward. Not a test: run its main with
 * {@code [tiny|0.5b] [full|lora] [groups] [slots] [fused|plain] [steps] [threads] [microTokens]}.
 */
final class TrainingBench {
  private TrainingBench() {}

  public static void main(String[] args) {
    boolean tiny = args[0].equals("tiny");
    boolean full = args[1].equals("full");
    int groups = Integer.parseInt(args[2]);
    int slots = Integer.parseInt(args[3]);
    int steps = Integer.parseInt(args[5]);
    int threads = Integer.parseInt(args[6]);
    Architecture shape =
        tiny
            ? new Architecture("qwen2", 4, 192, 6, 2, 32, 512, 500, 1e-6f, Rope.plain(32, true, 10000))
            : new Architecture("qwen2", 24, 896, 14, 2, 64, 4864, 151936, 1e-6f, Rope.plain(64, true, 1000000));
    ModelOptions options =
        full ? ModelOptions.full(threads) : ModelOptions.lora(16, 32, ModelOptions.LINEAR_LAYERS, 1, threads);
    options = options.withOperations(PlainOps.unless(args[4].equals("fused"))).withMicroTokens(Integer.parseInt(args[7]));
    if (args.length > 8) {
      options = options.withSegmentLayers(Integer.parseInt(args[8]));
    }
    PackedBatch batch = sequences(groups, slots, shape.vocabulary());
    float[] weights = new float[batch.predictions()];
    Arrays.fill(weights, -1f / weights.length);
    try (GraphModel model = new GraphModel(shape, new TinyModel(shape, true, true, false, 1), options)) {
      double best = 0;
      double bestForward = 0;
      for (int i = 0; i < steps; i++) {
        long start = System.nanoTime();
        long cpu = cpuNanos();
        model.backward(batch, weights);
        double perCpu = groups * slots / ((cpuNanos() - cpu) / 1e9);
        double rate = groups * slots / ((System.nanoTime() - start) / 1e9);
        long again = System.nanoTime();
        float[] logProbs = model.logProbs(batch, false);
        double forward = groups * slots / ((System.nanoTime() - again) / 1e9);
        best = Math.max(best, rate);
        bestForward = Math.max(bestForward, forward);
        System.out.printf("step %d: train %.0f tokens/s, %.0f per CPU second, forward %.0f tokens/s, %f%n", i, rate, perCpu, forward, logProbs[0]);
      }
      System.out.printf(
          "{\"shape\":\"%s\",\"mode\":\"%s\",\"ops\":\"%s\",\"threads\":%d,\"train_tokens_per_second\":%.0f,"
              + "\"forward_tokens_per_second\":%.0f,\"weight_mib\":%d,\"scratch_mib\":%d}%n",
          args[0], args[1], args[4], threads, best, bestForward, model.weightBytes() >> 20, model.scratchBytes() >> 20);
    }
  }

  private static long cpuNanos() {
    return ManagementFactory.getPlatformMXBean(com.sun.management.OperatingSystemMXBean.class).getProcessCpuTime();
  }

  private static PackedBatch sequences(int groups, int slots, int vocabulary) {
    SplittableRandom random = new SplittableRandom(1);
    int n = groups * slots;
    int[] tokens = new int[n];
    int[] positions = new int[n];
    int[] parents = new int[n];
    int[] sources = new int[groups * (slots - 1)];
    int[] targets = new int[sources.length];
    int p = 0;
    for (int i = 0; i < n; i++) {
      tokens[i] = random.nextInt(vocabulary);
      positions[i] = i % slots;
      parents[i] = i % slots - 1;
      if (i % slots > 0) {
        sources[p] = i - 1;
        targets[p++] = tokens[i];
      }
    }
    return new PackedBatch(groups, slots, tokens, positions, parents, sources, targets);
  }
}
