package dev.sphere.lab.jmh;

import dev.sphere.bindings.kernel.BenchKernels;
import dev.sphere.bindings.llama.Batch;
import dev.sphere.bindings.llama.Context;
import dev.sphere.bindings.llama.ContextOptions;
import dev.sphere.bindings.llama.Model;
import dev.sphere.engine.embedded.ModelSource;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/** Calls through the bindings. */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 2, time = 1)
@Measurement(iterations = 3, time = 1)
@Fork(value = 1, jvmArgsAppend = "--enable-native-access=ALL-UNNAMED")
public class CallBenchmark {
  private Model model;
  private Context context;
  private Batch batch;

  @Setup
  public void open() {
    model = Model.load(ModelSource.resolve("embedded"));
    context = Context.open(model, ContextOptions.invariant(512, 64, 1));
    batch = new Batch(64);
  }

  @TearDown
  public void close() {
    batch.close();
    context.close();
    model.close();
  }

  /** A call of an empty C function. */
  @Benchmark
  public void empty() {
    BenchKernels.nothing();
  }

  /** A call of a small llama.cpp function, with the checks of the bindings. */
  @Benchmark
  public int lastPosition() {
    return context.lastPosition(0);
  }

  /** The tokens of a step of 32 sequences written to native memory. */
  @Benchmark
  public int fillBatch() {
    batch.clear();
    for (int s = 0; s < 32; s++) {
      batch.add(5, 100, s, true);
    }
    return batch.size();
  }
}
