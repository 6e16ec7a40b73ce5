package dev.sphere.trainer.data;

import dev.sphere.engine.Policy.Message;
import dev.sphere.engine.PreferencePair;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * Reads training rows from JSON Lines in TRL's formats.
 *
 * <p>Preferences: {@code prompt}, {@code chosen}, {@code rejected}, each a text or a list of messages ({@code role},
 * {@code content}); without {@code prompt} it is what chosen and rejected begin with alike. Our own {@code problem_id},
 * {@code stage} and {@code prompt_tokens}, {@code chosen_tokens}, {@code rejected_tokens} are taken where they stand.
 *
 * <p>Imitation: {@code prompt} and {@code completion} (texts or messages), or {@code messages} (every answer of the
 * assistant is learned), or {@code text} (all of it is learned).
 */
public final class RowReader {
  private static final JsonMapper JSON = JsonMapper.builder().build();

  private final TextEncoder encoder;
  private final RowReport report;

  /** An imitation row: the rendered prompt (null: learn everything) and the completion. */
  public record ImitationRow(String id, String prompt, String completion) {}

  /**
   * @param encoder renders dialogues
   * @param report takes the rows that cannot be read
   */
  public RowReader(TextEncoder encoder, RowReport report) {
    this.encoder = encoder;
    this.report = report;
  }

  /** Reads one row's object; adds to the target or throws {@link IllegalArgumentException} with the reason. */
  private interface RowParser {
    void parse(String id, JsonNode row);
  }

  /** All preference rows of a file; the rows' names are their problem ids or "line N". */
  public List<PreferencePair> preferences(Path file) {
    List<PreferencePair> pairs = new ArrayList<>();
    read(file, (id, row) -> pairs.add(preference(id, row)));
    return pairs;
  }

  /** All imitation rows of a file. */
  public List<ImitationRow> imitations(Path file) {
    List<ImitationRow> rows = new ArrayList<>();
    read(file, (id, row) -> rows.addAll(imitation(id, row)));
    return rows;
  }

  private void read(Path file, RowParser parser) {
    int number = 0;
    try (BufferedReader lines = Files.newBufferedReader(file, StandardCharsets.UTF_8)) {
      for (String line = lines.readLine(); line != null; line = lines.readLine()) {
        number++;
        if (!line.isBlank()) {
          row("line " + number, line, parser);
        }
      }
    } catch (java.nio.charset.CharacterCodingException e) {
      throw new IllegalArgumentException(
          "cannot read " + file + ": it is not UTF-8 text somewhere after line " + number, e);
    } catch (IOException e) {
      throw new UncheckedIOException("cannot read " + file + ": " + e.getMessage(), e);
    }
  }

  private void row(String name, String line, RowParser parser) {
    JsonNode row;
    try {
      row = JSON.readTree(line);
    } catch (JacksonException e) {
      report.bad(name, "not JSON (" + e.getOriginalMessage().lines().findFirst().orElse("") + ")");
      return;
    }
    if (!row.isObject()) {
      report.bad(name, "not a JSON object");
      return;
    }
    try {
      parser.parse(name, row);
    } catch (Malformed e) {
      report.bad(name, e.getMessage());
    }
  }

  private PreferencePair preference(String id, JsonNode row) {
    JsonNode chosen = field(row, "chosen");
    JsonNode rejected = field(row, "rejected");
    JsonNode prompt = row.get("prompt");
    String[] texts = chosen.isArray() || rejected.isArray()
        ? dialogues(prompt, messages(chosen, "chosen"), messages(rejected, "rejected"))
        : texts(prompt, text(chosen, "chosen"), text(rejected, "rejected"));
    JsonNode problem = row.get("problem_id");
    JsonNode stage = row.get("stage");
    return new PreferencePair(
        problem != null && problem.isString() ? problem.asString() : id,
        stage != null && stage.isString() ? stage.asString() : "",
        texts[0],
        texts[1],
        texts[2],
        ints(row, "prompt_tokens"),
        ints(row, "chosen_tokens"),
        ints(row, "rejected_tokens"));
  }

  private String[] texts(JsonNode prompt, String chosen, String rejected) {
    if (prompt != null) {
      return new String[] {prompt(prompt), chosen, rejected};
    }
    int same = 0;
    while (same < Math.min(chosen.length(), rejected.length()) && chosen.charAt(same) == rejected.charAt(same)) {
      same++;
    }
    if (same > 0 && chosen.charAt(same - 1) == ' ') {
      same--; // as TRL: a space belongs to the word after it
    }
    if (same == 0) {
      throw new Malformed("no \"prompt\", and chosen and rejected do not begin alike");
    }
    return new String[] {chosen.substring(0, same), chosen.substring(same), rejected.substring(same)};
  }

