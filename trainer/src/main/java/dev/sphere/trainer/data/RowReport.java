package dev.sphere.trainer.data;

import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * What became of the rows: how many are used, and which are not and why. Every bad row is named once.
 */
public final class RowReport {
  /** What is done about a row that cannot be used. */
  public enum OnBadRow {
    /** It is named and counted, the others are used. */
    SKIP,
    /** It ends the reading with an error that names it. */
    REFUSE
  }

  /** A row that cannot be used, for instance "line 12", and why. */
  public record BadRow(String row, String reason) {}

  private final String source;
  private final OnBadRow onBadRow;
  private final List<BadRow> bad = new ArrayList<>();
  private final Map<String, Integer> notes = new LinkedHashMap<>();
  private int used;

  /** @param source what is read, for messages: a file's name */
  public RowReport(String source, OnBadRow onBadRow) {
    this.source = source;
    this.onBadRow = onBadRow;
  }

  void bad(String row, String reason) {
    if (onBadRow == OnBadRow.REFUSE) {
      throw new IllegalArgumentException(
          source + ", " + row + ": " + reason + ". Mend or remove it, or choose to skip bad rows");
    }
    bad.add(new BadRow(row, reason));
  }

  void used() {
    used++;
  }

  /** Counts something that is worth knowing but no reason to drop a row. */
  void note(String what) {
    notes.merge(what, 1, Integer::sum);
  }

  /** Counts what became of many rows at once. */
  public void notes(String what, int count) {
    if (count > 0) {
      notes.merge(what, count, Integer::sum);
    }
  }

  /** Rows (or sequences) in use. */
  public int usedCount() {
    return used;
  }

  /** The rows that are not used, in order. */
  public List<BadRow> badRows() {
    return List.copyOf(bad);
  }

  /** How often what happened to rows that are used: cut to the length, repeated. */
  public Map<String, Integer> notes() {
    return Collections.unmodifiableMap(notes);
  }

  /** One line: how many rows are used, how many not, the first few by name. */
  public String summary() {
    StringBuilder text = new StringBuilder(source).append(": ").append(used).append(" rows");
    notes.forEach((what, count) -> text.append(", ").append(count).append(' ').append(what));
    if (!bad.isEmpty()) {
      text.append("; ").append(bad.size()).append(" skipped: ");
      for (BadRow b : bad.subList(0, Math.min(3, bad.size()))) {
        text.append(b.row()).append(" (").append(b.reason()).append("), ");
      }
      text.setLength(text.length() - 2);
      if (bad.size() > 3) {
        text.append(" and ").append(bad.size() - 3).append(" more");
      }
    }
    return text.toString();
  }
}
