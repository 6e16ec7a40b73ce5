package dev.sphere.bindings.llama;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import dev.sphere.bindings.load.AbiConstants;
import dev.sphere.bindings.load.AbiLayouts;
import dev.sphere.bindings.load.NativeLibraries;
import dev.sphere.gguf.GgufTensor;
import dev.sphere.gguf.model.GgufFile;
import dev.sphere.gguf.model.ModelShape;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemoryLayout.PathElement;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.util.Map;
import java.util.Set;

/**
 * A small dense model's weights where its file is mapped, as {@link TreeDecoder} reads them: the struct
 * sphere_decode_model. The pages are those that llama.cpp maps too. Immutable, so thread-safe; close it once.
 */
final class DenseWeights implements AutoCloseable {
  private static final MethodHandle SUPPORTS =
      NativeLibraries.downcall("sphere_decode_supports", FunctionDescriptor.of(JAVA_INT, ADDRESS));

  private static final Map<String, Integer> OF_MODEL = Map.of(
      "token_embd.weight", AbiConstants.SPHERE_DECODE_EMBEDDING,
      "output.weight", AbiConstants.SPHERE_DECODE_OUTPUT,
      "output.bias", AbiConstants.SPHERE_DECODE_OUTPUT_BIAS,
      "output_norm.weight", AbiConstants.SPHERE_DECODE_OUTPUT_NORM,
      "rope_freqs.weight", AbiConstants.SPHERE_DECODE_ROPE_FACTORS);

  private static final Map<String, Integer> OF_LAYER = Map.ofEntries(
      Map.entry("attn_norm.weight", AbiConstants.SPHERE_DECODE_NORM),
      Map.entry("attn_q.weight", AbiConstants.SPHERE_DECODE_Q),
      Map.entry("attn_k.weight", AbiConstants.SPHERE_DECODE_K),
      Map.entry("attn_v.weight", AbiConstants.SPHERE_DECODE_V),
      Map.entry("attn_output.weight", AbiConstants.SPHERE_DECODE_ATTENTION_OUT),
      Map.entry("ffn_gate.weight", AbiConstants.SPHERE_DECODE_GATE),
      Map.entry("ffn_up.weight", AbiConstants.SPHERE_DECODE_UP),
      Map.entry("ffn_down.weight", AbiConstants.SPHERE_DECODE_DOWN),
      Map.entry("ffn_norm.weight", AbiConstants.SPHERE_DECODE_FEED_NORM),
      Map.entry("attn_q_norm.weight", AbiConstants.SPHERE_DECODE_Q_NORM),
      Map.entry("attn_k_norm.weight", AbiConstants.SPHERE_DECODE_K_NORM),
      Map.entry("attn_q.bias", AbiConstants.SPHERE_DECODE_Q_BIAS),
      Map.entry("attn_k.bias", AbiConstants.SPHERE_DECODE_K_BIAS),
      Map.entry("attn_v.bias", AbiConstants.SPHERE_DECODE_V_BIAS),
      Map.entry("attn_output.bias", AbiConstants.SPHERE_DECODE_ATTENTION_OUT_BIAS),
      Map.entry("ffn_gate.bias", AbiConstants.SPHERE_DECODE_GATE_BIAS),
      Map.entry("ffn_up.bias", AbiConstants.SPHERE_DECODE_UP_BIAS),
      Map.entry("ffn_down.bias", AbiConstants.SPHERE_DECODE_DOWN_BIAS));

  /**
   * Settings of an architecture that are known to be computed, or to change nothing; any other is left to llama.cpp.
   */
  private static final Set<String> SETTINGS = Set.of(
      "block_count", "context_length", "embedding_length", "feed_forward_length", "vocab_size", "attention.head_count",
      "attention.head_count_kv", "attention.key_length", "attention.value_length",
      "attention.layer_norm_rms_epsilon", "attention.causal", "rope.dimension_count", "rope.freq_base");

  private static final Set<String> ARCHITECTURES = Set.of("qwen2", "qwen3", "llama");

