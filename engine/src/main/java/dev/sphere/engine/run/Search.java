package dev.sphere.engine.run;

import dev.sphere.base.HeldFiles;
import dev.sphere.bindings.device.Arithmetic;
import dev.sphere.bindings.load.NativeRuntime;
import dev.sphere.engine.PreferencePair;
import dev.sphere.engine.Problem;
import dev.sphere.engine.Progress;
import dev.sphere.engine.Workers;
import dev.sphere.engine.data.Shard;
import dev.sphere.engine.data.WorkedExamples;
import dev.sphere.engine.probe.ProbeReport;
import dev.sphere.engine.probe.ProbeSettings;
import dev.sphere.engine.probe.Probed;
import dev.sphere.engine.search.Permits;
import dev.sphere.engine.stage.Drawn;
import dev.sphere.engine.stage.ProblemRecords;
import dev.sphere.engine.stage.ProblemResult;
import dev.sphere.engine.stage.ProblemSolver;
import dev.sphere.engine.stage.Reason;
import dev.sphere.engine.stage.RunLog;
import dev.sphere.engine.stage.RunReport;
import dev.sphere.engine.stage.Task;
import dev.sphere.engine.store.Provenance;
import dev.sphere.engine.store.RecordLines;
import dev.sphere.engine.store.RunFolder;
import dev.sphere.engine.store.RunReader;
import dev.sphere.engine.store.ShardFolder;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;
import java.util.function.IntFunction;

/**
 * Searches a set of problems and makes preference pairs of them. {@link #run} opens a run's directory and a plan's
 * models; {@link #solve} takes the problems to their end: it probes them where a probe is wanted, ends those that are
 * left out, and hands the others to workers. The results come in the problems' order and do not depend on who works.
 */
public final class Search {
  private static final String NAME = "search";
  /** Draws of a probe, or problems that only have to be recorded, in flight: enough for the largest batch. */
  private static final int AT_ONCE = 512;

  private final ProbeSettings probe;
  private final long seed;
  private final int parallel;
  private final IntFunction<Workers<Task, ProblemRecords>> workers;
  private final RunLog log;
  private final RunProgress progress;
  private Optional<ProbeReport> probed = Optional.empty();
  private Drawn drawn = Drawn.NOTHING;
  private double probeSeconds;

  /**
   * The result of a run.
   *
   * @param report the run in figures, the part before a resumption included
   * @param pairs all pairs in the problems' order
   * @param tokens generated for this process, rollouts of the process reward included
   * @param seconds this process took, loading the models included
   * @param use what the tokens were computed for; empty where this process computed none
   */
  public record Outcome(RunReport report, List<PreferencePair> pairs, long tokens, double seconds,
      Optional<TokenUse> use) {}

  /**
   * Where a run lies, and who works for it.
   *
   * @param directory the run's directory; made when it is not there
   * @param resume go on with the run in the directory, if there is one
   * @param shard the part of the problem set that is searched. One that a scheduler started has a place of its own in
   *     the directory ({@link ShardFolder}), and always goes on with what is there
   * @param remote other machines that solve the problems; without them this process does
   * @param call the command line's words, kept with the run; empty for none
   */
  public record Place(Path directory, boolean resume, Optional<Shard> shard, Optional<Cluster.Remote> remote,
      String call) {
    /** For a run that no command line began. */
    public Place(Path directory, boolean resume, Optional<Shard> shard, Optional<Cluster.Remote> remote) {
      this(directory, resume, shard, remote, "");
    }

    /** All problems, by this process. */
    public static Place of(Path directory, boolean resume) {
      return new Place(directory, resume, Optional.empty(), Optional.empty());
    }
  }

  /**
   * @param seed of the choice among probed problems
   * @param parallel problems in flight
   * @param workers so many threads, at most, or other machines; they record in {@code log}
   * @param log where the run is kept
   */
  public Search(ProbeSettings probe, long seed, int parallel, IntFunction<Workers<Task, ProblemRecords>> workers,
      RunLog log, RunProgress progress) {
    this.probe = probe;
    this.seed = seed;
    this.parallel = parallel;
    this.workers = workers;
    this.log = log;
    this.progress = progress;
  }

