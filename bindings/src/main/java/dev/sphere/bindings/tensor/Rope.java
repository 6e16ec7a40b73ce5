package dev.sphere.bindings.tensor;

/**
 * Settings of the rotary position embedding, with ggml's meaning.
 *
 * @param dimensions how many of a head's dimensions turn; even
 * @param neox true: dimension i pairs with i + dimensions/2 (qwen2); false: with its neighbour (llama)
 * @param base base of the frequencies, for instance 10000
 * @param scale factor on positions; 1 for none
 * @param extension YaRN's mix factor; 0 for none
 * @param attention factor on the result's length; 1 for none
 * @param betaFast YaRN's fast correction, usually 32
 * @param betaSlow YaRN's slow correction, usually 1
 * @param originalContext context length before YaRN's extension; 0 where that has no meaning
 */
public record Rope(int dimensions, boolean neox, float base, float scale, float extension, float attention,
    float betaFast, float betaSlow, int originalContext) {
  /** Plain rotary embedding without any extension. */
  public static Rope plain(int dimensions, boolean neox, float base) {
    return new Rope(dimensions, neox, base, 1, 0, 1, 32, 1, 0);
  }

  /** The last frequency that YaRN leaves as it is, as ggml works it out. */
  int low() {
    return extension == 0 ? 0 : (int) Math.max(0, Math.floor(correction(betaFast)));
  }

  /** The first frequency that YaRN scales wholly. */
  int high() {
    return extension == 0 ? 0 : (int) Math.min(dimensions - 1, Math.ceil(correction(betaSlow)));
  }

  /** The frequency (as an index) that makes {@code turns} turns within the original context. */
  private double correction(float turns) {
    return dimensions * Math.log(originalContext / (turns * 2 * Math.PI)) / (2 * Math.log(base));
  }
}
