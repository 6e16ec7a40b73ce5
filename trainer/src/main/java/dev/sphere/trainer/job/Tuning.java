package dev.sphere.trainer.job;

import dev.sphere.trainer.Records;
import dev.sphere.trainer.model.ModelOptions;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;

/**
 * What is trained.
 *
 * @param rank LoRA rank; 0: all weights (full fine-tuning)
 * @param alpha LoRA's alpha; the adapter is scaled by alpha / rank, with rank stabilisation by alpha / sqrt(rank)
 * @param targets the linear layers that LoRA adapts, of {@link ModelOptions#LINEAR_LAYERS}
 * @param rankStabilised rsLoRA (arXiv 2312.03732)
 * @param magnitudes DoRA (arXiv 2402.09353)
 */
public record Tuning(int rank, double alpha, Set<String> targets, boolean rankStabilised, boolean magnitudes) {
  /** Without rank stabilisation. */
  public Tuning(int rank, double alpha, Set<String> targets) {
    this(rank, alpha, targets, false, false);
  }

  public Tuning {
    targets = Set.copyOf(targets);
    if (rank < 0) {
      throw new IllegalArgumentException("LoRA's rank must not be negative: " + rank);
    }
  }

  /** All weights. */
  public static Tuning full() {
    return new Tuning(0, 0, Set.of());
  }

  /** LoRA on every linear layer. */
  public static Tuning lora(int rank, double alpha) {
    return new Tuning(rank, alpha, ModelOptions.LINEAR_LAYERS);
  }

  public boolean isLora() {
    return rank > 0;
  }

  /** The same with rsLoRA's scale. */
  public Tuning withRankStabilised(boolean value) {
    return Records.with(this, "rankStabilised", value);
  }

  /** The same with DoRA's magnitudes. */
  public Tuning withMagnitudes(boolean value) {
    return Records.with(this, "magnitudes", value);
  }

  /** The alpha that gives this scale when it is divided by the rank, as llama.cpp does. */
  public double scaledAlpha() {
    return rankStabilised ? alpha * Math.sqrt(rank) : alpha;
  }

  ModelOptions options(long seed, int threads, int microTokens) {
    ModelOptions options =
        isLora() ? ModelOptions.lora(rank, (float) scaledAlpha(), targets, seed, threads) : ModelOptions.full(threads);
    return options.withMicroTokens(microTokens).withMagnitudes(isLora() && magnitudes);
  }

  Map<String, Object> toMap() {
    Map<String, Object> map = new LinkedHashMap<>();
    map.put("tuning", isLora() ? "lora" : "full");
    if (isLora()) {
      map.put("lora_rank", rank);
      map.put("lora_alpha", alpha);
      if (rankStabilised) {
        map.put("lora_rank_stabilised", true);
      }
      if (magnitudes) {
        map.put("dora", true);
      }
      map.put("lora_targets", String.join(",", new TreeSet<>(targets)));
    }
    return map;
  }
}
