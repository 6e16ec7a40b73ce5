package dev.sphere.engine.store;

import dev.sphere.base.AtomicFile;
import dev.sphere.engine.PreferencePair;
import dev.sphere.engine.Problem;
import dev.sphere.engine.probe.ProbeReport;
import dev.sphere.engine.probe.ProbeSettings;
import dev.sphere.engine.probe.Probed;
import dev.sphere.engine.prompt.Prompts;
import dev.sphere.engine.search.Distinct;
import dev.sphere.engine.search.Expansion;
import dev.sphere.engine.stage.ProblemResult;
import dev.sphere.engine.stage.RunReport;
import dev.sphere.engine.stage.Stage;
import dev.sphere.engine.stage.StageResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * The records of a run: finished, interrupted, or still being written by another process.
 *
 * <p>A problem is recorded in this order: its probe, its expansions and stages, its end. A stage's record says how many
 * expansions it stands on. A problem with a later record that lacks an earlier one is forgotten: all its records are
 * left out, and it is searched again. A search is a pure function of its inputs, so the records come out as they were.
 */
public final class RunReader {
  private final RunFiles files;
  private final Provenance provenance;
  private final List<Problem> problems;
  private final Map<String, Records> records = new LinkedHashMap<>(); // by problem, in order
  private final boolean finished; // its pairs were written
  private final Map<Path, LogLines> logs = new LinkedHashMap<>();
  private final Set<String> lacking = new LinkedHashSet<>(); // problems without all the records that they should have
  private final Set<String> forgotten = new HashSet<>(); // those of them whose records are left out

  /** The records of a problem. Several threads may work on it. */
  private static final class Records {
    private final Map<Stage, StageResult> stages = new EnumMap<>(Stage.class);
    private final Map<Stage, Integer> expected = new EnumMap<>(Stage.class); // expansions, by the stage's record
    private final Map<Stage, Integer> found = new EnumMap<>(Stage.class); // expansions in the tree's log
    private final Map<String, Expansion> growing = new HashMap<>(); // of a problem without an end
    private volatile Probed probed;
    private volatile boolean ended;

    synchronized void end() {
      ended = true;
      growing.clear();
    }

    synchronized void count(String search) {
      found.merge(stageOf(search), 1, Integer::sum);
    }

    synchronized void put(StageResult result) {
      stages.put(result.stage(), result);
    }

    synchronized List<StageResult> stages() {
      return List.copyOf(stages.values());
    }
  }

  /** Reads the logs but for the trees; changes nothing. */
  RunReader(RunFiles files, Provenance provenance, List<Problem> problems) {
    this.files = files;
    this.provenance = provenance;
    this.problems = List.copyOf(problems);
    this.finished = Files.exists(files.pairs());
    problems.forEach(p -> records.put(p.id(), new Records()));
    // If somebody is writing, a log that is read later holds all that the records of earlier ones stand on.
    read(files.results(), line -> {
      Records its = of(RecordJson.head(line, 1)[0]);
      require(!its.ended);
      its.ended = true;
    });
    read(files.stages(), line -> {
      var node = RecordJson.parse(line);
      StageResult result = RecordJson.stageResult(node);
      Records its = of(result.problemId());
      require(its.stages.putIfAbsent(result.stage(), result) == null);
      its.expected.put(result.stage(), node.get("expansions").asInt());
    });
    if (provenance.probe().on()) {
      read(files.probes(), line -> {
        Probed probed = RecordJson.probed(RecordJson.parse(line));
        Records its = of(probed.problemId());
        require(its.probed == null);
        its.probed = probed;
      });
    }
    compare(false);
  }

  /** Reads the trees too: half-grown ones are kept in memory, all are counted. */
  RunReader withTrees(Consumer<byte[]> each) {
    records.values().forEach(its -> {
      its.growing.clear();
      its.found.clear();
    });
    read(files.tree(), line -> {
      expansion(line);
      each.accept(line);
    });
    compare(true);
    return this;
  }

  private void read(Path log, Consumer<byte[]> each) {
    logs.put(log, new LogLines(log, each));
  }

  private static void require(boolean holds) {
    if (!holds) {
      throw new IllegalArgumentException("no record of this run, or there twice");
    }
  }

  private Records of(String problemId) {
    require(records.containsKey(problemId));
    return records.get(problemId);
  }

  private void expansion(byte[] line) {
    String[] head = RecordJson.head(line, 3);
    Records its = of(head[0]);
    if (forgotten.contains(head[0])) {
      return;
    }
    if (!its.ended) {
      String path = head[2];
      // The node above comes first. On a device that does not repeat its numbers, a new one would be another.
      require(path.isEmpty() || its.growing.containsKey(place(head[1], path.substring(0, path.length() - 1))));
      require(its.growing.putIfAbsent(place(head[1], path), RecordJson.expansion(RecordJson.parse(line))) == null);
    }
    its.count(head[1]);
  }

