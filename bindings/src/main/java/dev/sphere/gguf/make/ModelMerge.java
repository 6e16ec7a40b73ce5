package dev.sphere.gguf.make;

import dev.sphere.gguf.BlockQuantizer;
import dev.sphere.gguf.GgmlType;
import dev.sphere.gguf.GgufException;
import dev.sphere.gguf.GgufTensor;
import dev.sphere.gguf.GgufValue;
import dev.sphere.gguf.GgufWriter;
import dev.sphere.gguf.Quantization;
import dev.sphere.gguf.model.AdapterCheck;
import dev.sphere.gguf.model.GgufFile;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import java.util.stream.IntStream;

/**
 * Puts a LoRA adapter into the weights: {@code W + (alpha / rank) B A} (with DoRA's magnitudes m its rows, each brought to
 * the length m), computed in double precision, then rounded once
 * to the type that is written: to nearest even, or by ggml's own quantisation, as llama-quantize would write them. Every
 * other tensor and all metadata are copied as they are.
 */
public final class ModelMerge {
  /** Key under which an adapter says which model it was trained on: the SHA-256 of the file. */
  public static final String BASE_SHA256 = "sphere.base_sha256";

  private static final int CHUNK = 1 << 20;

  /**
   * What a merge did.
   *
   * @param changed the weights that the adapter changed
   * @param type what they, or with a type asked for all matrices, were written as; null where it is the base's own
   * @param warnings each one line
   */
  public record Report(List<String> changed, GgmlType type, List<String> warnings) {}

  private final GgufFile model;
  private final GgufFile adapter;
  private final GgmlType type;
  private final BlockQuantizer quantizer;
  private final double scaleOfRank;

  private ModelMerge(GgufFile model, GgufFile adapter, GgmlType type, BlockQuantizer quantizer) {
    this.model = model;
    this.adapter = adapter;
    this.type = type;
    this.quantizer = quantizer;
    this.scaleOfRank = adapter.metadata().f32("adapter.lora.alpha").orElseThrow();
  }

  /**
   * Merges and writes.
   *
   * @param type of the matrices in the result, or null: each keeps its own
   * @param quantizer for the types that {@link Quantization} can't write
   * @param progress is told the name of each tensor before it is written
   * @throws GgufException if the adapter doesn't fit the model, or a weight has a type that Sphere can't write
   */
  public static Report merge(Path model, Path adapter, GgmlType type, BlockQuantizer quantizer, Path out,
      Consumer<String> progress) {
    try (GgufFile base = GgufFile.openModel(model); GgufFile lora = GgufFile.open(adapter)) {
      AdapterCheck.checkAgainst(lora, base);
      return new ModelMerge(base, lora, type, quantizer).run(out, progress);
    }
  }

  private Report run(Path out, Consumer<String> progress) {
    if (type != null && !Quantization.canDequantize(type)) {
      throw new IllegalArgumentException(
          "a merged model can be f32, f16, bf16, q8_0 or another of q4_0 to q6_k, not " + type.label());
    }
    List<String> targets = AdapterCheck.targets(adapter);
    GgufWriter writer = new GgufWriter(quantizer).putAll(model.metadata());
    if (type != null) {
      writer.put("general.file_type", GgufValue.u32(type.fileType()));
    }
    if (type != null && type.blockSize() > 1) {
      writer.put("general.quantization_version", GgufValue.u32(2));
    }
    writer.put("sphere.merge.base_sha256", GgufValue.string(model.sha256()))
        .put("sphere.merge.adapter_sha256", GgufValue.string(adapter.sha256()));
    for (GgufTensor tensor : model.tensors().values()) {
      boolean changed = targets.contains(tensor.name());
      GgmlType target = targetType(tensor);
      if (!changed && target == tensor.type()) {
        writer.copy(model, tensor);
      } else {
        if (!Quantization.canDequantize(tensor.type())) {
          throw new GgufException(
              model.path() + ": the tensor " + tensor.name() + " is " + tensor.type().label() + ", which can't be read");
        }
        writer.tensor(tensor.name(), target, tensor.shape(), rows(tensor, changed, progress));
      }
    }
    writer.write(out);
    return new Report(targets, type, warnings());
  }

