package dev.sphere.cli.option;

import dev.sphere.engine.data.ProblemSet;
import dev.sphere.engine.data.ReadOptions;
import dev.sphere.engine.embedded.ProblemSource;
import java.io.PrintWriter;
import picocli.CommandLine.Option;

/** The options that name a problem set; a mixin of every command that reads one. */
public final class ProblemOptions {
  @Option(
      names = "--problems",
      paramLabel = "FILE",
      description = "Problems with known answers (.jsonl, .json, .csv, .parquet), or embedded:train, embedded:test.")
  private String problems;

  @Option(names = "--limit", paramLabel = "N", description = "Only the first N problems (default: all).")
  private int limit;

  @Option(names = "--question-field", paramLabel = "NAME", description = "Field with the question, if not recognised; a.b is b within a.")
  private String questionField;

  @Option(names = "--answer-field", paramLabel = "NAME", description = "Field with the answer, if not recognised.")
  private String answerField;

  @Option(names = "--id-field", paramLabel = "NAME", description = "Field with the problem's id, if not recognised.")
  private String idField;

  @Option(names = "--skip-bad", description = "Leave out rows that are no problems, instead of stopping at the first.")
  private boolean skipBad;

  /** Reads the set; what was skipped is said on {@code err}. */
  public ProblemSet read(PrintWriter err) {
    return read(err, null);
  }

  /** Reads the set that the flag names, else {@code otherwise}. */
  public ProblemSet read(PrintWriter err, String otherwise) {
    String source = problems != null ? problems : otherwise;
    if (source == null) {
      throw new IllegalArgumentException("which problems? give --problems FILE");
    }
    if (limit < 0) {
      throw new IllegalArgumentException("--limit must not be negative, it is " + limit);
    }
    ProblemSet set =
        ProblemSource.read(source, new ReadOptions(questionField, answerField, idField, skipBad, limit));
    for (ProblemSet.BadRow bad : set.skipped()) {
      err.println("skipped row " + bad.line() + " of " + source + ": " + bad.reason());
    }
    err.flush();
    return set;
  }
}
