package dev.sphere.trainer.loop;

import dev.sphere.base.AtomicFile;
import dev.sphere.engine.store.CheckedLines;
import dev.sphere.engine.store.StoreException;
import dev.sphere.trainer.checkpoint.Identity;
import dev.sphere.trainer.data.Example;
import dev.sphere.trainer.loop.TrainSettings.Order;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
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
 * Which rows a training sees in which step: {@code rows.jsonl} in its folder. The first line has what the order follows from
 * and what the training is made of, each further one an example in the data's order; {@link DataOrder} makes the steps of them. Lines carry checksums.
 */
public final class TrainedRows {
  private static final JsonMapper JSON = JsonMapper.shared();

  /**
   * A row.
   *
   * @param id names it in messages
   * @param problem the problem's id, or what the row is called in its file; empty where only {@code id} is known
   * @param pair {@link dev.sphere.engine.store.PairFlags#key}; empty for what is no pair
   */
  public record Row(String id, String problem, String pair) {}

  private final List<Row> rows;
  private final DataOrder order;

  private TrainedRows(List<Row> rows, DataOrder order) {
    this.rows = rows;
    this.order = order;
  }

  /** Where it is in a run's folder. */
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
        if (e.origin() != null) {
          row.put("problem", e.origin().problem());
          row.put("pair", e.origin().pair());
        }
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
    try (BufferedReader lines = Files.newBufferedReader(in(folder))) {
      String first = lines.readLine();
      boolean whole = first != null && CheckedLines.whole(first.getBytes(StandardCharsets.UTF_8));
      return whole ? JSON.readTree(first) : JSON.createObjectNode();
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
   * Reads what a training wrote when it began.
   *
   * @throws StoreException when the file is missing or damaged
   */
  public static TrainedRows read(Path folder) {
    Path file = in(folder);
    List<JsonNode> lines = new ArrayList<>();
    CheckedLines.read(file, (number, from, to, object, ended) -> {
      if (object == null) {
        throw new StoreException(file + ", line " + number + ": damaged (its checksum does not fit); --resume writes the file again");
      }
      lines.add(JSON.readTree(object));
    });
    if (lines.isEmpty() || lines.getFirst().path("rows").asInt(-1) != lines.size() - 1) {
      throw new StoreException(lines.isEmpty() ? file + ": missing; which rows a step saw is not on record, --resume writes it again"
          : file + ": damaged (" + (lines.size() - 1) + " rows of " + lines.getFirst().path("rows").asInt(-1)
              + "); --resume writes the file again");
    }
    JsonNode head = lines.removeFirst();
    TrainSettings settings = TrainSettings.defaults(1).withBatchSize(head.path("batch_size").asInt()).withSeed(head.path("seed").asLong())
        .withOrder(Order.valueOf(head.path("order").asString().toUpperCase(Locale.ROOT)));
    return new TrainedRows(
        lines.stream().map(l -> new Row(l.path("row").asString(""), l.path("problem").asString(""), l.path("pair").asString("")))
            .toList(),
        new DataOrder(settings, lines.stream().map(l -> l.path("tree").asString("")).toList()));
  }

  /** The rows of a step, counted from 1 as in the metrics. */
  public List<Row> batch(int step) {
    return order.step(step - 1).stream().map(rows::get).toList();
  }
}
