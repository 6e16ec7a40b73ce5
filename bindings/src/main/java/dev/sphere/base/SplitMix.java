package dev.sphere.base;

/** SplitMix64 (Steele, Lea and Flood 2014), written out so that no JDK changes a draw, a weight or an order. */
public final class SplitMix {
  /** The step from one state to the next: 2^64 divided by the golden ratio, odd. */
  public static final long STEP = 0x9e3779b97f4a7c15L;

  private SplitMix() {}

  /** The finaliser: a bijection that spreads every bit. */
  public static long mix(long z) {
    z = (z ^ (z >>> 30)) * 0xbf58476d1ce4e5b9L;
    z = (z ^ (z >>> 27)) * 0x94d049bb133111ebL;
    return z ^ (z >>> 31);
  }

  /** FNV-1a over the text's UTF-16 code units, low byte first, finished with {@link #mix}. */
  public static long hash(String text) {
    long h = 0xcbf29ce484222325L;
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      h = (h ^ (c & 0xff)) * 0x100000001b3L;
      h = (h ^ (c >>> 8)) * 0x100000001b3L;
    }
    return mix(h);
  }
}
