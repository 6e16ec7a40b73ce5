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
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * Puts a LoRA adapter into the weights: {@code W + (alpha / rank) B A} (with DoRA's magnitudes m its rows, each brought to
 * the length m), computed in double precision, then rounded once
 * to the type that is written: to nearest even, or by ggml's own quantisation, as llama-quantize would write them. Every
 * other tensor and all metadata are copied as they are. What rounding does to each update is measured first, matrix by matrix, and
 * decides the types where none are asked for.
 */
public final class ModelMerge {
  /** Key under which an adapter says which model it was trained on: the SHA-256 of the file. */
  public static final String BASE_SHA256 = "sphere.base_sha256";

  /**
   * What a merge did.
   *
   * @param changed what rounding did to each weight that the adapter changes, in the adapter's order
   * @param asBase what the base's own types would have done; empty where that was not measured
   * @param warnings each one line
   */
  public record Report(List<Rounding> changed, List<Rounding> asBase, List<String> warnings) {
    /** All changed weights as one. */
    public Rounding overall() {
      return Rounding.sum(changed);
    }

    /** A line of words: how large the update is, the types, what rounding did to it, and what other types would have done. */
    public String summary() {
      String instead = asBase.isEmpty() || Rounding.types(asBase).equals(Rounding.types(changed)) ? ""
          : String.format(Locale.ROOT, " (in the base's types, %s, by %.1f %%)", Rounding.types(asBase),
              100 * Rounding.sum(asBase).error());
      return Rounding.words(changed, instead);
    }
  }

  private final GgufFile model;
  private final GgufFile adapter;
  private final MergeType type;
  private final BlockQuantizer quantizer;
  private final double scaleOfRank;

  private ModelMerge(GgufFile model, GgufFile adapter, MergeType type, BlockQuantizer quantizer) {
    this.model = model;
    this.adapter = adapter;
    this.type = type;
    this.quantizer = quantizer;
    this.scaleOfRank = adapter.metadata().f32("adapter.lora.alpha").orElseThrow();
  }

  /**
   * Merges and writes.
   *
   * @param type of the matrices in the result
   * @param quantizer for the types that {@link Quantization} can't write
   * @param progress is told the name of each tensor before it is written
   * @throws GgufException if the adapter doesn't fit the model, or a weight has a type that Sphere can't write
   */
  public static Report merge(Path model, Path adapter, MergeType type, BlockQuantizer quantizer, Path out,
      Consumer<String> progress) {
    try (GgufFile base = GgufFile.openModel(model); GgufFile lora = GgufFile.open(adapter)) {
      AdapterCheck.checkAgainst(lora, base);
      return new ModelMerge(base, lora, type, quantizer).run(out, progress);
    }
  }

  private Report run(Path out, Consumer<String> progress) {
    Map<String, Rounding> changed = new LinkedHashMap<>();
    List<Rounding> asBase = new ArrayList<>();
    for (String name : AdapterCheck.targets(adapter)) {
      List<Rounding> candidates = measure(readable(model.tensor(name)));
      changed.put(name, MergeType.choose(candidates));
      if (type.all() == null) {
        asBase.add(candidates.getFirst());
      }
    }
    GgufWriter writer = new GgufWriter(quantizer).putAll(model.metadata());
    GgmlType mostly = type.all() != null ? type.all()
        : MergeType.mostly(model, changed.values().stream().collect(Collectors.toMap(Rounding::name, Rounding::type)));
    if (mostly != null) {
      writer.put("general.file_type", GgufValue.u32(mostly.fileType()));
    }
    if (type.all() != null && type.all().blockSize() > 1) {
      writer.put("general.quantization_version", GgufValue.u32(2));
    }
    writer.put("sphere.merge.base_sha256", GgufValue.string(model.sha256()))
        .put("sphere.merge.adapter_sha256", GgufValue.string(adapter.sha256()));
    for (GgufTensor tensor : model.tensors().values()) {
      Rounding rounding = changed.get(tensor.name());
      GgmlType target = rounding != null ? rounding.type()
          : tensor.shape().size() < 2 ? tensor.type() : type.target(tensor.type(), tensor.rowLength());
      boolean same = rounding == null || rounding.update() == 0;
      if (same && target == tensor.type()) {
        writer.copy(model, tensor);
      } else {
        Product product = same ? null : product(tensor);
        writer.tensor(tensor.name(), target, tensor.shape(), rows(readable(tensor), product, target, progress));
      }
    }
    writer.write(out);
    return new Report(List.copyOf(changed.values()), asBase, warnings(changed));
  }

