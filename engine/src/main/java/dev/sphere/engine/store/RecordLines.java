package dev.sphere.engine.store;

import dev.sphere.engine.Problem;
import dev.sphere.engine.data.JsonText;
import dev.sphere.engine.probe.Probed;
import dev.sphere.engine.search.Expansion;
import dev.sphere.engine.stage.ProblemRecords;
import dev.sphere.engine.stage.ProblemResult;
import dev.sphere.engine.stage.Reason;
import dev.sphere.engine.stage.StageResult;
import dev.sphere.engine.stage.Task;
import java.io.ByteArrayOutputStream;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * Tasks and their results as {@link CheckedLines}, for the way between processes. The records of a problem are those of
 * a run's logs, each in a field that names its log. The last line says how many there are.
 */
public final class RecordLines {
  private static final String DRAW = "draw";
  private static final String SOLVE = "solve";
  private static final String LEAVE_OUT = "leave_out";
  private static final String END = "end";

  private RecordLines() {}

  /** A task as one line. */
  public static byte[] of(Task task) {
    ObjectNode node = RecordJson.MAPPER.createObjectNode();
    node.set("problem", RecordJson.of(task.problem()));
    switch (task) {
      case Task.Draw draw -> node.put("task", DRAW);
      case Task.Solve solve -> put(node.put("task", SOLVE), solve.probed());
      case Task.LeaveOut out -> put(node.put("task", LEAVE_OUT).put("reason", out.reason().label()), out.probed());
    }
    return CheckedLines.frame(RecordJson.bytes(node));
  }

  private static void put(ObjectNode node, Optional<Probed> probed) {
    probed.ifPresent(p -> node.set("probed", RecordJson.of(p)));
  }

  /** @throws StoreException when the line is damaged */
  public static Task task(byte[] line) {
    JsonNode node = parse(Arrays.copyOf(line, line.length - 1));
    Problem problem = RecordJson.problem(node.get("problem"));
    Optional<Probed> probed = Optional.ofNullable(node.get("probed")).map(RecordJson::probed);
    String kind = RecordJson.text(node, "task");
    return switch (kind) {
      case DRAW -> new Task.Draw(problem);
      case SOLVE -> new Task.Solve(problem, probed);
      case LEAVE_OUT -> new Task.LeaveOut(
          problem, probed, Reason.valueOf(RecordJson.text(node, "reason").toUpperCase(Locale.ROOT)));
      default -> throw new StoreException("a task of the kind " + kind + ", which is not known here");
    };
  }

  /** The records of a problem as lines. */
  public static byte[] of(ProblemRecords records) {
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
    end.put("used", records.used());
    end.put("tokens", records.drawn().all()).put("rewards", records.drawn().rewards());
    put(lines, END, end);
    return lines.toByteArray();
  }

  private static void put(ByteArrayOutputStream lines, String kind, ObjectNode record) {
    ObjectNode node = RecordJson.MAPPER.createObjectNode();
    node.set(kind, record);
    lines.writeBytes(CheckedLines.frame(RecordJson.bytes(node)));
  }

  /**
   * The records of a problem.
   *
   * @throws StoreException when a line is damaged or missing
   */
  public static ProblemRecords records(byte[] lines) {
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
        case END -> end = record.getValue();
        default -> throw new StoreException("a record of the kind " + record.getKey() + ", which is not known here");
      }
    }
    if (end == null || end.get("expansions").asInt() != records.expansions().size()
        || end.get("stages").asInt() != records.stages().size()) {
      throw new StoreException("a worker's records are not whole");
    }
    records.used(records.problemId(), end.get("used").asLong());
    records.count(end.get("tokens").asLong(), end.get("rewards").asLong());
    if (end.get("ended").asBoolean()) {
      records.append(new ProblemResult(records.problemId(), records.stages()));
    }
    return records;
  }

  /** Rows of one kind as lines: how many, then each. */
  public static byte[] of(List<?> rows) {
    ByteArrayOutputStream lines = new ByteArrayOutputStream();
    ObjectNode head = RecordJson.MAPPER.createObjectNode().put("rows", rows.size());
    lines.writeBytes(CheckedLines.frame(RecordJson.bytes(head)));
    rows.forEach(row -> lines.writeBytes(CheckedLines.frame(JsonText.MAPPER.writeValueAsBytes(row))));
    return lines.toByteArray();
  }

  /**
   * The rows of lines.
   *
   * @throws StoreException when a line is damaged or missing
   */
  public static <R> List<R> rows(byte[] lines, Class<R> type) {
    List<JsonNode> nodes = nodes(lines);
    if (nodes.isEmpty() || nodes.getFirst().path("rows").asInt(-1) != nodes.size() - 1) {
      throw new StoreException("a worker's records are not whole");
    }
    return nodes.stream().skip(1).map(node -> JsonText.MAPPER.treeToValue(node, type)).toList();
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