  /**
   * Threads of this process as workers.
   *
   * @param check called before a record is kept; throws where a model's file has changed
   */
  public static IntFunction<Workers<Task, ProblemRecords>> here(ProblemSolver solver, Runnable check, RunLog log) {
    return most -> Workers.threads(
        most, task -> solver.work(task, new ProblemRecords(task.problem().id(), log, check)));
  }

  /** Workers in other processes: their records are kept here, as many at once as come. */
  public static IntFunction<Workers<Task, ProblemRecords>> elsewhere(
      Workers<Task, ProblemRecords> others, Runnable check, RunLog log, RunProgress progress) {
    return most -> (tasks, done) -> others.run(tasks, some -> {
      check.run();
      log.append(some.stream().map(Workers.Result::value).toList());
      some.forEach(result -> progress.generated(result.value().drawn().all()));
      done.accept(some);
    });
  }

  /**
   * Runs a plan to its end, or on to its end from where its directory left it.
   *
   * @param problems the problems in order, with unique ids; of a shard, its own
   * @param listener is given a line for each damage that was mended, then problems, pairs and tokens
   * @throws dev.sphere.engine.store.StoreException.Refused when the directory cannot be used as asked
   * @throws dev.sphere.base.FileChangedException when a model's file changes meanwhile; what was computed since is not
   *     recorded
   */
  public static Outcome run(SearchPlan plan, List<Problem> problems, Place place, Progress listener)
      throws InterruptedException {
    if (place.shard().isPresent() && plan.probe().take() > 0) {
      throw new IllegalArgumentException("--take chooses among all problems, and a shard has only some of them: give "
          + "--take or --shard; --pass-rate says for each problem by itself whether it is searched");
    }
    long start = System.nanoTime();
    NativeRuntime.require();
    plan.precision().use();
    Optional<WorkedExamples> examples = Optional.ofNullable(plan.examples().read());
    Optional<ShardFolder> shard =
        place.shard().filter(Shard::scheduled).map(s -> new ShardFolder(place.directory(), s));
    try (HeldFiles files = plan.hold()) {
      Provenance made = plan.identity(examples, place.shard());
      Provenance noted = place.call().isEmpty() ? made : made.noting(Provenance.CALL, place.call());
      // The arithmetic of the machines that compute decides.
      Provenance identity = place.remote().isPresent() ? noted.without(Arithmetic.NAME) : noted;
      if (shard.isPresent() && shard.get().isWhole(identity, problems)) {
        RunReader there = RunReader.read(shard.get().whole());
        listener.note("shard " + place.shard().get() + " is whole already: " + shard.get().whole());
        return new Outcome(there.report(), there.pairs(), 0, 0, Optional.empty());
      }
      Path directory = shard.map(s -> s.begin(identity, problems)).orElse(place.directory());
      Outcome outcome;
      // The folder comes first: what it refuses should be known before a model is loaded.
      try (RunFolder folder = RunFolder.open(directory, identity, problems, place.resume() || shard.isPresent())) {
        folder.findings().forEach(f -> listener.note(f.toString()));
        Drawn drawn = Drawn.NOTHING;
        Optional<TokenUse> use = Optional.empty();
        if (folder.ended() < problems.size()) {
          RunProgress progress = new RunProgress(listener);
          try (SearchSession session = place.remote().isPresent() ? null : SearchSession.open(plan, examples)) {
            Search search = new Search(plan.probe(), plan.seed(), plan.parallel(), session != null
                ? here(session.solver(new Permits(plan.parallel()), progress::generated), files::requireUnchanged, folder)
                : elsewhere(place.remote().get().workers(NAME, identity.identity(), 1, RecordLines::of,
                    RecordLines::records), files::requireUnchanged, folder, progress), folder, progress);
            search.solve(problems);
            drawn = search.drawn;
            use = session == null ? Optional.empty() : Optional.of(TokenUse.of(session.counters(), drawn));
          } catch (RuntimeException e) {
            folder.takeBack(); // a model that cannot be loaded leaves no run behind
            throw e;
          }
        }
        List<PreferencePair> pairs = folder.finish();
        outcome = new Outcome(folder.report(), pairs, drawn.all(), (System.nanoTime() - start) / 1e9, use);
      }
      shard.ifPresent(s -> s.finish(directory));
      return outcome;
    }
  }

