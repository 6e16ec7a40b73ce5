package dev.sphere.engine.store;

import dev.sphere.engine.PreferencePair;
import dev.sphere.engine.Problem;
import dev.sphere.engine.probe.Probed;
import dev.sphere.engine.stage.Attempt;
import dev.sphere.engine.stage.Stage;
import dev.sphere.engine.stage.StageResult;
import dev.sphere.engine.store.RunLogFile.Why;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import java.util.zip.CRC32C;
import tools.jackson.databind.JsonNode;

/**
 * What a run's logs hold, and what of it is missing or damaged. Records are compared with each other: a problem that
 * has ended has all its stages, a stage has all its expansions, an expansion has the one above it. A record that lacks
 * something is left out, so that the search makes it again from what is whole. What came after it in its problem is
 * left out too: on a device that does not repeat its numbers, it would no longer belong to what comes before.
 */
final class RunScan {
  private final RunFiles files;
  private final List<Problem> problems;
  private final boolean probing; // every problem has a probe
  private final boolean known; // the problems are
  private final boolean finished; // its pairs were written
  private final Map<String, Map<Stage, StageResult>> stages = new HashMap<>();
  private final Map<String, Integer> counts = new HashMap<>(); // expansions by problem and stage, where a line has them
  private final Map<String, Line> stageLines = new HashMap<>();
  private final Map<String, Line> ended = new HashMap<>();
  private final Map<String, Map<String, TreeLines>> trees = new HashMap<>(); // problem, search
  private final Map<String, String> names = new HashMap<>(); // of searches and paths: the same few in all problems
  private final List<Runnable> contradictions = new ArrayList<>();
  private final Map<String, List<String>> losses = new LinkedHashMap<>(); // what and where, by the words for it
  private final Map<String, Probed> probes = new HashMap<>();
  private final Map<String, Line> probeLines = new HashMap<>();
  private final RunLogFile probeLog; // empty in a run without a probe
  private final RunLogFile resultLog;
  private final RunLogFile stageLog;
  private final RunLogFile treeLog; // null when the trees are not compared

  private record Line(int number, int crc) {}

  /**
   * The lines of a search by path. There are millions in a run and some ten in a search: so they stand in arrays, and are looked
   * for one by one.
   */
  private static final class TreeLines {
    private String[] paths = new String[8]; // each path is one object in all searches
    private int[] numbers = new int[8];
    private int[] crcs = new int[8];
    private int size;

    private int find(String path) {
      for (int i = 0; i < size; i++) {
        if (paths[i].equals(path)) {
          return i;
        }
      }
      return -1;
    }

    boolean has(String path) {
      return find(path) >= 0;
    }

    int number(String path) {
      return numbers[find(path)];
    }

    /** The line that has the path's place; null when this one took it. */
    Line putIfAbsent(String path, Line line) {
      int at = find(path);
      if (at >= 0) {
        return new Line(numbers[at], crcs[at]);
      }
      if (size == paths.length) {
        paths = Arrays.copyOf(paths, size * 3 / 2);
        numbers = Arrays.copyOf(numbers, size * 3 / 2);
        crcs = Arrays.copyOf(crcs, size * 3 / 2);
      }
      paths[size] = path;
      numbers[size] = line.number();
      crcs[size++] = line.crc();
      return null;
    }

    void remove(String path) {
      int at = find(path);
      if (at >= 0) {
        size--;
        paths[at] = paths[size];
        numbers[at] = numbers[size];
        crcs[at] = crcs[size];
      }
    }

    List<String> paths() {
      return List.of(Arrays.copyOf(paths, size));
    }
  }

  /**
   * Reads the logs and changes nothing.
   *
   * @param problems of the run; null when they cannot be read
   * @param probing each problem was probed before it was searched
   * @param withTrees compare the trees too; they are by far the most
   */
  RunScan(RunFiles files, List<Problem> problems, boolean probing, boolean withTrees) {
    this.files = files;
    this.probing = probing;
    this.problems = problems == null ? List.of() : problems;
    known = problems != null;
    finished = Files.exists(files.pairs());
    Set<String> ids = new LinkedHashSet<>();
    this.problems.forEach(p -> ids.add(p.id()));
    // In this order: if somebody is writing, what is read later holds all that was read before stands on.
    resultLog = new RunLogFile(files.results());
    resultLog.read((number, object) -> result(number, object, ids));
    stageLog = new RunLogFile(files.stages());
    stageLog.read((number, object) -> stage(number, object, ids));
    treeLog = withTrees ? new RunLogFile(files.tree()) : null;
    if (withTrees) {
      treeLog.read((number, object) -> expansion(number, object, ids));
    }
    probeLog = new RunLogFile(files.probes());
    if (probing) {
      probeLog.read((number, object) -> probe(number, object, ids));
    }
    contradictions.forEach(Runnable::run);
    if (!known || !finished) {
      ids.clear();
      ids.addAll(ended.keySet());
      ids.addAll(stages.keySet());
      ids.addAll(trees.keySet());
    }
    ids.forEach(this::compare);
    trees.clear();
    names.clear();
  }

