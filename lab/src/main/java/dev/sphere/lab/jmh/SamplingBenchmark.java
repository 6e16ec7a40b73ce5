package dev.sphere.lab.jmh;

import dev.sphere.bindings.kernel.Draws;
import dev.sphere.bindings.kernel.TargetLogProbs;
import dev.sphere.bindings.tensor.NativeFloats;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/** 16 rows through the sampling and the log-probability kernel, on one thread. */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Warmup(iterations = 2, time = 1)
@Measurement(iterations = 3, time = 1)
@Fork(value = 1, jvmArgsAppend = "--enable-native-access=ALL-UNNAMED")
public class SamplingBenchmark {
  private static final int ROWS = 16;

  @Param({"500", "151936"})
  private int vocabulary;

  private NativeFloats logits;
  private Draws draws;
  private TargetLogProbs targets;
  private int calls;

  @Setup
  public void open() {
    logits = NativeFloats.allocate((long) ROWS * vocabulary);
    Random random = new Random(3);
    float[] all = new float[ROWS * vocabulary];
    for (int i = 0; i < all.length; i++) {
      all[i] = (float) (2.5 * random.nextGaussian() + (random.nextInt(5_000) == 0 ? 12 : 0));
    }
    logits.write(0, all);
    draws = new Draws(ROWS);
    targets = new TargetLogProbs(ROWS);
  }

  @TearDown
  public void close() {
    targets.close();
    draws.close();
    logits.close();
  }

  @Benchmark
  public int temperature() {
    return draw(0.8f, 0, 1);
  }

  @Benchmark
  public int topP() {
    return draw(0.8f, 0, 0.95f);
  }

  @Benchmark
  public int topK() {
    return draw(0.8f, 40, 1);
  }

  @Benchmark
  public int greedy() {
    return draw(0, 0, 1);
  }

  private int draw(float temperature, int topK, float topP) {
    draws.clear();
    int call = calls++;
    for (int r = 0; r < ROWS; r++) {
      draws.add(r, 1, 2, 3, r, call, temperature, topK, topP, 0);
    }
    draws.sample(logits, vocabulary, 1);
    return draws.token(ROWS - 1);
  }

  @Benchmark
  public float logProbs() {
    targets.clear();
    for (int r = 0; r < ROWS; r++) {
      targets.add(r, r);
    }
    targets.compute(logits, vocabulary, 1);
    return targets.logProb(ROWS - 1);
  }
}
