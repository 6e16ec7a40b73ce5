package dev.sphere.web.studio;

import dev.sphere.engine.PreferencePair;
import dev.sphere.engine.store.PairFlags;
import dev.sphere.engine.store.StoreException;
import dev.sphere.web.HttpError;
import dev.sphere.web.Query;
import dev.sphere.web.studio.Runs.Entry;
import dev.sphere.web.studio.Runs.Kind;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** What the studio's pages ask for, as JSON. Nothing is written but the flags that a reader sets. */
final class StudioApi implements AutoCloseable {
  private static final JsonMapper JSON = JsonMapper.shared();

  /** Search runs that are indexed at the same time; the one that was looked at longest ago gives way. */
  private static final int MOST_INDEXES = 4;

  /** How often files are looked at for what is new, in ms. */
  private static final long PULSE = 500;

  /** All runs are looked at once in so many pulses. */
  private static final int RUNS_EVERY = 4;

  /** A line to the browser at the latest after so many pulses, so that one that went away is noticed. */
  private static final int BEAT = 10;

  /** How long a view waits for the logs to be read, in ms. */
  private static final long PATIENCE = 60_000;

  /** Bytes of a problem's records that are sent at most. */
  private static final long MOST_RECORDS = 48L << 20;

  private final Runs runs;
  private final Summaries summaries = new Summaries();
  private final Heat heat = new Heat();
  private final Comparisons comparisons = new Comparisons();
  private final Map<Path, SearchIndex> indexes = new LinkedHashMap<>(8, 0.75f, true);
  private volatile boolean closed;

  StudioApi(Path folder) {
    runs = new Runs(folder);
  }

  @Override
  public void close() {
    closed = true;
    synchronized (indexes) {
      indexes.values().forEach(SearchIndex::close);
    }
  }

  byte[] get(String name, Query query) throws IOException {
    return switch (name) {
      case "runs" -> json(runs());
      case "run" -> json(run(query));
      case "problems" -> json(index(query).page(query));
      case "problem" -> problem(query);
      case "pair" -> json(pair(query));
      case "heat" -> json(heat(query));
      case "training" -> json(training(query));
      case "batch" -> json(batch(query));
      case "spread" -> json(spread(query));
      case "evolution" -> json(comparisons.evolution(runs, runs.find(query.required("run"), Kind.EVOLVE)));
      case "compare" -> json(comparisons.page(answers(query, "a"), answers(query, "b"), query));
      case "answers" -> json(Comparisons.answers(answers(query, "a"), answers(query, "b"), query.required("problem")));
      default -> throw new HttpError(404, "the studio knows nothing of " + name);
    };
  }

  byte[] post(String name, Query query, byte[] body) throws IOException {
    if (!name.equals("flag")) {
      throw new HttpError(404, "the studio takes no " + name);
    }
    JsonNode wanted;
    try {
      wanted = JSON.readTree(body).path("flag");
    } catch (JacksonException e) {
      throw new IllegalArgumentException("no JSON: " + e.getOriginalMessage(), e);
    }
    SearchIndex index = whole(runs.find(query.required("run"), Kind.SEARCH));
    PreferencePair pair = new PairView(index, number(index, query)).pair(query.number("n", 0));
    PairFlags.Flag flag = wanted.isNull() ? null : PairFlags.Flag.of(wanted.asString(""));
    PairFlags.add(index.folder(), PairFlags.key(pair), pair.problemId(), pair.stage(), flag);
    return json(Map.of("flagged", PairFlags.read(index.folder()).size()));
  }

  /** The index of a search of which all must be known: somebody may open such a view first. */
  private SearchIndex whole(Entry entry) {
    SearchIndex index = index(entry);
    index.await(PATIENCE);
    return index;
  }

