package dev.sphere.trainer.data;

/**
 * What packing did.
 *
 * @param tokens tokens of all sequences, each counted in full
 * @param plainSlots slots that plain sequences without padding would take (the last token of a sequence is only
 *     predicted, so it needs none)
 * @param usedSlots slots that hold a token
 * @param slots slots that are computed, padding included
 * @param predictions log-probabilities that are computed
 */
public record PackingStats(long tokens, long plainSlots, long usedSlots, long slots, long predictions) {
  /** Nothing packed yet. */
  public static final PackingStats NONE = new PackingStats(0, 0, 0, 0, 0);

  public PackingStats plus(PackingStats o) {
    return new PackingStats(
        tokens + o.tokens,
        plainSlots + o.plainSlots,
        usedSlots + o.usedSlots,
        slots + o.slots,
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
