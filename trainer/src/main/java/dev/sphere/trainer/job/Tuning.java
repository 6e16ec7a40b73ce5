package dev.sphere.trainer.job;

import dev.sphere.trainer.model.ModelOptions;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;

/**
 * What is trained.
 *
 * @param rank LoRA rank; 0: all weights (full fine-tuning)
 * @param alpha LoRA's alpha; the adapter is scaled by alpha / rank
 * @param targets the linear layers that LoRA adapts, of {@link ModelOptions#LINEAR_LAYERS}
 */
public record Tuning(int rank, double alpha, Set<String> targets) {
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

  ModelOptions options(long seed, int threads, int microTokens) {
    ModelOptions options =
        isLora() ? ModelOptions.lora(rank, (float) alpha, targets, seed, threads) : ModelOptions.full(threads);
    return options.withMicroTokens(microTokens);
  }

  Map<String, Object> toMap() {
    Map<String, Object> map = new LinkedHashMap<>();
    map.put("tuning", isLora() ? "lora" : "full");
    if (isLora()) {
      map.put("lora_rank", rank);
      map.put("lora_alpha", alpha);
      map.put("lora_targets", String.join(",", new TreeSet<>(targets)));
    }
    return map;
  }
}
