package dev.sphere.web.studio;

import dev.sphere.engine.PreferencePair;
import dev.sphere.engine.store.PairFlags;
import dev.sphere.engine.store.Provenance;
import dev.sphere.engine.store.StoreException;
import dev.sphere.trainer.loop.TrainedRows;
import dev.sphere.web.HttpError;
import dev.sphere.web.Query;
import dev.sphere.web.studio.ProblemRow.Log;
import dev.sphere.web.studio.Runs.Entry;
import dev.sphere.web.studio.Runs.Kind;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.util.RawValue;

/** Answers the studio's pages; the answers become JSON. Nothing is written but the flags that a reader sets. */
final class StudioApi implements AutoCloseable {
  /** Search runs that are indexed at the same time; the one that was asked for longest ago gives way. */
  private static final int MOST_INDEXES = 4;

  /** A view waits so long for the logs to be read, in ms. */
  private static final long PATIENCE = 60_000;

  /** Bytes of a problem's records that are sent at most. */
  private static final long MOST_RECORDS = 48L << 20;

  private final Runs runs;
  private final Summaries summaries = new Summaries();
  private final Heat heat = new Heat();
  private final Comparisons comparisons = new Comparisons();
  private final Map<Path, SearchIndex> indexes = new LinkedHashMap<>(8, 0.75f, true);

  StudioApi(Path folder) {
    runs = new Runs(folder);
  }

  @Override
  public void close() {
    synchronized (indexes) {
      indexes.values().forEach(SearchIndex::close);
    }
  }

  Object get(String name, Query query) throws IOException {
    try {
      return switch (name) {
        case "runs" -> runs();
        case "run" -> run(query);
        case "problems" -> index(search(query)).page(query);
        case "problem" -> problem(query);
        case "pair" -> pair(query);
        case "heat" -> heat(query);
        case "training" -> training(query);
        case "batch" -> batch(query);
        case "spread" -> spread(query);
        case "evolution" -> comparisons.evolution(runs, runs.find(query.required("run"), Kind.EVOLVE));
        case "compare" -> comparisons.page(firstAnswers(query), answers(query, "b"), query);
        case "answers" -> Comparisons.answers(firstAnswers(query), answers(query, "b"), query.required("problem"));
        default -> throw new HttpError(404, "the studio knows nothing of " + name);
      };
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new HttpError(503, "the studio ends");
    }
  }

  Object post(String name, Query query, byte[] body) throws IOException {
    if (!name.equals("flag")) {
      throw new HttpError(404, "the studio takes no " + name);
    }
    JsonNode wanted;
    try {
      wanted = JsonMapper.shared().readTree(body).path("flag");
    } catch (JacksonException e) {
      throw new IllegalArgumentException("no JSON: " + e.getOriginalMessage(), e);
    }
    SearchIndex index = whole(search(query));
    PreferencePair pair = pairs(index, query).pair(query.number("n", 0));
    PairFlags.Flag flag = wanted.isNull() ? null : PairFlags.Flag.of(wanted.asString(""));
    PairFlags.add(index.folder(), PairFlags.key(pair), pair.problemId(), pair.stage(), flag);
    return Map.of("flagged", PairFlags.read(index.folder()).size());
  }

  Runs known() {
    return runs;
  }

