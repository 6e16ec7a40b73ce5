package dev.sphere.trainer.data;

import dev.sphere.engine.settings.FromSettings;
import dev.sphere.engine.settings.Setting;
import io.soabase.recordbuilder.core.RecordBuilder;

/**
 * How sequences are laid out.
 *
 * @param sharing what shares its common prefixes
 * @param microBatchTokens most slots of a micro-batch, padding included; an example that needs more gets a micro-batch of
 *     its own, a tree that needs more is cut between its examples
 * @param fillTokens slots up to which several trees or examples are put into one micro-batch
 * @param attentionTokens length of a group at which attention costs as much as everything else; the longer, the fewer and
 *     longer the groups
 */
@RecordBuilder
public record Packing(Sharing sharing, int microBatchTokens, int fillTokens, int attentionTokens) implements PackingBuilder.With {
  /** What shares its common prefixes. */
  public enum Sharing {
    /** Everything in a group: all pairs of a tree share its steps. */
    TREE,
    /** The sequences of one example: chosen and rejected share the prompt. */
    PAIR,
    /** Nothing: plain sequences. */
    NONE;

    /** By name, in any case. */
    public static Sharing of(String name) {
      for (Sharing s : values()) {
        if (s.name().equalsIgnoreCase(name)) {
          return s;
        }
      }
      throw new IllegalArgumentException("unknown sharing '" + name + "': use tree, pair or none");
    }
  }

  public Packing {
    if (fillTokens < 1 || attentionTokens < 1 || microBatchTokens < fillTokens) {
      throw new IllegalArgumentException(
          "tokens of a micro-batch and of attention must be above 0, and no micro-batch filled beyond its size: "
              + microBatchTokens + ", " + attentionTokens + ", " + fillTokens);
    }
  }

  /** From settings: micro-batches are filled up to their size. */
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

  /** The same with micro-batches of at most, and filled up to, {@code value} slots. */
  @Override
  public Packing withMicroBatchTokens(int value) {
    return new Packing(sharing, value, value, attentionTokens);
  }

  /** The same, filled no further than {@code value}. */
  @Override
  public Packing withFillTokens(int value) {
    return new Packing(sharing, microBatchTokens, Math.min(microBatchTokens, value), attentionTokens);
  }
}
