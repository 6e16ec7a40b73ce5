package dev.sphere.engine.store;

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
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.function.Consumer;
import java.util.stream.Stream;
import tools.jackson.core.JsonParser;
import tools.jackson.databind.node.ObjectNode;

/** A run as it stands, for reading: finished, interrupted, or still being written by another process. */
public final class RunData {
  private final RunFiles files;
  private final Provenance provenance;
  private final List<Problem> problems;
  private final Map<String, Map<Stage, StageResult>> stages;
  private final Set<String> ended;
  private final Map<String, Probed> probes;
  private boolean treesChecked;

  private RunData(Path directory) {
    files = new RunFiles(directory);
    provenance = files.readProvenance();
    problems = files.readProblems(provenance);
    if (problems == null) {
      throw damaged(problemsLost(files));
    }
    RunScan scan = new RunScan(files, problems, provenance.probe().on(), false);
    refuse(scan);
    stages = scan.stages();
    ended = scan.ended();
    probes = scan.probes();
  }

  private static void refuse(RunScan scan) {
    List<Finding> findings = scan.findings(true);
    if (!findings.isEmpty()) {
      throw damaged(findings.getFirst());
    }
  }

  /** Half a run must not pass for a whole one; reading does not mend, since that takes the models. */
  private static StoreException damaged(Finding finding) {
    return new StoreException(finding.file() + (finding.line() > 0 ? ", line " + finding.line() : "") + ": "
        + finding.lost() + "; go on with the command that made the run and --resume: it computes again what was lost "
        + "(`run check` lists all of it)");
  }

  static Finding problemsLost(RunFiles files) {
    String lost = Files.exists(files.problems()) ? "damaged (its checksum in run.json does not fit)" : "missing";
    return Finding.mended(files.problems(), 0, lost, "written again");
  }

  /**
   * What opening a run for writing would find missing or damaged; changes nothing and takes no lock. Empty: it is
   * whole, finished or not.
   *
   * @throws StoreException.Refused when the directory holds no run
   */
  public static List<Finding> check(Path directory) {
    RunFiles files = new RunFiles(directory);
    Provenance provenance;
    try {
      provenance = files.readProvenance();
    } catch (StoreException.Refused e) {
      throw e;
    } catch (StoreException e) {
      String lost = files.isHeadless() ? "missing" : "damaged (its checksum does not fit, or it cannot be read)";
      return List.of(Finding.refused(files.provenance(), lost, RunFiles.lostProvenance()));
    }
    List<Problem> problems = files.readProblems(provenance);
    List<Finding> findings = new ArrayList<>();
    if (problems == null) {
      findings.add(problemsLost(files));
    }
    findings.addAll(new RunScan(files, problems, provenance.probe().on(), true).findings(false));
    return findings;
  }

  /**
   * Reads a run's results; takes no lock.
   *
   * @throws StoreException.Refused when the directory holds no run
   * @throws StoreException when it cannot be read or something of it is damaged; the message says what to do
   */
  public static RunData read(Path directory) {
    return new RunData(directory);
  }

  public Provenance provenance() {
    return provenance;
  }

  /** All problems of the run, in order. */
  public List<Problem> problems() {
    return Collections.unmodifiableList(problems);
  }

  /** True when every problem has ended. */
  public boolean complete() {
    return problems.stream().allMatch(p -> ended.contains(p.id()));
  }

  /** The results of the problems that have ended, in the problems' order. */
  public List<ProblemResult> results() {
    return problems.stream()
        .filter(p -> ended.contains(p.id()))
        .map(p -> result(p.id(), stages.get(p.id())))
        .toList();
  }

  /** The figures of the problems that have ended. */
  public RunReport report() {
    return RunReport.of(results(), probeReport(provenance, problems, probes));
  }

  /** What the probe drew of a problem; null where it did not get there, or in a run without one. */
  public Probed probeOf(String problemId) {
    return probes.get(problemId);
  }

  static ProbeReport probeReport(Provenance provenance, List<Problem> problems, Map<String, Probed> probes) {
    ProbeSettings settings = provenance.probe();
    if (!settings.on()) {
      return null;
    }
    List<Probed> probed = problems.stream().map(p -> probes.get(p.id())).filter(Objects::nonNull).toList();
    long seed = Long.parseLong(provenance.identity().getOrDefault("seed", "1"));
    return ProbeReport.of(settings, probed, settings.select(probed, seed));
  }

  /** The pairs so far in the problems' order, those of problems in work included; no pair twice. */
  public List<PreferencePair> pairs() {
    return pairs(problems, stages);
  }