  private List<String> warnings() {
    List<String> warnings = new ArrayList<>();
    adapter.metadata().string(BASE_SHA256).filter(hash -> !hash.equals(model.sha256())).ifPresent(hash -> warnings.add(
        adapter.path() + " was trained on a model with the SHA-256 " + hash + ", but " + model.path() + " has "
            + model.sha256()));
    return warnings;
  }

  private GgmlType targetType(GgufTensor tensor) {
    if (type == null || tensor.shape().size() < 2) {
      return tensor.type();
    }
    return tensor.rowLength() % type.blockSize() == 0 ? type : GgmlType.F16;
  }

  /** Streams a matrix in chunks of rows, each with its share of the adapter's product added. */
  private GgufWriter.Source rows(GgufTensor tensor, boolean changed, Consumer<String> progress) {
    return out -> {
      progress.accept(tensor.name());
      int columns = Math.toIntExact(tensor.rowLength());
      long rows = tensor.elements() / columns;
      Product product = changed ? product(tensor) : null;
      int step = (int) Math.min(rows, Math.max(1, CHUNK / columns));
      float[] chunk = new float[step * columns];
      for (long row = 0; row < rows; row += step) {
        int n = (int) Math.min(step, rows - row);
        model.readFloats(tensor, row * columns, chunk, n * columns);
        if (product != null) {
          long first = row;
          IntStream.range(0, n).parallel().forEach(i -> product.addRow((int) first + i, chunk, i * columns));
          requireFinite(tensor, chunk, n * columns);
        }
        out.floats(chunk, 0, n * columns);
      }
    };
  }

  private void requireFinite(GgufTensor tensor, float[] values, int count) {
    float most = targetType(tensor) == GgmlType.F16 ? 65504 : Float.MAX_VALUE;
    for (int i = 0; i < count; i++) {
      if (!(Math.abs(values[i]) <= most)) {
        throw new GgufException(adapter.path() + ": merging makes a weight of " + tensor.name() + " " + values[i]
            + ", which " + targetType(tensor).label() + " can't hold; nothing was written");
      }
    }
  }

  private Product product(GgufTensor weight) {
    float[] a = adapter.readFloats(weight.name() + ".lora_a");
    float[] b = adapter.readFloats(weight.name() + ".lora_b");
    int rank = Math.toIntExact(adapter.tensor(weight.name() + ".lora_b").dim(0));
    // As in llama.cpp: an alpha of 0 means that the product is taken as it is.
    double scale = scaleOfRank == 0 ? 1 : scaleOfRank / rank;
    if (weight.name().equals("token_embd.weight")) {
      // The embedding's pair is stored the other way round: a row of A for each token, a row of B for each column.
      return new Product(a, transpose(b, rank), rank, Math.toIntExact(weight.rowLength()), scale, null);
    }
    String lengths = weight.name() + AdapterCheck.MAGNITUDE;
    float[] m = adapter.tensors().containsKey(lengths) ? adapter.readFloats(lengths) : null;
    return new Product(b, a, rank, Math.toIntExact(weight.rowLength()), scale, m);
  }

  /** Rows of {@code columns} into columns of it: [n][columns] to [columns][n]. */
  private static float[] transpose(float[] matrix, int columns) {
    int rows = matrix.length / columns;
    float[] result = new float[matrix.length];
    for (int i = 0; i < rows; i++) {
      for (int j = 0; j < columns; j++) {
        result[j * rows + i] = matrix[i * columns + j];
      }
    }
    return result;
  }

  /**
   * The low-rank product.
   *
   * @param left [rows][rank]
   * @param right [rank][columns]
   * @param lengths of the rows afterwards (DoRA) [rows]; null: as they come
   */
  private record Product(float[] left, float[] right, int rank, int columns, double scale, float[] lengths) {
    void addRow(int row, float[] target, int at) {
      double[] sum = new double[columns];
      for (int k = 0; k < rank; k++) {
        double b = left[row * rank + k];
        int from = k * columns;
        for (int i = 0; i < columns; i++) {
          sum[i] += b * right[from + i];
        }
      }
      double squares = 0;
      for (int i = 0; i < columns; i++) {
        sum[i] = target[at + i] + scale * sum[i];
        squares += sum[i] * sum[i];
      }
      double factor = lengths == null || squares == 0 ? 1 : lengths[row] / Math.sqrt(squares);
      for (int i = 0; i < columns; i++) {
        target[at + i] = (float) (factor * sum[i]);
      }
    }
  }
}
