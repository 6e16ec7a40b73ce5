package dev.sphere.trainer.model;

import dev.sphere.bindings.Rope;
import dev.sphere.bindings.Tensor;
import dev.sphere.bindings.TensorType;
import dev.sphere.gguf.GgmlType;
import dev.sphere.gguf.GgufFile;
import dev.sphere.gguf.GgufMetadata;
import dev.sphere.gguf.GgufTensor;
import dev.sphere.gguf.ModelShape;
import java.nio.ByteBuffer;
import java.util.Set;

/** The weights of a checked GGUF file, and the architecture that its metadata describe. */
final class GgufWeights implements WeightSource {
  /** Values that are dequantised at a time; a whole number of every type's blocks. */
  private static final int CHUNK = 1 << 20;

  private final GgufFile file;

  GgufWeights(GgufFile file) {
    this.file = file;
  }

  /**
   * The shape of the file's model.
   *
   * @throws IllegalArgumentException naming whatever training does not support
   */
  static Architecture architecture(GgufFile file) {
    ModelShape s = file.shape();
    String arch = s.architecture();
    GgufMetadata m = file.metadata();
    refuse(file, m, arch + ".rope.scaling.attn_factor");
    String scaling = m.string(arch + ".rope.scaling.type").orElse("linear");
    String legacy = arch + ".rope.scale_linear";
    float factor = (float) m.f32(arch + ".rope.scaling.factor").orElse(m.f32(legacy).orElse(0));
    float scale = switch (scaling) {
      case "none" -> 1;
      case "linear" -> factor > 0 ? 1 / factor : 1;
      default -> throw new IllegalArgumentException(
          file.path() + " scales its rotary embedding by the method '" + scaling + "', which training does not support");
    };
    Rope plain = Rope.plain(s.ropeWidth(), !arch.equals("llama"), s.ropeBase());
    Rope rope = new Rope(
        plain.dimensions(), plain.neox(), plain.base(), scale, plain.extension(), plain.attention(), plain.betaFast(),
        plain.betaSlow(), plain.originalContext());
    return new Architecture(
        arch, s.layers(), s.width(), s.heads(), s.kvHeads(), s.headWidth(), s.feedForward(), s.vocabulary(),
        s.normEpsilon(), rope);
  }

  private static void refuse(GgufFile file, GgufMetadata m, String key) {
    if (m.f32(key).orElse(1) != 1) {
      throw new IllegalArgumentException(file.path() + " sets " + key + ", which training does not support");
    }
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
