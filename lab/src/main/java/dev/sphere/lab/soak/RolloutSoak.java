package dev.sphere.lab.soak;

import dev.sphere.bindings.llama.Model;
import dev.sphere.engine.DrawKey;
import dev.sphere.engine.Generation;
import dev.sphere.engine.Generation.Finish;
import dev.sphere.engine.Policy.Request;
import dev.sphere.engine.SamplingSettings;
import dev.sphere.engine.StopRule;
import dev.sphere.engine.TokenPath;
import dev.sphere.engine.decode.BatchedPolicy;
import dev.sphere.engine.decode.Scorer;
import dev.sphere.engine.prompt.ChatTemplate;
import dev.sphere.gguf.GgmlType;
import dev.sphere.gguf.make.ByteVocabulary;
import dev.sphere.gguf.make.RandomModel;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/**
 * Grows random trees in caches that are too small for them, for as long as it is told, and looks for wrong
 * log-probabilities, results that depend on who shares the cache, and memory that does not come back. Calls are
 * interrupted in between. {@code lab/run soak} runs it in a JVM of its own.
 *
 * <p>Every log-probability that the engine records is compared with that of a {@link Scorer}, which computes the same
 * tokens in another order and in a cache that holds them all; every fourth tree is grown again, alone, in a new engine.
 */
public final class RolloutSoak {
  /**
   * What was done.
   *
   * @param rounds engines that were opened and closed
   * @param logProbs log-probabilities that were compared
   * @param worst largest difference found; 0 where computation is exact
   * @param compactions times that a cache was compacted
   * @param displaced rollouts that lost their place
   * @param warmKib resident memory after the first quarter, 0 where it is not known
   * @param endKib resident memory at the end
   */
  public record Result(
      int rounds, long logProbs, double worst, long compactions, long displaced, long warmKib, long endKib) {}

  private static final double TOLERANCE = 1e-3;
  private static final int LONGEST = 180;
  private static final StopRule STEP = (text, newFrom) -> text.length() >= 12;

  private final Random random;
  private final List<Model> models = new ArrayList<>();
  private int rounds;
  private long logProbs;
  private double worst;
  private long compactions;
  private long displaced;

  private RolloutSoak(long seed) {
    this.random = new Random(seed);
  }

  /**
   * Runs.
   *
   * @param seconds at least; a round that has begun is finished
   * @param seed of trees and settings
   * @param folder where small random models are written
   * @throws AssertionError when a result is wrong; says which
   */
  public static Result run(double seconds, long seed, Path folder) throws Exception {
    RolloutSoak soak = new RolloutSoak(seed);
    try {
      int n = 0;
      for (GgmlType type : List.of(GgmlType.F32, GgmlType.BF16, GgmlType.Q8_0)) {
        Path file = folder.resolve("soak-" + type.label() + ".gguf");
        RandomModel.Dimensions like = RandomModel.like(n++ % 2 == 0 ? "tiny-qwen2" : "tiny-llama");
        RandomModel.write(like, ByteVocabulary.metadata(), type, seed, file);
        soak.models.add(Model.load(file));
      }
      return soak.rounds(seconds);
    } finally {
      soak.models.forEach(Model::close);
    }
  }

  private Result rounds(double seconds) throws Exception {
    long begin = System.nanoTime();
    long warm = 0;
    long told = begin;
    while (rounds < 4 || (System.nanoTime() - begin) / 1e9 < seconds) {
      round(models.get(rounds % models.size()));
      rounds++;
      if (warm == 0 && (System.nanoTime() - begin) / 1e9 >= seconds / 4) {
        warm = residentKib();
      }
      if (System.nanoTime() - told > 30_000_000_000L) {
        told = System.nanoTime();
        System.out.printf(Locale.ROOT, "%5.0f s: %s%n", (told - begin) / 1e9, result(warm));
      }
    }
    return result(warm);
  }

  private Result result(long warm) {
    return new Result(rounds, logProbs, worst, compactions, displaced, warm, residentKib());
  }

  private void round(Model model) throws Exception {
    long seed = random.nextLong();
    int lanes = 1 + random.nextInt(2);
    int cells = 256 * (1 + random.nextInt(3));
    BatchedPolicy.Options small =
        new BatchedPolicy.Options(lanes, 1, 4 + random.nextInt(80), cells, LONGEST);
    List<Scorer.Row> rows = new ArrayList<>();
    List<float[]> recorded = new ArrayList<>();
    List<List<Generation>> trees = new ArrayList<>();
    try (BatchedPolicy policy = BatchedPolicy.of(model, null, ChatTemplate.PLAIN, small)) {
      List<Callable<List<Generation>>> tasks = new ArrayList<>();
      for (int t = 0; t < 8; t++) {
        int tree = t;
        tasks.add(() -> grow(policy, seed, tree, rows, recorded));
      }
      try (var pool = Executors.newVirtualThreadPerTaskExecutor()) {
        Future<?> nuisance = pool.submit(() -> policy.generate(root(seed, 99), requests(seed, 99, 0, 8, 100)));
        List<Future<List<Generation>>> running = tasks.stream().map(pool::submit).toList();
        for (int i = 0; i < running.size(); i++) {
          trees.add(running.get(i).get());
          if (i == 3) {
            nuisance.cancel(true);
          }
        }
      }
      compactions += policy.counters().compactions();
      displaced += policy.counters().displaced();
    }
    compare(model, rows, recorded);
    BatchedPolicy.Options roomy = new BatchedPolicy.Options(1, 1, 1, 2048, LONGEST);
    try (BatchedPolicy policy = BatchedPolicy.of(model, null, ChatTemplate.PLAIN, roomy)) {
      for (int t = 0; t < trees.size(); t += 4) {
        same(trees.get(t), grow(policy, seed, t, new ArrayList<>(), new ArrayList<>()), t, small);
      }
    }
  }

