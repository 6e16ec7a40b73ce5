package dev.sphere.trainer.output;

import dev.sphere.bindings.device.Arithmetic;
import dev.sphere.bindings.kernel.GgmlQuantizer;
import dev.sphere.bindings.load.NativeRuntime;
import dev.sphere.bindings.tensor.NativeFloats;
import dev.sphere.gguf.GgmlType;
import dev.sphere.gguf.GgufTensor;
import dev.sphere.gguf.GgufValue;
import dev.sphere.gguf.GgufWriter;
import dev.sphere.gguf.Quantization;
import dev.sphere.gguf.make.MergeType;
import dev.sphere.gguf.make.ModelMerge;
import dev.sphere.gguf.make.Rounding;
import dev.sphere.gguf.make.RoundingMeter;
import dev.sphere.gguf.model.GgufFile;
import dev.sphere.trainer.Parameter;
import dev.sphere.trainer.loop.TrainingResult;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import tools.jackson.databind.json.JsonMapper;

/**
 * Writes what was trained. An adapter is what stock llama.cpp loads with {@code --lora}; a whole model has all metadata
 * of its base, tokenizer included. Both say which model (SHA-256), data, settings, seed and version made them, under keys
 * that begin with {@code sphere.}.
 */
public final class ModelOutput {
  private static final int CHUNK = 1 << 20;

  private ModelOutput() {}

  /**
   * Writes a LoRA adapter: pairs {@code NAME.lora_a} [inputs, rank] and {@code NAME.lora_b} [rank, outputs] in F32;
   * llama.cpp scales their product by alpha / rank. DoRA's {@code NAME.lora_magnitude} [outputs] stand beside them; llama.cpp
   * refuses such a file.
   *
   * @param base the model that was trained on
   * @param parameters of a LoRA training, with these suffixes
   */
  public static void adapter(
      Path out, GgufFile base, List<Parameter> parameters, double alpha, TrainingResult result) {
    GgufWriter writer = new GgufWriter()
        .put("general.architecture", GgufValue.string(base.architecture()))
        .put("general.type", GgufValue.string("adapter"))
        .put("general.name", GgufValue.string("Sphere adapter"))
        .put("general.file_type", GgufValue.u32(0))
        .put("adapter.type", GgufValue.string("lora"))
        .put("adapter.lora.alpha", GgufValue.f32((float) alpha));
    provenance(writer, base, result);
    for (Parameter p : parameters) {
      if (!p.name().matches(".*\\.lora_(a|b|magnitude)")) {
        throw new IllegalArgumentException("the parameter " + p.name() + " is no part of a LoRA adapter");
      }
    }
    add(writer, parameters);
    writer.write(out);
  }

  /** Adds parameters as they are, in F32. */
  public static void add(GgufWriter writer, List<Parameter> parameters) {
    parameters.forEach(p -> writer.tensor(p.name(), GgmlType.F32, shape(p), values(p.value())));
  }

  /**
   * Writes a whole model after full fine-tuning.
   *
   * @param base the model that was trained on: its metadata, and its tensors where they were not trained
   * @param type of the matrices; null: each gets the first of its own, F16 and F32 that keeps its training ({@link Rounding#keeps});
   *     of the quantised types Q8_0 alone is its own. Norms and biases stay F32
   * @return what rounding did to the training of each matrix, where the base's type can be read
   */
  public static List<Rounding> model(
      Path out, GgufFile base, List<Parameter> parameters, GgmlType type, TrainingResult result) {
    Map<String, Parameter> trained = new HashMap<>();
    parameters.forEach(p -> trained.put(p.name(), p));
    List<Rounding> rounded = new ArrayList<>();
    Map<String, GgmlType> types = new HashMap<>();
    for (GgufTensor tensor : base.tensors().values()) {
      Parameter p = trained.get(tensor.name());
      if (p != null) {
        checkSize(tensor, p);
        types.put(tensor.name(), target(base, tensor, p, type, rounded));
      }
    }
    GgufWriter writer = new GgufWriter(GgmlQuantizer::quantize).putAll(base.metadata());
    GgmlType mostly = type != null ? type : MergeType.mostly(base, types);
    if (mostly != null) {
      writer.put("general.file_type", GgufValue.u32(mostly.fileType()));
    }
    if (type != null && type.blockSize() > 1) {
      writer.put("general.quantization_version", GgufValue.u32(2));
    }
    provenance(writer, base, result);
    for (GgufTensor tensor : base.tensors().values()) {
      Parameter p = trained.remove(tensor.name());
      if (p == null) {
        writer.copy(base, tensor);
      } else {
        writer.tensor(tensor.name(), types.get(tensor.name()), tensor.shape(), values(p.value()));
      }
    }
    if (!trained.isEmpty()) {
      throw new IllegalArgumentException(base.path() + " has no tensors of these names: " + trained.keySet());
    }
    writer.write(out);
    return rounded;
  }