  Map<String, Object> runs() {
    Map<String, Entry> found = runs.scan();
    return new TreeMap<>(Map.of("root", runs.root().toAbsolutePath().normalize().toString(),
        "runs", found.values().stream().map(summaries::of).toList(),
        "most", found.size() >= Runs.MOST ? Runs.MOST : 0)); // sorted: equal answers are equal bytes
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

  /** The part of a search's answer that changes while it runs. */
  static Map<String, Object> live(SearchIndex index) {
    Map<String, Object> map = new LinkedHashMap<>();
    map.put("progress", index.progress()); // first: the figures hold all that it says was read
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
    return map;
  }

  private Entry search(Query query) {
    return runs.find(query.required("run"), Kind.SEARCH);
  }

  /** The index of a search, whose logs may still be being read. */
  SearchIndex index(Entry entry) {
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
          indexes.remove(indexes.keySet().iterator().next()).close();
        }
      }
      return index;
    }
  }

  /** The index of a search whose logs have been read, or as far as they were read after a minute. */
  private SearchIndex whole(Entry entry) {
    SearchIndex index = index(entry);
    index.await(PATIENCE);
    return index;
  }

  private static PairView pairs(SearchIndex index, Query query) throws IOException {
    return new PairView(index, index.row(query.required("problem")));
  }

  /** A problem with all its records, as they stand in the files. */
  private Map<String, Object> problem(Query query) throws IOException {
    SearchIndex index = index(search(query));
    ProblemRow row = index.row(query.required("problem"));
    List<ProblemRow> rows = index.rows();
    Map<String, Object> map = new LinkedHashMap<>();
    map.put("problem", row.problem);
    map.put("number", row.number + 1);
    map.put("previous", row.number > 0 ? rows.get(row.number - 1).problem.id() : null);
    map.put("next", row.number + 1 < rows.size() ? rows.get(row.number + 1).problem.id() : null);
    map.put("progress", index.progress());
    Map<String, String> settings = new TreeMap<>(index.provenance().identity());
    settings.keySet().removeIf(k -> !k.startsWith("search.") && !k.startsWith("prm.") && !k.equals("seed"));
    map.put("settings", settings);
    long left = MOST_RECORDS;
    for (Log log : List.of(Log.PROBE, Log.STAGES, Log.TREE)) {
      List<RawValue> records = new ArrayList<>();
      for (byte[] line : index.lines(log, row, 0)) {
        left -= line.length;
        if (left >= 0) {
          records.add(new RawValue(new String(line, StandardCharsets.UTF_8)));
        }
      }
      map.put(log.name().toLowerCase(Locale.ROOT), records);
    }
    map.put("cut", left < 0);
    return map;
  }

  private Map<String, Object> pair(Query query) throws IOException {
    SearchIndex index = whole(search(query));
    Map<String, Object> map =
        pairs(index, query).toMap(query.number("n", 0), PairFlags.read(index.folder()), index.pairs());
    Heat.Policy policy = Heat.policy(index.provenance());
    map.put("missing", policy.missing());
    map.put("modelBytes", policy.bytes());
    map.put("trained", others(Kind.TRAIN, index.folder().resolveSibling("train")).stream()
        .filter(e -> trained(e.path()).isPresent() && sameBase(index.folder(), e.path()))
        .map(e -> Map.of("id", e.id(), "beside", e.path().equals(index.folder().resolveSibling("train")))).toList());
    return map;
  }

  /** The runs of a kind; the one in the folder {@code first}, if there is one, before the others. */
  private List<Entry> others(Kind kind, Path first) {
    return runs.scan().values().stream().filter(e -> e.kind() == kind)
        .sorted(Comparator.comparing((Entry e) -> !e.path().equals(first))).toList();
  }

  private Map<String, Object> training(Query query) throws IOException {
    Entry entry = runs.find(query.required("run"), Kind.TRAIN);
    Map<String, Object> map = new LinkedHashMap<>(summaries.of(entry));
    map.putAll(Training.curves(entry.path()));
    Path beside = entry.path().resolveSibling("search");
    map.put("searches", others(Kind.SEARCH, beside).stream().filter(e -> sameBase(e.path(), entry.path()))
        .map(e -> Map.of("id", e.id(), "beside", e.path().equals(beside))).toList());
    map.put("preferences", trained(entry.path()).isPresent());
    return map;
  }

  /** The rows of a point, with their pairs in a search: the one that is named, else the one beside the training. */
  private Map<String, Object> batch(Query query) throws IOException {
    Path folder = runs.find(query.required("run"), Kind.TRAIN).path();
    Path beside = folder.resolveSibling("search");
    Optional<Entry> search = query.text("search").isEmpty()
        ? others(Kind.SEARCH, beside).stream().filter(e -> e.path().equals(beside)).findFirst()
        : Optional.of(runs.find(query.text("search"), Kind.SEARCH));
    try {
      Map<String, Object> map = new LinkedHashMap<>(
          Training.batch(folder, query.number("step", 0), search.map(this::whole)));
      map.put("search", search.map(Entry::id).orElse(""));
      return map;
    } catch (StoreException e) {
      throw new HttpError(409, e.getMessage());
    }
  }

  private Map<String, Object> spread(Query query) throws IOException, InterruptedException {
    Path trained = trained(runs.find(query.required("run"), Kind.TRAIN).path())
        .orElseThrow(() -> new HttpError(409, "this training has left no adapter or model yet"));
    return Training.spread(whole(runs.find(query.required("search"), Kind.SEARCH)), heat, trained);
  }

  private Map<String, Object> heat(Query query) throws IOException, InterruptedException {
    SearchIndex index = whole(search(query));
    PreferencePair pair = pairs(index, query).pair(query.number("n", 0));
    String with = query.text("trained");
    Optional<Path> trained = with.isEmpty() ? Optional.empty() : trained(runs.find(with, Kind.TRAIN).path());
    return heat.of(index.provenance(), pair, trained);
  }

  /** The adapter or model that a training of a policy left. */
  private static Optional<Path> trained(Path folder) {
    return TrainedRows.head(folder).path("identity").path("objective").asString("").equals("prm") ? Optional.empty()
        : Summaries.artefact(folder);
  }

  /** Whether a training began with the model that a search drew from: only then can the two be compared. */
  private static boolean sameBase(Path search, Path training) {
    try {
      return TrainedRows.head(training).path("identity").path("model").asString("none")
          .equals(Provenance.of(search).identity().get("model.sha256"));
    } catch (StoreException e) {
      return false; // its own page says what is damaged
    }
  }

  private Path answers(Query query, String name) {
    return runs.find(query.required(name), Kind.EVAL).path();
  }

  /** The first of two evaluations; empty for a look at one alone. */
  private Optional<Path> firstAnswers(Query query) {
    return query.text("a").isEmpty() ? Optional.empty() : Optional.of(answers(query, "a"));
  }
}
