package dev.sphere.engine.store;

import dev.sphere.base.AtomicFile;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** One of a run's logs: its lines, which of them cannot be kept and why, and how it is made whole. */
final class RunLogFile {
  /** Why a line is left out. */
  enum Why {
    DAMAGED("damaged (its checksum does not fit)"),
    CUT("cut off in the middle"),
    STRANGE("no record of this run"),
    CONTRADICTS("contradicts another line about the same"),
    ORPHAN("belongs below an expansion that is lost"),
    REPEATS("repeats an earlier line"),
    SURPLUS("belongs to no search of this run"),
    /** Another finding has said it. */
    SAID("");

    private final String words;

    Why(String words) {
      this.words = words;
    }

    private String then() {
      boolean needed = this != REPEATS && this != SURPLUS && this != STRANGE;
      return needed ? "left out, what it held is computed again" : "left out";
    }
  }

  /** Takes a whole line. */
  @FunctionalInterface
  interface OnLine {
    void line(int number, byte[] object);
  }

  private final Path file;
  private final TreeMap<Integer, Why> dropped = new TreeMap<>();
  private int lines;
  private int inFlight; // a last line that its writer may still be at; 0 for none
  private boolean plain = true; // every line ends in a line feed alone

  RunLogFile(Path file) {
    this.file = file;
  }

  void read(OnLine onLine) {
    CheckedLines.read(file, (number, from, to, object, ended) -> {
      lines = number;
      if (object == null) {
        inFlight = ended ? 0 : number;
        drop(number, ended ? Why.DAMAGED : Why.CUT);
        return;
      }
      plain &= to - from == object.length + 1;
      try {
        onLine.line(number, object);
      } catch (RuntimeException e) {
        drop(number, Why.STRANGE);
      }
    });
  }

  Path file() {
    return file;
  }

  int lines() {
    return lines;
  }

  void drop(int line, Why why) {
    dropped.put(line, why);
  }

  private boolean keeps(int line) {
    return !dropped.containsKey(line);
  }

  /**
   * What is wrong with it, one finding for lines that follow each other.
   *
   * @param reading somebody may be writing the run: what is at the very end need not be damaged
   */
  List<Finding> findings(boolean reading) {
    List<Finding> findings = new ArrayList<>();
    List<Map.Entry<Integer, Why>> all = dropped.entrySet().stream()
        .filter(e -> e.getValue() != Why.SAID && !(reading && e.getKey() == inFlight))
        .toList();
    for (int i = 0; i < all.size();) {
      int first = all.get(i).getKey();
      Why why = all.get(i).getValue();
      int last = first;
      for (i++; i < all.size() && all.get(i).getKey() == last + 1 && all.get(i).getValue() == why; i++) {
        last++;
      }
      String lost = last == first ? why.words : why.words + ", and so are all up to line " + last;
      findings.add(Finding.mended(file, first, lost, why.then()));
    }
    if (!plain && !reading) {
      findings.add(
          Finding.mended(file, 0, "its lines do not end in a line feed alone", "written anew, nothing is lost"));
    }
    return findings;
  }

  /** Keeps aside what is not kept, and leaves the file with the rest. */
  void mend() {
    if (dropped.isEmpty() && plain) {
      return;
    }
    List<Damaged.Part> parts = new ArrayList<>();
    CheckedLines.read(file, (number, from, to, object, ended) -> {
      if (!keeps(number)) {
        boolean follows = !parts.isEmpty() && parts.getLast().to() == from;
        parts.add(new Damaged.Part(follows ? parts.removeLast().from() : from, to));
      }
    });
    if (!parts.isEmpty()) {
      Damaged.copy(file, parts);
    }
    try {
      if (plain && parts.size() == 1 && parts.getFirst().to() == Files.size(file)) {
        try (LogFile log = LogFile.plain(file)) {
          log.truncate(parts.getFirst().from());
          log.force();
        }
      } else {
        AtomicFile.write(file, this::copy);
      }
    } catch (IOException e) {
      throw new StoreException("cannot mend " + file + ": " + e.getMessage(), e);
    }
  }

  /** Copies the lines that are kept. */
  void copy(OutputStream out) {
    CheckedLines.read(file, (number, from, to, object, ended) -> {
      if (object != null && keeps(number)) {
        try {
          out.write(object);
          out.write('\n');
        } catch (IOException e) {
          throw new StoreException("cannot copy " + file + ": " + e.getMessage(), e);
        }
      }
    });
  }
}
