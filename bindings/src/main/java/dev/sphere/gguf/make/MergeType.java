package dev.sphere.gguf.make;

import dev.sphere.gguf.GgmlType;
import dev.sphere.gguf.GgufTensor;
import dev.sphere.gguf.Quantization;
import dev.sphere.gguf.model.GgufFile;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Stream;

/**
 * What the matrices of a merged or trained model are written as. Vectors keep their type always.
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
  public List<GgmlType> candidates(GgmlType own, long rowLength) {
    return keep ? Stream.of(own, GgmlType.F16, GgmlType.F32).distinct().filter(t -> own != GgmlType.F32 || t == own).toList()
        : List.of(target(own, rowLength));
  }

  /** Of what {@link RoundingMeter} measured for the candidates, in their order: the first that keeps the update, or the last. */
  public static Rounding choose(List<Rounding> measured) {
    return measured.stream().filter(Rounding::keeps).findFirst().orElse(measured.getLast());
  }

  /** The type that most numbers of a model's matrices get, if it is another one than before; null: the file's word still holds. */
  public static GgmlType mostly(GgufFile model, Map<String, GgmlType> changed) {
    Map<GgmlType, Long> before = new LinkedHashMap<>();
    Map<GgmlType, Long> after = new LinkedHashMap<>();
    for (GgufTensor tensor : model.tensors().values()) {
      if (tensor.shape().size() > 1) {
        before.merge(tensor.type(), tensor.elements(), Long::sum);
        after.merge(changed.getOrDefault(tensor.name(), tensor.type()), tensor.elements(), Long::sum);
      }
    }
    GgmlType now = most(after);
    return now == most(before) ? null : now;
  }

  private static GgmlType most(Map<GgmlType, Long> elements) {
    return elements.entrySet().stream().max(Map.Entry.comparingByValue()).map(Map.Entry::getKey).orElse(null);
  }

  /** What a matrix that is not changed is written as. */
  GgmlType target(GgmlType own, long rowLength) {
    return all == null ? own : rowLength % all.blockSize() == 0 ? all : GgmlType.F16;
  }
}