  private String[] dialogues(JsonNode prompt, List<Message> chosen, List<Message> rejected) {
    List<Message> before = new ArrayList<>();
    int same = 0;
    if (prompt != null) {
      before.addAll(prompt.isArray() ? messages(prompt, "prompt") : List.of(new Message("user", prompt(prompt))));
    } else {
      while (same < Math.min(chosen.size(), rejected.size()) - 1 && chosen.get(same).equals(rejected.get(same))) {
        before.add(chosen.get(same++));
      }
    }
    if (before.isEmpty()) {
      throw new Malformed("no \"prompt\", and chosen and rejected do not begin with the same messages");
    }
    return new String[] {
      encoder.render(before), answer(chosen, same, "chosen"), answer(rejected, same, "rejected")
    };
  }

  private static String answer(List<Message> messages, int from, String what) {
    if (messages.size() != from + 1 || !messages.getLast().role().equals("assistant")) {
      throw new Malformed("\"" + what + "\" must add exactly one message of the assistant to the prompt");
    }
    return messages.getLast().content();
  }

  private List<ImitationRow> imitation(String id, JsonNode row) {
    if (row.has("messages")) {
      return answers(id, messages(row.get("messages"), "messages"));
    }
    if (row.has("text")) {
      return List.of(new ImitationRow(id, null, text(row.get("text"), "text")));
    }
    JsonNode prompt = field(row, "prompt");
    JsonNode completion = field(row, "completion");
    if (completion.isArray()) {
      return List.of(new ImitationRow(id, prompt(prompt), answer(messages(completion, "completion"), 0, "completion")));
    }
    return List.of(new ImitationRow(id, prompt(prompt), text(completion, "completion")));
  }

  /** One row an answer; their shared beginnings cost nothing when they are packed as a tree. */
  private List<ImitationRow> answers(String id, List<Message> messages) {
    List<ImitationRow> rows = new ArrayList<>();
    for (int i = 1; i < messages.size(); i++) {
      if (messages.get(i).role().equals("assistant")) {
        rows.add(new ImitationRow(id, encoder.render(messages.subList(0, i)), messages.get(i).content()));
      }
    }
    if (rows.isEmpty()) {
      throw new Malformed("\"messages\" has no answer of the assistant after a first message");
    }
    return rows;
  }

  private String prompt(JsonNode prompt) {
    return prompt.isArray() ? encoder.render(messages(prompt, "prompt")) : text(prompt, "prompt");
  }

  private static JsonNode field(JsonNode row, String name) {
    JsonNode value = row.get(name);
    if (value == null || value.isNull()) {
      throw new Malformed("no \"" + name + "\"; the row has " + String.join(", ", row.propertyNames()));
    }
    return value;
  }

  private static String text(JsonNode value, String name) {
    if (!value.isString()) {
      throw new Malformed("\"" + name + "\" is neither a text nor a list of messages");
    }
    return value.asString();
  }

  private static List<Message> messages(JsonNode list, String name) {
    List<Message> messages = new ArrayList<>();
    for (JsonNode m : list) {
      JsonNode role = m.get("role");
      JsonNode content = m.get("content");
      if (role == null || !role.isString() || content == null || !content.isString()) {
        throw new Malformed("\"" + name + "\" has a message without the texts \"role\" and \"content\"");
      }
      messages.add(new Message(role.asString(), content.asString()));
    }
    if (messages.isEmpty()) {
      throw new Malformed("\"" + name + "\" has no messages");
    }
    return messages;
  }

  private static int[] ints(JsonNode row, String name) {
    JsonNode list = row.get(name);
    if (list == null || list.isNull()) {
      return new int[0];
    }
    int[] values = new int[list.size()];
    for (int i = 0; i < values.length; i++) {
      if (!list.get(i).isInt()) {
        throw new Malformed("\"" + name + "\" is not a list of token ids");
      }
      values[i] = list.get(i).asInt();
    }
    return values;
  }

  /** Why a row cannot be read. */
  private static final class Malformed extends IllegalArgumentException {
    private static final long serialVersionUID = 1;

    Malformed(String message) {
      super(message);
    }
  }
}
