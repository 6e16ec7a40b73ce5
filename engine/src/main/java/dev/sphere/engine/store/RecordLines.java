package dev.sphere.engine.store;

import dev.sphere.engine.Problem;
import dev.sphere.engine.data.JsonText;
import dev.sphere.engine.probe.Probed;
import dev.sphere.engine.stage.ProblemRecords;
import dev.sphere.engine.stage.ProblemResult;
import dev.sphere.engine.stage.Task;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * Tasks and their results for the way between processes, each as one of the {@link CheckedLines}. The records of a
 * problem are those of a run's logs.
 */
public final class RecordLines {
  private static final String DRAW = "draw";
  private static final String SOLVE = "solve";
  private static final String LEAVE_OUT = "leave_out";

  private RecordLines() {}

  /** A task as a line. */
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

  private static Optional<Probed> probed(JsonNode node) {
    return Optional.ofNullable(node.get("probed")).map(RecordJson::probed);
  }

  /** @throws StoreException when the line is damaged */
  public static Task task(byte[] line) {
    JsonNode node = parse(line);
    Problem problem = RecordJson.problem(node.get("problem"));
    return switch (RecordJson.text(node, "task")) {
      case DRAW -> new Task.Draw(problem);
      case SOLVE -> new Task.Solve(problem, probed(node));
      default -> new Task.LeaveOut(problem, probed(node), RecordJson.reason(node));
    };
  }

  /** The records of a problem as a line. */
  public static byte[] of(ProblemRecords records) {
    ObjectNode node = RecordJson.MAPPER.createObjectNode();
    node.put("problem", records.problemId()).put("ended", records.result() != null).put("used", records.used());
    node.put("tokens", records.drawn().all()).put("rewards", records.drawn().rewards());
    put(node, Optional.ofNullable(records.probed()));
    ArrayNode expansions = node.putArray("expansions");
    records.expansions().forEach(e -> expansions.add(RecordJson.of(e)));
    ArrayNode stages = node.putArray("stages");
    records.stages().forEach(stage -> stages.add(RecordJson.of(stage, 0)));
    return CheckedLines.frame(RecordJson.bytes(node));
  }

  /**
   * The records of a problem.
   *
   * @throws StoreException when the line is damaged
   */
  public static ProblemRecords records(byte[] line) {
    JsonNode node = parse(line);
    ProblemRecords records = new ProblemRecords(RecordJson.text(node, "problem"));
    probed(node).ifPresent(records::append);
    node.get("expansions").forEach(e -> records.append(RecordJson.expansion(e)));
    node.get("stages").forEach(stage -> records.append(RecordJson.stageResult(stage)));
    records.used(records.problemId(), node.get("used").asLong());
    records.count(node.get("tokens").asLong(), node.get("rewards").asLong());
    if (node.get("ended").asBoolean()) {
      records.append(new ProblemResult(records.problemId(), records.stages()));
    }
    return records;
  }

  /** Rows of one kind as a line. */
  public static byte[] of(List<?> rows) {
    return CheckedLines.frame(JsonText.MAPPER.writeValueAsBytes(Map.of("rows", rows)));
  }

  /**
   * The rows of a line.
   *
   * @throws StoreException when the line is damaged
   */
  public static <R> List<R> rows(byte[] line, Class<R> type) {
    return parse(line).get("rows").valueStream().map(row -> JsonText.MAPPER.treeToValue(row, type)).toList();
  }

  private static JsonNode parse(byte[] line) {
    byte[] object = Arrays.copyOf(line, Math.max(0, line.length - 1)); // without its line feed
    if (!CheckedLines.whole(object)) {
      throw new StoreException("a record came damaged from another process");
    }
    return RecordJson.parse(object);
  }
}
