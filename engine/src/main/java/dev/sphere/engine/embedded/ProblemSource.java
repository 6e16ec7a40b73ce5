package dev.sphere.engine.embedded;

import dev.sphere.engine.Problem;
import dev.sphere.engine.data.ProblemReader;
import dev.sphere.engine.data.ProblemSet;
import dev.sphere.engine.data.ReadOptions;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * Finds problems by the name of an embedded set or by the path of a file. The embedded sets share no problem with each
 * other or with the embedded models' training. They are resources beside this class; the laboratory makes them
 * (dev.sphere.lab.problems.EmbeddedSets).
 */
public final class ProblemSource {
  /** The embedded sets: word problems and chains of operations, each for search, for tuning and for evaluation. */
  public static final List<String> EMBEDDED = List.of("embedded:train", "embedded:validation", "embedded:test",
      "embedded:chain-train", "embedded:chain-validation", "embedded:chain-test");

  private ProblemSource() {}

  /** Reads a problem set with recognised fields; a bad row refuses the file. */
  public static List<Problem> read(String source) {
    return read(source, ReadOptions.defaults()).problems();
  }

  /**
   * Reads a problem set.
   *
   * @param source one of {@link #EMBEDDED}, or the path of a .jsonl, .json, .csv or .parquet file
   * @throws IllegalArgumentException when there is no such set or file, or as {@link ProblemReader#read(String, ReadOptions)}
   */
  public static ProblemSet read(String source, ReadOptions options) {
    Optional<List<Problem>> embedded = embedded(source);
    if (embedded.isPresent()) {
      List<Problem> all = embedded.get();
      int n = options.limit() == 0 ? all.size() : Math.min(options.limit(), all.size());
      return new ProblemSet(source, all.subList(0, n), List.of());
    }
    if (source.startsWith("embedded:")) {
      throw new IllegalArgumentException(
          "problems " + source + ": no such embedded set; there are " + String.join(", ", EMBEDDED));
    }
    if (!Files.exists(Path.of(source))) {
      throw new IllegalArgumentException("problems " + source + ": there is no such file; give a .jsonl, .json, .csv or "
          + ".parquet file or one of " + String.join(", ", EMBEDDED));
    }
    return ProblemReader.read(source, options);
  }

  /**
   * An embedded problem set.
   *
   * @param name one of {@link #EMBEDDED}; anything else (a file's path) gives nothing
   * @return 4,000 word problems for search, 1,000 for tuning, 1,000 for evaluation; of chains 9,000 (classes 1 to 9), 900
   *     (the same classes) and 1,500 (classes 1 to 10)
   */
  public static Optional<List<Problem>> embedded(String name) {
    return EMBEDDED.contains(name) ? Optional.of(EmbeddedRows.read(name, Problem.class)) : Optional.empty();
  }
}
