package dev.sphere.web.studio;

import dev.sphere.base.PlainFile;
import dev.sphere.engine.Problem;
import dev.sphere.engine.store.CheckedLines;
import dev.sphere.engine.store.Provenance;
import dev.sphere.engine.store.StoreException;
import dev.sphere.web.HttpError;
import dev.sphere.web.Query;
import dev.sphere.web.studio.ProblemRow.Log;
import dev.sphere.web.studio.ProblemRow.Place;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.logging.Level;
import java.util.logging.Logger;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * A search run, so that 100,000 problems can be looked at without their trees in memory: the problems, counts for each,
 * and the places of its lines in the run's logs. The problems are read at once. The logs are read by a thread of the
 * index, which goes on when they grow. A damaged line is named and left out.
 */
final class SearchIndex implements AutoCloseable {
  private static final Logger LOG = Logger.getLogger(SearchIndex.class.getName());
  private static final JsonMapper JSON = JsonMapper.shared();
  private static final int MOST_WARNINGS = 8;

  private final Path folder;
  private final Provenance provenance;
  private final List<String> warnings = new ArrayList<>();
  private int unlisted; // warnings beyond those that are listed
  private List<ProblemRow> rows = List.of();
  private Map<String, ProblemRow> byId = Map.of();
  private List<String> classes = List.of();
  private TokenCounts tokens = new TokenCounts();
  private final Map<Log, Reading> logs = new EnumMap<>(Log.class);
  private volatile long version;
  private volatile boolean closed;
  private volatile boolean behind = true;
  private Thread thread;

  /** How far a log was read. */
  private static final class Reading {
    private long bytes;
    private int lines;
    private int strange; // lines of no problem of the run
    private int firstStrange;
  }

  /**
   * Reads the problems.
   *
   * @throws StoreException when nothing says what the run is
   */
  SearchIndex(Path folder) {
    this.folder = folder;
    this.provenance = Provenance.of(folder);
    begin();
  }

  private synchronized void begin() {
    warnings.clear();
    unlisted = 0;
    rows = new ArrayList<>();
    byId = new HashMap<>();
    tokens = new TokenCounts();
    for (Log log : Log.values()) {
      logs.put(log, new Reading());
    }
    readProblems();
    classes = SearchFigures.classes(rows);
    version++;
  }

  private void warn(String words) {
    if (warnings.size() < MOST_WARNINGS) {
      warnings.add(words);
    } else {
      unlisted++;
    }
  }

  private void readProblems() {
    Path file = folder.resolve("problems.jsonl");
    int number = 0;
    // Bytes that are no UTF-8 become U+FFFD and do not end the reading.
    try (BufferedReader in =
        new BufferedReader(new InputStreamReader(PlainFile.read(file), StandardCharsets.UTF_8))) {
      for (String line = in.readLine(); line != null; line = in.readLine()) {
        number++;
        try {
          if (!line.isEmpty()) {
            addProblem(JSON.readTree(line));
          }
        } catch (JacksonException | IllegalArgumentException e) {
          warn("problems.jsonl, line " + number + ": damaged; the problem is left out");
        }
      }
    } catch (IOException e) {
      warn("problems.jsonl: " + (Files.exists(file) ? e.getMessage() : "missing")
          + "; `./sphere run check` says what to do");
    }
  }

  private void addProblem(JsonNode line) {
    String id = line.path("problem").asString("");
    if (id.isEmpty() || byId.containsKey(id)) {
      throw new IllegalArgumentException(id.isEmpty() ? "no id" : "two problems have the id " + id);
    }
    Map<String, String> metadata = new LinkedHashMap<>();
    line.path("metadata").properties().forEach(e -> metadata.put(e.getKey(), e.getValue().asString("")));
    Problem problem = new Problem(id, line.path("question").asString(""), line.path("answer").asString(""), metadata);
    ProblemRow row = new ProblemRow(rows.size(), problem);
    rows.add(row);
    byId.put(id, row);
  }

  /** Reads on where the logs have grown, in a thread of its own, until the index is closed. */
  void start() {
    thread = Thread.ofPlatform().daemon().name("index " + folder.getFileName()).start(() -> {
      try {
        while (!closed) {
          try {
            refresh();
          } catch (StoreException | UncheckedIOException e) {
            LOG.log(Level.FINE, "indexing " + folder, e);
          }
          Thread.sleep(500);
        }
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt(); // closed
      }
    });
  }