  private Map<String, Object> pair(Query query) throws IOException {
    SearchIndex index = whole(runs.find(query.required("run"), Kind.SEARCH));
    int n = number(index, query);
    Map<String, Object> map = new PairView(index, n).toMap(query.number("n", 0), PairFlags.read(index.folder()), index.pairs());
    Heat.Policy policy = Heat.policy(index.provenance());
    map.put("missing", policy.missing());
    map.put("modelBytes", policy.bytes());
    Path beside = index.folder().resolveSibling("train");
    map.put("trained", runs.scan().values().stream()
        .filter(e -> e.kind() == Kind.TRAIN && trained(e.path()) != null)
        .sorted(Comparator.comparing((Entry e) -> !e.path().equals(beside)))
        .map(e -> Map.of("id", e.id(), "beside", e.path().equals(beside))).toList());
    return map;
  }

  private Map<String, Object> training(Query query) throws IOException {
    Entry entry = runs.find(query.required("run"), Kind.TRAIN);
    Map<String, Object> map = new LinkedHashMap<>(summaries.of(entry));
    map.putAll(Training.curves(entry.path()));
    Path beside = entry.path().resolveSibling("search");
    map.put("searches", runs.scan().values().stream().filter(e -> e.kind() == Kind.SEARCH)
        .sorted(Comparator.comparing((Entry e) -> !e.path().equals(beside)))
        .map(e -> Map.of("id", e.id(), "beside", e.path().equals(beside))).toList());
    map.put("preferences", trained(entry.path()) != null);
    return map;
  }

  /** The rows of a point, with their pairs in a search: the one that is named, else the one beside the training. */
  private Map<String, Object> batch(Query query) throws IOException {
    Path folder = runs.find(query.required("run"), Kind.TRAIN).path();
    Entry search = query.text("search").isEmpty()
        ? runs.scan().values().stream().filter(e -> e.kind() == Kind.SEARCH && e.path().equals(folder.resolveSibling("search")))
            .findFirst().orElse(null)
        : runs.find(query.text("search"), Kind.SEARCH);
    Map<String, Object> map;
    try {
      map = Training.batch(folder, query.number("step", 0), search == null ? null : whole(search));
    } catch (StoreException e) {
      throw new HttpError(409, e.getMessage());
    }
    map.put("search", search == null ? "" : search.id());
    return map;
  }

  private Map<String, Object> spread(Query query) throws IOException {
    Path trained = trained(runs.find(query.required("run"), Kind.TRAIN).path());
    if (trained == null) {
      throw new HttpError(409, "this training has left no adapter or model yet");
    }
    try {
      return Training.spread(whole(runs.find(query.required("search"), Kind.SEARCH)), heat, trained);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new HttpError(503, "the studio ends");
    }
  }

  /** An evaluation's file; null where the first of two is not named. */
  private Path answers(Query query, String name) {
    return name.equals("a") && query.text("a").isEmpty() ? null : runs.find(query.required(name), Kind.EVAL).path();
  }

  /** What a training of preferences left: an adapter or a model; null for none. */
  private static Path trained(Path folder) {
    Path artefact = Summaries.artefact(folder);
    return artefact == null || artefact.endsWith("prm.gguf") ? null : artefact;
  }

  private Map<String, Object> heat(Query query) throws IOException {
    SearchIndex index = whole(runs.find(query.required("run"), Kind.SEARCH));
    PreferencePair pair = new PairView(index, number(index, query)).pair(query.number("n", 0));
    String with = query.text("trained");
    Path trained = with.isEmpty() ? null : trained(runs.find(with, Kind.TRAIN).path());
    try {
      return heat.of(index.provenance(), pair, trained);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new HttpError(503, "the studio ends");
    }
  }

  private static byte[] json(Object value) {
    return JSON.writeValueAsBytes(value);
  }

  private Map<String, Object> runs() {
    Map<String, Object> map = new LinkedHashMap<>();
    map.put("root", runs.root().toAbsolutePath().normalize().toString());
    Map<String, Entry> found = runs.scan();
    map.put("runs", found.values().stream().map(summaries::of).toList());
    map.put("most", found.size() >= Runs.MOST ? Runs.MOST : 0);
    return map;
  }