  private static TokenPath root(long seed, int tree) {
    Random r = new Random(seed + tree);
    return TokenPath.root(r.ints(5 + r.nextInt(60), 32, 127).toArray());
  }

  private static List<Generation> grow(
      BatchedPolicy policy, long seed, int tree, List<Scorer.Row> rows, List<float[]> recorded)
      throws InterruptedException {
    Random r = new Random(seed ^ tree);
    List<TokenPath> nodes = new ArrayList<>(List.of(root(seed, tree)));
    List<Generation> all = new ArrayList<>();
    for (int i = 0; i < 4; i++) {
      TokenPath node = nodes.get(r.nextInt(nodes.size()));
      for (Generation g : policy.generate(node, requests(seed, tree, i, 1 + r.nextInt(6), 20))) {
        all.add(g);
        if (g.tokens().length > 0) {
          synchronized (rows) {
            rows.add(new Scorer.Row(node.toArray(), g.tokens()));
            recorded.add(g.logProbs());
          }
        }
        if (g.finish() == Finish.STOP) {
          nodes.add(node.extend(g.tokens()));
        }
      }
    }
    return all;
  }

  private static List<Request> requests(long seed, int tree, int node, int n, int maxTokens) {
    List<Request> requests = new ArrayList<>();
    for (int draw = 0; draw < n; draw++) {
      SamplingSettings sampling = new SamplingSettings(0.3f * draw, draw * 5, 1f - 0.03f * draw, 0, maxTokens);
      requests.add(new Request(new DrawKey(seed, tree, node, draw), sampling, STEP));
    }
    return requests;
  }

  private void compare(Model model, List<Scorer.Row> rows, List<float[]> recorded) throws InterruptedException {
    List<float[]> scored;
    try (Scorer scorer = Scorer.of(model, null, 1, 1, 4096)) {
      scored = scorer.score(rows);
    }
    for (int i = 0; i < scored.size(); i++) {
      for (int k = 0; k < scored.get(i).length; k++) {
        double difference = Math.abs(scored.get(i)[k] - recorded.get(i)[k]);
        worst = Math.max(worst, difference);
        logProbs++;
        if (!(difference <= TOLERANCE)) {
          throw new AssertionError(
              "round " + rounds + ", " + model + ": token " + k + " of row " + i + " was recorded with "
                  + recorded.get(i)[k] + " and scored with " + scored.get(i)[k]);
        }
      }
    }
  }

  private void same(List<Generation> crowded, List<Generation> alone, int tree, BatchedPolicy.Options options) {
    if (crowded.size() != alone.size()) {
      throw new AssertionError("round " + rounds + ", tree " + tree + ": another number of generations, " + options);
    }
    for (int i = 0; i < crowded.size(); i++) {
      if (!Arrays.equals(crowded.get(i).tokens(), alone.get(i).tokens())
          || !Arrays.equals(crowded.get(i).logProbs(), alone.get(i).logProbs())) {
        throw new AssertionError(
            "round " + rounds + ", tree " + tree + ", generation " + i + " is another when the tree grows alone, "
                + options);
      }
    }
  }

  private static long residentKib() {
    try {
      for (String line : Files.readAllLines(Path.of("/proc/self/status"))) {
        if (line.startsWith("VmRSS:")) {
          return Long.parseLong(line.replaceAll("[^0-9]", ""));
        }
      }
    } catch (IOException e) {
      // not Linux
    }
    return 0;
  }

  /** Arguments: seconds, seed, most MiB that resident memory may grow after the first quarter. */
  public static void main(String[] args) throws Exception {
    double seconds = Double.parseDouble(args[0]);
    long mostMib = Long.parseLong(args[2]);
    Path folder = Files.createTempDirectory("sphere-soak");
    try {
      Result result = run(seconds, Long.parseLong(args[1]), folder);
      System.out.println("done: " + result);
      long grown = (result.endKib() - result.warmKib()) / 1024;
      if (result.warmKib() > 0 && grown > mostMib) {
        throw new AssertionError("resident memory grew by " + grown + " MiB");
      }
    } finally {
      try (var files = Files.list(folder)) {
        for (Path file : files.toList()) {
          Files.delete(file);
        }
      }
      Files.delete(folder);
    }
  }
}