  /** Waits until the logs that are there have been read, {@code most} ms at most. */
  void await(long most) {
    long end = System.currentTimeMillis() + most;
    try {
      while (behind && !closed && System.currentTimeMillis() < end) {
        Thread.sleep(10);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private Path file(Log log) {
    return folder.resolve(log.file);
  }

  private void refresh() {
    for (Log log : Log.values()) {
      Reading reading = logs.get(log);
      long size = file(log).toFile().length();
      if (size < reading.bytes) { // the run was mended, or begun anew
        begin();
        return;
      }
      if (size > reading.bytes) {
        CheckedLines.read(file(log), reading.bytes, reading.lines, (number, from, to, object, whole) -> {
          if (whole && !closed) { // a line without an end: its writer is still at it
            add(log, number, new Place(from, object == null ? 0 : object.length), to, object);
          }
        });
      }
    }
    behind = false;
  }

  private synchronized void add(Log log, int number, Place place, long to, byte[] line) {
    Reading reading = logs.get(log);
    reading.bytes = to;
    reading.lines = number;
    version++;
    if (line == null) {
      warn(log.file + ", line " + number
          + ": damaged (its checksum does not fit); it is left out, and --resume computes it again");
      return;
    }
    try {
      JsonNode record = JSON.readTree(line);
      ProblemRow row = byId.get(record.path("problem").asString(""));
      if (row != null) {
        row.add(log, record, place);
        tokens.add(log, record);
      } else if (reading.strange++ == 0) {
        reading.firstStrange = number;
      }
    } catch (RuntimeException e) {
      warn(log.file + ", line " + number + ": no record of this version; it is left out");
    }
  }

  @Override
  public void close() {
    closed = true;
    if (thread != null) {
      thread.interrupt();
    }
  }

  Path folder() {
    return folder;
  }

  Provenance provenance() {
    return provenance;
  }

  /** Grows with everything that is read. */
  long version() {
    return version;
  }

  /** The problems, in the run's order. */
  synchronized List<ProblemRow> rows() {
    return rows;
  }

  /** @throws HttpError 404 for an unknown problem */
  synchronized ProblemRow row(String id) {
    ProblemRow row = byId.get(id);
    if (row == null) {
      throw new HttpError(404, "the run has no problem " + id);
    }
    return row;
  }

  /** True when the run has a problem of that id. */
  synchronized boolean has(String id) {
    return byId.containsKey(id);
  }

  /** Bytes that were read of the logs, their bytes, and whether there are more to read. */
  synchronized Map<String, Object> progress() {
    return Map.of("read", logs.values().stream().mapToLong(r -> r.bytes).sum(),
        "size", logs.keySet().stream().mapToLong(l -> file(l).toFile().length()).sum(), "behind", behind);
  }

  synchronized List<String> warnings() {
    List<String> all = new ArrayList<>(warnings);
    logs.forEach((log, reading) -> {
      if (reading.strange > 0) {
        all.add(log.file + ": " + reading.strange
            + " lines are of no problem of this run and are left out (the first: line " + reading.firstStrange + ")");
      }
    });
    if (unlisted > 0) {
      all.add("and " + unlisted + " more; `./sphere run check` lists all of it");
    }
    return all;
  }

  synchronized Map<String, Object> figures() {
    Map<String, Object> map = SearchFigures.of(rows, classes);
    map.put("probed", logs.get(Log.PROBE).lines > 0);
    map.put("expansions", logs.get(Log.TREE).lines);
    map.put("tokens", tokens.toMap());
    return map;
  }

  /** All pairs so far. */
  synchronized int pairs() {
    return rows.stream().mapToInt(ProblemRow::pairs).sum();
  }

  /** A part of the table of problems: those that a query asks for, in its order. */
  synchronized Map<String, Object> page(Query query) {
    Map<String, Object> map = new LinkedHashMap<>(ProblemTable.page(rows, query));
    map.put("progress", progress());
    return map;
  }

  /**
   * A problem's lines of a log, in its order.
   *
   * @param skipped how many of them to leave out, from the first on
   */
  List<byte[]> lines(Log log, ProblemRow row, int skipped) throws IOException {
    List<Place> places;
    synchronized (this) {
      places = row.places(log).stream().skip(skipped).toList();
    }
    List<byte[]> lines = new ArrayList<>();
    if (!places.isEmpty()) {
      try (FileChannel file = PlainFile.open(file(log), StandardOpenOption.READ)) {
        for (Place place : places) {
          ByteBuffer line = ByteBuffer.allocate(place.length());
          while (line.hasRemaining() && file.read(line, place.from() + line.position()) >= 0) {
            // goes on
          }
          if (CheckedLines.whole(line.array())) { // the file may have been mended since
            lines.add(line.array());
          }
        }
      }
    }
    return lines;
  }
}
