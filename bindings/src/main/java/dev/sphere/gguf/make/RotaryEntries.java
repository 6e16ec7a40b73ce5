package dev.sphere.gguf.make;

import dev.sphere.gguf.GgmlType;
import dev.sphere.gguf.GgufValue;
import dev.sphere.gguf.GgufWriter;
import java.util.List;

/** The rotation in a random model's file: keys, and tensors of factors where the kind of scaling has them. */
final class RotaryEntries {
  private RotaryEntries() {}

  /** The keys of the rotation, except for its base. */
  static void keys(GgufWriter writer, RandomModel.Dimensions like) {
    String p = like.architecture() + ".";
    RandomModel.Rotary r = like.rotary();
    if (like.architecture().equals("llama") || like.architecture().equals("phi3")) {
      writer.put(p + "rope.dimension_count", GgufValue.u32(like.ropeWidth()));
    }
    if (r.kind().equals("yarn") || r.kind().equals("longrope")) {
      writer.put(p + "rope.scaling.original_context_length", GgufValue.u32(r.original()));
    }
    if (r.kind().equals("yarn") || r.kind().equals("linear")) {
      writer.put(p + "rope.scaling.type", GgufValue.string(r.kind()))
          .put(p + "rope.scaling.factor", GgufValue.f32(r.factor()));
    }
    if (r.kind().equals("longrope")) { // llama.cpp's converter for Phi-3 and 4: this formula, and no rope.scaling.type
      double attention = Math.sqrt(1 + Math.log(r.factor()) / Math.log(r.original()));
      writer.put(p + "rope.scaling.attn_factor", GgufValue.f32((float) attention));
    }
  }

  /** The tensors of factors that divide the rotation's frequencies, where the kind of scaling has them. */
  static void tensors(GgufWriter writer, RandomModel.Dimensions like) {
    RandomModel.Rotary r = like.rotary();
    long half = like.ropeWidth() / 2;
    if (r.kind().equals("llama3")) {
      writer.tensor("rope_freqs.weight", GgmlType.F32, List.of(half),
          llama3Factors(like.headWidth(), like.ropeBase(), r.factor()));
    } else if (r.kind().equals("longrope")) {
      // As in the published models: short factors a little above 1, long ones rising to about the context's growth.
      float[] brief = new float[(int) half];
      float[] far = new float[(int) half];
      for (int i = 0; i < half; i++) {
        brief[i] = 1 + 0.5f * i / half;
        far[i] = (float) Math.pow(r.factor(), (double) i / half);
      }
      writer.tensor("rope_factors_long.weight", GgmlType.F32, List.of(half), far);
      writer.tensor("rope_factors_short.weight", GgmlType.F32, List.of(half), brief);
    }
  }

  /** The factors that divide each frequency in Llama 3.1 and 3.2: 1 for short waves, {@code factor} for long ones. */
  static float[] llama3Factors(int headWidth, float base, float factor) {
    double original = 8192;
    double low = 1;
    double high = 4;
    float[] factors = new float[headWidth / 2];
    for (int i = 0; i < factors.length; i++) {
      double wave = 2 * Math.PI * Math.pow(base, 2.0 * i / headWidth);
      double smooth = Math.clamp((original / wave - low) / (high - low), 0, 1);
      factors[i] = (float) (1 / ((1 - smooth) / factor + smooth));
    }
    return factors;
  }
}
