package dev.sphere.cli.command.bench;

import dev.sphere.bindings.llama.Model;
import dev.sphere.cli.option.SettingFlags;
import dev.sphere.engine.bench.BenchResult;
import dev.sphere.engine.decode.Precision;
import dev.sphere.engine.embedded.ModelSource;
import dev.sphere.engine.settings.SettingsTree;
import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** A command that measures a model: what all of them ask for, and how they end: tables, and one object with --json. */
public abstract class BenchOfModel implements Callable<Integer>, SettingFlags.Command {
  private static final SettingsTree SETTINGS = SettingsTree.of(Precision.class);

  private final SettingFlags flags = new SettingFlags(SETTINGS);

  @Option(names = "--model", defaultValue = "embedded", paramLabel = "MODEL",
      description = "A GGUF file, or embedded (default: ${DEFAULT-VALUE}).")
  private String model;

  @Option(names = "--json", description = "One JSON object on the last line.")
  private boolean json;

  @Spec private CommandSpec spec;

  /** A measurement that is to be made. */
  interface Bench {
    BenchResult run() throws InterruptedException;
  }

  /** What each measurement is told. */
  public abstract List<? extends Record> plans();

  /** What is measured, one after another. */
  abstract List<Bench> benches(Model loaded);

  /** What --json prints. */
  Map<String, Object> toMap(List<BenchResult> results) {
    return results.getFirst().toMap();
  }

  /** How exactly the model computes. */
  public final Precision precision() {
    return SETTINGS.make(Precision.class, flags.told());
  }

  @Override
  public final SettingFlags flags() {
    return flags;
  }

  @Override
  public final Integer call() throws InterruptedException {
    PrintWriter out = spec.commandLine().getOut();
    List<BenchResult> results = new ArrayList<>();
    precision().use();
    try (Model loaded = Model.load(ModelSource.resolve(model))) {
      for (Bench bench : benches(loaded)) {
        results.add(bench.run());
        BenchReport.table(results.getLast(), out);
      }
    }
    if (json) {
      BenchReport.json(toMap(results), out);
    }
    return 0;
  }
}
