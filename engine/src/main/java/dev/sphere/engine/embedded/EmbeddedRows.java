package dev.sphere.engine.embedded;

import dev.sphere.engine.data.JsonText;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.zip.GZIPInputStream;

/** The embedded sets: resources of packed JSON Lines, a record a line. */
final class EmbeddedRows {
  private EmbeddedRows() {}

  /**
   * Reads a set.
   *
   * @param name {@code embedded:NAME}, of the resource NAME.jsonl.gz
   */
  static <T> List<T> read(String name, Class<T> type) {
    String resource = name.substring("embedded:".length()) + ".jsonl.gz";
    try (BufferedReader lines = new BufferedReader(new InputStreamReader(
        new GZIPInputStream(EmbeddedRows.class.getResourceAsStream(resource)), StandardCharsets.UTF_8))) {
      return lines.lines().map(line -> JsonText.MAPPER.readValue(line, type)).toList();
    } catch (IOException e) {
      throw new UncheckedIOException("reading " + name, e);
    }
  }
}