  private void result(int number, byte[] object, Set<String> ids) {
    String id = RunData.head(object, 1)[0];
    if (strange(resultLog, number, id, ids)) {
      return;
    }
    claim(resultLog, line -> ended.putIfAbsent(id, line), number, object, () -> ended.remove(id));
  }

  private void stage(int number, byte[] object, Set<String> ids) {
    JsonNode node = RecordJson.parse(object);
    StageResult result = RecordJson.stageResult(node);
    String id = result.problemId();
    if (strange(stageLog, number, id, ids)) {
      return;
    }
    String key = key(id, result.stage());
    if (claim(stageLog, line -> stageLines.putIfAbsent(key, line), number, object,
        () -> stages.get(id).remove(result.stage()))) {
      stages.computeIfAbsent(id, i -> new HashMap<>()).put(result.stage(), result);
      if (node.has("expansions")) {
        counts.put(key, node.get("expansions").asInt());
      }
    }
  }

  private void probe(int number, byte[] object, Set<String> ids) {
    Probed probed = RecordJson.probed(RecordJson.parse(object));
    String id = probed.problemId();
    if (!strange(probeLog, number, id, ids)
        && claim(probeLog, line -> probeLines.putIfAbsent(id, line), number, object, () -> probes.remove(id))) {
      probes.put(id, probed);
    }
  }

  private void expansion(int number, byte[] object, Set<String> ids) {
    String[] head = RunData.head(object, 3);
    if (strange(treeLog, number, head[0], ids)) {
      return;
    }
    TreeLines search = trees.computeIfAbsent(head[0], i -> new HashMap<>(4))
        .computeIfAbsent(names.computeIfAbsent(head[1], n -> n), s -> new TreeLines());
    String path = names.computeIfAbsent(head[2], n -> n);
    claim(treeLog, line -> search.putIfAbsent(path, line), number, object, () -> search.remove(path));
  }

  private boolean strange(RunLogFile log, int number, String id, Set<String> ids) {
    if (known && !ids.contains(id)) {
      log.drop(number, Why.STRANGE);
      return true;
    }
    return false;
  }

  /**
   * Takes a record's place; false when the record is there already, or another one that says something else.
   *
   * @param putIfAbsent gives the line that has the place; null when this one took it
   */
  private boolean claim(
      RunLogFile log, UnaryOperator<Line> putIfAbsent, int number, byte[] object, Runnable contradicted) {
    CRC32C crc = new CRC32C();
    crc.update(object);
    Line mine = new Line(number, (int) crc.getValue());
    Line first = putIfAbsent.apply(mine);
    if (first == null) {
      return true;
    }
    if (first.crc() == mine.crc()) {
      log.drop(number, Why.REPEATS);
    } else { // nobody knows which is right
      log.drop(first.number(), Why.CONTRADICTS);
      log.drop(number, Why.CONTRADICTS);
      contradictions.add(contradicted);
    }
    return false;
  }

  private static String key(String id, Stage stage) {
    return id + '\n' + stage;
  }

  /** Compares the records of a problem with each other. */
  private void compare(String id) {
    Map<Stage, StageResult> mine = stages.getOrDefault(id, new HashMap<>());
    boolean lost = false; // a stage is made again
    boolean searched = false; // not from its trees alone
    boolean begun = ended.containsKey(id) || finished;
    if (probing && !probes.containsKey(id) && (begun || !mine.isEmpty() || trees.containsKey(id))) {
      lose("the probe is missing", id); // on a device that does not repeat its numbers its pairs would be others
      lost = true;
      searched = true;
    }
    for (Stage stage : Stage.values()) {
      if (searched) {
        trees.getOrDefault(id, Map.of()).forEach((search, tree) -> {
          if (isOf(search, stage)) {
            tree.paths().forEach(path -> treeLog.drop(tree.number(path), Why.SAID));
          }
        });
      } else {
        searched = dropOrphans(id, stage);
      }
      StageResult result = mine.get(stage);
      boolean later = begun || mine.keySet().stream().anyMatch(s -> s.compareTo(stage) > 0);
      if (result == null) {
        if (later) {
          lose("a stage is missing", id + " (" + stage.label() + ")");
        }
        lost = true;
      } else if (lost || searched || treeLog != null && !holds(result)) {
        if (!lost) {
          searched = true;
          lose("expansions are missing", id + " (" + stage.label() + ")");
        }
        lost = true;
        stageLog.drop(stageLines.get(key(id, stage)).number(), Why.SAID);
        mine.remove(stage);
      }
    }
    if (lost && ended.containsKey(id)) {
      resultLog.drop(ended.remove(id).number(), Why.SAID);
    } else if (!lost && finished && !ended.containsKey(id)) {
      lose("the problem's end is missing", id);
    }
  }

  private void lose(String what, String where) {
    losses.computeIfAbsent(what, w -> new ArrayList<>()).add(where);
  }

