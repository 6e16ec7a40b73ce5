package dev.sphere.gguf.make;

import dev.sphere.gguf.GgmlType;
import dev.sphere.gguf.Quantization;
import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;

/**
 * What the matrices of a merged model are written as. Vectors keep their type always.
 *
 * @param all the type of all matrices; null: see {@code keep}
 * @param keep without {@code all}: each changed matrix gets the first of its own type, F16 and F32 whose rounding keeps its
 *     update ({@link Rounding#keeps}); false: each keeps its own type, whatever that does to the update
 */
public record MergeType(GgmlType all, boolean keep) {
  /** The update is kept. */
  public static final MergeType AUTO = new MergeType(null, true);

  /** Each matrix keeps its own type. */
  public static final MergeType BASE = new MergeType(null, false);

  /** @throws IllegalArgumentException when Sphere can't write the type */
  public MergeType {
    if (all != null && !Quantization.canDequantize(all)) {
      throw new IllegalArgumentException(
          "a merged model can be f32, f16, bf16, q8_0 or another of q4_0 to q6_k, not " + all.label());
    }
  }

  /** All matrices are of this type; null: {@link #AUTO}. */
  public static MergeType of(GgmlType all) {
    return all == null ? AUTO : new MergeType(all, false);
  }

  /** What a user types: {@code auto}, {@code base}, or a type's label. */
  public static MergeType byLabel(String label) {
    return switch (label.toLowerCase(Locale.ROOT)) {
      case "auto" -> AUTO;
      case "base" -> BASE;
      default -> of(GgmlType.byLabel(label));
    };
  }

  /** What a changed matrix whose rows are so long may be written as, the best first; the last one if none keeps its update. */
  List<GgmlType> candidates(GgmlType own, long rowLength) {
    return keep ? Stream.of(own, GgmlType.F16, GgmlType.F32).distinct().filter(t -> own != GgmlType.F32 || t == own).toList()
        : List.of(target(own, rowLength));
  }

  /** What a matrix that is not changed is written as. */
  GgmlType target(GgmlType own, long rowLength) {
    return all == null ? own : rowLength % all.blockSize() == 0 ? all : GgmlType.F16;
  }
}