  private final Arena arena = Arena.ofShared();
  private final MemorySegment model;
  private final int context;

  private DenseWeights(GgufFile file, ModelShape shape) {
    this.context = (int) shape.context();
    int places = AbiConstants.SPHERE_DECODE_LAYERS + shape.layers() * AbiConstants.SPHERE_DECODE_LAYER;
    MemorySegment weights = arena.allocate(ADDRESS, places);
    MemorySegment types = arena.allocate(JAVA_INT, places);
    MemorySegment mapped = file.map(arena);
    for (GgufTensor tensor : file.tensors().values()) {
      put(weights, types, place(tensor.name()), mapped, tensor);
    }
    if (shape.tied()) {
      put(weights, types, AbiConstants.SPHERE_DECODE_OUTPUT, mapped, file.tensor("token_embd.weight"));
    }
    model = arena.allocate(AbiLayouts.SPHERE_DECODE_MODEL);
    set("vocabulary", shape.vocabulary());
    set("width", shape.width());
    set("layers", shape.layers());
    set("heads", shape.heads());
    set("kv_heads", shape.kvHeads());
    set("head", shape.headWidth());
    set("feed_forward", shape.feedForward());
    set("neox", shape.architecture().equals("llama") ? 0 : 1);
    model.set(JAVA_FLOAT, offset("rope_base"), shape.ropeBase());
    model.set(JAVA_FLOAT, offset("epsilon"), shape.normEpsilon());
    model.set(ADDRESS, offset("weights"), weights);
    model.set(ADDRESS, offset("types"), types);
  }

  /** The weights of a model file; null when the decoder does not compute it. */
  static DenseWeights of(GgufFile file) {
    if (!suits(file)) {
      return null;
    }
    DenseWeights weights = new DenseWeights(file, file.shape());
    if (Llama.callInt(SUPPORTS, weights.model) == 0) {
      weights.close();
      return null;
    }
    return weights;
  }

  private static boolean suits(GgufFile file) {
    String prefix = file.architecture() + ".";
    long parameters = file.tensors().values().stream().mapToLong(GgufTensor::elements).sum();
    return ARCHITECTURES.contains(file.architecture())
        && parameters < TreeDecoder.MOST_PARAMETERS
        && file.tensors().keySet().stream().allMatch(name -> place(name) >= 0)
        && file.metadata().values().keySet().stream()
            .filter(key -> key.startsWith(prefix))
            .allMatch(key -> SETTINGS.contains(key.substring(prefix.length())));
  }

  /** A tensor's index in the arrays of sphere_decode_model; -1 for a tensor that is not known. */
  static int place(String name) {
    Integer known = OF_MODEL.get(name);
    if (known != null) {
      return known;
    }
    String[] parts = name.split("\\.", 3);
    if (parts.length < 3 || !parts[0].equals("blk") || !parts[1].matches("[0-9]{1,3}")) {
      return -1;
    }
    Integer weight = OF_LAYER.get(parts[2]);
    int layer = Integer.parseInt(parts[1]);
    return weight == null
        ? -1 : AbiConstants.SPHERE_DECODE_LAYERS + layer * AbiConstants.SPHERE_DECODE_LAYER + weight;
  }

  private static void put(
      MemorySegment weights, MemorySegment types, int place, MemorySegment mapped, GgufTensor tensor) {
    weights.setAtIndex(ADDRESS, place, mapped.asSlice(tensor.offset(), tensor.byteSize()));
    types.setAtIndex(JAVA_INT, place, tensor.type().id());
  }

  private static long offset(String field) {
    return AbiLayouts.SPHERE_DECODE_MODEL.byteOffset(PathElement.groupElement(field));
  }

  private void set(String field, int value) {
    model.set(JAVA_INT, offset(field), value);
  }

  /** The struct sphere_decode_model. */
  MemorySegment model() {
    return model;
  }

  /** Tokens that the model was trained for. */
  int context() {
    return context;
  }

  @Override
  public void close() {
    arena.close();
  }
}
