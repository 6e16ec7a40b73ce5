package dev.sphere.cli.option;

import dev.sphere.engine.data.ProblemSet;
import dev.sphere.engine.data.ReadOptions;
import dev.sphere.engine.embedded.ProblemSource;
import dev.sphere.engine.settings.SettingsTree;
import java.io.PrintWriter;
import picocli.CommandLine.Option;

/** The option that names a problem set; a mixin of every command that reads one. */
public final class ProblemOptions {
  /** How the set is read. */
  public static final SettingsTree SETTINGS = SettingsTree.of("Problems", ReadOptions.class);

  @Option(
      names = "--problems",
      paramLabel = "FILE",
      description = "Problems with known answers (.jsonl, .json, .csv, .parquet, or a pipe), or embedded:train, embedded:test.")
  private String problems;

  /** The set that the flag names; null for none. */
  public String source() {
    return problems;
  }

  /** Reads the set that the flag names, else {@code otherwise}; what was skipped is said on {@code err}. */
  public ProblemSet read(ReadOptions options, PrintWriter err, String otherwise) {
    String source = problems != null ? problems : otherwise;
    if (source == null) {
      throw new IllegalArgumentException("which problems? give --problems FILE");
    }
    ProblemSet set = ProblemSource.read(source, options);
    for (ProblemSet.BadRow bad : set.skipped()) {
      err.println("skipped row " + bad.line() + " of " + source + ": " + bad.reason());
    }
    err.flush();
    return set;
  }
}
