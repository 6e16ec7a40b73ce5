package dev.sphere.trainer.model;

import dev.sphere.trainer.autodiff.FusedOps;
import dev.sphere.trainer.autodiff.MatmulPrecision;
import dev.sphere.trainer.autodiff.Ops;
import io.soabase.recordbuilder.core.RecordBuilder;
import java.util.Set;

/**
 * The trained part of a model, and the memory and precision of its passes.
 *
 * @param rank LoRA's rank; 0 trains all weights
 * @param alpha LoRA's alpha: the adapter's product B A is scaled by alpha / rank
 * @param magnitudes DoRA (arXiv 2402.09353): each row of an adapted matrix is the direction of W + alpha / rank B A
 *     times a trained length; the norm of the direction is a constant in the backward pass (section 4.3)
 * @param targets the linear layers that LoRA adapts, out of {@link #LINEAR_LAYERS}
 * @param seed of the adapter's random A matrices
 * @param microTokens most token slots that are computed at once, at least one group
 * @param segmentLayers layers whose activations are kept at once in the backward pass; 0: as many as fit into {@code
 *     activationBytes}. Segments save memory and cost one more forward pass
 * @param activationBytes memory for activations
 * @param context tokens of the longest sequence; 0: unknown and short. A model with two tables of rotary factors
 *     (longrope) uses the long one when {@code context} is beyond its original context, as llama.cpp does
 * @param products the type that factors of matrix products are rounded to
 * @param operations makes the operations of graphs: libsphere's kernels
 * @param rewardHead whether a process reward model's head (two classes on the last norm's output; {@link
 *     dev.sphere.gguf.model.PrmInfo}) is trained too. Its logit of "good" minus that of "bad" then takes the place of
 *     log-probabilities
 */
@RecordBuilder
public record ModelOptions(
    int rank, float alpha, boolean magnitudes, Set<String> targets, long seed, int threads, int microTokens,
    int segmentLayers, long activationBytes, int context, MatmulPrecision products, Ops.Factory operations,
    boolean rewardHead) implements ModelOptionsBuilder.With {
  /**
   * The GGUF names of the layer's matrices that LoRA can adapt. phi3 has attn_qkv in place of attn_q, attn_k and
   * attn_v, and no ffn_gate.
   */
  public static final Set<String> LINEAR_LAYERS =
      Set.of("attn_q", "attn_k", "attn_v", "attn_qkv", "attn_output", "ffn_gate", "ffn_up", "ffn_down");

  private static final Ops.Factory KERNELS = FusedOps::new;

  public ModelOptions {
    targets = Set.copyOf(targets);
    if (rank > 0 && (targets.isEmpty() || !LINEAR_LAYERS.containsAll(targets))) {
      throw new IllegalArgumentException("LoRA targets must be some of " + LINEAR_LAYERS + ", but are " + targets);
    }
  }

  /** Full fine-tuning with F32 master weights. */
  public static ModelOptions full(int threads) {
    return new ModelOptions(
        0, 0, false, Set.of(), 0, threads, 1024, 0, 1L << 30, 0, MatmulPrecision.AUTO, KERNELS, false);
  }

  /** LoRA adapters on a frozen base of any type. */
  public static ModelOptions lora(int rank, float alpha, Set<String> targets, long seed, int threads) {
    return new ModelOptions(
        rank, alpha, false, targets, seed, threads, 1024, 0, 1L << 30, 0, MatmulPrecision.AUTO, KERNELS, false);
  }

  /** Whether log-probabilities come from a frozen language model's head. */
  boolean frozenHead() {
    return lora() && !rewardHead;
  }

  /** Whether adapters are trained rather than all weights. */
  public boolean lora() {
    return rank > 0;
  }
}
