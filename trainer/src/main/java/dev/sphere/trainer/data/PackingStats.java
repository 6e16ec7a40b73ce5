package dev.sphere.trainer.data;

/**
 * The numbers of packed tokens and slots.
 *
 * @param tokens tokens of all sequences, without sharing
 * @param plainSlots slots of the sequences without sharing and padding; the last token of a sequence is only
 *     predicted and needs none
 * @param usedSlots slots that hold a token
 * @param slots slots with padding
 * @param predictions log-probabilities
 */
public record PackingStats(long tokens, long plainSlots, long usedSlots, long slots, long predictions) {
  public static final PackingStats NONE = new PackingStats(0, 0, 0, 0, 0);

  public PackingStats plus(PackingStats o) {
    return new PackingStats(tokens + o.tokens, plainSlots + o.plainSlots, usedSlots + o.usedSlots, slots + o.slots,
        predictions + o.predictions);
  }

  /** Share of the plain slots that sharing saved, in [0, 1). */
  public double saved() {
    return plainSlots == 0 ? 0 : 1 - (double) usedSlots / plainSlots;
  }

  /** Share of the computed slots that is padding, in [0, 1). */
  public double padding() {
    return slots == 0 ? 0 : 1 - (double) usedSlots / slots;
  }
}
