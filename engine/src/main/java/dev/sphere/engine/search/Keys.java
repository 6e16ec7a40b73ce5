package dev.sphere.engine.search;

/** Names for random streams: 64-bit hashes that depend on nothing but the text they are made from. */
public final class Keys {
  private Keys() {}

  /** FNV-1a over the text's UTF-16 code units, finished with SplitMix64's mixer. */
  public static long hash(String text) {
    long h = 0xcbf29ce484222325L;
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      h = (h ^ (c & 0xff)) * 0x100000001b3L;
      h = (h ^ (c >>> 8)) * 0x100000001b3L;
    }
    return mix(h);
  }

  /** SplitMix64's finaliser: a bijection that spreads every bit. */
  public static long mix(long z) {
    z = (z ^ (z >>> 30)) * 0xbf58476d1ce4e5b9L;
    z = (z ^ (z >>> 27)) * 0x94d049bb133111ebL;
    return z ^ (z >>> 31);
  }
}
