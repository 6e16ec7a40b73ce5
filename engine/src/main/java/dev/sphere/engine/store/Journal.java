package dev.sphere.engine.store;

import dev.sphere.base.AtomicFile;
import dev.sphere.engine.data.JsonText;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.function.ToIntFunction;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * A file of rows that is being made. While the work goes on, the rows stand in the journal, {@code FILE.part}. Its
 * first line holds the rows' identity; the rows of each item follow as the item is done, on the disk before {@link
 * #add} returns. At the end {@code FILE} appears with the rows in the items' order, and then the journal is removed. A
 * journal that was broken off is taken up: damaged lines are kept aside ({@link Damaged}), and an item that lacks a row
 * is done again.
 *
 * @param <R> a row, which Jackson writes and reads
 */
public final class Journal<R> implements AutoCloseable {
  /**
   * A kind of rows.
   *
   * @param type of a row
   * @param work the work that makes the rows, the key of the first line: "evaluation"
   * @param rows the rows' name in messages: "answers"
   * @param item names the item that a row belongs to; null for a row that lacks something
   * @param number a row's place among its item's
   */
  public record Kind<R>(
      Class<R> type, String work, String rows, Function<R, String> item, ToIntFunction<R> number) {}

  /**
   * The content of a journal.
   *
   * @param made the identity of its rows; empty when its first line is damaged or missing
   * @param rows by item, in the order of their numbers
   * @param findings damaged lines
   */
  public record Content<R>(Optional<Map<String, String>> made, Map<String, List<R>> rows, List<Finding> findings) {}

  private static final JsonMapper JSON = JsonText.MAPPER;
  private static final String HEADLESS = "its first line, which says what it is made from, is damaged or missing";
  private static final String HEADLESS_ADVICE = "bring the file back from a copy, or move it away to begin anew";

  private final Path file;
  private final Path part;
  private final Map<String, List<R>> known;
  private final List<Finding> findings;
  private final AppendLog log;
  private final long begun; // its length when it was opened

  private Journal(Path file, Path part, Map<String, List<R>> known, List<Finding> findings, AppendLog log) {
    this.file = file;
    this.part = part;
    this.known = known;
    this.findings = findings;
    this.log = log;
    this.begun = log.size();
  }

  /**
   * Opens the journal of {@code file}.
   *
   * @param identity of the rows: model, prompts, sampling, seed, items
   * @param perItem rows that an item must have to count as done
   * @param resume take up a journal that is there; false refuses it
   * @throws IllegalArgumentException when a journal is there and must not or cannot be taken up
   * @throws StoreException.Refused when it was made from something else
   */
  public static <R> Journal<R> open(
      Kind<R> kind, Path file, Map<String, String> identity, int perItem, boolean resume) {
    return open(kind, file, part(file), identity, perItem, resume);
  }

  /** Opens a journal of another name than {@code FILE.part}, in a folder that is there. */
  public static <R> Journal<R> open(
      Kind<R> kind, Path file, Path part, Map<String, String> identity, int perItem, boolean resume) {
    Map<String, List<R>> known = new LinkedHashMap<>();
    List<Finding> findings = new ArrayList<>();
    if (Files.exists(part)) {
      if (!resume) {
        throw new IllegalArgumentException("writing " + kind.rows() + " to " + file + ": " + part + " holds the "
            + kind.rows()
            + " of a call that was broken off; go on with --resume, or remove it");
      }
      Content<R> content = read(kind, part);
      Map<String, String> made = content.made()
          .orElseThrow(() -> new IllegalArgumentException(part + ": " + HEADLESS + "; " + HEADLESS_ADVICE));
      RunIdentity.require(part, made, identity, "Use the same settings, or remove it");
      content.rows().forEach((item, rows) -> {
        if (rows.size() == perItem) {
          known.put(item, rows);
        }
      });
      findings.addAll(content.findings());
      if (!findings.isEmpty()) {
        Damaged.copy(part);
      }
    }
    // Written anew, so that damaged lines go.
    AtomicFile.write(part, lines(kind, identity, known.values().stream().flatMap(List::stream).toList()));
    return new Journal<>(file, part, known, findings, AppendLog.open(part));
  }

