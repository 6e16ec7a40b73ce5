package dev.sphere.cli.option;

import dev.sphere.engine.SamplingSettings;
import picocli.CommandLine.Option;

/** How tokens are drawn. */
public final class SamplingOptions {
  @Option(
      names = "--temperature",
      defaultValue = "0",
      description = "0 is greedy; the paper searches at 0.8 (default: ${DEFAULT-VALUE}).")
  float temperature;

  @Option(names = "--top-k", defaultValue = "0", description = "Keep the k likeliest tokens; 0 keeps all.")
  int topK;

  @Option(names = "--top-p", defaultValue = "1", description = "Keep the smallest set that reaches p; 1 keeps all.")
  float topP;

  @Option(names = "--min-p", defaultValue = "0", description = "Drop tokens below p times the likeliest; 0 keeps all.")
  float minP;

  @Option(names = "--max-tokens", defaultValue = "1024", description = "Most new tokens (default: ${DEFAULT-VALUE}).")
  int maxTokens;

  public SamplingSettings settings() {
    return new SamplingSettings(temperature, topK, topP, minP, maxTokens);
  }
}
