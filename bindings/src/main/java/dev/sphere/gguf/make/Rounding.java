package dev.sphere.gguf.make;

import dev.sphere.gguf.GgmlType;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * What rounding to a type did to the change of a matrix, or of several. W is what the base holds, W + D what was computed, R(W + D)
 * what is written. All figures are squares of Frobenius norms, summed in double precision, so that they add up over matrices.
 *
 * @param name of the matrix; of several: null
 * @param type what it is rounded to; null: of several that differ
 * @param weight |W|²
 * @param update |D|²
 * @param off |R(W + D) - (W + D)|²
 * @param along the scalar product of R(W + D) - W and D
 */
public record Rounding(String name, GgmlType type, double weight, double update, double off, double along) {
  /**
   * An update is kept while rounding is off by at most this share of its length, 4 % of its energy. docs/guides/train.md has what was
   * measured: F16 is mostly below it after a usual training, BF16 and the quantised types are far above.
   */
  public static final double MOST = 0.2;

  /** |D| / |W|: how large the update is. */
  public double size() {
    return update == 0 ? 0 : Math.sqrt(update / weight);
  }

  /** |R(W + D) - (W + D)| / |D|: 0, nothing is lost; from 1 on the update is drowned; 0 without an update. Infinite where a number is not finite. */
  public double error() {
    double share = update == 0 ? 0 : Math.sqrt(off / update);
    return Double.isNaN(share) ? Double.POSITIVE_INFINITY : share;
  }

  /** The share of the update that is still there, by projection: 1, all; 0, none. Noise beside it does not count: see {@link #error}. */
  public double kept() {
    return update == 0 ? 1 : along / update;
  }

  /** Whether the update survives: {@link #error} is at most {@link #MOST}. */
  public boolean keeps() {
    return error() <= MOST;
  }

  /** All of them as one; null where there are none. */
  public static Rounding sum(List<Rounding> parts) {
    return parts.stream().reduce((a, b) -> new Rounding(null, a.type == b.type ? a.type : null, a.weight + b.weight,
        a.update + b.update, a.off + b.off, a.along + b.along)).orElse(null);
  }

  /** Those of the largest error, the worst first. */
  public static List<Rounding> worst(List<Rounding> parts, int most) {
    return parts.stream().sorted(Comparator.comparingDouble(Rounding::error).reversed()).limit(most).toList();
  }

  /** How many matrices have which type, in words: "210 f16, 2 f32". */
  public static String types(List<Rounding> parts) {
    return parts.stream().collect(Collectors.groupingBy(r -> r.type().label(), LinkedHashMap::new, Collectors.counting()))
        .entrySet().stream().map(e -> e.getValue() + " " + e.getKey()).collect(Collectors.joining(", "));
  }

  /**
   * A line of words: how large the update is, and what rounding did to it.
   *
   * @param instead follows how far it is off
   */
  public static String words(List<Rounding> parts, String instead) {
    Rounding all = sum(parts);
    return String.format(Locale.ROOT, "The update is %.3f %% of the weights. Rounding to %s is off by %.1f %% of it%s and keeps "
        + "%.1f %% of it.", 100 * all.size(), types(parts), 100 * all.error(), instead, 100 * all.kept());
  }

  /** For JSON: name and type where they are known, update_size, error, kept. */
  public Map<String, Object> toMap() {
    Map<String, Object> map = new LinkedHashMap<>();
    if (name != null) {
      map.put("name", name);
    }
    map.put("type", type == null ? null : type.label());
    map.put("update_size", size());
    map.put("error", error());
    map.put("kept", kept());
    return map;
  }
}
