package dev.sphere.trainer.model;

import dev.sphere.bindings.tensor.Rope;
import dev.sphere.bindings.tensor.Tensor;
import dev.sphere.bindings.tensor.TensorType;
import dev.sphere.gguf.GgmlType;
import dev.sphere.gguf.GgufMetadata;
import dev.sphere.gguf.GgufTensor;
import dev.sphere.gguf.model.GgufFile;
import dev.sphere.gguf.model.ModelShape;
import java.nio.ByteBuffer;
import java.util.Set;

/** The weights of a GGUF file, and the architecture that its metadata describe. */
final class GgufWeights implements WeightSource {
  /** Values that are dequantised at a time; a whole number of every type's blocks. */
  private static final int CHUNK = 1 << 20;

  private final GgufFile file;

  GgufWeights(GgufFile file) {
    this.file = file;
  }

  /**
   * The architecture of the file's model.
   *
   * @throws IllegalArgumentException naming what training does not support
   */
  static Architecture architecture(GgufFile file) {
    ModelShape s = file.shape();
    return new Architecture(
        s.architecture(), s.layers(), s.width(), s.heads(), s.kvHeads(), s.headWidth(), s.feedForward(), s.vocabulary(),
        s.normEpsilon(), rope(file, s));
  }

  /** The rotary embedding, worked out of the metadata as in llama.cpp v0.5.0 (llama_context's constructor). */
  private static Rope rope(GgufFile file, ModelShape s) {
    GgufMetadata m = file.metadata();
    String arch = s.architecture() + ".";
    String scaling = m.string(arch + "rope.scaling.type").orElse("linear");
    float growth = (float) m.f32(arch + "rope.scaling.factor").orElse(m.f32(arch + "rope.scale_linear").orElse(0));
    float scale = scaling.equals("none") || growth == 0 ? 1 : 1 / growth;
    float extension = number(m, arch + "rope.scaling.yarn_ext_factor", -1);
    if (extension < 0) {
      extension = scaling.equals("yarn") ? 1 : 0;
    }
    float attention = number(m, arch + "rope.scaling.attn_factor", 1);
    if (extension != 0) {
      // The kernel multiplies by 1 + 0.1 ln(growth) itself, so llama.cpp divides its own factor by that.
      double length = 1 + 0.1 * Math.log(1 / scale);
      attention *= (float) ((scale < 1 ? length : 1) / length);
    } else {
      attention *= number(m, arch + "rope.scaling.yarn_attn_factor", 1);
    }
    long original = m.u32(arch + "rope.scaling.original_context_length").orElse(s.context());
    return new Rope(
        s.ropeWidth(), !s.architecture().equals("llama"), s.ropeBase(), scale, extension, attention,
        number(m, arch + "rope.scaling.yarn_beta_fast", 32), number(m, arch + "rope.scaling.yarn_beta_slow", 1),
        (int) Math.min(Integer.MAX_VALUE, original));
  }

  private static float number(GgufMetadata m, String key, float otherwise) {
    return (float) m.f32(key).orElse(otherwise);
  }

  @Override
  public Set<String> names() {
    return file.tensors().keySet();
  }

  @Override
  public TensorType type(String name) {
    GgmlType type = file.tensor(name).type();
    try {
      return TensorType.of(type.id());
    } catch (IllegalArgumentException e) {
      throw new IllegalArgumentException(
          "tensor " + name + " of " + file.path() + " has the type " + type.label()
              + ", which training does not support; requantise the model to q8_0 or q4_k, say",
          e);
    }
  }

  @Override
  public long[] shape(String name) {
    return file.tensor(name).shape().stream().mapToLong(Long::longValue).toArray();
  }

  @Override
  public void load(String name, Tensor target) {
    GgufTensor tensor = file.tensor(name);
    if (tensor.type().id() == target.type().id()) {
      target.load((ByteBuffer part, long from) -> file.readBytes(tensor, from, part));
      return;
    }
    float[] part = new float[(int) Math.min(CHUNK, tensor.elements())];
    for (long done = 0; done < tensor.elements(); done += part.length) {
      if (tensor.elements() - done < part.length) {
        part = new float[(int) (tensor.elements() - done)];
      }
      file.readFloats(tensor, done, part, part.length);
      target.floats().write(done, part);
    }
  }
}
