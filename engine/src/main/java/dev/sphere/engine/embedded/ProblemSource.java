package dev.sphere.engine.embedded;

import dev.sphere.engine.Problem;
import dev.sphere.engine.data.ProblemReader;
import dev.sphere.engine.data.ProblemSet;
import dev.sphere.engine.data.ReadOptions;
import dev.sphere.engine.embedded.ChainProblem.Use;
import dev.sphere.engine.embedded.WordProblems.Split;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * Finds problems by what the user calls them: the name of a set that Sphere carries, or the path of a file. The carried sets
 * share no problem with each other or with the models' training.
 */
public final class ProblemSource {
  /** The names, of word problems ({@link WordProblems}) and of {@link ChainProblem}: for search, for tuning of settings, and for evaluation only. */
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
    if (!Files.isRegularFile(Path.of(source))) {
      throw new IllegalArgumentException("problems " + source + ": there is no such file; give a .jsonl, .json, .csv or "
          + ".parquet file or one of " + String.join(", ", EMBEDDED));
    }
    return ProblemReader.read(source, options);
  }

  /**
   * An embedded problem set.
   *
   * @param name one of {@link #EMBEDDED}; anything else (a file's path) gives nothing
   * @return 4,000 word problems for search, 1,000 for tuning, 1,000 for evaluation; of chain 9,000 (classes 1 to 9), 900 (the same classes) and 1,500 (classes 1 to
   *     10); always the same ones
   */
  public static Optional<List<Problem>> embedded(String name) {
    return switch (name) {
      case "embedded:train" -> Optional.of(WordProblems.problems(Split.SEARCH, 11, 4000, "train"));
      case "embedded:validation" -> Optional.of(WordProblems.problems(Split.VALIDATION, 12, 1000, "validation"));
      case "embedded:test" -> Optional.of(WordProblems.problems(Split.TEST, 13, 1000, "test"));
      case "embedded:chain-train" -> Optional.of(ChainProblem.set(Use.SEARCH, ChainProblem.SEARCHED, 1000));
      case "embedded:chain-validation" -> Optional.of(ChainProblem.set(Use.VALIDATION, ChainProblem.SEARCHED, 100));
      case "embedded:chain-test" -> Optional.of(ChainProblem.set(Use.TEST, ChainProblem.LEVELS, 150));
      default -> Optional.empty();
    };
  }
}
