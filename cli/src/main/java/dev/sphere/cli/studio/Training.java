package dev.sphere.cli.studio;

import dev.sphere.engine.PreferencePair;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** A training's curves, and what it made of the pairs of a search. */
final class Training {
  private static final JsonMapper JSON = JsonMapper.shared();

  /** Most points of a curve; longer ones are thinned out, but for those with held-out figures. */
  private static final int POINTS = 3_000;

  /** Pairs that a distribution rests on. */
  private static final int SAMPLE = 200;

  private Training() {}

  /** The metrics so far, and where to go on in the file. Damaged lines are counted and left out. */
  static Map<String, Object> curves(Path folder) throws IOException {
    Path file = folder.resolve("metrics.jsonl");
    List<byte[]> lines = new ArrayList<>();
    long at = 0;
    long before;
    do {
      before = at;
      at = Tail.lines(file, at, lines);
    } while (at > before);
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
    Map<String, Object> map = new LinkedHashMap<>();
    map.put("rows", rows);
    map.put("at", at);
    map.put("damaged", damaged);
    map.put("stride", stride);
    return map;
  }

  /**
   * How log π - log π_ref of chosen and rejected are spread over a search's pairs: at most 200, evenly over the problems.
   *
   * @param trained what the training left
   */
  static Map<String, Object> spread(SearchIndex index, Heat heat, Path trained) throws IOException, InterruptedException {
    int[] with = IntStream.range(0, index.size()).filter(i -> index.pairs(i) > 0).toArray();
    List<PreferencePair> pairs = new ArrayList<>();
    List<Map<String, Object>> rows = new ArrayList<>();
    int step = Math.max(1, Math.ceilDiv(index.pairs(), SAMPLE));
    for (int i = 0; i < with.length && pairs.size() < SAMPLE; i += step) {
      PairView view = new PairView(index, with[i]);
      for (int n = 0; n < view.size() && pairs.size() < SAMPLE; n++) {
        pairs.add(view.pair(n));
        Map<String, Object> row = new LinkedHashMap<>();
        row.put("problem", index.id(with[i]));
        row.put("n", n);
        row.put("stage", view.pair(n).stage());
        rows.add(row);
      }
    }
    double[][] changes = heat.changes(index.provenance(), pairs, trained);
    for (int i = 0; i < rows.size(); i++) {
      rows.get(i).put("chosen", changes[i][0]);
      rows.get(i).put("rejected", changes[i][1]);
    }
    Map<String, Object> map = new LinkedHashMap<>();
    map.put("rows", rows);
    map.put("pairs", index.pairs());
    return map;
  }
}
