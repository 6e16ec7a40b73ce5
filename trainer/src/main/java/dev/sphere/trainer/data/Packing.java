package dev.sphere.trainer.data;

import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;

/**
 * How sequences are laid out.
 *
 * @param sharing what shares its common prefixes
 * @param microBatchTokens most slots of a micro-batch, padding included; an example that needs more gets a micro-batch of
 *     its own
 * @param attentionTokens length of a group at which attention costs as much as everything else; the longer, the fewer and
 *     longer the groups
 */
public record Packing(Sharing sharing, int microBatchTokens, int attentionTokens) {
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
    if (microBatchTokens < 1 || attentionTokens < 1) {
      throw new IllegalArgumentException(
          "tokens of a micro-batch and of attention must be above 0: " + microBatchTokens + ", " + attentionTokens);
    }
  }

  /** Trees in micro-batches of at most 4096 slots. */
  public static Packing defaults() {
    return new Packing(Sharing.TREE, 4096, 1024);
  }

  public Packing withSharing(Sharing value) {
    return new Packing(value, microBatchTokens, attentionTokens);
  }

  public Packing withMicroBatchTokens(int value) {
    return new Packing(sharing, value, attentionTokens);
  }

  /** The settings by name, for provenance and for the check on resume. */
  public Map<String, Object> toMap() {
    Map<String, Object> map = new LinkedHashMap<>();
    map.put("sharing", sharing.name().toLowerCase(Locale.ROOT));
    map.put("micro_batch_tokens", microBatchTokens);
    map.put("attention_tokens", attentionTokens);
    return map;
  }
}
