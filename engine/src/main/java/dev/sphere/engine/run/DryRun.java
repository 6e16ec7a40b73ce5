package dev.sphere.engine.run;

import dev.sphere.base.FreeMemory;
import dev.sphere.bindings.load.NativeRuntime;
import dev.sphere.engine.PreferencePair;
import dev.sphere.engine.Problem;
import dev.sphere.engine.Progress;
import dev.sphere.engine.probe.ProbeReport;
import dev.sphere.engine.search.Permits;
import dev.sphere.engine.stage.ProblemResult;
import dev.sphere.engine.store.RunFolder;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.BooleanSupplier;
import java.util.stream.Stream;

/**
 * A forecast of a search from a sample of its problems: the figures of the sample, scaled to all problems.
 *
 * @param problems of the whole run
 * @param searched problems of the whole run that are searched: where there is a probe, by the share that it took
 * @param tried problems that were searched to their end
 * @param after seconds that the dry run took
 * @param seconds from the start to the end of the run, loading the models included
 * @param tokens generated in all
 * @param pairs of all problems
 * @param disk bytes of the run's directory
 * @param memory bytes that were resident at most, with as many problems in flight as the run has; -1: unknown
 * @param found pairs of the problems that were tried
 */
public record DryRun(int problems, int searched, int tried, double after, double seconds, double tokens, double pairs,
    double disk, long memory, List<PreferencePair> found) {
  private static final double SECONDS = 60;
  private static final int FEW = 3;
  private static final int PROBED = 64;
  private static final int PAIR_BYTES = 400; // of a pair's line besides its texts

  /**
   * Works on some problems for a minute, or until a few are done. They are taken in an order by the seed, since a file
   * may have the easy ones first. With a probe some are probed before.
   *
   * @param scratch an empty folder that is the caller's to throw away: the trial lies there as a run does
   */
  public static DryRun of(SearchPlan plan, List<Problem> problems, Path scratch, Progress listener)
      throws InterruptedException {
    long start = System.nanoTime();
    NativeRuntime.require();
    plan.precision().use();
    var examples = Optional.ofNullable(plan.examples().read());
    List<Problem> sample = new ArrayList<>(problems);
    Collections.shuffle(sample, new Random(plan.seed()));
    if (plan.probe().on()) {
      sample = sample.subList(0, Math.min(PROBED, sample.size()));
    }
    RunProgress progress = new RunProgress(listener);
    try (RunFolder store = RunFolder.open(scratch, plan.identity(examples, Optional.empty()), sample, false);
        SearchSession session = SearchSession.open(plan, examples)) {
      long empty = bytes(scratch);
      double opened = seconds(start);
      Search search = new Search(plan.probe(), plan.seed(), plan.parallel(), Search.here(
          session.solver(new Permits(plan.parallel()), progress::generated), () -> {}, store), store, progress);
      boolean whole = solve(search, sample,
          () -> progress.searching() && progress.seconds() >= SECONDS && progress.done() >= FEW);
      List<ProblemResult> ended =
          sample.stream().map(p -> store.findProblem(p.id())).filter(Objects::nonNull).toList();
      List<PreferencePair> found =
          ended.stream().flatMap(r -> r.stages().stream()).flatMap(s -> s.pairs().stream()).toList();
      return scaled(plan, problems.size(), search, progress, whole, opened, seconds(start), bytes(scratch) - empty,
          found);
    }
  }

  /** Solves problems until {@code enough} says so; true when all of them are solved. */
  private static boolean solve(Search search, List<Problem> problems, BooleanSupplier enough)
      throws InterruptedException {
    try (ExecutorService one = Executors.newVirtualThreadPerTaskExecutor()) {
      Future<?> solved = one.submit(() -> search.solve(problems));
      try {
        while (!enough.getAsBoolean()) {
          try {
            solved.get(100, TimeUnit.MILLISECONDS);
            return true;
          } catch (TimeoutException e) {
            // it goes on
          }
        }
      } catch (ExecutionException e) {
        throw e.getCause() instanceof RuntimeException r ? r : new IllegalStateException(e.getCause());
      } finally {
        solved.cancel(true);
      }
      return false;
    }
  }

  private static DryRun scaled(SearchPlan plan, int problems, Search search, RunProgress progress, boolean whole,
      double opened, double after, long bytes, List<PreferencePair> found) {
    Optional<ProbeReport> probe = search.probed();
    double probed = probe.map(p -> (double) problems / p.problems()).orElse(0.0);
    int within = probe.map(p -> (int) Math.round(probed * (p.taken() + p.surplus()))).orElse(problems);
    int searched = plan.probe().take() > 0 ? Math.min(plan.probe().take(), within) : within;
    int left = probe.map(ProbeReport::taken).orElse(problems) - progress.done();
    double done = progress.done() + (whole ? 0 : Math.min(plan.parallel(), left) / 2.0); // one in flight is half done
    double share = done == 0 ? 0 : searched / done;
    double tokens = search.drawn().probe() * probed + progress.tokens() * share;
    double seconds = opened + search.probeSeconds() * probed + (after - opened - search.probeSeconds()) * share;
    double pairs = found.size() * (double) searched / Math.max(1, progress.done());
    double drawn = search.drawn().probe() + progress.tokens();
    double perPair = found.stream()
        .mapToInt(p -> PAIR_BYTES + p.prompt().length() + p.chosen().length() + p.rejected().length())
        .average().orElse(0);
    return new DryRun(problems, searched, progress.done(), after, seconds, tokens, pairs,
        (drawn == 0 ? 0 : bytes / drawn) * tokens + pairs * perPair, FreeMemory.peak(), found);
  }

  private static double seconds(long start) {
    return (System.nanoTime() - start) / 1e9;
  }

  private static long bytes(Path folder) {
    try (Stream<Path> files = Files.walk(folder)) {
      return files.filter(Files::isRegularFile).mapToLong(f -> f.toFile().length()).sum();
    } catch (IOException e) {
      throw new UncheckedIOException("cannot read " + folder + ": " + e.getMessage(), e);
    }
  }

  /** Some lines for people. */
  public List<String> lines() {
    List<String> lines = new ArrayList<>();
    lines.add(text("%,d problems%s, judged by %,d of them that were searched in %.0f s:", problems,
        searched == problems ? "" : text(", of which about %,d are searched after the probe", searched), tried, after));
    lines.add("  time    about " + Progress.time(seconds));
    lines.add(text("  tokens  about %,.0f, about %,.0f a problem", tokens, tokens / Math.max(1, problems)));
    lines.add(text("  pairs   about %,.0f", pairs));
    if (memory >= 0) {
      lines.add("  memory  about " + FreeMemory.text(memory));
    }
    lines.add("  disk    about " + FreeMemory.text((long) disk));
    return lines;
  }

  /** For JSON. */
  public Map<String, Object> toMap() {
    Map<String, Object> m = new LinkedHashMap<>();
    m.put("problems", problems);
    m.put("searched", searched);
    m.put("tried", tried);
    m.put("after_seconds", after);
    m.put("seconds", seconds);
    m.put("tokens", Math.round(tokens));
    m.put("pairs", Math.round(pairs));
    m.put("memory_bytes", memory);
    m.put("disk_bytes", Math.round(disk));
    return m;
  }

  private static String text(String format, Object... values) {
    return String.format(Locale.ROOT, format, values);
  }
}
