package dev.sphere.trainer.model;

import dev.sphere.trainer.autodiff.FusedOps;
import dev.sphere.trainer.autodiff.MatmulPrecision;
import dev.sphere.trainer.autodiff.Ops;
import io.soabase.recordbuilder.core.RecordBuilder;
import java.util.Set;

/**
 * How a model is trained.
 *
 * @param rank LoRA rank; 0 for full fine-tuning of all weights
 * @param alpha LoRA's alpha: the adapter's part is scaled by alpha / rank
 * @param magnitudes DoRA (arXiv 2402.09353): each row of an adapted matrix keeps a direction, W + alpha / rank B A over its
 *     norm, and a trained length; the norm is a constant to the backward pass (section 4.3)
 * @param targets the linear layers that LoRA adapts, out of {@link #LINEAR_LAYERS}
 * @param seed of the adapter's random A matrices
 * @param threads number of threads that compute
 * @param microTokens token slots computed at once; groups are taken together up to this number (at least one group)
 * @param segmentLayers layers whose activations are kept at once in the backward pass; 0: as many as fit {@code
 *     activationBytes}. Less memory costs one more forward pass
 * @param activationBytes memory that activations may take when {@code segmentLayers} is 0
 * @param context the longest sequence that training will see; 0: unknown, and short. Models with two tables of rotation
 *     factors (longrope) take the long one when it is beyond their original context, as llama.cpp does
 * @param products what the factors of matrix products are rounded to
 * @param operations makes the operations of graphs; libsphere's kernels, but for tests that compare with others
 * @param rewardHead whether a process reward model's head (two classes, on the last norm's output; {@link
 *     dev.sphere.gguf.model.PrmInfo}) is trained beside the rest: what the model reads at a prediction is then that head's logit
 *     of "good" less that of "bad", in place of a log-probability
 */
@RecordBuilder
public record ModelOptions(
    int rank,
    float alpha,
    boolean magnitudes,
    Set<String> targets,
    long seed,
    int threads,
    int microTokens,
    int segmentLayers,
    long activationBytes,
    int context,
    MatmulPrecision products,
    Ops.Factory operations,
    boolean rewardHead) implements ModelOptionsBuilder.With {
  /**
   * Everything in a layer that LoRA can adapt, by its GGUF name within the layer. A model has some of them: phi3 has
   * attn_qkv in place of attn_q, attn_k and attn_v, and no ffn_gate.
   */
  public static final Set<String> LINEAR_LAYERS =
      Set.of("attn_q", "attn_k", "attn_v", "attn_qkv", "attn_output", "ffn_gate", "ffn_up", "ffn_down");

  private static final Ops.Factory KERNELS = FusedOps::new;

  public ModelOptions {
    targets = Set.copyOf(targets);
    if (rank < 0 || threads < 1 || microTokens < 1 || segmentLayers < 0) {
      throw new IllegalArgumentException("rank, threads, microTokens and segmentLayers must not be negative");
    }
    if (rank > 0 && (targets.isEmpty() || !LINEAR_LAYERS.containsAll(targets))) {
      throw new IllegalArgumentException("LoRA targets must be some of " + LINEAR_LAYERS + ", but are " + targets);
    }
    if (rank > 0 && !(alpha > 0)) {
      throw new IllegalArgumentException("LoRA's alpha must be positive, not " + alpha);
    }
  }

  /** Full fine-tuning with F32 masters. */
  public static ModelOptions full(int threads) {
    return new ModelOptions(0, 0, false, Set.of(), 0, threads, 1024, 0, 1L << 30, 0, MatmulPrecision.AUTO, KERNELS, false);
  }

  /** LoRA adapters on a frozen base of any type. */
  public static ModelOptions lora(int rank, float alpha, Set<String> targets, long seed, int threads) {
    if (rank < 1) {
      throw new IllegalArgumentException("LoRA's rank must be at least 1, not " + rank);
    }
    return new ModelOptions(rank, alpha, false, targets, seed, threads, 1024, 0, 1L << 30, 0, MatmulPrecision.AUTO, KERNELS, false);
  }

  /** Whether the language model's head is there and frozen. */
  boolean frozenHead() {
    return lora() && !rewardHead;
  }

  /** Whether adapters are trained rather than all weights. */
  public boolean lora() {
    return rank > 0;
  }
}
