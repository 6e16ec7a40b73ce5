package dev.sphere.lab.jmh;

import dev.sphere.bindings.kernel.Draws;
import dev.sphere.bindings.llama.Batch;
import dev.sphere.bindings.llama.Context;
import dev.sphere.bindings.llama.ContextOptions;
import dev.sphere.bindings.llama.Model;
import dev.sphere.bindings.tensor.NativeFloats;
import dev.sphere.engine.embedded.ModelSource;
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

/**
 * A decode step of the hot loop: fill the batch, compute, draw, read tokens and log-probabilities. With {@code -prof gc}:
 * the bytes for a step must not grow with the number of sequences, that is, nothing is allocated for a token.
 */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Warmup(iterations = 2, time = 1)
@Measurement(iterations = 3, time = 1)
@Fork(value = 1, jvmArgsAppend = "--enable-native-access=ALL-UNNAMED")
public class StepBenchmark {
  @Param({"2", "32"})
  private int sequences;

  private Model model;
  private Context context;
  private Batch batch;
  private Draws draws;
  private int position;
  private final int[] tokens = new int[64];

  @Setup
  public void open() {
    model = Model.load(ModelSource.resolve("embedded"));
    context = Context.open(model, ContextOptions.invariant(4096, 64, 1));
    batch = new Batch(64);
    draws = new Draws(64);
    java.util.Arrays.fill(tokens, 5);
  }

  @TearDown
  public void close() {
    draws.close();
    batch.close();
    context.close();
    model.close();
  }

  @Benchmark
  public float step() {
    if (position == 64) {
      context.clear();
      position = 0;
    }
    batch.clear();
    draws.clear();
    for (int s = 0; s < sequences; s++) {
      int row = batch.add(tokens[s], position, s, true);
      draws.add(row, 1, 2, 3, s, position, 0.8f, 0, 1, 0);
    }
    context.decode(batch);
    try (NativeFloats logits = context.logits()) {
      draws.sample(logits, model.vocabulary().size(), 1);
    }
    float sum = 0;
    for (int s = 0; s < sequences; s++) {
      tokens[s] = draws.token(s);
      sum += draws.logProb(s);
    }
    position++;
    return sum;
  }
}
