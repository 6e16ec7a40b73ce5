package dev.sphere.trainer.data;

import dev.sphere.engine.Policy.Message;
import java.util.ArrayList;
import java.util.List;
import tools.jackson.databind.JsonNode;

/** Reads the fields of a row. A {@link Malformed} names the field that is missing or of another type. */
final class RowFields {
  private RowFields() {}

  /** The reason why a row cannot be read. */
  static final class Malformed extends IllegalArgumentException {
    private static final long serialVersionUID = 1;

    Malformed(String message) {
      super(message);
    }
  }

  static JsonNode required(JsonNode row, String name) {
    JsonNode value = optional(row, name);
    if (value == null) {
      throw new Malformed("no \"" + name + "\"; the row has " + String.join(", ", row.propertyNames()));
    }
    return value;
  }

  /** A field; null where it is absent or null, as Parquet's columns may be. */
  static JsonNode optional(JsonNode row, String name) {
    JsonNode value = row.get(name);
    return value == null || value.isNull() ? null : value;
  }

  static String text(JsonNode value, String name) {
    if (!value.isString()) {
      throw new Malformed("\"" + name + "\" is neither a text nor a list of messages");
    }
    return value.asString();
  }

  static String textOr(JsonNode row, String name, String otherwise) {
    JsonNode value = row.get(name);
    return value != null && value.isString() ? value.asString() : otherwise;
  }

  static List<Message> messages(JsonNode list, String name) {
    List<Message> messages = new ArrayList<>();
    for (JsonNode m : list) {
      JsonNode role = m.get("role");
      String content = content(m.get("content"));
      if (role == null || !role.isString() || content == null) {
        throw new Malformed("\"" + name + "\" has a message without the texts \"role\" and \"content\"");
      }
      messages.add(new Message(role.asString(), content));
    }
    if (messages.isEmpty()) {
      throw new Malformed("\"" + name + "\" has no messages");
    }
    return messages;
  }

  /** A message's text, or the joined parts of type text; null for other parts, such as images. */
  private static String content(JsonNode content) {
    if (content == null || content.isString()) {
      return content == null ? null : content.asString();
    }
    StringBuilder text = new StringBuilder();
    for (JsonNode part : content) {
      JsonNode words = part.path("text");
      if (!part.path("type").asString("").equals("text") || !words.isString()) {
        return null;
      }
      text.append(words.asString());
    }
    return content.isArray() && !content.isEmpty() ? text.toString() : null;
  }

  /** The assistant's one answer after the first {@code from} messages. */
  static String answer(List<Message> messages, int from, String what) {
    if (messages.size() != from + 1 || !messages.getLast().role().equals("assistant")) {
      throw new Malformed("\"" + what + "\" must add exactly one message of the assistant to the prompt");
    }
    return messages.getLast().content();
  }

  /** Token ids; none where the field is absent. */
  static int[] ints(JsonNode row, String name) {
    JsonNode list = optional(row, name);
    if (list == null) {
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
}
