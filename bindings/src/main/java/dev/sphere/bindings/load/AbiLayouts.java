package dev.sphere.bindings.load;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_BOOLEAN;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.MemoryLayout;
import java.lang.foreign.StructLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * The C structs of llama.h, ggml and libsphere that the bindings use. A line names a type and its fields in the
 * header's order; padding is added by C's rule, each field at a multiple of its alignment.
 *
 * <p>Every struct that is used must stand here: when the libraries are loaded, {@link AbiCheck} compares size and
 * offset of each field with those that libsphere was compiled against, and refuses on the first difference. A new
 * struct also gets its lines in {@code native/src/common/abi_table.cpp}. The layout's name is the C struct's name.
 */
public final class AbiLayouts {
  private static final List<StructLayout> ALL = new ArrayList<>();
  private static final Map<String, MemoryLayout> TYPES = Map.of("pointer", ADDRESS, "int", JAVA_INT, "bool",
      JAVA_BOOLEAN, "float", JAVA_FLOAT, "long", JAVA_LONG, "byte", JAVA_BYTE);

  public static final StructLayout LLAMA_MODEL_PARAMS = struct("llama_model_params",
      "pointer devices tensor_buft_overrides", "int n_gpu_layers split_mode load_mode lazy_mode main_gpu",
      "pointer tensor_split progress_callback progress_callback_user_data kv_overrides",
      "bool vocab_only check_tensors use_extra_bufts no_host no_alloc load_mtp");

  public static final StructLayout LLAMA_CONTEXT_PARAMS = struct("llama_context_params",
      "int n_ctx n_batch n_ubatch n_seq_max n_rs_seq n_outputs_max n_outputs_max_per_seq n_threads",
      "int n_threads_batch ctx_type rope_scaling_type pooling_type attention_type flash_attn_type",
      "float rope_freq_base rope_freq_scale yarn_ext_factor yarn_attn_factor yarn_beta_fast yarn_beta_slow",
      "int yarn_orig_ctx", "float defrag_thold", "pointer cb_eval cb_eval_user_data", "int type_k type_v",
      "pointer abort_callback abort_callback_data",
      "bool embeddings offload_kqv no_perf op_offload swa_full kv_unified", "pointer samplers", "long n_samplers",
      "pointer ctx_other");

  public static final StructLayout LLAMA_SAMPLER_SEQ_CONFIG =
      struct("llama_sampler_seq_config", "int seq_id", "pointer sampler");

  public static final StructLayout LLAMA_BATCH =
      struct("llama_batch", "int n_tokens", "pointer token embd pos n_seq_id seq_id logits");

  public static final StructLayout LLAMA_SAMPLER_CHAIN_PARAMS =
      struct("llama_sampler_chain_params", "bool no_perf");

  public static final StructLayout GGML_INIT_PARAMS =
      struct("ggml_init_params", "long mem_size", "pointer mem_buffer", "bool no_alloc");

  public static final StructLayout GGML_TENSOR = struct("ggml_tensor",
      "int type", "pointer buffer", "long[4] ne nb", "int op", "int[16] op_params", "int flags", "pointer[10] src",
      "pointer view_src", "long view_offs", "pointer data", "byte[64] name", "pointer extra", "byte[8] padding");

  /** libsphere's own, of sphere_cuda.h. */
  public static final StructLayout SPHERE_CUDA_DEVICE = struct("sphere_cuda_device",
      "byte[128] name", "long memory", "int index major minor processors pci_bus pci_device");

  /** libsphere's own, of sphere_sampling.h. */
  public static final StructLayout SPHERE_DRAW = struct("sphere_draw",
      "long seed problem node", "int draw index row top_k", "float temperature top_p min_p", "int token",
      "float logprob sampling_logprob");

  public static final StructLayout SPHERE_DECODE_MODEL = struct("sphere_decode_model",
      "int vocabulary width layers heads kv_heads head feed_forward neox", "float rope_base epsilon",
      "pointer weights types");

  private AbiLayouts() {}

  /** Every layout of this class, in the order in which they stand above. */
  static List<StructLayout> all() {
    return List.copyOf(ALL);
  }

  /**
   * Lays out a struct: each of {@code fields} is a type, or an array as {@code type[n]}, and the names of its fields.
   */
  private static StructLayout struct(String name, String... fields) {
    List<MemoryLayout> members = new ArrayList<>();
    long size = 0;
    long alignment = 1;
    for (String line : fields) {
      String[] words = line.split("[ \\[\\]]+");
      boolean array = line.contains("[");
      MemoryLayout one = TYPES.get(words[0]);
      MemoryLayout type = array ? MemoryLayout.sequenceLayout(Long.parseLong(words[1]), one) : one;
      alignment = Math.max(alignment, one.byteAlignment());
      for (int i = array ? 2 : 1; i < words.length; i++) {
        size = pad(members, size, one.byteAlignment()) + type.byteSize();
        members.add(type.withName(words[i]));
      }
    }
    pad(members, size, alignment);
    StructLayout layout = MemoryLayout.structLayout(members.toArray(MemoryLayout[]::new)).withName(name);
    ALL.add(layout);
    return layout;
  }

  /** Adds padding up to a multiple of {@code alignment}; returns the new size. */
  private static long pad(List<MemoryLayout> members, long size, long alignment) {
    long missing = Math.floorMod(-size, alignment);
    if (missing > 0) {
      members.add(MemoryLayout.paddingLayout(missing));
    }
    return size + missing;
  }
}
