package dev.sphere.engine.store;

import dev.sphere.engine.Problem;
import dev.sphere.engine.data.JsonText;
import dev.sphere.engine.search.Expansion;
import dev.sphere.engine.stage.ProblemRecords;
import dev.sphere.engine.stage.ProblemResult;
import dev.sphere.engine.stage.Reason;
import dev.sphere.engine.stage.StageResult;
import dev.sphere.engine.stage.Workers;
import java.io.ByteArrayOutputStream;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * Tasks and what came of them as {@link CheckedLines}, for the way between processes: the records are those of a run's logs,
 * each in a field that says which. The last line says that nothing is missing.
 */
public final class RecordLines {
  private static final String LAST = "end";

  private RecordLines() {}

  /** A task as one line. */
  public static byte[] of(Workers.Task task) {
    ObjectNode node = RecordJson.MAPPER.createObjectNode();
    node.put("kind", task.kind().name());
    node.set("problem", RecordJson.of(task.problem()));
    node.set("probed", task.probed() == null ? null : RecordJson.of(task.probed()));
    node.put("left_out", task.leftOut() == null ? null : task.leftOut().label());
    return CheckedLines.frame(RecordJson.bytes(node));
  }

  /** @throws StoreException when the line is damaged */
  public static Workers.Task task(byte[] line) {
    JsonNode node = parse(Arrays.copyOf(line, line.length - 1));
    return new Workers.Task(Workers.Kind.valueOf(RecordJson.text(node, "kind")), problem(node),
        absent(node, "probed") ? null : RecordJson.probed(node.get("probed")),
        absent(node, "left_out") ? null : Reason.valueOf(RecordJson.text(node, "left_out").toUpperCase(Locale.ROOT)));
  }

  private static Problem problem(JsonNode node) {
    return RecordJson.problem(node.get("problem"));
  }

  private static boolean absent(JsonNode node, String field) {
    return node.get(field) == null || node.get(field).isNull();
  }

  /** What came of a task as lines. */
  public static byte[] of(Workers.Done done) {
    ProblemRecords records = done.records();
    ByteArrayOutputStream lines = new ByteArrayOutputStream();
    if (records.probed() != null) {
      put(lines, "probed", RecordJson.of(records.probed()));
    }
    for (Expansion e : records.expansions()) {
      put(lines, "expansion", RecordJson.of(e));
    }
    for (StageResult stage : records.stages()) {
      put(lines, "stage", RecordJson.of(stage, 0));
    }
    ObjectNode end = RecordJson.MAPPER.createObjectNode();
    end.put("problem", records.problemId()).put("ended", records.result() != null);
    end.put("expansions", records.expansions().size()).put("stages", records.stages().size());
    end.put("used", records.used()).put("tokens", done.tokens()).put("rewards", done.rewards());
    put(lines, LAST, end);
    return lines.toByteArray();
  }

  private static void put(ByteArrayOutputStream lines, String kind, ObjectNode record) {
    ObjectNode node = RecordJson.MAPPER.createObjectNode();
    node.set(kind, record);
    lines.writeBytes(CheckedLines.frame(RecordJson.bytes(node)));
  }

  /** @throws StoreException when a line is damaged or missing */
  public static Workers.Done done(byte[] lines) {
    ProblemRecords records = null;
    JsonNode end = null;
    for (JsonNode node : nodes(lines)) {
      var record = node.properties().stream().filter(p -> !p.getKey().equals("crc")).findFirst().orElseThrow();
      if (records == null) {
        records = new ProblemRecords(RecordJson.text(record.getValue(), "problem"));
      }
      switch (record.getKey()) {
        case "probed" -> records.append(RecordJson.probed(record.getValue()));
        case "expansion" -> records.append(RecordJson.expansion(record.getValue()));
        case "stage" -> records.append(RecordJson.stageResult(record.getValue()));
        case LAST -> end = record.getValue();
        default -> throw new StoreException("a worker sent a record of the kind " + record.getKey() + ", which is not known here");
      }
    }
    if (end == null || end.get("expansions").asInt() != records.expansions().size()
        || end.get("stages").asInt() != records.stages().size()) {
      throw new StoreException("a worker's records are not whole");
    }
    records.used(records.problemId(), end.get("used").asLong());
    if (end.get("ended").asBoolean()) {
      records.append(new ProblemResult(records.problemId(), records.stages()));
    }
    return new Workers.Done(records, end.get("tokens").asLong(), end.get("rewards").asLong());
  }

  /** Rows of one kind as lines: how many, then each. */
  public static byte[] of(List<?> rows) {
    ByteArrayOutputStream lines = new ByteArrayOutputStream();
    lines.writeBytes(CheckedLines.frame(RecordJson.bytes(RecordJson.MAPPER.createObjectNode().put("rows", rows.size()))));
    rows.forEach(row -> lines.writeBytes(CheckedLines.frame(JsonText.MAPPER.writeValueAsBytes(row))));
    return lines.toByteArray();
  }

  /**
   * The rows of lines.
   *
   * @throws StoreException when a line is damaged or missing
   */
  public static <R> List<R> rows(byte[] lines, Class<R> type) {
    List<R> rows = new ArrayList<>();
    int said = -1;
    for (JsonNode node : nodes(lines)) {
      if (said < 0) {
        said = node.path("rows").asInt(-1);
      } else {
        rows.add(JsonText.MAPPER.treeToValue(node, type));
      }
    }
    if (said != rows.size()) {
      throw new StoreException("a worker's records are not whole");
    }
    return rows;
  }

  private static List<JsonNode> nodes(byte[] lines) {
    List<JsonNode> nodes = new ArrayList<>();
    for (int from = 0; from < lines.length;) {
      int to = from;
      while (to < lines.length && lines[to] != '\n') {
        to++;
      }
      nodes.add(parse(Arrays.copyOfRange(lines, from, to)));
      from = to + 1;
    }
    return nodes;
  }

  private static JsonNode parse(byte[] line) {
    if (!CheckedLines.whole(line)) {
      throw new StoreException("a record came damaged from another process");
    }
    return RecordJson.parse(line);
  }
}
