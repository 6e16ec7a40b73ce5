package dev.sphere.engine;

import dev.sphere.engine.settings.Setting;
import dev.sphere.engine.settings.SettingsTree;
import io.soabase.recordbuilder.core.RecordBuilder;

/**
 * How a token is drawn from the policy's logits. The order of the filters is top-k, top-p, min-p, temperature, draw.
 *
 * @param temperature 0 means greedy (the highest logit, the lowest token id among equals); paper: 0.8
 * @param topK keep the k highest logits; 0 keeps all
 * @param topP keep the smallest set of tokens whose probability reaches p; 1 keeps all
 * @param minP drop tokens whose probability is below minP times the highest; 0 keeps all
 * @param maxTokens most tokens that one generation may add before it is marked as truncated
 */
@RecordBuilder
public record SamplingSettings(
    @Setting(def = "0.8", range = "[0, )", label = "T", source = "paper",
        help = "Temperature of every draw; 0 is greedy.")
    float temperature,
    @Setting(def = "0", range = "[0, )", label = "K", help = "Keep the K likeliest tokens; 0 keeps all.")
    int topK,
    @Setting(def = "1", range = "(0, 1]", label = "P",
        help = "Keep the likeliest tokens until their probabilities reach P; 1 keeps all.")
    float topP,
    @Setting(def = "0", range = "[0, 1]", label = "P",
        help = "Drop tokens below P times the likeliest one's probability; 0 keeps all.")
    float minP,
    @Setting(range = "[1, )", label = "N", unit = "tokens", shown = "1024; embedded models: 256",
        help = "Most new tokens.")
    int maxTokens) implements SamplingSettingsBuilder.With {
  public SamplingSettings {
    SettingsTree.requireRanges(SamplingSettings.class, temperature, topK, topP, minP, maxTokens);
  }

  /** Greedy decoding of at most {@code maxTokens} tokens. */
  public static SamplingSettings greedy(int maxTokens) {
    return new SamplingSettings(0f, 0, 1f, 0f, maxTokens);
  }

  /** Plain sampling at a temperature, no filters. */
  public static SamplingSettings temperature(float temperature, int maxTokens) {
    return new SamplingSettings(temperature, 0, 1f, 0f, maxTokens);
  }
}