  private SearchIndex index(Query query) {
    return index(runs.find(query.required("run"), Kind.SEARCH));
  }

  private SearchIndex index(Entry entry) {
    synchronized (indexes) {
      SearchIndex index = indexes.get(entry.path());
      if (index == null) {
        try {
          index = new SearchIndex(entry.path());
        } catch (StoreException e) {
          throw new HttpError(422, e.getMessage());
        }
        index.start();
        indexes.put(entry.path(), index);
        if (indexes.size() > MOST_INDEXES) {
          Path oldest = indexes.keySet().iterator().next();
          indexes.remove(oldest).close();
        }
      }
      return index;
    }
  }

  private Map<String, Object> run(Query query) {
    Entry entry = runs.find(query.required("run"));
    Map<String, Object> map = new LinkedHashMap<>(summaries.of(entry));
    if (entry.kind() == Kind.SEARCH) {
      SearchIndex index = index(entry);
      map.putAll(live(index));
      map.put("identity", new TreeMap<>(index.provenance().identity()));
      map.put("information", index.provenance().information());
    }
    return map;
  }

  private static Map<String, Object> live(SearchIndex index) {
    Map<String, Object> map = new LinkedHashMap<>();
    map.put("figures", index.figures());
    List<String> warnings = index.warnings();
    int flagged = 0;
    try {
      flagged = PairFlags.read(index.folder()).size();
    } catch (StoreException e) {
      warnings.add(e.getMessage());
    }
    map.put("flagged", flagged);
    map.put("warnings", warnings);
    map.put("progress", index.progress());
    return map;
  }

  /** A problem with all its records, as they stand in the files. */
  private byte[] problem(Query query) throws IOException {
    SearchIndex index = index(query);
    int n = number(index, query);
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    text(out, "{\"problem\":");
    out.writeBytes(index.problemLine(n));
    text(out, ",\"number\":" + (n + 1));
    text(out, ",\"previous\":" + JSON.writeValueAsString(n > 0 ? index.id(n - 1) : null));
    text(out, ",\"next\":" + JSON.writeValueAsString(n + 1 < index.size() ? index.id(n + 1) : null));
    text(out, ",\"progress\":");
    out.writeBytes(json(index.progress()));
    text(out, ",\"settings\":");
    Map<String, String> settings = new TreeMap<>(index.provenance().identity());
    settings.keySet().removeIf(k -> !k.startsWith("search.") && !k.startsWith("prm.") && !k.equals("seed"));
    out.writeBytes(json(settings));
    long left = MOST_RECORDS;
    boolean cut = false;
    for (String log : List.of("results", "probe", "stages", "tree")) {
      text(out, ",\"" + log + "\":[");
      int i = 0;
      for (byte[] line : index.lines(log, n, 0)) {
        left -= line.length;
        cut |= left < 0;
        if (left >= 0) {
          text(out, i++ == 0 ? "" : ",");
          out.writeBytes(line);
        }
      }
      text(out, "]");
    }
    text(out, ",\"cut\":" + cut + "}");
    return out.toByteArray();
  }

  private static int number(SearchIndex index, Query query) {
    String id = query.required("problem");
    int n = index.find(id);
    if (n < 0) {
      throw new HttpError(404, "the run has no problem " + id);
    }
    return n;
  }

  private static void text(ByteArrayOutputStream out, String text) {
    out.writeBytes(text.getBytes(StandardCharsets.UTF_8));
  }