  /** A journal's lines: the identity of its rows, and the rows. */
  public static <R> AtomicFile.StreamBody lines(Kind<R> kind, Map<String, String> identity, List<R> rows) {
    return out -> {
      out.write(line(Map.of(kind.work(), identity)));
      for (R row : rows) {
        out.write(line(row));
      }
    };
  }

  private static byte[] line(Object content) {
    return CheckedLines.frame(JSON.writeValueAsBytes(content));
  }

  /** Where the journal of a file stands. */
  public static Path part(Path file) {
    return file.resolveSibling(file.getFileName() + ".part");
  }

  /** Reads a journal; changes nothing. */
  public static <R> Content<R> read(Kind<R> kind, Path part) {
    Map<String, Map<Integer, R>> byNumber = new LinkedHashMap<>();
    List<Finding> findings = new ArrayList<>();
    Map<String, String> made = new LinkedHashMap<>();
    CheckedLines.read(part, (number, from, to, object, ended) -> {
      JsonNode node = object == null ? JSON.missingNode() : JSON.readTree(object);
      if (number == 1) {
        node.path(kind.work()).properties().forEach(e -> made.put(e.getKey(), e.getValue().asString("")));
        return;
      }
      R row = row(kind, node);
      if (row == null || byNumber.computeIfAbsent(kind.item().apply(row), i -> new TreeMap<>())
          .putIfAbsent(kind.number().applyAsInt(row), row) != null) {
        findings.add(Finding.mended(part, number, ended ? "damaged" : "cut off in the middle", "left out, and made "
            + "again"));
      }
    });
    Map<String, List<R>> rows = new LinkedHashMap<>();
    byNumber.forEach((item, all) -> rows.put(item, List.copyOf(all.values())));
    return new Content<>(made.isEmpty() ? Optional.empty() : Optional.of(made), rows, findings);
  }

  /** A line's row; null when it is none. */
  private static <R> R row(Kind<R> kind, JsonNode node) {
    try {
      R row = node.isObject() ? JSON.treeToValue(node, kind.type()) : null;
      return row == null || kind.item().apply(row) == null ? null : row;
    } catch (JacksonException e) {
      return null;
    }
  }

  /**
   * The damage that taking up the journal of a file would find; changes nothing.
   *
   * @throws IllegalArgumentException when there is no journal
   */
  public static <R> List<Finding> check(Kind<R> kind, Path file) {
    Path part = part(file);
    if (!Files.exists(part)) {
      throw new IllegalArgumentException("there is no journal of an " + kind.work() + " at " + part);
    }
    Content<R> content = read(kind, part);
    return content.made().isEmpty() ? List.of(Finding.refused(part, HEADLESS, HEADLESS_ADVICE)) : content.findings();
  }

  /** The damaged lines, whose rows are made again. */
  public List<Finding> findings() {
    return List.copyOf(findings);
  }

  /** The rows that were there, by item. */
  public Map<String, List<R>> known() {
    return Map.copyOf(known);
  }

  /** Writes down an item's rows. */
  public void add(List<R> rows) {
    List<byte[]> objects = rows.stream().map(JSON::writeValueAsBytes).toList(); // all or none
    objects.subList(0, objects.size() - 1).forEach(log::appendUnforced);
    log.append(objects.getLast());
  }

  /** Writes the file itself and removes the journal. */
  public void finish(AtomicFile.StreamBody body) {
    AtomicFile.write(file, body);
    remove();
  }

  /** Removes the journal: what it holds is safe elsewhere. */
  public void remove() {
    log.close();
    try {
      Files.deleteIfExists(part);
    } catch (IOException e) {
      throw new UncheckedIOException("removing " + part + ": " + e.getMessage(), e);
    }
  }

  /** Leaves the journal for a call that goes on; one without a row goes. */
  @Override
  public void close() {
    if (known.isEmpty() && log.size() == begun) {
      remove();
    } else {
      log.close();
    }
  }
}
