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
 * Writes trained parameters as a GGUF adapter, which llama.cpp loads with {@code --lora}, or as a whole model with
 * the metadata of its base. Keys that begin with {@code sphere.} name base model (SHA-256), data, settings, seed and
 * version.
 */
public final class ModelOutput {
  private static final int CHUNK = 1 << 20;

  private ModelOutput() {}

  /**
   * Writes a LoRA adapter: pairs {@code NAME.lora_a} [inputs, rank] and {@code NAME.lora_b} [rank, outputs] in F32;
   * llama.cpp scales their product by alpha / rank. DoRA adds {@code NAME.lora_magnitude} [outputs]; llama.cpp
   * refuses such a file.
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
    add(writer, parameters);
    writer.write(out);
  }

  /** Adds parameters in F32. */
  public static void add(GgufWriter writer, List<Parameter> parameters) {
    parameters.forEach(p -> writer.tensor(p.name(), GgmlType.F32, shape(p), values(p.value())));
  }

  /**
   * Writes a whole model after full fine-tuning.
   *
   * @param base gives the metadata, and the tensors that were not trained
   * @param type of the matrices; null: for each the first of its base's type, F16 and F32 that keeps its training
   *     ({@link Rounding#keeps}), where quantised types other than Q8_0 are left out. Norms and biases stay F32
   * @return the loss of each matrix by rounding, where the base's type can be read
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
      Parameter p = trained.get(tensor.name());
      if (p == null) {
        writer.copy(base, tensor);
      } else {
        writer.tensor(tensor.name(), types.get(tensor.name()), tensor.shape(), values(p.value()));
      }
    }
    writer.write(out);
    return rounded;
  }

  /** The type that a trained tensor is written in; adds a matrix's loss by rounding to {@code rounded}. */
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
        RoundingMeter.measure(
            base, tensor, trained(p.value(), tensor.rowLength()), candidates, GgmlQuantizer::quantize));
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

  private static GgmlType target(GgufTensor tensor, GgmlType type) {
    GgmlType wanted = type != null ? type : switch (tensor.type()) {
      case F32, F16, BF16, Q8_0 -> tensor.type();
      default -> GgmlType.F16;
    };
    return tensor.rowLength() % wanted.blockSize() == 0 ? wanted : GgmlType.F16;
  }

  private static void provenance(GgufWriter writer, GgufFile base, TrainingResult result) {
    Map<String, String> identity = result.identity().toMap();
    identity.remove(Arithmetic.NAME); // machines of other arithmetic write equal bytes where results are equal
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

  /** Streams native floats in chunks that are a whole number of every type's blocks. */
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
