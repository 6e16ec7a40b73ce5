package dev.sphere.engine.store;

import dev.sphere.engine.HashPolicy;
import dev.sphere.engine.Policy;
import dev.sphere.engine.Problem;
import dev.sphere.engine.Progress;
import dev.sphere.engine.SamplingSettings;
import dev.sphere.engine.probe.ProbeSettings;
import dev.sphere.engine.prompt.Prompts;
import dev.sphere.engine.reward.MonteCarloPrm;
import dev.sphere.engine.search.SearchSettings;
import dev.sphere.engine.run.OpenedSearch;
import dev.sphere.engine.stage.Actor;
import dev.sphere.engine.stage.PrmFactory;
import dev.sphere.engine.stage.ProblemResult;
import dev.sphere.engine.stage.ProblemSolver;
import dev.sphere.engine.stage.RunLog;
import dev.sphere.engine.stage.SolverOptions;
import dev.sphere.engine.stage.StageSettings;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;

/** A whole run over a fake model, in this process or as a child that can be killed. */
final class FakeRun {
  static final int PROBLEMS = 12;
  private static final SearchSettings SEARCH =
      SearchSettings.paper().withCandidates(3).withSimulations(2).withSeparator("\n").withMaxDepth(8);
  private static final StageSettings STAGES =
      StageSettings.defaults().withPrompts(new Prompts("", "{question}", "again", ""));

  private static final MonteCarloPrm.Settings MC =
      new MonteCarloPrm.Settings(4, SamplingSettings.temperature(0.8f, 200), false);

  private FakeRun() {}

  static HashPolicy policy() {
    return new HashPolicy(.85);
  }

  static HashPolicy small() {
    return new HashPolicy(.3);
  }

  static List<Problem> problems(int n) {
    return IntStream.range(0, n).mapToObj(i -> new Problem("p" + i, "question \"" + i + "\" é", "7")).toList();
  }

  static Provenance provenance(long seed) {
    return provenance(seed, ProbeSettings.none());
  }

  static Provenance provenance(long seed, ProbeSettings probe) {
    Provenance.Builder builder = Provenance.builder();
    if (probe.on()) {
      builder.settings("probe", probe);
    }
    return builder
        .identity("seed", seed)
        .settings("search", SEARCH)
        .settings("stages", STAGES)
        .information("model.path", "/somewhere")
        .build();
  }

  static List<ProblemResult> run(RunFolder store, HashPolicy policy, HashPolicy small, long seed, int parallel)
      throws InterruptedException {
    return run(store, policy, small, seed, parallel, Progress.NONE);
  }

  static List<ProblemResult> run(
      RunFolder store, Policy policy, Policy small, long seed, int parallel, Progress progress)
      throws InterruptedException {
    return run(store, policy, small, seed, parallel, progress, ProbeSettings.none());
  }

  static List<ProblemResult> run(RunFolder store, Policy policy, Policy small, long seed, int parallel,
      Progress progress, ProbeSettings probe) throws InterruptedException {
    return run(store, store, policy, small, seed, parallel, progress, probe);
  }

  /** The same with another log before the store. */
  static List<ProblemResult> run(RunFolder store, RunLog log, Policy policy, Policy small, long seed, int parallel,
      Progress progress, ProbeSettings probe) throws InterruptedException {
    List<ProblemResult> results =
        OpenedSearch.of(models(policy, small), options(seed, probe), parallel, log, progress).solve(store.problems());
    store.finish();
    return results;
  }

  static ProblemSolver.Models models(Policy policy, Policy small) {
    PrmFactory prm = p -> new MonteCarloPrm(p, HashPolicy.outcome(), MC);
    return new ProblemSolver.Models(new Actor(policy, prm), Optional.of(new Actor(small, prm)));
  }

  static SolverOptions options(long seed, ProbeSettings probe) {
    return SolverOptions.of(HashPolicy.outcome(), SEARCH, STAGES, seed).withProbe(probe).withWhole(MC.sampling());
  }

  /** A solver in another process of the run. */
  static ProblemSolver solver(ProbeSettings probe) {
    return new ProblemSolver(models(policy(), small()), options(1, probe));
  }

  /** A probe that takes most problems. */
  static ProbeSettings probe(int draws) {
    return new ProbeSettings(draws, "0.3..1", ProbeSettings.Order.MIXED, 0, true);
  }

  /** A whole run in this process. */
  static List<ProblemResult> run(Path directory, boolean resume, long seed, int parallel) throws InterruptedException {
    try (RunFolder store = RunFolder.open(directory, provenance(seed), problems(PROBLEMS), resume)) {
      return run(store, policy(), small(), seed, parallel);
    }
  }

  /**
   * The child: {@code DIR HALT DRAWS} runs, or goes on with, the run in DIR and dies without a word after HALT writes, in the
   * middle of the last one; 0 never halts. It probes with so many draws.
   */
  public static void main(String[] args) throws Exception {
    Path directory = Path.of(args[0]);
    int halt = Integer.parseInt(args[1]);
    AtomicInteger writes = new AtomicInteger();
    LogFile.Opener opener = path -> halting(LogFile.plain(path), halt, writes);
    ProbeSettings probe = probe(Integer.parseInt(args[2]));
    try (RunFolder store = RunFolder.open(directory, provenance(1, probe), problems(PROBLEMS), true, opener)) {
      run(store, policy(), small(), 1, 4, Progress.NONE, probe);
    }
  }

  private static LogFile halting(LogFile file, int halt, AtomicInteger writes) {
    return new LogFile() {
      @Override
      public void write(ByteBuffer bytes) throws IOException {
        int n = writes.incrementAndGet();
        if (halt > 0 && n >= halt) {
          // From nothing to all of the record but its line feed reaches the disk.
          byte[] part = new byte[(bytes.remaining() - 1) * (halt % 5) / 4];
          bytes.get(part);
          file.write(ByteBuffer.wrap(part));
          Runtime.getRuntime().halt(9);
        }
        file.write(bytes);
      }

      @Override
      public void force() throws IOException {
        file.force();
      }

      @Override
      public void truncate(long size) throws IOException {
        file.truncate(size);
      }

      @Override
      public void close() throws IOException {
        file.close();
      }
    };
  }
}
