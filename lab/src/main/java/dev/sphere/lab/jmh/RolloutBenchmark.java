package dev.sphere.lab.jmh;

import dev.sphere.bindings.llama.Model;
import dev.sphere.engine.DrawKey;
import dev.sphere.engine.Generation;
import dev.sphere.engine.Policy.Request;
import dev.sphere.engine.SamplingSettings;
import dev.sphere.engine.StopRule;
import dev.sphere.engine.TokenPath;
import dev.sphere.engine.decode.BatchedPolicy;
import dev.sphere.engine.embedded.ModelSource;
import dev.sphere.engine.prompt.ChatTemplate;
import java.util.ArrayList;
import java.util.List;
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
 * 16 generations through the whole engine. With {@code -prof gc}: the bytes for 128 tokens less those for 32, over 96 x
 * 16, are what a token costs: the 8 bytes of its id and log-probability in the result, and its text.
 */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MILLISECONDS)
@Warmup(iterations = 2, time = 2)
@Measurement(iterations = 3, time = 2)
@Fork(value = 1, jvmArgsAppend = "--enable-native-access=ALL-UNNAMED")
public class RolloutBenchmark {
  @Param({"32", "128"})
  private int tokens;

  private Model model;
  private BatchedPolicy policy;
  private long calls;

  @Setup
  public void open() {
    model = Model.load(ModelSource.resolve("embedded"));
    policy = BatchedPolicy.of(model, null, ChatTemplate.PLAIN, BatchedPolicy.Options.auto(model, 16));
  }

  @TearDown
  public void close() {
    policy.close();
    model.close();
  }

  @Benchmark
  public List<Generation> generate() throws InterruptedException {
    List<Request> requests = new ArrayList<>();
    long call = calls++;
    for (int i = 0; i < 16; i++) {
      requests.add(
          new Request(new DrawKey(call, 1, 1, i), SamplingSettings.temperature(1, tokens), StopRule.never()));
    }
    return policy.generate(TokenPath.root(10, 11, 12, 13, 14), requests);
  }
}
