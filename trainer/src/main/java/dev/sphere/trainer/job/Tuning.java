package dev.sphere.trainer.job;

import dev.sphere.engine.settings.FromSettings;
import dev.sphere.engine.settings.Setting;
import dev.sphere.trainer.model.ModelOptions;
import io.soabase.recordbuilder.core.RecordBuilder;
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
@RecordBuilder
public record Tuning(int rank, double alpha, Set<String> targets, boolean rankStabilised, boolean magnitudes) implements TuningBuilder.With {
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

  /** From what a user says. */
  @FromSettings
  static Tuning of(
      @Setting(name = "method", def = "lora", words = "lora|full", label = "METHOD", top = true,
          help = "lora (an adapter on the frozen model) or full (all weights).")
      String method,
      @Setting(name = "lora_rank", def = "16", range = "[1, )", label = "R", needs = "method=lora", top = true,
          help = "Rank of the adapter.")
      int rank,
      @Setting(name = "lora_alpha", shown = "twice the rank", range = "(0, )", label = "A", needs = "method=lora",
          help = "The adapter is scaled by alpha / rank.")
      Double alpha,
      @Setting(name = "lora_targets", def = "", shown = "all", label = "LAYER", needs = "method=lora",
          help = "Linear layers to adapt: attn_q, attn_k, attn_v (phi3: attn_qkv), attn_output, ffn_gate, ffn_up, ffn_down.")
      Set<String> targets,
      @Setting(name = "rslora", needs = "method=lora", help = "Scales the adapter by alpha / sqrt(rank) (rsLoRA).")
      boolean rankStabilised,
      @Setting(name = "dora", needs = "method=lora",
          help = "Trains each row's length beside its direction (DoRA). llama.cpp cannot apply such an adapter: 'sphere "
              + "model merge' puts it into the weights, 'sphere model adapter' turns it into PEFT's form.")
      boolean magnitudes) {
    return method.equals("full") ? full() : new Tuning(rank, alpha == null ? 2.0 * rank : alpha,
        targets.isEmpty() ? ModelOptions.LINEAR_LAYERS : targets, rankStabilised, magnitudes);
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
