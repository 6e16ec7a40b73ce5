package dev.sphere.trainer.data;

import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Counts of the rows that are used, and the rows that cannot be used, with the reasons. */
public final class RowReport {
  /** The treatment of a row that cannot be used. */
  public enum OnBadRow {
    /** Reports the row and goes on. */
    SKIP,
    /** Fails with an error that names the row. */
    REFUSE
  }

  /** A row that cannot be used. */
  public record BadRow(String row, String reason) {}

  private final String source;
  private final OnBadRow onBadRow;
  private final List<BadRow> bad = new ArrayList<>();
  private final Map<String, Integer> notes = new LinkedHashMap<>();
  private int used;

  /** @param source the file's name */
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

  /** Counts a row that is used, in a category such as "repeated". */
  void note(String what) {
    notes.merge(what, 1, Integer::sum);
  }

  /** Counts {@code count} rows in a category. */
  public void notes(String what, int count) {
    if (count > 0) {
      notes.merge(what, count, Integer::sum);
    }
  }

  /** Number of rows that are used. */
  public int usedCount() {
    return used;
  }

  /** The rows that cannot be used, in order. */
  public List<BadRow> badRows() {
    return List.copyOf(bad);
  }

  /** Number of rows by category. */
  public Map<String, Integer> notes() {
    return Collections.unmodifiableMap(notes);
  }

  /** One line: the counts, and the first bad rows with their reasons. */
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
