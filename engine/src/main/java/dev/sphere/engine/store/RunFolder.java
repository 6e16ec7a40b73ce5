package dev.sphere.engine.store;

import dev.sphere.base.AtomicFile;
import dev.sphere.engine.PreferencePair;
import dev.sphere.engine.Problem;
import dev.sphere.engine.probe.Probed;
import dev.sphere.engine.search.Expansion;
import dev.sphere.engine.stage.ProblemRecords;
import dev.sphere.engine.stage.ProblemResult;
import dev.sphere.engine.stage.RunLog;
import dev.sphere.engine.stage.RunReport;
import dev.sphere.engine.stage.Stage;
import dev.sphere.engine.stage.StageResult;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * A run that is being written: a directory that holds the tree while it grows. Every record is written before the
 * search goes on, so a process that dies at any moment loses the expansion it was at and nothing else; opened again,
 * the run goes on inside the half-grown tree. Stages and problems are then on the disk, expansions on their way there:
 * a machine that dies loses at most what belongs to stages that are not on record, and it is searched again. One
 * process at a time may write; anybody may read ({@link RunReader}).
 *
 * <p>On opening, a run is made whole: damaged logs are kept aside ({@link Damaged}), damaged lines are left out, and
 * the problems that lack records are searched again ({@link #findings}).
 *
 * <p>What is recorded is a pure function of the run's identity, so the pairs of an interrupted and resumed run are,
 * byte for byte, those of an undisturbed one.
 */
public final class RunFolder implements RunLog, AutoCloseable {
  private static final Set<String> OWN_LEFTOVERS =
      Set.of("lock", "problems.jsonl", "problems.jsonl.tmp", "run.json.tmp");

  private final RunFiles files;
  private final RunReader run; // the records, those of this process included
  private final RunLock lock;
  private final boolean begun; // by this process
  private final List<Finding> findings;
  private final List<AppendLog> logs = new ArrayList<>();
  private final AppendLog probeLog; // null in a run without a probe
  private final AppendLog tree;
  private final AppendLog stageLog;
  private final AppendLog resultLog;

  /**
   * Opens a run for writing.
   *
   * @param directory where the run lives; made when it is not there
   * @param provenance of the run; the problems' hash and number are added
   * @param problems the problems in order
   * @param resume go on with what the directory holds; without a run there, one is begun
   * @throws StoreException.Refused when the directory holds a run and {@code resume} is false, when its identity
   *     differs, when another process writes it, or when it holds other files
   * @throws StoreException when it cannot be read or written, or its provenance is lost; the message says what to
   *     do
   */
  public static RunFolder open(Path directory, Provenance provenance, List<Problem> problems, boolean resume) {
    return open(directory, provenance, problems, resume, LogFile::again);
  }

  static RunFolder open(
      Path directory, Provenance provenance, List<Problem> problems, boolean resume, LogFile.Opener opener) {
    RunFiles files = new RunFiles(directory);
    boolean begun = !files.isRun();
    if (!begun && !resume) {
      throw new StoreException.Refused(
          directory + " already holds a run: go on with it by --resume, or give another directory");
    }
    if (begun) {
      refuseOtherFiles(directory);
    }
    try {
      AtomicFile.createFolders(directory);
    } catch (IOException e) {
      throw new StoreException("cannot make the run's directory " + directory + ": " + e, e);
    }
    RunLock lock = RunLock.take(directory);
    try {
      Provenance complete = provenance.of(problems);
      List<Finding> findings = new ArrayList<>();
      if (begun) {
        write(files, complete, problems);
      } else {
        RunIdentity.require("the run " + directory, files.readProvenance().identity(), complete.identity(),
            "Give the run's own settings, or another directory");
        mendProblems(files, problemLines(problems), findings);
      }
      return new RunFolder(files, problems, complete, lock, begun, opener, findings);
    } catch (Throwable t) {
      lock.close();
      throw t;
    }
  }

  /** Makes the directory a run. */
  static void write(RunFiles files, Provenance complete, List<Problem> problems) {
    AtomicFile.write(files.problems(), out -> out.write(problemLines(problems)));
    AtomicFile.write(files.provenance(), out -> out.write(complete.toJson()));
  }

  /** The problems are the caller's, which the provenance has been compared with. */
  private static void mendProblems(RunFiles files, byte[] lines, List<Finding> findings) {
    try {
      if (Arrays.equals(lines, files.problemBytes())) {
        return;
      }
      findings.add(RunReader.problemsLost(files));
      if (Files.exists(files.problems())) {
        Damaged.move(files.problems());
      }
      AtomicFile.write(files.problems(), out -> out.write(lines));
    } catch (IOException e) {
      throw new StoreException("cannot read " + files.problems() + ": " + e.getMessage(), e);
    }
  }

  private static void refuseOtherFiles(Path directory) {
    if (!Files.exists(directory)) {
      return;
    }
    try (Stream<Path> entries = Files.list(directory)) {
      String others = entries.map(p -> p.getFileName().toString())
          .filter(name -> !OWN_LEFTOVERS.contains(name))
          .limit(3)
          .collect(Collectors.joining(", "));
      if (!others.isEmpty()) {
        throw new StoreException.Refused(directory + " holds no run (there is no run.json) but other files (" + others
            + "): give a new or an empty directory");
      }
    } catch (IOException e) {
      throw new StoreException.Refused("cannot use " + directory + " for a run: " + e);
    }
  }

  static byte[] problemLines(List<Problem> problems) {
    StringBuilder lines = new StringBuilder();
    for (Problem problem : problems) {
      lines.append(RecordJson.of(problem)).append('\n');
    }
    return lines.toString().getBytes(StandardCharsets.UTF_8);
  }

  private RunFolder(RunFiles files, List<Problem> problems, Provenance provenance, RunLock lock, boolean begun,
      LogFile.Opener opener, List<Finding> findings) {
    this.files = files;
    this.findings = findings;
    this.lock = lock;
    this.begun = begun;
    try {
      run = new RunReader(files, provenance, problems).withTrees(line -> {});
      findings.addAll(run.findings(false));
      run.mend();
      probeLog = provenance.probe().on() ? log(opener, files.probes()) : null;
      tree = log(opener, files.tree());
      stageLog = log(opener, files.stages());
      resultLog = log(opener, files.results());
      forceNames(files.directory());
    } catch (Throwable t) {
      closeLogs(t);
      throw t;
    }
  }

  /** After a power cut a log is gone, however much of it was synced, unless its name is on the disk. */
  private static void forceNames(Path directory) {
    try {
      AtomicFile.forceFolder(directory);
    } catch (IOException e) {
      throw new StoreException(e.getMessage() + "; mend that and go on with --resume", e);
    }
  }

  private AppendLog log(LogFile.Opener opener, Path path) {
    AppendLog log = AppendLog.open(path, opener, run.end(path));
    logs.add(log);
    return log;
  }

  /** The damage that was found when the run was opened, and was mended. */
  public List<Finding> findings() {
    return List.copyOf(findings);
  }

  /** The problems of the run, in order. */
  public List<Problem> problems() {
    return run.problems();
  }

  /**
   * Takes back a run that {@link #open} has just begun and in which nothing was recorded, so that the same call can be
   * made again; does nothing to any other run. The store stays to be closed.
   */
  public void takeBack() {
    if (!begun || logs.stream().anyMatch(log -> log.size() > 0)) {
      return;
    }
    try {
      for (Path file : List.of( // logs without what they were made from would be a damaged run
          files.probes(), files.tree(), files.stages(), files.results(), files.provenance(), files.problems())) {
        Files.deleteIfExists(file);
      }
      Files.deleteIfExists(files.directory().resolve("lock"));
      Files.delete(files.directory());
    } catch (IOException e) {
      System.getLogger(RunFolder.class.getName())
          .log(System.Logger.Level.WARNING, "cannot take back the empty run " + files.directory(), e);
    }
  }

  /** How many problems had ended when the run was opened, or have since. */
  public int ended() {
    return run.ended();
  }

  /** The figures of the problems that have ended. */
  public RunReport report() {
    return run.report();
  }

  @Override
  public Probed findProbe(String problemId) {
    return run.probeOf(problemId);
  }

  @Override
  public void append(Probed probed) {
    probeLog.append(RecordJson.bytes(RecordJson.of(probed)));
    run.put(probed);
  }

  @Override
  public Expansion find(String problemId, String search, String path) {
    return run.expansion(problemId, search, path);
  }

  @Override
  public void append(Expansion expansion) {
    tree.appendBeside(RecordJson.bytes(RecordJson.of(expansion))); // the search need not wait for the disk
    run.put(expansion);
  }

  @Override
  public StageResult findStage(String problemId, Stage stage) {
    return run.stage(problemId, stage);
  }

  @Override
  public void append(StageResult result) {
    tree.force(); // a stage that is on record has all its expansions there
    stageLog.append(bytes(result));
    run.put(result);
  }

  private byte[] bytes(StageResult result) {
    return RecordJson.bytes(RecordJson.of(result, run.expansions(result.problemId(), result.stage())));
  }

  /** All at once: a problem whose later record is on the disk without an earlier one is searched again. */
  @Override
  public void append(List<ProblemRecords> records) {
    for (ProblemRecords all : records) {
      ProblemRecords missing = all.missing(this);
      if (missing.probed() != null) {
        probeLog.appendUnforced(RecordJson.bytes(RecordJson.of(missing.probed())));
        run.put(missing.probed());
      }
      if (missing.result() != null) {
        for (Expansion e : missing.expansions()) {
          tree.appendUnforced(RecordJson.bytes(RecordJson.of(e)));
          run.put(e);
        }
        for (StageResult stage : missing.stages()) {
          stageLog.appendUnforced(bytes(stage));
          run.put(stage);
        }
        resultLog.appendUnforced(RecordJson.bytes(RecordJson.of(missing.result())));
        run.end(missing.problemId());
      }
    }
    logs.forEach(AppendLog::force);
  }

  @Override
  public ProblemResult findProblem(String problemId) {
    return run.result(problemId);
  }

  @Override
  public void append(ProblemResult result) {
    resultLog.append(RecordJson.bytes(RecordJson.of(result)));
    run.end(result.problemId());
  }

  /**
   * Writes {@code pairs.jsonl}: all pairs in the problems' order.
   *
   * @throws IllegalStateException when a problem has not ended
   */
  public List<PreferencePair> finish() {
    if (!run.complete()) {
      throw new IllegalStateException("the run " + files.directory() + " has problems that have not ended");
    }
    List<PreferencePair> pairs = run.pairs();
    if (Files.exists(files.pairs()) && !PairsFile.holds(files.pairs(), pairs)) {
      Damaged.move(files.pairs());
    }
    PairsFile.write(files.pairs(), pairs);
    return pairs;
  }

  private void closeLogs(Throwable cause) {
    for (AppendLog log : logs) {
      try {
        log.close();
      } catch (RuntimeException e) {
        cause.addSuppressed(e);
      }
    }
  }

  @Override
  public void close() {
    StoreException failed = new StoreException("cannot close the run " + files.directory());
    closeLogs(failed);
    lock.close();
    if (failed.getSuppressed().length > 0) {
      throw failed;
    }
  }
}