  private List<Rounding> measure(GgufTensor tensor) {
    List<GgmlType> types = type.candidates(tensor.type(), tensor.rowLength());
    List<Rounding> measured = RoundingMeter.measure(model, tensor, product(tensor)::addTo, types, quantizer);
    Rounding first = measured.getFirst();
    boolean copied = first.update() == 0 && first.type() == tensor.type(); // rounding what is rounded already could change it
    return copied ? List.of(new Rounding(first.name(), first.type(), first.weight(), 0, 0, 0)) : measured;
  }

  private GgufTensor readable(GgufTensor tensor) {
    if (!Quantization.canDequantize(tensor.type())) {
      throw new GgufException(
          model.path() + ": the tensor " + tensor.name() + " is " + tensor.type().label() + ", which can't be read");
    }
    return tensor;
  }

  private List<String> warnings(Map<String, Rounding> changed) {
    List<String> warnings = new ArrayList<>();
    adapter.metadata().string(BASE_SHA256).filter(hash -> !hash.equals(model.sha256())).ifPresent(hash -> warnings.add(
        adapter.path() + " was trained on a model with the SHA-256 " + hash + ", but " + model.path() + " has "
            + model.sha256()));
    List<Rounding> lost = changed.values().stream().filter(r -> !r.keeps()).toList();
    if (!lost.isEmpty()) {
      warnings.add(String.format(Locale.ROOT, "rounding loses the update of %d of %d weights: it is off by up to %.0f %% of it (%s)%s",
          lost.size(), changed.size(), 100 * Rounding.worst(lost, 1).getFirst().error(), Rounding.types(lost),
          type.keep() ? "; the update is too small for any type" : ". With --type auto it is kept"));
    }
    return warnings;
  }

  /** Streams a matrix in chunks of rows, each with its share of the adapter's product added; null: none. */
  private GgufWriter.Source rows(GgufTensor tensor, Product product, GgmlType target, Consumer<String> progress) {
    return out -> {
      progress.accept(tensor.name());
      int columns = Math.toIntExact(tensor.rowLength());
      long rows = tensor.elements() / columns;
      int step = (int) Math.min(rows, Math.max(1, RoundingMeter.CHUNK / columns));
      float[] chunk = new float[step * columns];
      double[] sums = new double[product == null ? 0 : chunk.length];
      for (long row = 0; row < rows; row += step) {
        int n = (int) Math.min(step, rows - row);
        model.readFloats(tensor, row * columns, chunk, n * columns);
        if (product != null) {
          product.addTo(row, n, chunk, sums);
          IntStream.range(0, n * columns).parallel().forEach(i -> chunk[i] = (float) sums[i]);
          requireFinite(tensor, target, chunk, n * columns);
        }
        out.floats(chunk, 0, n * columns);
      }
    };
  }

  private void requireFinite(GgufTensor tensor, GgmlType target, float[] values, int count) {
    float most = target == GgmlType.F16 ? 65504 : Float.MAX_VALUE;
    for (int i = 0; i < count; i++) {
      if (!(Math.abs(values[i]) <= most)) {
        throw new GgufException(adapter.path() + ": merging makes a weight of " + tensor.name() + " " + values[i]
            + ", which " + target.label() + " can't hold; nothing was written");
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
    /** Rows {@code first} and up: what stands in {@code before} with the product added, into {@code after}. */
    void addTo(long first, int rows, float[] before, double[] after) {
      IntStream.range(0, rows).parallel().forEach(i -> addRow((int) first + i, before, after, i * columns));
    }

    private void addRow(int row, float[] before, double[] after, int at) {
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
        sum[i] = before[at + i] + scale * sum[i];
        squares += sum[i] * sum[i];
      }
      double factor = lengths == null || squares == 0 ? 1 : lengths[row] / Math.sqrt(squares);
      for (int i = 0; i < columns; i++) {
        after[at + i] = factor * sum[i];
      }
    }
  }
}