  /**
   * Server-sent events until the browser goes away: of all runs ({@code runs}); of a search ({@code run}), and of one of its
   * problems what was added to its trees and stages ({@code tree}, {@code stages}); of a training the new lines of its metrics
   * ({@code metrics}), whose ids are where the next one begins in the file.
   */
  void events(Query query, Optional<String> lastId, OutputStream out) throws IOException {
    Events events = events(query, lastId);
    int quiet = 0;
    try {
      while (!closed) {
        quiet = events.send(out) ? 0 : quiet + 1;
        if (quiet >= BEAT) {
          quiet = 0;
          out.write(": still here\n\n".getBytes(StandardCharsets.US_ASCII));
        }
        out.flush();
        Thread.sleep(PULSE);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt(); // the server ends
    } catch (RuntimeException e) {
      event(out, "gone", "", json(Map.of("error", String.valueOf(e.getMessage()))));
    }
  }

  /** Writes what is new; false when nothing is. */
  @FunctionalInterface
  private interface Events {
    boolean send(OutputStream out) throws IOException;
  }

  private Events events(Query query, Optional<String> lastId) {
    if (query.text("run").isEmpty()) {
      byte[][] last = {null};
      int[] pulse = {0};
      return out -> {
        if (pulse[0]++ % RUNS_EVERY != 0) {
          return false;
        }
        byte[] now = json(runs());
        boolean news = !Arrays.equals(now, last[0]);
        if (news) {
          event(out, "runs", "", now);
          last[0] = now;
        }
        return news;
      };
    }
    Entry entry = runs.find(query.text("run"));
    return switch (entry.kind()) {
      case SEARCH -> search(entry, query);
      case TRAIN -> metrics(entry, query, lastId);
      default -> changes(entry);
    };
  }

  private Events search(Entry entry, Query query) {
    long[] seen = {-1};
    int[] known = {query.number("tree", 0), query.number("stages", 0)};
    String id = query.text("problem");
    return out -> {
      SearchIndex index = index(entry);
      long version = index.version();
      if (version == seen[0]) {
        return false;
      }
      seen[0] = version;
      if (id.isEmpty()) {
        event(out, "run", "", json(live(index)));
        return true;
      }
      boolean news = false;
      int n = number(index, query);
      for (int i = 0; i < 2; i++) {
        String log = i == 0 ? "tree" : "stages";
        for (byte[] line : index.lines(log, n, known[i])) {
          known[i]++;
          event(out, log, "", line);
          news = true;
        }
      }
      return news;
    };
  }

  private static Events metrics(Entry entry, Query query, Optional<String> lastId) {
    Path file = entry.path().resolve("metrics.jsonl");
    long[] at = {lastId.filter(id -> id.matches("\\d{1,15}")).map(Long::parseLong)
        .orElseGet(() -> (long) query.number("from", 0))};
    return out -> {
      if (file.toFile().length() < at[0]) { // written anew from a checkpoint
        at[0] = 0;
        event(out, "again", "0", "{}".getBytes(StandardCharsets.US_ASCII));
      }
      List<byte[]> lines = new ArrayList<>();
      at[0] = Tail.lines(file, at[0], lines);
      for (byte[] line : lines) {
        event(out, "metrics", String.valueOf(at[0]), line);
      }
      return !lines.isEmpty();
    };
  }

  private static Events changes(Entry entry) {
    long[] seen = {0};
    return out -> {
      long now;
      if (Files.isDirectory(entry.path())) {
        try (var files = Files.walk(entry.path(), 2)) {
          now = files.mapToLong(f -> f.toFile().lastModified()).max().orElse(0);
        }
      } else {
        now = entry.path().toFile().lastModified();
      }
      boolean news = seen[0] != 0 && now != seen[0];
      seen[0] = now;
      if (news) {
        event(out, "changed", "", "{}".getBytes(StandardCharsets.US_ASCII));
      }
      return news;
    };
  }

  private static void event(OutputStream out, String name, String id, byte[] data) throws IOException {
    String head = "event: " + name + "\n" + (id.isEmpty() ? "" : "id: " + id + "\n") + "data: ";
    out.write(head.getBytes(StandardCharsets.UTF_8));
    for (byte b : data) { // a line feed would end it
      if (b == '\n' || b == '\r') {
        throw new IllegalStateException("an event's data must be one line");
      }
    }
    out.write(data);
    out.write("\n\n".getBytes(StandardCharsets.US_ASCII));
  }
}
