package dev.sphere.engine.store;

import dev.sphere.base.AtomicFile;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.BitSet;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.Predicate;

/** The lines of one of a run's logs, as they were read, and which of them cannot be kept. */
final class LogLines {
  private final Path file;
  private final BitSet bad = new BitSet();
  private int torn; // number of a last line without its end; 0 for none
  private long end; // of the lines that have one, in bytes

  /**
   * Reads a log; a file that is not there has no lines.
   *
   * @param each takes a line, and throws when it is no record of the run
   */
  LogLines(Path file, Consumer<byte[]> each) {
    this.file = file;
    CheckedLines.read(file, (number, from, to, object, ended) -> {
      if (!ended) {
        torn = number;
        return;
      }
      end = to;
      try {
        if (object == null) {
          throw new IllegalArgumentException("its checksum does not fit");
        }
        each.accept(object);
      } catch (RuntimeException e) {
        bad.set(number);
      }
    });
  }

  /** Where the next record begins, in bytes. */
  long end() {
    return end;
  }

  /**
   * The lines that cannot be kept.
   *
   * @param live somebody may be writing the last line
   */
  List<Finding> findings(boolean live) {
    if (!bad.isEmpty()) {
      int more = bad.cardinality() - 1;
      return List.of(Finding.mended(file, bad.nextSetBit(0),
          "damaged, or no record of this run" + (more > 0 ? ", and so are " + more + " more lines" : ""), "left out"));
    }
    return live || torn == 0 ? List.of() : List.of(Finding.mended(file, torn, "cut off in the middle", "left out"));
  }

  /** Leaves the records that are kept in the file; a file with damaged lines is kept aside first. */
  void mend(Predicate<String> keeps) {
    try {
      if (!bad.isEmpty()) {
        Damaged.copy(file);
      }
      AtomicFile.write(file, out -> copy(out, keeps));
      end = Files.size(file);
    } catch (IOException e) {
      throw new StoreException("cannot mend " + file + ": " + e.getMessage(), e);
    }
  }

  boolean isWhole() {
    return bad.isEmpty();
  }

  /**
   * Copies records.
   *
   * @param keeps by their problem's id
   */
  void copy(OutputStream out, Predicate<String> keeps) {
    CheckedLines.read(file, (number, from, to, object, ended) -> {
      if (ended && object != null && !bad.get(number) && keeps.test(RecordJson.head(object, 1)[0])) {
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
