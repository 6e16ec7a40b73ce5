package dev.sphere.lab.bench;

import java.util.ArrayList;
import java.util.List;

/** Measures contenders in turns, so that a machine that gets slower or faster meanwhile is equally unjust to all. */
final class InterleavedRuns {
  /** Does the work once and says what came out. */
  interface Run {
    /**
     * @param repetition -1 to warm up, then from 0 on; a contender that caches anything must not repeat itself
     * @return the sample
     */
    double run(int repetition) throws InterruptedException;
  }

  private record Contender(String name, String unit, Run run, double[] samples) {}

  private final List<Contender> contenders = new ArrayList<>();
  private final int repetitions;

  InterleavedRuns(int repetitions) {
    if (repetitions < 1) {
      throw new IllegalArgumentException("repetitions must be positive: " + repetitions);
    }
    this.repetitions = repetitions;
  }

  InterleavedRuns add(String name, String unit, Run run) {
    contenders.add(new Contender(name, unit, run, new double[repetitions]));
    return this;
  }

  /** One turn to warm up, then the repetitions; every other turn goes backwards. */
  List<Figure> run() throws InterruptedException {
    for (Contender c : contenders) {
      c.run.run(-1);
    }
    for (int i = 0; i < repetitions; i++) {
      for (Contender c : i % 2 == 0 ? contenders : contenders.reversed()) {
        c.samples[i] = c.run.run(i);
      }
    }
    return contenders.stream().map(c -> Figure.of(c.name, c.unit, c.samples)).toList();
  }

  static double seconds(long begin) {
    return (System.nanoTime() - begin) / 1e9;
  }
}