  /** Correction has a search for each mistake, named after it. */
  private static Stage stageOf(String search) {
    int colon = search.indexOf(':');
    return Stage.of(colon < 0 ? search : search.substring(0, colon));
  }

  private static String place(String search, String path) {
    return search + '\n' + path;
  }

  private void compare(boolean trees) {
    for (Map.Entry<String, Records> problem : records.entrySet()) {
      Records its = problem.getValue();
      boolean gap = provenance.probe().on() && its.probed == null;
      boolean broken = false;
      for (Stage stage : Stage.values()) {
        boolean there = its.stages.containsKey(stage);
        broken |= there && (gap || trees && its.expected.get(stage) != (int) its.found.getOrDefault(stage, 0));
        gap |= !there;
      }
      broken |= gap && its.ended;
      if (broken) {
        forgotten.add(problem.getKey());
        problem.setValue(new Records());
      }
      if (broken || finished && !its.ended) {
        lacking.add(problem.getKey());
      }
    }
  }

  /** How many expansions of a stage are on record. */
  int expansions(String id, Stage stage) {
    Records its = of(id);
    synchronized (its) {
      return its.found.getOrDefault(stage, 0);
    }
  }

  /**
   * The damage that was found.
   *
   * @param live somebody may be writing the run: its logs may end in the middle of a line, and its pairs may be missing
   */
  List<Finding> findings(boolean live) {
    List<Finding> all = new ArrayList<>();
    logs.values().forEach(log -> all.addAll(log.findings(live)));
    if (!lacking.isEmpty()) {
      int more = lacking.size() - 5;
      all.add(Finding.mended(files.directory(), 0, "records are missing of problem" + (lacking.size() > 1 ? "s " : " ")
          + lacking.stream().limit(5).collect(Collectors.joining(", ")) + (more > 0 ? " and " + more + " more" : ""),
          "searched again"));
    }
    if (!live && complete() && !PairsFile.holds(files.pairs(), pairs())) {
      all.add(Finding.mended(files.pairs(), 0, finished ? "not the pairs of the run's stages" : "missing",
          "written again"));
    }
    return all;
  }

  /** Leaves the records that were not left out in the logs, and nothing else. */
  void mend() {
    for (LogLines log : logs.values()) {
      if (!log.isWhole() || !forgotten.isEmpty()) {
        log.mend(id -> !forgotten.contains(id));
      }
    }
  }

  /** Where the next record of a log begins, in bytes. */
  long end(Path log) {
    return logs.get(log).end();
  }

  /** Writes the records of several runs over different problems into the logs of another one. */
  static void copy(List<RunReader> runs, RunFiles target) {
    for (Path log : runs.getFirst().logs.keySet()) {
      Path name = log.getFileName();
      AtomicFile.write(target.directory().resolve(name), out -> {
        for (RunReader run : runs) {
          run.logs.get(run.files.directory().resolve(name)).copy(out, id -> !run.forgotten.contains(id));
        }
      });
    }
  }

  void put(Probed probed) {
    of(probed.problemId()).probed = probed;
  }

  void put(Expansion expansion) { // the search keeps it: it is not asked for again
    of(expansion.problemId()).count(expansion.search());
  }

  void put(StageResult result) {
    of(result.problemId()).put(result);
  }

  void end(String problemId) {
    of(problemId).end();
  }

  /** A stage's result; null where it is not on record. */
  StageResult stage(String problemId, Stage stage) {
    return stagesOf(problemId).stream().filter(r -> r.stage() == stage).findFirst().orElse(null);
  }

  /** An expansion of a problem that has not ended; null where it is not on record. */
  Expansion expansion(String problemId, String search, String path) {
    Records its = of(problemId);
    synchronized (its) {
      return its.growing.get(place(search, path));
    }
  }

  /** The result of a problem; null for one that has not ended. */
  ProblemResult result(String problemId) {
    return of(problemId).ended ? new ProblemResult(problemId, stagesOf(problemId)) : null;
  }

  /** How many problems have ended. */
  int ended() {
    return (int) records.values().stream().filter(its -> its.ended).count();
  }

  /** Half a run must not pass for a whole one; reading does not mend, since that takes the models. */
  private RunReader requireWhole() {
    List<Finding> findings = findings(true);
    if (!findings.isEmpty()) {
      throw damaged(findings.getFirst());
    }
    return this;
  }

  static StoreException damaged(Finding finding) {
    return new StoreException(finding.file() + (finding.line() > 0 ? ", line " + finding.line() : "") + ": "
        + finding.lost() + "; go on with the command that made the run and --resume: it computes again what was lost "
        + "(`run check` lists all of it)");
  }

  static Finding problemsLost(RunFiles files) {
    String lost = Files.exists(files.problems()) ? "damaged (its checksum in run.json does not fit)" : "missing";
    return Finding.mended(files.problems(), 0, lost, "written again");
  }

