package dev.sphere.trainer.job;

import dev.sphere.engine.settings.Setting;
import dev.sphere.trainer.model.ModelOptions;
import io.soabase.recordbuilder.core.RecordBuilder;
import java.util.Collections;
import java.util.Set;
import java.util.TreeSet;

/**
 * LoRA adapters or full fine-tuning, for which all but the method is 0, empty and false.
 *
 * @param alpha the adapter is scaled by alpha / rank, with rank stabilisation by alpha / sqrt(rank); null: twice the
 *     rank
 * @param targets the linear layers that LoRA adapts, of {@link ModelOptions#LINEAR_LAYERS}; empty: all
 * @param rankStabilised rsLoRA (arXiv 2312.03732)
 * @param magnitudes DoRA (arXiv 2402.09353)
 */
@RecordBuilder
public record Tuning(
    @Setting(def = "lora", label = "METHOD",
        help = "lora (an adapter on the frozen model) or full (all weights).")
    Method method,
    @Setting(name = "lora_rank", def = "16", range = "[1, )", label = "R", needs = "method=lora",
        help = "Rank of the adapter.")
    int rank,
    @Setting(name = "lora_alpha", shown = "twice the rank", range = "(0, )", label = "A", needs = "method=lora",
        help = "The adapter is scaled by alpha / rank.")
    Double alpha,
    @Setting(name = "lora_targets", def = "", shown = "all", label = "LAYER", needs = "method=lora",
        help = "Linear layers to adapt: attn_q, attn_k, attn_v (phi3: attn_qkv), attn_output, ffn_gate, ffn_up, "
            + "ffn_down.")
    Set<String> targets,
    @Setting(name = "rslora", needs = "method=lora", help = "Scales the adapter by alpha / sqrt(rank) (rsLoRA).")
    boolean rankStabilised,
    @Setting(name = "dora", needs = "method=lora",
        help = "Trains each row's length beside its direction (DoRA). llama.cpp cannot apply such an adapter: 'sphere "
            + "model merge' puts it into the weights, 'sphere model adapter' turns it into PEFT's form.")
    boolean magnitudes) implements TuningBuilder.With {
  /** Which weights are trained. */
  public enum Method {
    LORA,
    FULL
  }

  public Tuning {
    boolean lora = method == Method.LORA;
    rank = lora ? rank : 0;
    alpha = lora ? alpha == null ? 2.0 * rank : alpha : Double.valueOf(0);
    targets = !lora ? Set.of() : Collections.unmodifiableSortedSet(
        new TreeSet<>(targets.isEmpty() ? ModelOptions.LINEAR_LAYERS : targets)); // an order for the run's identity
    rankStabilised &= lora;
    magnitudes &= lora;
    if (lora && rank < 1) {
      throw new IllegalArgumentException("LoRA's rank must be at least 1, not " + rank);
    }
  }

  public static Tuning full() {
    return new Tuning(Method.FULL, 0, null, Set.of(), false, false);
  }

  /** LoRA on every linear layer. */
  public static Tuning lora(int rank, double alpha) {
    return new Tuning(Method.LORA, rank, alpha, Set.of(), false, false);
  }

  public boolean isLora() {
    return method == Method.LORA;
  }

  /** The alpha of an adapter's file, which llama.cpp divides by the rank. */
  public double scaledAlpha() {
    return rankStabilised ? alpha * Math.sqrt(rank) : alpha;
  }

  /** How a model is opened to be trained so. */
  public ModelOptions options(long seed, int threads, int microTokens) {
    ModelOptions options =
        isLora() ? ModelOptions.lora(rank, (float) scaledAlpha(), targets, seed, threads) : ModelOptions.full(threads);
    return options.withMicroTokens(microTokens).withMagnitudes(magnitudes);
  }
}
