package dev.sphere.trainer.data;

import dev.sphere.engine.MarkedText;
import dev.sphere.engine.Policy.Message;
import dev.sphere.engine.PreferencePair;
import dev.sphere.engine.data.Rows;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import tools.jackson.databind.JsonNode;

/**
 * Reads training rows in TRL's formats from JSON Lines, a JSON array or Parquet.
 *
 * <p>Preferences: {@code prompt}, {@code chosen}, {@code rejected}, each a text or a list of messages ({@code role},
 * {@code content}). Without {@code prompt} the common beginning of chosen and rejected is the prompt. A search's
 * optional fields are {@code problem_id}, {@code stage}, {@code prompt_tokens}, {@code chosen_tokens} and {@code
 * rejected_tokens}.
 *
 * <p>Imitation: {@code prompt} and {@code completion} (texts or messages), or {@code messages} (every answer of the
 * assistant is learned), or {@code text} (all of it is learned); optional {@code weight}.
 *
 * <p>Stepwise supervision: {@code prompt}, {@code completions} (the steps) and {@code labels} (true, false, or how
 * good a step is from 0 to 1).
 *
 * <p>Special tokens in a text are tokenized as such; in messages they are plain text.
 */
public final class RowReader {
  private final TextEncoder encoder;
  private final RowReport report;

  /**
   * An imitation row.
   *
   * @param prompt rendered; null where all of the completion is learned
   * @param weight factor on the row's loss, at least 0
   */
  public record ImitationRow(String id, MarkedText prompt, MarkedText completion, double weight) {}

  /**
   * A solution with a label for each step.
   *
   * @param prompt rendered
   * @param steps the steps' texts, at least one
   * @param labels how good each step is, in [0, 1]; NaN for a step without a label
   */
  public record StepRow(String id, MarkedText prompt, List<String> steps, double[] labels) {}

  /**
   * @param encoder renders dialogues
   * @param report takes the rows that cannot be read
   */
  public RowReader(TextEncoder encoder, RowReport report) {
    this.encoder = encoder;
    this.report = report;
  }

  /** Parses one row, or throws {@link IllegalArgumentException} with the reason why it cannot. */
  private interface RowParser {
    void parse(String id, JsonNode row);
  }

  /** The preference rows of a file; a row's name is its problem id, else "line N". */
  public List<PreferencePair> preferences(Path file) {
    List<PreferencePair> pairs = new ArrayList<>();
    read(file, (id, row) -> pairs.add(preference(id, row)));
    return pairs;
  }

  public List<ImitationRow> imitations(Path file) {
    List<ImitationRow> rows = new ArrayList<>();
    read(file, (id, row) -> rows.addAll(imitation(id, row)));
    return rows;
  }

  public List<StepRow> steps(Path file) {
    List<StepRow> rows = new ArrayList<>();
    read(file, (id, row) -> rows.add(steps(id, row)));
    return rows;
  }

  private void read(Path file, RowParser parser) {
    try (Rows rows = Rows.open(file)) {
      for (Rows.Row row = rows.next(); row != null; row = rows.next()) {
        row(rows.unit() + " " + row.line(), row, parser);
      }
    } catch (IOException e) {
      if (e instanceof CharacterCodingException || e.getCause() instanceof CharacterCodingException) {
        String after = e.getCause() == null ? "it is not UTF-8 text" : e.getMessage();
        throw new IllegalArgumentException("cannot read " + file + ": " + after, e);
      }
      throw new UncheckedIOException("cannot read " + file + ": " + e.getMessage(), e);
    }
  }

  private void row(String name, Rows.Row row, RowParser parser) {
    if (row.error() != null) {
      report.bad(name, "not JSON (" + row.error().lines().findFirst().orElse("") + ")");
    } else if (!row.value().isObject()) {
      report.bad(name, "not a JSON object");
    } else {
      try {
        parser.parse(name, row.value());
      } catch (IllegalArgumentException e) { // a field is missing, or the template refuses the dialogue
        report.bad(name, e.getMessage());
      }
    }
  }

  private PreferencePair preference(String id, JsonNode row) {
    JsonNode chosen = RowFields.required(row, "chosen");
    JsonNode rejected = RowFields.required(row, "rejected");
    JsonNode prompt = RowFields.optional(row, "prompt");
    MarkedText[] texts = chosen.isArray() || rejected.isArray()
        ? dialogues(prompt, RowFields.messages(chosen, "chosen"), RowFields.messages(rejected, "rejected"))
        : texts(prompt, RowFields.text(chosen, "chosen"), RowFields.text(rejected, "rejected"));
    boolean messages = chosen.isArray() || rejected.isArray() || prompt != null && prompt.isArray();
    PreferencePair pair = new PreferencePair(
        RowFields.textOr(row, "problem_id", id),
        RowFields.textOr(row, "stage", ""),
        texts[0].text(),
        texts[1].text(),
        texts[2].text(),
        RowFields.ints(row, "prompt_tokens"),
        RowFields.ints(row, "chosen_tokens"),
        RowFields.ints(row, "rejected_tokens"),
        messages ? texts[0].content()
            : RowFields.optional(row, "prompt_content") == null ? null : RowFields.ints(row, "prompt_content"));
    pair.markedPrompt(); // throws for "prompt_content" beyond the prompt
    return pair;
  }

