package dev.sphere.web.studio;

import dev.sphere.base.PlainFile;
import dev.sphere.engine.store.CheckedLines;
import dev.sphere.engine.store.Provenance;
import dev.sphere.trainer.loop.TrainedRows;
import dev.sphere.web.studio.Runs.Entry;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.logging.Level;
import java.util.logging.Logger;
import java.util.stream.Stream;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Sums up each run in a line: its kind, its state and its main figures. Logs are read on from where they were left. */
final class Summaries {
  private static final Logger LOG = Logger.getLogger(Summaries.class.getName());
  private static final JsonMapper JSON = JsonMapper.shared();

  /** A run whose files are older than this is not running, in ms. */
  private static final long QUIET = 60_000;

  /** Bytes of the end of metrics that are read: some lines. */
  private static final int TAIL = 1 << 14;

  /** The figures of a training's last step that are shown. */
  private static final List<String> FIGURES =
      List.of("step", "epoch", "loss", "eval_loss", "rewards/margins", "rewards/accuracies", "accuracy");

  private final Map<Path, Counts> known = new ConcurrentHashMap<>();

  /** Counts of a log of results, as far as it was read. */
  private static final class Counts {
    private long bytes;
    private int lines;
    private long ended;
    private long withPairs;
    private long pairs;
    private String error = "";
  }

  /** The line of a run: id, kind, state (done, running, stopped, damaged), time of the last writing, and figures. */
  Map<String, Object> of(Entry entry) {
    Map<String, Object> map = new LinkedHashMap<>();
    map.put("id", entry.id());
    map.put("kind", entry.kind().label());
    try {
      switch (entry.kind()) {
        case SEARCH -> search(entry.path(), map);
        case TRAIN -> train(entry.path(), map);
        case EVAL -> eval(entry.path(), map);
        case EVOLVE -> evolve(entry.path(), map);
      }
    } catch (RuntimeException | IOException e) {
      map.put("state", "damaged");
      map.put("error", e.getMessage());
    }
    return map;
  }

  private static long written(Stream<Path> files) {
    return files.mapToLong(f -> f.toFile().lastModified()).max().orElse(0);
  }

  private static void state(Map<String, Object> map, boolean done, long written) {
    map.put("written", written);
    map.put("state", done ? "done" : System.currentTimeMillis() - written < QUIET ? "running" : "stopped");
  }

  private void search(Path folder, Map<String, Object> map) {
    long written = written(Stream.of("run.json", "probe.jsonl", "tree.jsonl", "stages.jsonl", "results.jsonl")
        .map(folder::resolve));
    Provenance provenance = Provenance.of(folder);
    Path results = folder.resolve("results.jsonl");
    // A log that is shorter than before was mended: it is read again from its beginning.
    Counts counts = known.compute(results,
        (file, old) -> old == null || file.toFile().length() < old.bytes ? new Counts() : old);
    synchronized (counts) {
      CheckedLines.read(results, counts.bytes, counts.lines, (number, from, to, object, whole) -> {
        if (whole) {
          counts.bytes = to;
          counts.lines = number;
          count(counts, object);
        }
      });
      map.putAll(Map.of("ended", counts.ended, "pairs", counts.pairs, "withPairs", counts.withPairs));
      if (!counts.error.isEmpty()) {
        map.put("error", counts.error);
      }
    }
    map.put("problems", provenance.identity().getOrDefault("problems.count", ""));
    map.put("model", provenance.information().getOrDefault("model.path", ""));
    state(map, Files.exists(folder.resolve("pairs.jsonl")), written);
  }

  private static void count(Counts counts, byte[] line) {
    if (line == null) {
      counts.error = "results.jsonl, line " + counts.lines + ": damaged";
      return;
    }
    int pairs = JSON.readTree(line).path("pairs").asInt(0);
    counts.ended++;
    counts.pairs += pairs;
    counts.withPairs += pairs > 0 ? 1 : 0;
  }

  /** The file that a training has left at its end, where it said that it would. */
  static Optional<Path> artefact(Path folder) {
    return TrainedRows.artefact(folder).filter(Files::isRegularFile);
  }

  private static void train(Path folder, Map<String, Object> map) throws IOException {
    Path file = folder.resolve("metrics.jsonl");
    List<byte[]> lines = new ArrayList<>();
    Tail.lines(file, Math.max(0, Files.size(file) - TAIL), lines);
    for (int i = lines.size() - 1; i >= 0 && !map.containsKey("step"); i--) {
      try {
        JsonNode last = JSON.readTree(lines.get(i));
        for (String name : FIGURES) {
          if (last.path("step").isNumber() && last.path(name).isNumber()) {
            map.put(name, last.get(name).asDouble());
          }
        }
      } catch (JacksonException e) {
        LOG.log(Level.FINEST, "a damaged line of " + file + "; the one before it serves", e);
      }
    }
    Optional<Path> artefact = artefact(folder);
    map.put("artefact", artefact.map(a -> a.getFileName().toString()).orElse(""));
    state(map, artefact.isPresent() || Files.exists(folder.resolve("report.html")), file.toFile().lastModified());
  }

  private void eval(Path file, Map<String, Object> map) throws IOException {
    Answers.Figures figures = Answers.figures(file);
    map.putAll(Map.of("problems", figures.problems(), "accuracy", figures.accuracy(), "low", figures.low(),
        "high", figures.high()));
    if (figures.damaged() > 0) {
      map.put("error", figures.damaged() + " damaged lines");
    }
    state(map, !file.toString().endsWith(".part"), file.toFile().lastModified());
  }

  private static void evolve(Path folder, Map<String, Object> map) throws IOException {
    Path report = folder.resolve("report.json");
    boolean done = Files.exists(report);
    int rounds = 0;
    while (Files.isDirectory(folder.resolve("round-" + (rounds + 1)))) {
      rounds++;
    }
    map.put("rounds", rounds);
    if (done) {
      JsonNode node = JSON.readTree(PlainFile.bytes(report));
      map.put("name", node.path("name").asString(""));
      map.put("base", node.path("base").path("accuracy").asDouble());
      map.put("accuracy", node.path("evolved").path("accuracy").asDouble());
      map.put("won", node.path("won").asInt());
      map.put("lost", node.path("lost").asInt());
    }
    long written;
    try (Stream<Path> files = Files.walk(folder, 3)) {
      written = written(files.filter(Files::isRegularFile));
    }
    state(map, done, written);
  }
}
