package dev.sphere.gguf.model;

import dev.sphere.gguf.GgmlType;
import dev.sphere.gguf.GgufException;
import dev.sphere.gguf.GgufTensor;
import java.util.List;

/**
 * Checks a LoRA adapter: the metadata whose type llama.cpp asserts, and pairs of A and B that fit each other. Whether
 * it fits a given model is {@link #checkAgainst}'s question.
 */
public final class AdapterCheck {
  private static final String A = ".lora_a";
  private static final String B = ".lora_b";

  /**
   * The lengths of a matrix's rows after training with DoRA: [outputs], F32, beside the pair. llama.cpp has no such
   * tensors.
   */
  public static final String MAGNITUDE = ".lora_magnitude";

  private AdapterCheck() {}

  static void check(GgufFile file) {
    String type = file.metadata().requireString("adapter.type");
    if (!type.equals("lora")) {
      throw fail(file, "adapter.type is " + GgufException.quote(type) + ", expected 'lora'");
    }
    float alpha = (float) file.metadata().f32("adapter.lora.alpha")
        .orElseThrow(() -> file.metadata().missing("adapter.lora.alpha"));
    if (!Float.isFinite(alpha)) {
      throw fail(file, "adapter.lora.alpha is " + alpha);
    }
    if (file.metadata().has("adapter.alora.invocation_tokens")) {
      throw fail(file, "an activated LoRA (aLoRA), which is not supported");
    }
    if (file.tensors().isEmpty()) {
      throw fail(file, "an adapter without tensors");
    }
    for (GgufTensor tensor : file.tensors().values()) {
      String name = tensor.name();
      boolean magnitude = name.endsWith(MAGNITUDE);
      String other = name.endsWith(A) ? base(name) + B : name.endsWith(B) || magnitude ? base(name) + A : null;
      if (other == null) {
        throw fail(file, "the tensor " + GgufException.quote(name) + " is neither a lora_a nor a lora_b");
      }
      GgufTensor partner = file.tensors().get(other);
      if (partner == null) {
        throw fail(file, "the tensor " + GgufException.quote(name) + " is there without " + GgufException.quote(other));
      }
      if (magnitude) {
        GgufTensor b = file.tensors().get(base(name) + B);
        if (tensor.type() != GgmlType.F32 || b == null || !tensor.hasShape(b.dim(1))
            || base(name).equals("token_embd.weight")) {
          throw fail(file, "the tensor " + GgufException.quote(name)
              + " is no vector of F32 for the rows of its matrix");
        }
        continue;
      }
      if (tensor.shape().size() > 2 || !tensor.type().isWeight()) {
        throw fail(file, "the tensor " + GgufException.quote(name) + " is " + tensor.type().label() + " of the shape "
            + tensor.shapeText() + ", expected a matrix of floats");
      }
      boolean embedding = base(name).equals("token_embd.weight");
      if (name.endsWith(A) && tensor.dim(embedding ? 0 : 1) != partner.dim(0)) {
        throw fail(file, "the tensors of " + GgufException.quote(base(name)) + " don't agree on the rank: lora_a is "
            + tensor.shapeText() + ", lora_b is " + partner.shapeText());
      }
    }
  }

  /**
   * Whether the adapter can be put on the model: same architecture, every weight it changes is there with that shape.
   *
   * @throws GgufException with what does not fit
   */
  public static void checkAgainst(GgufFile adapter, GgufFile model) {
    if (adapter.kind() != GgufFile.Kind.ADAPTER) {
      throw fail(adapter, "not a LoRA adapter (general.type is not 'adapter')");
    }
    if (!adapter.architecture().equals(model.architecture())) {
      throw fail(adapter, "an adapter for " + GgufException.quote(adapter.architecture()) + ", but " + model.path()
          + " is " + GgufException.quote(model.architecture()));
    }
    for (String name : targets(adapter)) {
      GgufTensor weight = model.tensors().get(name);
      if (weight == null || weight.shape().size() > 2) {
        throw fail(adapter, "changes " + GgufException.quote(name) + ", which is no weight matrix of " + model.path());
      }
      boolean embedding = name.equals("token_embd.weight");
      if (embedding && !model.tensors().containsKey("output.weight")) {
        throw fail(adapter, "changes the token embedding, which is the output matrix too in " + model.path()
            + "; llama.cpp can't apply that");
      }
      GgufTensor a = adapter.tensor(name + A);
      GgufTensor b = adapter.tensor(name + B);
      long columns = embedding ? b.dim(1) : a.dim(0);
      long rows = embedding ? a.dim(1) : b.dim(1);
      if (!weight.hasShape(columns, rows)) {
        throw fail(adapter, "changes " + GgufException.quote(name) + " as " + columns + " x " + rows + ", but in "
            + model.path() + " it is " + weight.shapeText());
      }
    }
  }

  /** The names of the weights that the adapter changes, in the file's order. */
  public static List<String> targets(GgufFile adapter) {
    return adapter.tensors().keySet().stream().map(AdapterCheck::base).distinct().toList();
  }

  /** Whether it has DoRA's magnitudes, which llama.cpp cannot apply. */
  public static boolean hasMagnitudes(GgufFile adapter) {
    return adapter.tensors().keySet().stream().anyMatch(name -> name.endsWith(MAGNITUDE));
  }

  private static String base(String name) {
    return name.substring(0, name.lastIndexOf(".lora_"));
  }

  private static GgufException fail(GgufFile file, String message) {
    return GgufException.in(file.path(), message);
  }
}
