package dev.sphere.engine.store;

import dev.sphere.engine.PreferencePair;
import dev.sphere.engine.Problem;
import dev.sphere.engine.search.Distinct;
import dev.sphere.engine.search.Expansion;
import dev.sphere.engine.stage.ProblemResult;
import dev.sphere.engine.stage.Prompts;
import dev.sphere.engine.stage.RunReport;
import dev.sphere.engine.stage.Stage;
import dev.sphere.engine.stage.StageResult;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import tools.jackson.core.JsonParser;
import tools.jackson.databind.node.ObjectNode;

/** A run as it stands, for reading: finished, interrupted, or still being written by another process. */
public final class RunData {
  private final RunFiles files;
  private final Provenance provenance;
  private final List<Problem> problems = new ArrayList<>();
  private final Map<String, Map<Stage, StageResult>> stages = new HashMap<>();
  private final Set<String> ended = new HashSet<>();

  private RunData(Path directory) {
    files = new RunFiles(directory);
    provenance = files.readProvenance();
    try {
      for (String line : Files.readAllLines(files.problems(), StandardCharsets.UTF_8)) {
        problems.add(Json.problem(Json.parse(line.getBytes(StandardCharsets.UTF_8))));
      }
    } catch (IOException | RuntimeException e) {
      throw new StoreException("cannot read " + files.problems() + ": " + e.getMessage(), e);
    }
    CheckedLines.read(files.results(), line -> ended.add(problemOf(line)));
    CheckedLines.read(files.stages(), line -> {
      StageResult result = Json.stageResult(Json.parse(line));
      stages.computeIfAbsent(result.problemId(), id -> new EnumMap<>(Stage.class)).put(result.stage(), result);
    });
  }

  /**
   * Reads a run's results; takes no lock.
   *
   * @throws StoreException.Refused when the directory holds no run
   * @throws StoreException when it cannot be read
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
    return RunReport.of(results());
  }

  /** The pairs so far in the problems' order, those of problems in work included; no pair twice. */
  public List<PreferencePair> pairs() {
    return pairs(problems, stages);
  }

  /** The expansions of a problem, in the order in which they were found: its trees, pruned candidates included. */
  public List<Expansion> expansions(String problemId) {
    List<Expansion> found = new ArrayList<>();
    CheckedLines.read(files.tree(), line -> {
      if (problemOf(line).equals(problemId)) {
        found.add(Json.expansion(Json.parse(line)));
      }
    });
    return found;
  }

  /** The expansions of some problems, each in the order in which they were found; the file is read once. */
  public Map<String, List<Expansion>> expansions(Set<String> problemIds) {
    Map<String, List<Expansion>> found = new HashMap<>();
    CheckedLines.read(files.tree(), line -> {
      String id = problemOf(line);
      if (problemIds.contains(id)) {
        found.computeIfAbsent(id, k -> new ArrayList<>()).add(Json.expansion(Json.parse(line)));
      }
    });
    return found;
  }

  /** What the stages of a problem made so far, in order. */
  public List<StageResult> stagesOf(String problemId) {
    return List.copyOf(stages.getOrDefault(problemId, Map.of()).values());
  }

  /** All expansions of a search of this name, such as {@code generation}: each problem's by their paths, in their order. */
  public Map<String, Map<String, Expansion>> trees(String search) {
    Map<String, Map<String, Expansion>> trees = new LinkedHashMap<>();
    CheckedLines.read(files.tree(), line -> {
      Expansion e = Json.expansion(Json.parse(line));
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
        throw new StoreException("the run says that problem " + problemId + " has ended, but its stage " + stage.label()
            + " is missing: stages.jsonl was cut or changed");
      }
      results.add(result);
    }
    return new ProblemResult(problemId, results);
  }

  static ObjectNode resultNode(ProblemResult result) {
    ObjectNode node = Json.MAPPER.createObjectNode();
    node.put("problem", result.problemId()).put("pairs", result.pairs());
    node.put("reason", result.reason() == null ? null : result.reason().label());
    return node;
  }

  /** The problem's id of a record, without parsing all of it: it is the field after the checksum. */
  static String problemOf(byte[] line) {
    try (JsonParser parser = Json.MAPPER.createParser(line)) {
      for (int i = 0; i < 4; i++) {
        parser.nextToken(); // {, "crc", its value, "problem"
      }
      if (!"problem".equals(parser.currentName())) {
        throw new IllegalArgumentException("the record's first field is not \"problem\"");
      }
      parser.nextToken();
      return parser.getString();
    }
  }
}
