package dev.sphere.lab.jmh;

import dev.sphere.engine.embedded.ModelSource;
import dev.sphere.gguf.model.GgufFile;
import java.nio.file.Path;
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
import org.openjdk.jmh.annotations.Warmup;

/** Reading the embedded model's file in Java. */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Warmup(iterations = 2, time = 1)
@Measurement(iterations = 3, time = 1)
@Fork(1)
public class GgufBenchmark {
  private Path file;

  @Setup
  public void find() {
    file = ModelSource.resolve("embedded");
  }

  /** Header, metadata and tensor table, with all checks. */
  @Benchmark
  public int open() {
    try (GgufFile gguf = GgufFile.openModel(file)) {
      return gguf.tensors().size();
    }
  }

  /** SHA-256 of the whole file. */
  @Benchmark
  public String sha256() {
    try (GgufFile gguf = GgufFile.open(file)) {
      return gguf.sha256();
    }
  }
}
