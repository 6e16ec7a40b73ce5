package dev.sphere.trainer.loop;

import dev.sphere.base.AtomicFile;
import dev.sphere.base.PlainFile;
import dev.sphere.engine.store.CheckedLines;
import dev.sphere.engine.store.StoreException;
import dev.sphere.trainer.checkpoint.Identity;
import dev.sphere.trainer.data.Example;
import dev.sphere.trainer.loop.TrainSettings.Order;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * A training's {@code rows.jsonl}, which tells the rows of every step. The first line has the settings of the order and
 * what the training is made of, each further line an example in the data's order; {@link DataOrder} makes the steps.
 * Lines carry checksums.
 */
public final class TrainedRows {
  private static final JsonMapper JSON = JsonMapper.shared();
  private static final int LONGEST_HEAD = 1 << 20; // bytes
  private static final String AGAIN = "; --resume writes the file again";

  /**
   * A row.
   *
   * @param id names the row in messages
   * @param problem the problem's id, or the row's name in its file; empty for rows other than pairs
   * @param pair {@link dev.sphere.engine.store.PairFlags#key}; empty for rows other than pairs
   */
  public record Row(String id, String problem, String pair) {}

  private final List<Row> rows;
  private final DataOrder order;

  private TrainedRows(List<Row> rows, DataOrder order) {
    this.rows = rows;
    this.order = order;
  }

  /** The file in a run's folder. */
  public static Path in(Path folder) {
    return folder.resolve("rows.jsonl");
  }

  static void write(RunOptions options, Identity identity, List<? extends Example> examples, TrainSettings settings) {
    Map<String, Object> head = new LinkedHashMap<>();
    head.put("rows", examples.size());
    head.put("batch_size", settings.batchSize());
    head.put("order", settings.order().name().toLowerCase(Locale.ROOT));
    head.put("seed", settings.seed());
    head.put("identity", identity.toMap());
    head.put("information", options.information());
    Map<String, Integer> trees = new HashMap<>();
    AtomicFile.write(in(options.output()), out -> {
      out.write(line(head));
      for (Example e : examples) {
        Map<String, Object> row = new LinkedHashMap<>();
        row.put("row", e.id());
        row.put("tree", trees.computeIfAbsent(e.tree(), t -> trees.size()));
        e.origin().ifPresent(origin -> {
          row.put("problem", origin.problem());
          row.put("pair", origin.pair());
        });
        out.write(line(row));
      }
    });
  }

  private static byte[] line(Map<String, Object> object) {
    return CheckedLines.frame(JSON.writeValueAsString(object).getBytes(StandardCharsets.UTF_8));
  }

  /**
   * The first line of a training's file: what it is made of, under "identity" and "information". It has no fields where
   * the line is damaged, or missing.
   */
  public static JsonNode head(Path folder) {
    try (InputStream in = PlainFile.read(in(folder))) {
      String first = new String(in.readNBytes(LONGEST_HEAD), StandardCharsets.UTF_8).split("\n", 2)[0];
      return CheckedLines.whole(first.getBytes(StandardCharsets.UTF_8)) ? JSON.readTree(first) : JSON.createObjectNode();
    } catch (IOException e) {
      return JSON.createObjectNode();
    }
  }

  /** Where a training puts its adapter or model, whether it is there yet or not; empty where that is not on record. */
  public static Optional<Path> artefact(Path folder) {
    String file = head(folder).path("information").path("artefact").asString("");
    return file.isEmpty() ? Optional.empty() : Optional.of(folder.resolve(file).normalize());
  }

  /**
   * Reads the file that a training wrote when it began.
   *
   * @throws StoreException when the file is missing or damaged
   */
  public static TrainedRows read(Path folder) {
    Path file = in(folder);
    List<JsonNode> lines = new ArrayList<>();
    CheckedLines.read(file, (number, from, to, object, ended) -> {
      if (object == null) {
        throw new StoreException(file + ", line " + number + ": damaged (its checksum does not fit)" + AGAIN);
      }
      lines.add(JSON.readTree(object));
    });
    if (lines.isEmpty()) {
      throw new StoreException(file + ": missing; which rows a step saw is not on record" + AGAIN);
    }
    JsonNode head = lines.removeFirst();
    if (head.path("rows").asInt(-1) != lines.size()) {
      throw new StoreException(
          file + ": damaged (" + lines.size() + " rows of " + head.path("rows").asInt(-1) + ")" + AGAIN);
    }
    TrainSettings settings = TrainSettings.defaults(1).withBatchSize(head.path("batch_size").asInt())
        .withSeed(head.path("seed").asLong())
        .withOrder(Order.valueOf(head.path("order").asString().toUpperCase(Locale.ROOT)));
    return new TrainedRows(
        lines.stream().map(l -> new Row(text(l, "row"), text(l, "problem"), text(l, "pair"))).toList(),
        new DataOrder(settings, lines.stream().map(l -> text(l, "tree")).toList()));
  }

  private static String text(JsonNode line, String name) {
    return line.path(name).asString("");
  }

  /** The rows of a step, counted from 1 as in the metrics. */
  public List<Row> batch(int step) {
    return order.step(step - 1).stream().map(rows::get).toList();
  }
}
