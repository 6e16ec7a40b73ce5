package dev.sphere.web.studio;

import dev.sphere.engine.store.CheckedLines;
import dev.sphere.engine.store.Provenance;
import dev.sphere.engine.store.StoreException;
import dev.sphere.web.studio.Runs.Entry;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Stream;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** A line for each run: what it is, whether it is running, its main figures. Files are read on from where they were left. */
final class Summaries {
  private static final JsonMapper JSON = JsonMapper.shared();

  /** A log that was not written for so long is nobody's work any more, in ms. */
  private static final long QUIET = 60_000;

  /** Bytes of the end of metrics that are read: some lines. */
  private static final int TAIL = 1 << 14;

  private final Map<Path, Tail> tails = new ConcurrentHashMap<>();

  /** Counts of a log's lines so far. */
  private static final class Tail {
    private long read;
    private int lines;
    private long ended;
    private long with;
    private long pairs;
    private String error;
  }

  /** The line of a run: id, kind, state (done, running, stopped, damaged), when it was written last, and its figures. */
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
    } catch (StoreException | UncheckedIOException | IOException | JacksonException e) {
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
    long written = written(Stream.of("run.json", "probe.jsonl", "tree.jsonl", "stages.jsonl", "results.jsonl").map(folder::resolve));
    Provenance provenance = Provenance.of(folder);
    Path results = folder.resolve("results.jsonl");
    Tail tail = tails.computeIfAbsent(results, f -> new Tail());
    synchronized (tail) {
      if (results.toFile().length() < tail.read) {
        tail.read = tail.lines = 0;
        tail.ended = tail.with = tail.pairs = 0;
        tail.error = null;
      }
      CheckedLines.read(results, tail.read, tail.lines, (number, from, to, object, whole) -> {
        if (!whole) {
          return;
        }
        tail.read = to;
        tail.lines = number;
        if (object == null) {
          tail.error = "results.jsonl, line " + number + ": damaged";
        } else {
          int pairs = pairs(object);
          tail.ended++;
          tail.pairs += pairs;
          tail.with += pairs > 0 ? 1 : 0;
        }
      });
      map.put("problems", provenance.identity().getOrDefault("problems.count", ""));
      map.put("ended", tail.ended);
      map.put("pairs", tail.pairs);
      map.put("withPairs", tail.with);
      if (tail.error != null) {
        map.put("error", tail.error);
      }
    }
    map.put("model", provenance.information().getOrDefault("model.path", ""));
    state(map, Files.exists(folder.resolve("pairs.jsonl")), written);
  }

  /** What stands after "pairs", which the store writes before the reason; parsing a million lines for it would take seconds. */
  private static int pairs(byte[] line) {
    String text = new String(line, StandardCharsets.ISO_8859_1);
    int at = text.lastIndexOf("\"pairs\":") + 8;
    int n = 0;
    for (int i = at; at > 8 && i < text.length() && Character.isDigit(text.charAt(i)); i++) {
      n = 10 * n + text.charAt(i) - '0';
    }
    return n;
  }

  /** The file that a training leaves; null before its end. */
  static Path artefact(Path folder) {
    return Stream.of("adapter.gguf", "model.gguf", "prm.gguf").map(folder::resolve).filter(Files::exists).findFirst().orElse(null);
  }

  private static void train(Path folder, Map<String, Object> map) throws IOException {
    Path file = folder.resolve("metrics.jsonl");
    try (RandomAccessFile in = new RandomAccessFile(file.toFile(), "r")) {
      long from = Math.max(0, in.length() - TAIL);
      byte[] end = new byte[(int) (in.length() - from)];
      in.seek(from);
      in.readFully(end);
      List<String> lines = new String(end, StandardCharsets.UTF_8).lines().toList();
      for (int i = lines.size() - 1; i >= 0 && !map.containsKey("step"); i--) {
        try {
          JsonNode last = JSON.readTree(lines.get(i));
          if (last.path("step").isNumber()) {
            for (String name : List.of("step", "epoch", "loss", "eval_loss", "rewards/margins", "rewards/accuracies", "accuracy")) {
              if (last.path(name).isNumber()) {
                map.put(name, last.get(name).asDouble());
              }
            }
          }
        } catch (JacksonException e) {
          map.put("torn", true); // a line that is being written; the one before it serves
        }
      }
    }
    Path artefact = artefact(folder);
    map.put("artefact", artefact == null ? "" : artefact.getFileName().toString());
    state(map, artefact != null || Files.exists(folder.resolve("report.html")), file.toFile().lastModified());
  }

  private void eval(Path file, Map<String, Object> map) throws IOException {
    Answers.Figures figures = Answers.figures(file);
    map.put("problems", figures.problems());
    map.put("accuracy", figures.accuracy());
    map.put("low", figures.low());
    map.put("high", figures.high());
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
      JsonNode node = JSON.readTree(Files.readAllBytes(report));
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
