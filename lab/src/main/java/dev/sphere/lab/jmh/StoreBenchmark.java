package dev.sphere.lab.jmh;

import dev.sphere.engine.Generation;
import dev.sphere.engine.Problem;
import dev.sphere.engine.search.Candidate;
import dev.sphere.engine.search.Expansion;
import dev.sphere.engine.store.Provenance;
import dev.sphere.engine.store.RunFolder;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
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
import org.openjdk.jmh.annotations.Threads;
import org.openjdk.jmh.annotations.Warmup;

/** An expansion of 5 candidates of 32 tokens on its way to the disk, fsync included. */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Warmup(iterations = 1, time = 1)
@Measurement(iterations = 3, time = 1)
@Fork(1)
public class StoreBenchmark {
  private Path directory;
  private RunFolder store;
  private Expansion expansion;

  @Setup
  public void open() throws IOException {
    directory = Files.createTempDirectory("sphere-bench");
    Problem problem = new Problem("p", "What is 1 + 1?", "2");
    Provenance provenance = Provenance.builder().identity("bench", "1").build();
    store = RunFolder.open(directory.resolve("run"), provenance, List.of(problem), false);
    List<Candidate> candidates = new ArrayList<>();
    for (int i = 0; i < 5; i++) {
      String text = "We add the two numbers of the problem and get 1 + 1 = 2, draw " + i + ".\n\n";
      Generation step = new Generation(new int[32], new float[32], text, Generation.Finish.STOP);
      candidates.add(new Candidate(step, i, 1, false, false, false, 0.5, 0.5));
    }
    expansion = new Expansion("p", "generation", "++-", candidates, 0, 4, 5);
  }

  @TearDown
  public void close() throws IOException {
    store.close();
    try (Stream<Path> all = Files.walk(directory)) {
      for (Path p : all.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(p);
      }
    }
  }

  @Benchmark
  public void append() {
    store.append(expansion);
  }

  /** Eight problems at once: one fsync covers several records. */
  @Benchmark
  @Threads(8)
  public void appendTogether() {
    store.append(expansion);
  }
}