  /**
   * The damage that opening a run for writing would find; changes nothing and takes no lock.
   *
   * @return empty for a whole run, finished or not
   * @throws StoreException.Refused when the directory holds no run
   */
  public static List<Finding> check(Path directory) {
    RunFiles files = new RunFiles(directory);
    try {
      Provenance provenance = files.readProvenance();
      return files.readProblems(provenance)
          .map(problems -> new RunReader(files, provenance, problems).withTrees(line -> {}).findings(false))
          .orElseGet(() -> List.of(problemsLost(files)));
    } catch (StoreException.Refused e) {
      throw e;
    } catch (StoreException e) {
      return List.of(Finding.refused(
          files.provenance(), "damaged (its checksum does not fit, or it cannot be read)", RunFiles.LOST_PROVENANCE));
    }
  }

  /**
   * Reads a run's results; takes no lock.
   *
   * @throws StoreException.Refused when the directory holds no run
   * @throws StoreException when it cannot be read or a record is damaged; the message says what to do
   */
  public static RunReader read(Path directory) {
    return open(directory).requireWhole();
  }

  /** Reads a run's results, damaged or not; {@link #findings} lists the damage. */
  static RunReader open(Path directory) {
    RunFiles files = new RunFiles(directory);
    Provenance provenance = files.readProvenance();
    return new RunReader(
        files, provenance, files.readProblems(provenance).orElseThrow(() -> damaged(problemsLost(files))));
  }

  RunFiles files() {
    return files;
  }

  public Provenance provenance() {
    return provenance;
  }

  /** All problems of the run, in order. */
  public List<Problem> problems() {
    return problems;
  }

  /** True when every problem has ended. */
  public boolean complete() {
    return ended() == records.size();
  }

  /** The results of the problems that have ended, in the problems' order. */
  public List<ProblemResult> results() {
    return problems.stream().map(p -> result(p.id())).filter(Objects::nonNull).toList();
  }

  /** The figures of the problems that have ended. */
  public RunReport report() {
    return RunReport.of(results(), probeReport());
  }

  /** The figures of the probe so far; null in a run without one. */
  private ProbeReport probeReport() {
    ProbeSettings settings = provenance.probe();
    if (!settings.on()) {
      return null;
    }
    List<Probed> probed = records.values().stream().map(its -> its.probed).filter(Objects::nonNull).toList();
    long seed = Long.parseLong(provenance.identity().getOrDefault("seed", "1"));
    return ProbeReport.of(settings, probed, settings.select(probed, seed));
  }

  /** The probe's solutions of a problem; null where they are not on record, or in a run without a probe. */
  public Probed probeOf(String problemId) {
    return of(problemId).probed;
  }

  /** The stages of a problem that are on record, in order. */
  public List<StageResult> stagesOf(String problemId) {
    return of(problemId).stages();
  }

  /** The pairs so far in the problems' order, those of problems in work included; no pair twice. */
  public List<PreferencePair> pairs() {
    return pairs(records.values().stream().flatMap(its -> its.stages().stream()));
  }

  /** The pairs of stages in their order, no pair twice: the same question may stand in a problem set under two ids. */
  static List<PreferencePair> pairs(Stream<StageResult> stages) {
    Set<String> seen = new HashSet<>();
    return stages.flatMap(stage -> stage.pairs().stream())
        .filter(pair -> seen.add(pair.prompt() + '\0' + Distinct.WHITESPACE.normalise(pair.chosen()) + '\0'
            + Distinct.WHITESPACE.normalise(pair.rejected())))
        .toList();
  }

  /** The expansions of some problems, each in the order in which they were found, pruned candidates included. */
  public Map<String, List<Expansion>> expansions(Set<String> problemIds) {
    Map<String, List<Expansion>> some = new HashMap<>();
    withTrees(line -> {
      String id = RecordJson.head(line, 1)[0];
      if (problemIds.contains(id)) {
        some.computeIfAbsent(id, k -> new ArrayList<>()).add(RecordJson.expansion(RecordJson.parse(line)));
      }
    }).requireWhole();
    return some;
  }

  /**
   * All expansions of a search of this name, such as {@code generation}: each problem's by their paths, in their order.
   */
  public Map<String, Map<String, Expansion>> trees(String search) {
    Map<String, Map<String, Expansion>> trees = new LinkedHashMap<>();
    withTrees(line -> {
      Expansion e = RecordJson.expansion(RecordJson.parse(line));
      if (e.search().equals(search)) {
        trees.computeIfAbsent(e.problemId(), id -> new LinkedHashMap<>()).put(e.path(), e);
      }
    }).requireWhole();
    return trees;
  }

  /** The prompts of the run, as far as they make the question of a problem. */
  public Prompts prompts() {
    Map<String, String> identity = provenance.identity();
    return Prompts.defaults().with(
        identity.get("stages.prompts.system"),
        identity.get("stages.prompts.question"),
        identity.get("stages.prompts.correction"),
        identity.get("stages.prompts.correctedAfter"),
        identity.get("stages.prompts.template"));
  }
}
