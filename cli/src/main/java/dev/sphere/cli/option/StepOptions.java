package dev.sphere.cli.option;

import dev.sphere.engine.reward.ImplicitPrm;
import dev.sphere.engine.run.ModelDefaults;
import picocli.CommandLine.Option;

/** How a step is drawn, where it ends, and how many make a solution. */
public class StepOptions {
  @Option(names = "--temperature", paramLabel = "T", description = "Of every draw (default: 0.8).")
  public float temperature = 0.8f;

  @Option(names = "--depth", paramLabel = "N", description = "Most steps of a solution (default: 24).")
  public int depth = 24;

  @Option(names = "--separator", paramLabel = "TEXT",
      description = "What ends a step, \\n for a line feed (default: an empty line; embedded models: a line feed).")
  private String separator;

  @Option(names = "--max-step-tokens", paramLabel = "N",
      description = "Most tokens a step (default: 512; embedded: 64).")
  private Integer maxStepTokens;

  @Option(names = "--prm-beta", paramLabel = "B", description = "Of the implicit reward (default: 0.05).")
  public double prmBeta = ImplicitPrm.BETA;

  public String separator(ModelDefaults manner) {
    return separator == null ? manner.separator() : separator.replace("\\n", "\n");
  }

  public int stepTokens(ModelDefaults manner) {
    return maxStepTokens == null ? manner.stepTokens() : maxStepTokens;
  }
}
