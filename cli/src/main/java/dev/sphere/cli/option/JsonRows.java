package dev.sphere.cli.option;

import dev.sphere.engine.data.JsonText;
import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;

/** Reads JSON lines whose mistakes are named by their line. */
public final class JsonRows {
  private JsonRows() {}

  /**
   * A row of a file.
   *
   * @param place the file and the line, for complaints
   * @param number the line's number, from 1
   * @param fields the row's object
   */
  public record Row(String place, int number, JsonNode fields) {
    /** A field that must hold text. */
    public String text(String name) {
      JsonNode value = fields.path(name);
      if (!value.isString()) {
        throw new IllegalArgumentException(
            place + ": \"" + name + "\" must be a text" + (value.isMissingNode() ? "; it is missing" : ", not " + value));
      }
      return value.asString();
    }

    /** The row's id as it stands there; the line's number if it has none. */
    public String id() {
      return fields.path("id").asString(String.valueOf(number));
    }
  }

  /**
   * All rows; blank lines are passed over.
   *
   * @throws IllegalArgumentException when a line is no JSON object, or longer than {@link JsonText#MOST_BYTES}
   */
  public static List<Row> read(Path file) throws IOException {
    List<Row> rows = new ArrayList<>();
    try (JsonText lines = new JsonText(file)) {
      for (String line = next(lines, file); line != null; line = next(lines, file)) {
        if (!line.isBlank()) {
          rows.add(row(file + " line " + lines.number(), Math.toIntExact(lines.number()), line));
        }
      }
    }
    return rows;
  }

  private static String next(JsonText lines, Path file) throws IOException {
    try {
      return lines.next();
    } catch (CharacterCodingException e) {
      throw new IllegalArgumentException(file + " line " + lines.number() + ": this is not UTF-8 text", e);
    }
  }

  private static Row row(String place, int number, String line) {
    try {
      JsonNode node = JsonText.MAPPER.readTree(line);
      if (node.isObject()) {
        return new Row(place, number, node);
      }
      throw new IllegalArgumentException(place + ": a JSON object is expected, not " + line.strip());
    } catch (JacksonException e) {
      throw new IllegalArgumentException(place + ": no JSON: " + e.getOriginalMessage(), e);
    }
  }
}
