package dev.sphere.engine.store;

import dev.sphere.engine.Policy.Message;
import dev.sphere.engine.PreferencePair;
import dev.sphere.engine.Problem;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * Pairs for other trainers, as TRL's preference format has them, and two columns of our own, {@code problem_id} and
 * {@code stage}. Completions have no end token: trainers add it.
 */
public final class PairExport {
  /** The file formats. */
  public enum Format {
    TRL_JSONL,
    TRL_PARQUET
  }

  /**
   * How a pair is laid out.
   *
   * @param conversational lists of messages; else texts, the prompt being the rendered chat template
   * @param implicitPrompt no {@code prompt}: {@code chosen} and {@code rejected} begin with it
   */
  public record Shape(boolean conversational, boolean implicitPrompt) {
    /** Texts with explicit prompt. */
    public static final Shape PLAIN = new Shape(false, false);
  }

  private PairExport() {}

  /** Writes pairs as texts with explicit prompt, in their order, wholly or not at all. */
  public static void write(List<PreferencePair> pairs, Format format, Path target) {
    List<ObjectNode> rows = new ArrayList<>();
    for (PreferencePair pair : pairs) {
      rows.add(row(pair, Shape.PLAIN, null));
    }
    TrlFile.write(rows, columns(Shape.PLAIN), format, target);
  }

  /** Writes a run's pairs so far. */
  public static void write(RunReader run, Shape shape, Format format, Path target) {
    Map<String, Problem> problems = new HashMap<>();
    run.problems().forEach(p -> problems.put(p.id(), p));
    List<ObjectNode> rows = new ArrayList<>();
    for (PreferencePair pair : run.pairs()) {
      // Every stage's pairs have the plain question as their prompt, corrections too.
      rows.add(row(pair, shape, run.prompts().ask(problems.get(pair.problemId()))));
    }
    TrlFile.write(rows, columns(shape), format, target);
  }

  private static ObjectNode row(PreferencePair pair, Shape shape, List<Message> dialogue) {
    ObjectNode row = RecordJson.MAPPER.createObjectNode();
    List<Message> asked = shape.conversational ? dialogue : List.of();
    if (!shape.implicitPrompt) {
      if (shape.conversational) {
        add(row.putArray("prompt"), asked);
      } else {
        row.put("prompt", pair.prompt());
      }
    }
    answer(row, "chosen", pair.chosen(), shape, asked, pair.prompt());
    answer(row, "rejected", pair.rejected(), shape, asked, pair.prompt());
    return row.put("problem_id", pair.problemId()).put("stage", pair.stage());
  }

  private static void answer(
      ObjectNode row, String name, String text, Shape shape, List<Message> asked, String prompt) {
    if (!shape.conversational) {
      row.put(name, shape.implicitPrompt ? prompt + text : text);
      return;
    }
    ArrayNode messages = row.putArray(name);
    if (shape.implicitPrompt) {
      add(messages, asked);
    }
    add(messages, List.of(new Message("assistant", text)));
  }

  private static void add(ArrayNode to, List<Message> messages) {
    for (Message m : messages) {
      to.addObject().put("role", m.role()).put("content", m.content());
    }
  }

  private static Map<String, String> columns(Shape shape) {
    String type = shape.conversational ? TrlFile.MESSAGES : TrlFile.TEXT;
    Map<String, String> columns = new LinkedHashMap<>();
    if (!shape.implicitPrompt) {
      columns.put("prompt", type);
    }
    columns.put("chosen", type);
    columns.put("rejected", type);
    columns.put("problem_id", TrlFile.TEXT);
    columns.put("stage", TrlFile.TEXT);
    return columns;
  }
}
