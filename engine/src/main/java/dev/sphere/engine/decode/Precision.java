package dev.sphere.engine.decode;

import dev.sphere.bindings.device.Device;
import dev.sphere.bindings.kernel.Activations;
import dev.sphere.bindings.kernel.AttentionKernel;
import dev.sphere.engine.settings.Setting;
import dev.sphere.gguf.GgmlType;
import dev.sphere.gguf.GgufTensor;
import dev.sphere.gguf.model.GgufFile;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.function.Function;
import java.util.stream.Stream;

/**
 * How exactly a model computes on the CPU.
 *
 * @param activations what products with weights round activations to
 */
public record Precision(
    @Setting(def = "auto", aliases = "precision", label = "TYPE",
        help = "What products with weights round activations to on the CPU: bf16; int16, 15 bits in blocks of 32 that "
            + "share a scale where weights are quantised, else bf16; auto, int16 on CPUs with VNNI and no products of "
            + "BF16, else bf16; int8, 8 bits in such blocks, as coarse as llama.cpp, and fast; or f32: nothing.")
    Activations activations) {
  /** 16 bits, in the form that this CPU is made for. */
  public static final Precision USUAL = new Precision(Activations.AUTO);

  /** Sets this precision for the process; call it before a model is opened. */
  public void use() {
    if (activations == Activations.F32 && !AttentionKernel.oneRow()) {
      throw new IllegalArgumentException("activations in f32 need libsphere's products: a CPU with AVX2, AVX-512 and "
          + "VNNI, or NEON, and no other llama.cpp than the pinned one");
    }
    activations.use();
  }

  /**
   * The part of a run's identity that activations with these models add. Null for the combinations that identities
   * never name: 8 bits with Q8_0 by libsphere and with other types by ggml, BF16 with K-quants and weights that are not
   * quantised.
   */
  public String identity(Path... models) {
    return asked(this::identity, models);
  }

  /**
   * The part of a run's identity that attention with these models adds. Null where its sums are not joined block by
   * block: on a GPU, by ggml's kernel, and where no path can be longer than a block ({@link AttentionKernel#BLOCK}).
   */
  public static String attention(Path... models) {
    if (!AttentionKernel.installed() || !Device.current().computesOnCores()) {
      return null;
    }
    boolean fits = asked(
        files -> files.stream().allMatch(
            f -> AttentionKernel.BLOCK
                >= f.metadata().u32(f.architecture() + ".context_length").orElse(Long.MAX_VALUE)),
        models);
    return fits ? null : "blocks of " + AttentionKernel.BLOCK;
  }

  private static <T> T asked(Function<List<GgufFile>, T> question, Path... models) {
    List<GgufFile> files = new ArrayList<>();
    try {
      for (Path each : models) {
        files.add(GgufFile.open(each));
      }
      return question.apply(files);
    } finally {
      files.forEach(GgufFile::close);
    }
  }

  /** As {@link #identity(Path...)}, with files that are open. */
  public String identity(List<GgufFile> models) {
    Activations here = activations.here();
    Stream<GgmlType> types = models.stream().flatMap(m -> m.tensors().values().stream()).map(GgufTensor::type);
    boolean asBefore = switch (here) {
      case INT8 -> types.noneMatch(t -> quantised(t) && t != GgmlType.Q8_0);
      case BF16 -> types.noneMatch(t -> quantised(t) && t != GgmlType.Q4_K && t != GgmlType.Q5_K && t != GgmlType.Q6_K);
      case INT16 -> types.noneMatch(Precision::quantised);
      case F32 -> false;
      case AUTO -> throw new AssertionError();
    };
    return asBefore ? null : here.name().toLowerCase(Locale.ROOT);
  }

  private static boolean quantised(GgmlType type) {
    return type.blockSize() > 1;
  }
}
