package dev.sphere.lab.jmh;

import dev.sphere.grade.AnswerGrader;
import dev.sphere.grade.Verdict;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/** Gradings a second on one core; the aim is 20,000 plain ones. */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.SECONDS)
@Warmup(iterations = 2, time = 1)
@Measurement(iterations = 3, time = 1)
@Fork(1)
public class GradingBenchmark {
  private final AnswerGrader grader = new AnswerGrader();

  /** A whole number against a GSM8K-like solution, as search grades it. */
  @Benchmark
  public Verdict plainSolution() {
    return grader.grade("1250",
        "Janet sells 25 eggs a day for $50 each.\n25 * 50 = 1250\nSo she makes $1,250 every day.\n#### 1,250");
  }

  /** A whole number in a box. */
  @Benchmark
  public Verdict boxed() {
    return grader.grade("\\frac{3}{4}", "We find that $x = \\frac{6}{8}$, so the answer is $\\boxed{\\dfrac{6}{8}}$.");
  }

  /** Plain numbers as they are. */
  @Benchmark
  public Verdict numbers() {
    return grader.grade("72", "72.0");
  }

  /** An expression that must be compared by its meaning. */
  @Benchmark
  public Verdict expression() {
    return grader.grade("2\\sqrt{3}+1", "\\boxed{1+\\sqrt{12}}");
  }
}
