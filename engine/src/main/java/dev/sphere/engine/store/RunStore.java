package dev.sphere.engine.store;

import dev.sphere.base.AtomicFile;
import dev.sphere.base.Sha256;
import dev.sphere.engine.PreferencePair;
import dev.sphere.engine.Problem;
import dev.sphere.engine.probe.ProbeReport;
import dev.sphere.engine.probe.Probed;
import dev.sphere.engine.search.Expansion;
import dev.sphere.engine.stage.ProblemRecords;
import dev.sphere.engine.stage.ProblemResult;
import dev.sphere.engine.stage.RunLog;
import dev.sphere.engine.stage.Stage;
import dev.sphere.engine.stage.StageResult;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * A run that is being written: a directory that holds the tree while it grows. Every record is written before the
 * search goes on, so a process that dies at any moment loses the expansion it was at and nothing else; opened again,
 * the run goes on inside the half-grown tree. Stages and problems are then on the disk, expansions on their way there:
 * a machine that dies loses at most what belongs to stages that are not on record, and it is searched again. One
 * process at a time may write; anybody may read ({@link RunData}).
 *
 * <p>On opening, a run is made whole: what is damaged in its logs, and what can no longer be right without it, is kept
 * aside ({@link Damaged}), told ({@link #findings}), and searched again.
 *
 * <p>What is recorded is a pure function of the run's identity, so the pairs of an interrupted and resumed run are,
 * byte for byte, those of an undisturbed one.
 */
public final class RunStore implements RunLog, AutoCloseable {
  private static final Set<String> OWN_LEFTOVERS =
      Set.of("lock", "problems.jsonl", "problems.jsonl.tmp", "run.json.tmp");

  private final RunFiles files;
  private final List<Problem> problems;
  private final Provenance provenance;
  private final RunLock lock;
  private final boolean begun;
  private final List<Finding> findings;
  private final List<AppendLog> logs = new ArrayList<>();
  private final AppendLog probeLog; // null in a run without a probe
  private final AppendLog tree;
  private final AppendLog stageLog;
  private final AppendLog resultLog;
  // What an earlier process left, and for stages and results what this one added.
  private final Map<String, Map<String, Expansion>> expansions = new ConcurrentHashMap<>();
  private final Map<String, Probed> probes = new ConcurrentHashMap<>();
  private final Map<String, Map<Stage, StageResult>> stages = new ConcurrentHashMap<>();
  private final Set<String> ended = ConcurrentHashMap.newKeySet();
  private final Map<String, Map<String, Integer>> counts = new ConcurrentHashMap<>(); // expansions of each search

  /**
   * Opens a run for writing.
   *
   * @param directory where the run lives; made when it is not there
   * @param provenance what the run is made from; the problems' hash and number are added
   * @param problems the problems in order
   * @param resume go on with what the directory holds; without a run there, one is begun
   * @throws StoreException.Refused when the directory holds a run and {@code resume} is false, when what it was made
   *     from differs, when another process writes it, or when it holds other files
   * @throws StoreException when it cannot be read or written, or what it was made from is lost; the message says what
   *     to do
   */
  public static RunStore open(Path directory, Provenance provenance, List<Problem> problems, boolean resume) {
    return open(directory, provenance, problems, resume, LogFile::again);
  }

  /** Makes a run of a directory that holds another's logs already; for {@link RunMerge}. */
  static RunStore openMerged(Path directory, Provenance provenance, List<Problem> problems) {
    RunFiles files = new RunFiles(directory);
    byte[] lines = problemLines(problems);
    Provenance complete = withProblems(provenance, problems, lines);
    AtomicFile.write(files.problems(), out -> out.write(lines));
    AtomicFile.write(files.provenance(), out -> out.write(complete.toJson()));
    return open(directory, provenance, problems, true);
  }

  /** What was missing or damaged when the run was opened, or when it was finished, and was put right. */
  public List<Finding> findings() {
    return List.copyOf(findings);
  }

  static RunStore open(
      Path directory, Provenance provenance, List<Problem> problems, boolean resume, LogFile.Opener opener) {
    RunFiles files = new RunFiles(directory);
    if (files.isRun() && !resume) {
      throw new StoreException.Refused(
          directory + " already holds a run: go on with it by --resume, or give another directory");
    }
    refuseOtherFiles(files);
    try {
      AtomicFile.createFolders(directory);
    } catch (IOException e) {
      throw new StoreException("cannot make the run's directory " + directory + ": " + e, e);
    }
    RunLock lock = RunLock.take(directory);
    try {
      byte[] lines = problemLines(problems);
      Provenance complete = withProblems(provenance, problems, lines);
      boolean begun = !files.isRun();
      List<Finding> findings = new ArrayList<>();
      if (!begun) {
        refuseDifferences(files, complete);
        mendProblems(files, lines, findings);
      } else {
        AtomicFile.write(files.problems(), out -> out.write(lines));
        AtomicFile.write(files.provenance(), out -> out.write(complete.toJson()));
      }
      return new RunStore(files, problems, complete, lock, begun, opener, findings);
    } catch (Throwable t) {
      lock.close();
      throw t;
    }
  }

  /** The problems are the caller's, which the provenance has been compared with. */
  private static void mendProblems(RunFiles files, byte[] lines, List<Finding> findings) {
    try {
      boolean there = Files.exists(files.problems());
      if (there && Arrays.equals(lines, Files.readAllBytes(files.problems()))) {
        return;
      }
      findings.add(RunData.problemsLost(files));
      if (there) {
        Damaged.move(files.problems());
      }
      AtomicFile.write(files.problems(), out -> out.write(lines));
    } catch (IOException e) {
      throw new StoreException("cannot read " + files.problems() + ": " + e.getMessage(), e);
    }
  }

  private static void refuseOtherFiles(RunFiles files) {
    if (files.isHeadless()) {
      files.readProvenance(); // says what to do
    }
    if (files.isRun() || !Files.exists(files.directory())) {
      return;
    }
    try (Stream<Path> entries = Files.list(files.directory())) {
      String others = entries.map(p -> p.getFileName().toString())
          .filter(name -> !OWN_LEFTOVERS.contains(name))
          .limit(3)
          .collect(Collectors.joining(", "));
      if (!others.isEmpty()) {
        throw new StoreException.Refused(
            files.directory() + " holds no run but other files (" + others + "): give a new or an empty directory");
      }
    } catch (IOException e) {
      throw new StoreException.Refused("cannot use " + files.directory() + " for a run: " + e);
    }
  }

  private static byte[] problemLines(List<Problem> problems) {
    StringBuilder lines = new StringBuilder();
    for (Problem problem : problems) {
      lines.append(RecordJson.of(problem)).append('\n');
    }
    return lines.toString().getBytes(StandardCharsets.UTF_8);
  }

  /** With the hash and number of the problems, as a run's provenance has them. */
  static Provenance withProblems(Provenance p, List<Problem> problems) {
    return withProblems(p, problems, problemLines(problems));
  }

  private static Provenance withProblems(Provenance p, List<Problem> problems, byte[] lines) {
    Provenance.Builder all = Provenance.builder();
    p.identity().forEach(all::identity);
    p.information().forEach(all::information);
    return all.identity("problems.count", problems.size())
        .identity(RunFiles.PROBLEMS_HASH, Sha256.of(lines))
        .build();
  }

  private static void refuseDifferences(RunFiles files, Provenance now) {
    List<String> differences = files.readProvenance().differences(now);
    if (!differences.isEmpty()) {
      String more = differences.size() > 5 ? "; and " + (differences.size() - 5) + " more" : "";
      throw new StoreException.Refused("cannot resume " + files.directory() + ", it was made from something else: "
          + String.join("; ", differences.subList(0, Math.min(5, differences.size()))) + more
          + ". Give the run's own settings, or another directory");
    }
  }

  private RunStore(
      RunFiles files, List<Problem> problems, Provenance provenance, RunLock lock, boolean begun,
      LogFile.Opener opener, List<Finding> findings) {
    this.files = files;
    this.findings = findings;
    this.problems = List.copyOf(problems);
    this.lock = lock;
    this.begun = begun;
    this.provenance = provenance;
    try {
      makeWhole();
      probeLog = provenance.probe().on() ? log(opener, files.probes()) : null;
      resultLog = log(opener, files.results());
      stageLog = log(opener, files.stages());
      tree = log(opener, files.tree());
      forceNames(files.directory());
    } catch (Throwable t) {
      closeLogs(t);
      throw t;
    }
  }

  /** Leaves in the files what is whole, and takes it up. */
  private void makeWhole() {
    RunScan scan = new RunScan(files, problems, provenance.probe().on(), true);
    List<Finding> found = scan.findings(false);
    boolean pairs = found.stream().anyMatch(f -> f.file().equals(files.pairs()));
    if (pairs && Files.exists(files.pairs())) {
      Damaged.move(files.pairs());
    }
    findings.addAll(found);
    scan.mend();
    ended.addAll(scan.ended());
    probes.putAll(scan.probes());
    scan.stages().values().forEach(results -> results.values().forEach(this::keep));
    if (ended.size() < problems.size()) { // the expansions of the others are not needed in memory
      CheckedLines.read(files.tree(), (number, from, to, object, whole) -> {
        if (!ended.contains(RunData.head(object, 1)[0])) {
          Expansion e = RecordJson.expansion(RecordJson.parse(object));
          expansions.computeIfAbsent(e.problemId(), id -> new ConcurrentHashMap<>())
              .put(place(e.search(), e.path()), e);
          count(e);
        }
      });
    }
  }

  private void count(Expansion e) {
    counts.computeIfAbsent(e.problemId(), id -> new ConcurrentHashMap<>()).merge(e.search(), 1, Integer::sum);
  }

  /** A log whose name is not on the disk is not there after a power cut, whatever of it was. */
  private static void forceNames(Path directory) {
    try {
      AtomicFile.forceFolder(directory);
    } catch (IOException e) {
      throw new StoreException(e.getMessage() + "; mend that and go on with --resume", e);
    }
  }

  private AppendLog log(LogFile.Opener opener, Path path) {
    AppendLog log = AppendLog.open(path, opener);
    logs.add(log);
    return log;
  }

  private void keep(StageResult result) {
    stages.computeIfAbsent(result.problemId(), id -> new ConcurrentHashMap<>()).put(result.stage(), result);
  }

  private static String place(String search, String path) {
    return search + '\n' + path;
  }

  /** The problems of the run, in order. */
  public List<Problem> problems() {
    return problems;
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
      System.getLogger(RunStore.class.getName())
          .log(System.Logger.Level.WARNING, "cannot take back the empty run " + files.directory(), e);
    }
  }

  /** How many problems had ended when the run was opened, or have since. */
  public int ended() {
    return ended.size();
  }

  /** What the probe came to so far; null in a run without one. */
  public ProbeReport probeReport() {
    return RunData.probeReport(provenance, problems, probes);
  }

  @Override
  public Probed findProbe(String problemId) {
    return probes.get(problemId);
  }

  @Override
  public void append(Probed probed) {
    probeLog.append(RecordJson.bytes(RecordJson.of(probed)));
    probes.put(probed.problemId(), probed);
  }

  @Override
  public Expansion find(String problemId, String search, String path) {
    Map<String, Expansion> known = expansions.get(problemId);
    return known == null ? null : known.get(place(search, path));
  }

  @Override
  public void append(Expansion expansion) {
    tree.appendBeside(RecordJson.bytes(RecordJson.of(expansion))); // the search need not wait for the disk
    count(expansion);
  }

  @Override
  public StageResult findStage(String problemId, Stage stage) {
    Map<Stage, StageResult> known = stages.get(problemId);
    return known == null ? null : known.get(stage);
  }

  @Override
  public void append(StageResult result) {
    tree.force(); // a stage that is on record has all its expansions there
    stageLog.append(RecordJson.bytes(RecordJson.of(result, expanded(result))));
    keep(result);
  }

  private int expanded(StageResult result) {
    return counts.getOrDefault(result.problemId(), Map.of()).entrySet().stream()
        .filter(search -> RunScan.isOf(search.getKey(), result.stage()))
        .mapToInt(Map.Entry::getValue)
        .sum();
  }

  /** A log is on the disk before the next one is written, as always; but for all problems at once. */
  @Override
  public void append(List<ProblemRecords> records) {
    List<ProblemRecords> missing = records.stream().map(r -> r.missing(this)).toList();
    for (ProblemRecords each : missing) {
      Probed probed = each.probed();
      if (probed != null && !probes.containsKey(probed.problemId())) { // one may come twice
        probeLog.appendUnforced(RecordJson.bytes(RecordJson.of(probed)));
        probes.put(probed.problemId(), probed);
      }
    }
    if (probeLog != null) {
      probeLog.force();
    }
    Map<String, ProblemRecords> fresh = new LinkedHashMap<>();
    missing.stream().filter(r -> r.result() != null).forEach(r -> fresh.put(r.problemId(), r));
    for (ProblemRecords each : fresh.values()) {
      for (Expansion e : each.expansions()) {
        tree.appendUnforced(RecordJson.bytes(RecordJson.of(e)));
        count(e);
      }
    }
    tree.force();
    for (ProblemRecords each : fresh.values()) {
      for (StageResult stage : each.stages()) {
        stageLog.appendUnforced(RecordJson.bytes(RecordJson.of(stage, expanded(stage))));
        keep(stage);
      }
    }
    stageLog.force();
    fresh.values().forEach(each -> resultLog.appendUnforced(RecordJson.bytes(RunData.resultNode(each.result()))));
    resultLog.force();
    fresh.keySet().forEach(this::end);
  }

  @Override
  public ProblemResult findProblem(String problemId) {
    return ended.contains(problemId) ? RunData.result(problemId, stages.get(problemId)) : null;
  }

  @Override
  public void append(ProblemResult result) {
    resultLog.append(RecordJson.bytes(RunData.resultNode(result)));
    end(result.problemId());
  }

  private void end(String problemId) {
    ended.add(problemId);
    expansions.remove(problemId);
    counts.remove(problemId);
  }

  /** Writes {@code pairs.jsonl}: all pairs in the problems' order. Call it when every problem has ended. */
  public List<PreferencePair> finish() {
    for (Problem problem : problems) {
      if (!ended.contains(problem.id())) {
        throw new IllegalStateException("problem " + problem.id() + " has not ended");
      }
    }
    List<PreferencePair> pairs = RunData.pairs(problems, stages);
    if (Files.exists(files.pairs()) && !PairsFile.holds(files.pairs(), pairs)) {
      findings.add(RunScan.otherPairs(files));
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