  /** Correction has a search for each mistake, named after it. */
  static boolean isOf(String search, Stage stage) {
    return search.equals(stage.label()) || search.startsWith(stage.label() + ":");
  }

  /** Leaves out expansions whose place in the tree is lost; true when there were any. */
  private boolean dropOrphans(String id, Stage stage) {
    boolean any = false;
    for (Map.Entry<String, TreeLines> search : trees.getOrDefault(id, Map.of()).entrySet()) {
      if (isOf(search.getKey(), stage)) {
        TreeLines tree = search.getValue();
        List<String> downwards = new ArrayList<>(tree.paths());
        downwards.sort(Comparator.comparingInt(String::length));
        for (String path : downwards) {
          if (!path.isEmpty() && !tree.has(path.substring(0, path.length() - 1))) {
            treeLog.drop(tree.number(path), Why.ORPHAN);
            tree.remove(path);
            any = true;
          }
        }
      }
    }
    return any;
  }

  /** True when the trees of a stage are whole; what they hold beside is left out. */
  private boolean holds(StageResult result) {
    Map<String, Set<String>> needed = new HashMap<>();
    for (Attempt a : result.attempts()) {
      for (int i = 0; i < a.path().length(); i++) {
        needed.computeIfAbsent(a.search(), s -> new HashSet<>()).add(a.path().substring(0, i));
      }
    }
    Map<String, TreeLines> mine = trees.getOrDefault(result.problemId(), Map.of());
    for (Map.Entry<String, Set<String>> search : needed.entrySet()) {
      TreeLines tree = mine.get(search.getKey());
      if (tree == null || !search.getValue().stream().allMatch(tree::has)) {
        return false;
      }
    }
    Integer counted = counts.get(key(result.problemId(), result.stage()));
    int found = 0;
    for (Map.Entry<String, TreeLines> search : mine.entrySet()) {
      TreeLines tree = search.getValue();
      if (isOf(search.getKey(), result.stage())) {
        Set<String> wanted = needed.getOrDefault(search.getKey(), Set.of());
        if (!needed.isEmpty()) {
          tree.paths().stream().filter(path -> !wanted.contains(path))
              .forEach(path -> treeLog.drop(tree.number(path), Why.SURPLUS));
        }
        found += needed.isEmpty() ? tree.size : wanted.size();
      }
    }
    return counted == null || counted == found; // runs of older versions have no count
  }

  Map<String, Map<Stage, StageResult>> stages() {
    return stages;
  }

  /** What the probe drew, by problem. */
  Map<String, Probed> probes() {
    return probes;
  }

  /** Problems that have ended and lack nothing. */
  Set<String> ended() {
    return ended.keySet();
  }

  /**
   * What is missing or damaged.
   *
   * @param reading somebody may be writing the run, so its logs may end in the middle of a line
   */
  List<Finding> findings(boolean reading) {
    List<Finding> findings = new ArrayList<>();
    List<RunLogFile> logs = Stream.of(probing ? probeLog : null, treeLog, stageLog, resultLog)
        .filter(Objects::nonNull).toList();
    boolean any = logs.stream().anyMatch(log -> log.lines() > 0);
    for (RunLogFile log : logs) {
      if (any && !reading && !Files.exists(log.file())) {
        findings.add(Finding.mended(log.file(), 0, "missing", "made anew, what it held is computed again"));
      }
      findings.addAll(log.findings(reading));
    }
    losses.forEach((what, where) -> {
      String problemsOf = where.size() == 1 ? "problem " : "problems ";
      String more = where.size() > 5 ? " and " + (where.size() - 5) + " more" : "";
      RunLogFile log = what.contains("probe") ? probeLog : what.contains("expansions") ? treeLog : what.contains("stage") ? stageLog : resultLog;
      findings.add(Finding.mended(log.file(), 0,
          what + " of " + problemsOf + String.join(", ", where.subList(0, Math.min(5, where.size()))) + more,
          "computed again"));
    });
    if (!reading && known && ended.size() == problems.size() && !problems.isEmpty()) {
      List<PreferencePair> pairs = RunData.pairs(problems, stages);
      if (!finished) {
        findings.add(Finding.mended(files.pairs(), 0, "missing", "written again"));
      } else if (!PairsFile.holds(files.pairs(), pairs)) {
        findings.add(otherPairs(files));
      }
    }
    return findings;
  }

  static Finding otherPairs(RunFiles files) {
    return Finding.mended(files.pairs(), 0, "not the pairs of the run's stages", "written again");
  }

  /** Makes the logs hold what is whole, and nothing else; keeps the rest aside. */
  void mend() {
    probeLog.mend();
    treeLog.mend();
    stageLog.mend();
    resultLog.mend();
  }

  RunLogFile probeLog() {
    return probeLog;
  }

  RunLogFile treeLog() {
    return treeLog;
  }

  RunLogFile stageLog() {
    return stageLog;
  }

  RunLogFile resultLog() {
    return resultLog;
  }
}
