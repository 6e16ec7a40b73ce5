package dev.sphere.gguf.make;

import dev.sphere.gguf.BlockQuantizer;
import dev.sphere.gguf.GgmlType;
import dev.sphere.gguf.GgufTensor;
import dev.sphere.gguf.Quantization;
import dev.sphere.gguf.model.GgufFile;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Measures what rounding does to the change of a matrix, in chunks of rows, so that memory stays small. Sums are added in the order
 * of the rows, in double precision: the same on every machine.
 */
public final class RoundingMeter {
  /** Most elements in memory at once, but at least a row. */
  static final int CHUNK = 1 << 20;

  private RoundingMeter() {}

  /** What a matrix becomes. */
  @FunctionalInterface
  public interface Change {
    /**
     * Some rows after the change, not yet rounded.
     *
     * @param first the first row's index
     * @param rows how many
     * @param before the rows of the base
     * @param after takes the result
     */
    void rows(long first, int rows, float[] before, double[] after);
  }

  /**
   * What each of the types would do to the change.
   *
   * @param base what the matrix was
   * @param types each of which {@link Quantization#canDequantize}
   * @param quantizer for the types that {@link Quantization} can't write
   * @return for each type, in their order
   */
  public static List<Rounding> measure(
      GgufFile base, GgufTensor tensor, Change change, List<GgmlType> types, BlockQuantizer quantizer) {
    int columns = Math.toIntExact(tensor.rowLength());
    long rows = tensor.elements() / columns;
    int step = (int) Math.min(rows, Math.max(1, CHUNK / columns));
    float[] before = new float[step * columns];
    double[] after = new double[step * columns];
    float[] narrow = new float[step * columns];
    double[] sums = new double[2 + 2 * types.size()]; // |W|², |D|², and off and along of each type
    for (long row = 0; row < rows; row += step) {
      int n = (int) Math.min(step, rows - row);
      base.readFloats(tensor, row * columns, before, n * columns);
      change.rows(row, n, before, after);
      IntStream.range(0, n * columns).parallel().forEach(i -> narrow[i] = (float) after[i]);
      List<ByteBuffer> blocks = types.stream()
          .map(t -> Quantization.canQuantize(t) ? null : quantizer.quantize(t, narrow, 0, n * columns)).toList();
      double[][] each = new double[n][];
      IntStream.range(0, n).parallel()
          .forEach(i -> each[i] = row(types, blocks, before, after, narrow, i * columns, columns));
      for (double[] part : each) {
        for (int i = 0; i < sums.length; i++) {
          sums[i] += part[i];
        }
      }
    }
    List<Rounding> result = new ArrayList<>();
    for (int i = 0; i < types.size(); i++) {
      result.add(new Rounding(tensor.name(), types.get(i), sums[0], sums[1], sums[2 + 2 * i], sums[3 + 2 * i]));
    }
    return result;
  }

  private static double[] row(List<GgmlType> types, List<ByteBuffer> blocks, float[] before, double[] after, float[] narrow,
      int from, int columns) {
    double[] sums = new double[2 + 2 * types.size()];
    for (int i = from; i < from + columns; i++) {
      double change = after[i] - before[i];
      sums[0] += (double) before[i] * before[i];
      sums[1] += change * change;
    }
    float[] rounded = new float[columns];
    for (int t = 0; t < types.size(); t++) {
      round(types.get(t), blocks.get(t), narrow, from, rounded);
      for (int i = 0; i < columns; i++) {
        double off = rounded[i] - after[from + i];
        sums[2 + 2 * t] += off * off;
        sums[3 + 2 * t] += ((double) rounded[i] - before[from + i]) * (after[from + i] - before[from + i]);
      }
    }
    return sums;
  }

  private static void round(GgmlType type, ByteBuffer blocks, float[] values, int from, float[] rounded) {
    int bytes = Math.toIntExact(type.bytes(rounded.length));
    ByteBuffer row;
    if (blocks != null) {
      row = blocks.duplicate().position(Math.toIntExact(type.bytes(from))).order(ByteOrder.LITTLE_ENDIAN);
    } else {
      row = ByteBuffer.allocate(bytes).order(ByteOrder.LITTLE_ENDIAN);
      Quantization.quantize(type, values, from, rounded.length, row);
      row.flip();
    }
    Quantization.dequantize(type, row, rounded, 0, rounded.length);
  }
}