  /** The expansions of a problem, in the order in which they were found: its trees, pruned candidates included. */
  public List<Expansion> expansions(String problemId) {
    return expansions(Set.of(problemId)).getOrDefault(problemId, List.of());
  }

  /** The expansions of some problems, each in the order in which they were found; the file is read once. */
  public Map<String, List<Expansion>> expansions(Set<String> problemIds) {
    Map<String, List<Expansion>> found = new HashMap<>();
    eachExpansion(line -> {
      String id = head(line, 1)[0];
      if (problemIds.contains(id)) {
        found.computeIfAbsent(id, k -> new ArrayList<>()).add(RecordJson.expansion(RecordJson.parse(line)));
      }
    });
    return found;
  }

  /** What the stages of a problem made so far, in order. */
  public List<StageResult> stagesOf(String problemId) {
    Map<Stage, StageResult> results = stages.getOrDefault(problemId, Map.of());
    return Stream.of(Stage.values()).map(results::get).filter(Objects::nonNull).toList();
  }

  private void eachExpansion(Consumer<byte[]> onLine) {
    if (!treesChecked) {
      refuse(new RunScan(files, problems, provenance.probe().on(), true));
      treesChecked = true;
    }
    CheckedLines.read(files.tree(), (number, from, to, object, whole) -> {
      if (object != null) {
        onLine.accept(object);
      }
    });
  }

  /** All expansions of a search of this name, such as {@code generation}: each problem's by their paths, in their order. */
  public Map<String, Map<String, Expansion>> trees(String search) {
    Map<String, Map<String, Expansion>> trees = new LinkedHashMap<>();
    eachExpansion(line -> {
      Expansion e = RecordJson.expansion(RecordJson.parse(line));
      if (e.search().equals(search)) {
        trees.computeIfAbsent(e.problemId(), id -> new LinkedHashMap<>()).put(e.path(), e);
      }
    });
    return trees;
  }

  /** What was said to the models, as far as it makes the prompt of a problem. */
  public Prompts prompts() {
    Map<String, String> identity = provenance.identity();
    Prompts usual = Prompts.defaults();
    return usual.with(
        identity.get("stages.prompts.system"),
        identity.get("stages.prompts.question"),
        identity.get("stages.prompts.correction"),
        identity.get("stages.prompts.correctedAfter"),
        identity.get("stages.prompts.template"));
  }

  static List<PreferencePair> pairs(List<Problem> problems, Map<String, Map<Stage, StageResult>> stages) {
    List<PreferencePair> pairs = new ArrayList<>();
    Set<String> seen = new HashSet<>();
    for (Problem problem : problems) {
      Map<Stage, StageResult> results = stages.getOrDefault(problem.id(), Map.of());
      for (Stage stage : Stage.values()) {
        StageResult result = results.get(stage);
        for (PreferencePair pair : result == null ? List.<PreferencePair>of() : result.pairs()) {
          // The same question may stand in a problem set under two ids.
          String sameness = pair.prompt() + '\0' + Distinct.WHITESPACE.normalise(pair.chosen()) + '\0'
              + Distinct.WHITESPACE.normalise(pair.rejected());
          if (seen.add(sameness)) {
            pairs.add(pair);
          }
        }
      }
    }
    return pairs;
  }

  static ProblemResult result(String problemId, Map<Stage, StageResult> stages) {
    List<StageResult> results = new ArrayList<>();
    for (Stage stage : Stage.values()) {
      StageResult result = stages == null ? null : stages.get(stage);
      if (result == null) {
        throw new IllegalStateException("problem " + problemId + " has ended without its stage " + stage.label());
      }
      results.add(result);
    }
    return new ProblemResult(problemId, results);
  }

  static ObjectNode resultNode(ProblemResult result) {
    ObjectNode node = RecordJson.MAPPER.createObjectNode();
    node.put("problem", result.problemId()).put("pairs", result.pairs());
    node.put("reason", result.reason() == null ? null : result.reason().label());
    return node;
  }

  /** The texts that a record begins with (problem, search, path), without parsing all of it. */
  static String[] head(byte[] line, int fields) {
    String[] texts = new String[fields];
    try (JsonParser parser = RecordJson.MAPPER.createParser(line)) {
      for (int i = 0; i < 3; i++) {
        parser.nextToken(); // {, "crc", its value
      }
      for (int i = 0; i < fields; i++) {
        parser.nextToken();
        String name = List.of("problem", "search", "path").get(i);
        if (!name.equals(parser.currentName())) {
          throw new IllegalArgumentException("the record's field " + (i + 1) + " is not \"" + name + "\"");
        }
        parser.nextToken();
        texts[i] = parser.getString();
      }
    }
    return texts;
  }
}
