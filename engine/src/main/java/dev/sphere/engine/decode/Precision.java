package dev.sphere.engine.decode;

import dev.sphere.bindings.kernel.Activations;
import dev.sphere.bindings.kernel.AttentionKernel;
import dev.sphere.engine.settings.Setting;
import java.util.Locale;

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

  /** The name of the activations that are computed with on this CPU; it belongs to a run's identity. */
  public String identity() {
    return activations.here().name().toLowerCase(Locale.ROOT);
  }
}