  /** What a trained tensor is written as; adds what that does to a matrix. */
  private static GgmlType target(GgufFile base, GgufTensor tensor, Parameter p, GgmlType type, List<Rounding> rounded) {
    if (tensor.shape().size() < 2) {
      return GgmlType.F32;
    }
    GgmlType target = target(tensor, type);
    if (!Quantization.canDequantize(tensor.type()) || !Quantization.canDequantize(target)) {
      return target;
    }
    List<GgmlType> candidates = type != null ? List.of(target) : MergeType.AUTO.candidates(target, tensor.rowLength());
    Rounding chosen = MergeType.choose(
        RoundingMeter.measure(base, tensor, trained(p.value(), tensor.rowLength()), candidates, GgmlQuantizer::quantize));
    rounded.add(chosen);
    return chosen.type();
  }

  private static RoundingMeter.Change trained(NativeFloats values, long columns) {
    return (first, rows, before, after) -> {
      float[] part = new float[Math.toIntExact(rows * columns)];
      values.read(first * columns, part, part.length);
      for (int i = 0; i < part.length; i++) {
        after[i] = part[i];
      }
    };
  }

  private static void checkSize(GgufTensor tensor, Parameter p) {
    if (tensor.elements() != p.value().size()) {
      throw new IllegalArgumentException(
          "the parameter " + p.name() + " has " + p.value().size() + " values, the base's tensor " + tensor.elements());
    }
  }

  private static GgmlType target(GgufTensor tensor, GgmlType type) {
    GgmlType wanted = type != null ? type : switch (tensor.type()) {
      case F32, F16, BF16, Q8_0 -> tensor.type();
      default -> GgmlType.F16;
    };
    return tensor.rowLength() % wanted.blockSize() == 0 ? wanted : GgmlType.F16;
  }

  private static void provenance(GgufWriter writer, GgufFile base, TrainingResult result) {
    Map<String, String> identity = result.identity().toMap();
    identity.remove(Arithmetic.NAME); // what older versions began is written as they would have
    String version = NativeRuntime.status().sphereVersion();
    writer.put(ModelMerge.BASE_SHA256, GgufValue.string(base.sha256()))
        .put("sphere.data_sha256", GgufValue.string(result.identity().dataHash()))
        .put("sphere.method", GgufValue.string(identity.getOrDefault("objective", "unknown")))
        .put("sphere.seed", GgufValue.string(identity.getOrDefault("seed", "unknown")))
        .put("sphere.steps", GgufValue.u32(result.steps()))
        .put("sphere.settings", GgufValue.string(JsonMapper.shared().writeValueAsString(identity)))
        .put("sphere.version", GgufValue.string(version == null ? "unknown" : version));
  }

  private static List<Long> shape(Parameter p) {
    return new ArrayList<>(Arrays.stream(p.shape()).boxed().toList());
  }

  /** Streams native floats; chunks are a whole number of every type's blocks. */
  private static GgufWriter.Source values(NativeFloats source) {
    return out -> {
      float[] part = new float[(int) Math.min(CHUNK, source.size())];
      for (long at = 0; at < source.size(); at += CHUNK) {
        int n = (int) Math.min(CHUNK, source.size() - at);
        source.read(at, part, n);
        out.floats(part, 0, n);
      }
    };
  }
}
