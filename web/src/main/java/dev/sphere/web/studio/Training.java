package dev.sphere.web.studio;

import dev.sphere.engine.PreferencePair;
import dev.sphere.engine.store.PairFlags;
import dev.sphere.engine.store.StoreException;
import dev.sphere.trainer.loop.TrainedRows;
import dev.sphere.web.HttpError;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** A training's curves, the rows of their points, and the change that it made to a search's pairs. */
final class Training {
  private static final JsonMapper JSON = JsonMapper.shared();

  /** Points of a curve at most. Longer curves are thinned out; points with held-out figures stay. */
  private static final int POINTS = 3_000;

  /** Rows of a point that are listed at most. */
  private static final int MOST_ROWS = 500;

  /** Pairs that a distribution rests on. */
  private static final int SAMPLE = 200;

  private Training() {}

  /** Whole lines of a file, and the place of their end. */
  private record Lines(List<byte[]> lines, long to) {}

  private static Lines lines(Path file) throws IOException {
    List<byte[]> lines = new ArrayList<>();
    long at = 0;
    long before;
    do {
      before = at;
      at = Tail.lines(file, at, lines);
    } while (at > before);
    return new Lines(lines, at);
  }

  /** A line's step; -1 for a damaged line. */
  private static int step(byte[] line) {
    try {
      return JSON.readTree(line).path("step").asInt(-1);
    } catch (JacksonException e) {
      return -1;
    }
  }

  /** The metrics so far, and the place in the file where they go on. Damaged lines are counted and left out. */
  static Map<String, Object> curves(Path folder) throws IOException {
    Lines read = lines(folder.resolve("metrics.jsonl"));
    List<byte[]> lines = read.lines();
    List<JsonNode> rows = new ArrayList<>();
    int damaged = 0;
    int stride = Math.max(1, Math.ceilDiv(lines.size(), POINTS));
    for (int i = 0; i < lines.size(); i++) {
      try {
        JsonNode row = JSON.readTree(lines.get(i));
        if (!row.path("step").isNumber()) {
          damaged++;
        } else if (i % stride == 0 || i == lines.size() - 1 || row.has("eval_loss")) {
          rows.add(row);
        }
      } catch (JacksonException e) {
        damaged++;
      }
    }
    return Map.of("rows", rows, "at", read.to(), "damaged", damaged, "stride", stride);
  }

  /**
   * The rows behind a point of the curves: those of all steps since the point before.
   *
   * @param search the pairs' search; empty where it is unknown
   * @throws StoreException when the training's rows are not on record
   */
  static Map<String, Object> batch(Path folder, int step, Optional<SearchIndex> search) throws IOException {
    int before = 0; // the last point before this one
    boolean there = false;
    for (byte[] line : lines(folder.resolve("metrics.jsonl")).lines()) {
      int s = step(line);
      before = s < step ? Math.max(before, s) : before;
      there |= s == step;
    }
    if (!there) {
      throw new HttpError(404, "the training has no point at step " + step);
    }
    List<Map<String, Object>> rows = new ArrayList<>();
    Map<String, PairView> views = new HashMap<>();
    int all = 0;
    TrainedRows trained = step == 0 ? null : TrainedRows.read(folder); // step 0 is the evaluation before any row
    for (int s = before + 1; s <= step; s++) {
      for (TrainedRows.Row row : trained.batch(s)) {
        if (all++ < MOST_ROWS) {
          Map<String, Object> map = new LinkedHashMap<>(Map.of("step", s, "row", row.id()));
          if (search.isPresent() && search.get().has(row.problem())) {
            place(map, row, search.get(), views);
          }
          rows.add(map);
        }
      }
    }
    return Map.of("first", before + 1, "last", step, "rows", rows, "all", all);
  }

  /** Adds the place of a row's pair in a search: problem, number and stage; nothing where no pair has its texts. */
  private static void place(Map<String, Object> map, TrainedRows.Row row, SearchIndex search,
      Map<String, PairView> views) throws IOException {
    PairView view = views.get(row.problem());
    if (view == null) {
      view = new PairView(search, search.row(row.problem()));
      views.put(row.problem(), view);
    }
    for (int n = 0; n < view.pairs().size(); n++) {
      if (PairFlags.key(view.pair(n)).equals(row.pair())) {
        map.putAll(Map.of("problem", row.problem(), "n", n, "stage", view.pair(n).stage()));
        return;
      }
    }
  }

  /**
   * The log-ratios log π - log π_ref, in nats, of chosen and rejected of a search's pairs: at most 200, evenly over the
   * problems.
   *
   * @param trained the adapter or model that the training left
   */
  static Map<String, Object> spread(SearchIndex index, Heat heat, Path trained)
      throws IOException, InterruptedException {
    List<ProblemRow> with = index.rows().stream().filter(r -> r.pairs() > 0).toList();
    List<PreferencePair> pairs = new ArrayList<>();
    List<Map<String, Object>> rows = new ArrayList<>();
    int step = Math.max(1, Math.ceilDiv(index.pairs(), SAMPLE));
    for (int i = 0; i < with.size() && pairs.size() < SAMPLE; i += step) {
      PairView view = new PairView(index, with.get(i));
      for (int n = 0; n < view.pairs().size() && pairs.size() < SAMPLE; n++) {
        pairs.add(view.pair(n));
        rows.add(new LinkedHashMap<>(
            Map.of("problem", with.get(i).problem.id(), "n", n, "stage", view.pair(n).stage())));
      }
    }
    double[][] changes = heat.changes(index.provenance(), pairs, trained);
    for (int i = 0; i < rows.size(); i++) {
      rows.get(i).put("chosen", changes[i][0]);
      rows.get(i).put("rejected", changes[i][1]);
    }
    return Map.of("rows", rows, "pairs", index.pairs());
  }
}
