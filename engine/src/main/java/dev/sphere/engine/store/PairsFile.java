package dev.sphere.engine.store;

import dev.sphere.base.AtomicFile;
import dev.sphere.base.PlainFile;
import dev.sphere.engine.PreferencePair;
import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;

/** Preference pairs as JSON Lines: one object a pair, as in a run's {@code pairs.jsonl}. */
public final class PairsFile {
  private PairsFile() {}

  /** Writes the pairs, wholly or not at all. */
  public static void write(Path file, List<PreferencePair> pairs) {
    AtomicFile.write(file, out -> {
      for (PreferencePair pair : pairs) {
        out.write(RecordJson.bytes(RecordJson.of(pair)));
        out.write('\n');
      }
    });
  }

  /** True when the file is there and holds these pairs, byte for byte. */
  static boolean holds(Path file, List<PreferencePair> pairs) {
    try {
      return PlainFile.exists(file) && matches(file, pairs);
    } catch (IOException e) {
      throw new StoreException("cannot read the pairs " + file + ": " + e, e);
    }
  }

  private static boolean matches(Path file, List<PreferencePair> pairs) throws IOException {
    try (InputStream in = new BufferedInputStream(PlainFile.read(file), 1 << 16)) {
      for (PreferencePair pair : pairs) {
        byte[] line = RecordJson.bytes(RecordJson.of(pair));
        if (!Arrays.equals(line, in.readNBytes(line.length)) || in.read() != '\n') {
          return false;
        }
      }
      return in.read() < 0;
    }
  }
}