  /**
   * The plan by which another process opens the models to solve problems of a run.
   *
   * @return its identity is the run's where files and settings are
   */
  public static WorkerPlan worker(SearchPlan plan) {
    Optional<WorkedExamples> examples = Optional.ofNullable(plan.examples().read());
    return new WorkerPlan(plan.files(), () -> {
      plan.precision().use();
      return plan.identity(examples, Optional.empty()).without(Arithmetic.NAME).identity();
    }, () -> SearchSession.open(plan, examples));
  }

  /**
   * Takes problems to their end, or on to their end from where the log was left.
   *
   * @return the results in the problems' order
   * @throws RuntimeException the first failure; the other problems are given up, and what was logged stays
   */
  public List<ProblemResult> solve(List<Problem> problems) throws InterruptedException {
    refuseRepeatedIds(problems);
    List<Task> tasks = probe.on() ? probed(problems)
        : problems.stream().<Task>map(p -> new Task.Solve(p, Optional.empty())).toList();
    progress.beginSearch(
        tasks.stream().map(t -> log.findProblem(t.problem().id())).filter(Objects::nonNull).toList(), tasks.size());
    work(tasks, parallel, progress::done);
    return problems.stream().map(p -> log.findProblem(p.id())).toList();
  }

  /** Probes all problems, ends those that are left out, and returns the others in the order that the probe gives. */
  private List<Task> probed(List<Problem> problems) throws InterruptedException {
    progress.beginProbe(
        (int) problems.stream().filter(p -> log.findProbe(p.id()) != null).count(), problems.size());
    work(problems.stream().<Task>map(Task.Draw::new).toList(),
        Math.max(parallel, Math.ceilDiv(AT_ONCE, probe.draws())), progress::done);
    probeSeconds = progress.seconds();
    List<Probed> draws = problems.stream().map(p -> log.findProbe(p.id())).toList();
    ProbeSettings.Selection selection = probe.select(draws, seed);
    ProbeReport report = ProbeReport.of(probe, draws, selection);
    report.notes().forEach(progress::note);
    probed = Optional.of(report);

    Map<String, Optional<Probed>> paired = new HashMap<>(); // solutions that may stand in pairs
    draws.forEach(d -> paired.put(d.problemId(), probe.pairs() ? Optional.of(d) : Optional.empty()));
    Map<String, Problem> byId = new HashMap<>();
    problems.forEach(p -> byId.put(p.id(), p));
    Set<String> taken = new HashSet<>(selection.taken());
    List<Task> leftOut = new ArrayList<>();
    problems.stream().filter(p -> !taken.contains(p.id())).forEach(p -> leftOut.add(
        selection.surplus().contains(p.id()) ? new Task.LeaveOut(p, paired.get(p.id()), Reason.NOT_TAKEN)
            : new Task.LeaveOut(p, Optional.empty(), Reason.PASS_RATE)));
    work(leftOut, AT_ONCE, records -> {});
    return selection.taken().stream().<Task>map(id -> new Task.Solve(byId.get(id), paired.get(id))).toList();
  }

  /** Does the tasks whose results are not on record. */
  private void work(List<Task> tasks, int most, Consumer<ProblemRecords> done) throws InterruptedException {
    List<Task> open = tasks.stream().filter(t -> t instanceof Task.Draw ? log.findProbe(t.problem().id()) == null
        : log.findProblem(t.problem().id()) == null).toList();
    Thread ticker = Thread.startVirtualThread(progress::tick);
    try {
      workers.apply(most).run(open, some -> {
        for (Workers.Result<ProblemRecords> result : some) {
          drawn = drawn.plus(result.value().drawn());
          done.accept(result.value());
        }
      });
    } finally {
      ticker.interrupt();
      ticker.join();
    }
  }

  /** The figures of the probe, when it has ended. */
  public Optional<ProbeReport> probed() {
    return probed;
  }

  /** Tokens that were drawn for the problems that this process, or another one for it, has done. */
  public Drawn drawn() {
    return drawn;
  }

  /** Seconds that the probe took. */
  double probeSeconds() {
    return probeSeconds;
  }

  private static void refuseRepeatedIds(List<Problem> problems) {
    Set<String> ids = new HashSet<>();
    for (Problem problem : problems) {
      if (!ids.add(problem.id())) {
        throw new IllegalArgumentException("two problems have the id " + problem.id() + ": ids must be unique");
      }
    }
  }
}