  private MarkedText[] texts(JsonNode prompt, String chosen, String rejected) {
    if (prompt != null) {
      return new MarkedText[] {prompt(prompt), MarkedText.of(chosen), MarkedText.of(rejected)};
    }
    int same = 0;
    while (same < Math.min(chosen.length(), rejected.length()) && chosen.charAt(same) == rejected.charAt(same)) {
      same++;
    }
    if (same > 0 && chosen.charAt(same - 1) == ' ') {
      same--; // as TRL: a space belongs to the word after it
    }
    if (same == 0) {
      throw new RowFields.Malformed("no \"prompt\", and chosen and rejected do not begin alike");
    }
    return new MarkedText[] {
      MarkedText.of(chosen.substring(0, same)),
      MarkedText.of(chosen.substring(same)),
      MarkedText.of(rejected.substring(same))
    };
  }

  private MarkedText[] dialogues(JsonNode prompt, List<Message> chosen, List<Message> rejected) {
    List<Message> before = new ArrayList<>();
    int same = 0;
    if (prompt != null) {
      before.addAll(prompt.isArray() ? RowFields.messages(prompt, "prompt")
          : List.of(new Message("user", prompt(prompt).text())));
    } else {
      while (same < Math.min(chosen.size(), rejected.size()) - 1 && chosen.get(same).equals(rejected.get(same))) {
        before.add(chosen.get(same++));
      }
    }
    if (before.isEmpty()) {
      throw new RowFields.Malformed("no \"prompt\", and chosen and rejected do not begin with the same messages");
    }
    return new MarkedText[] {
      encoder.prompt(before),
      MarkedText.content(RowFields.answer(chosen, same, "chosen")),
      MarkedText.content(RowFields.answer(rejected, same, "rejected"))
    };
  }

  private List<ImitationRow> imitation(String id, JsonNode row) {
    JsonNode given = RowFields.optional(row, "weight");
    double weight = given == null ? 1 : given.asDouble(-1);
    if (!(weight >= 0 && weight < Double.POSITIVE_INFINITY)) {
      throw new RowFields.Malformed("\"weight\" is " + given + ": it must be a number of at least 0");
    }
    if (RowFields.optional(row, "messages") != null) {
      return answers(id, RowFields.messages(row.get("messages"), "messages"), weight);
    }
    if (RowFields.optional(row, "text") != null) {
      return List.of(new ImitationRow(id, null, MarkedText.of(RowFields.text(row.get("text"), "text")), weight));
    }
    JsonNode prompt = RowFields.required(row, "prompt");
    JsonNode completion = RowFields.required(row, "completion");
    if (completion.isArray()) {
      return List.of(new ImitationRow(id,
          prompt(prompt),
          MarkedText.content(RowFields.answer(RowFields.messages(completion, "completion"), 0, "completion")), weight));
    }
    String text = RowFields.text(completion, "completion");
    return List.of(new ImitationRow(
        id, prompt(prompt), prompt.isArray() ? MarkedText.content(text) : MarkedText.of(text), weight));
  }

  /** One row for each answer; packed as a tree they share their beginnings. */
  private List<ImitationRow> answers(String id, List<Message> messages, double weight) {
    List<ImitationRow> rows = new ArrayList<>();
    for (int i = 1; i < messages.size(); i++) {
      if (messages.get(i).role().equals("assistant")) {
        rows.add(new ImitationRow(id, encoder.prompt(messages.subList(0, i)),
            MarkedText.content(messages.get(i).content()), weight));
      }
    }
    if (rows.isEmpty()) {
      throw new RowFields.Malformed("\"messages\" has no answer of the assistant after a first message");
    }
    return rows;
  }

  private MarkedText prompt(JsonNode prompt) {
    return prompt.isArray()
        ? encoder.prompt(RowFields.messages(prompt, "prompt"))
        : MarkedText.of(RowFields.text(prompt, "prompt"));
  }

  private StepRow steps(String id, JsonNode row) {
    List<String> steps = new ArrayList<>();
    for (JsonNode step : RowFields.required(row, "completions")) {
      steps.add(RowFields.text(step, "completions"));
    }
    JsonNode given = RowFields.required(row, "labels");
    if (steps.isEmpty() || given.size() != steps.size()) {
      throw new RowFields.Malformed(steps.size() + " \"completions\" but " + given.size() + " \"labels\"");
    }
    double[] labels = new double[steps.size()];
    for (int i = 0; i < labels.length; i++) {
      JsonNode label = given.get(i);
      labels[i] = label.isBoolean() ? (label.asBoolean() ? 1 : 0) : label.isNull() ? Double.NaN : label.asDouble(-1);
      if (labels[i] < 0 || labels[i] > 1) {
        throw new RowFields.Malformed("\"labels\" has " + label + ": a label is true, false or a number from 0 to 1");
      }
    }
    return new StepRow(id, prompt(RowFields.required(row, "prompt")), steps, labels);
  }
}
