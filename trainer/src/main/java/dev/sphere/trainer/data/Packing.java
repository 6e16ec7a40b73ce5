package dev.sphere.trainer.data;

import dev.sphere.engine.settings.FromSettings;
import dev.sphere.engine.settings.Setting;
import io.soabase.recordbuilder.core.RecordBuilder;

/**
 * The layout of sequences in micro-batches.
 *
 * @param sharing the sequences that share the slots of their common prefixes
 * @param microBatchTokens most slots of a micro-batch, padding included; a larger example gets a micro-batch of its
 *     own, a larger tree is cut between its examples
 * @param fillTokens slots up to which several trees or examples are put into one micro-batch
 * @param attentionTokens length of a group, in slots, at which attention costs as much as all other operations; a
 *     larger value makes fewer and longer groups
 */
@RecordBuilder
public record Packing(Sharing sharing, int microBatchTokens, int fillTokens, int attentionTokens)
    implements PackingBuilder.With {
  /** The sequences that share the slots of their common prefixes. */
  public enum Sharing {
    /** All sequences of a tree: its pairs share steps. */
    TREE,
    /** The sequences of one example: chosen and rejected share the prompt. */
    PAIR,
    /** No sequences. */
    NONE
  }

  /** The layout of a user's settings, with micro-batches filled up to their size. */
  @FromSettings
  static Packing of(
      @Setting(name = "sharing", def = "tree", label = "WHAT",
          help = "What computes common beginnings once: all pairs of a tree, the two sides of a pair, or nothing.")
      Sharing sharing,
      @Setting(name = "micro_batch_tokens", def = "4096", range = "[1, )", label = "N", unit = "tokens",
          help = "Token slots computed at once; less memory, the same result to rounding.")
      int microBatchTokens) {
    return defaults().withSharing(sharing).withMicroBatchTokens(microBatchTokens);
  }

  /** Trees in micro-batches of at most 4096 slots. */
  public static Packing defaults() {
    return new Packing(Sharing.TREE, 4096, 4096, 1024);
  }

  /** Sets both {@code microBatchTokens} and {@code fillTokens}. */
  @Override
  public Packing withMicroBatchTokens(int value) {
    return new Packing(sharing, value, value, attentionTokens);
  }

  /** Sets {@code fillTokens}, at most to {@code microBatchTokens}. */
  @Override
  public Packing withFillTokens(int value) {
    return new Packing(sharing, microBatchTokens, Math.min(microBatchTokens, value), attentionTokens);
  }
}
