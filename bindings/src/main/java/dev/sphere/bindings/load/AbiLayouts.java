package dev.sphere.bindings.load;

import static java.lang.foreign.MemoryLayout.paddingLayout;
import static java.lang.foreign.MemoryLayout.sequenceLayout;
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

/**
 * The C structs of llama.h and ggml that the bindings lay out by hand, field by field, with explicit padding.
 *
 * <p>Every struct that is used must stand here: when the libraries are loaded, {@link AbiCheck} compares size and
 * offset of each field with what libsphere was compiled against, and refuses on the first difference. A new struct
 * also gets its lines in {@code native/src/common/abi_table.cpp}. The layout's name is the C struct's name.
 */
public final class AbiLayouts {
  private static final List<StructLayout> ALL = new ArrayList<>();

  public static final StructLayout LLAMA_MODEL_PARAMS =
      struct(
          "llama_model_params",
          ADDRESS.withName("devices"),
          ADDRESS.withName("tensor_buft_overrides"),
          JAVA_INT.withName("n_gpu_layers"),
          JAVA_INT.withName("split_mode"),
          JAVA_INT.withName("load_mode"),
          JAVA_INT.withName("lazy_mode"),
          JAVA_INT.withName("main_gpu"),
          paddingLayout(4),
          ADDRESS.withName("tensor_split"),
          ADDRESS.withName("progress_callback"),
          ADDRESS.withName("progress_callback_user_data"),
          ADDRESS.withName("kv_overrides"),
          JAVA_BOOLEAN.withName("vocab_only"),
          JAVA_BOOLEAN.withName("check_tensors"),
          JAVA_BOOLEAN.withName("use_extra_bufts"),
          JAVA_BOOLEAN.withName("no_host"),
          JAVA_BOOLEAN.withName("no_alloc"),
          JAVA_BOOLEAN.withName("load_mtp"),
          paddingLayout(2));

  public static final StructLayout LLAMA_CONTEXT_PARAMS =
      struct(
          "llama_context_params",
          JAVA_INT.withName("n_ctx"),
          JAVA_INT.withName("n_batch"),
          JAVA_INT.withName("n_ubatch"),
          JAVA_INT.withName("n_seq_max"),
          JAVA_INT.withName("n_rs_seq"),
          JAVA_INT.withName("n_outputs_max"),
          JAVA_INT.withName("n_outputs_max_per_seq"),
          JAVA_INT.withName("n_threads"),
          JAVA_INT.withName("n_threads_batch"),
          JAVA_INT.withName("ctx_type"),
          JAVA_INT.withName("rope_scaling_type"),
          JAVA_INT.withName("pooling_type"),
          JAVA_INT.withName("attention_type"),
          JAVA_INT.withName("flash_attn_type"),
          JAVA_FLOAT.withName("rope_freq_base"),
          JAVA_FLOAT.withName("rope_freq_scale"),
          JAVA_FLOAT.withName("yarn_ext_factor"),
          JAVA_FLOAT.withName("yarn_attn_factor"),
          JAVA_FLOAT.withName("yarn_beta_fast"),
          JAVA_FLOAT.withName("yarn_beta_slow"),
          JAVA_INT.withName("yarn_orig_ctx"),
          JAVA_FLOAT.withName("defrag_thold"),
          ADDRESS.withName("cb_eval"),
          ADDRESS.withName("cb_eval_user_data"),
          JAVA_INT.withName("type_k"),
          JAVA_INT.withName("type_v"),
          ADDRESS.withName("abort_callback"),
          ADDRESS.withName("abort_callback_data"),
          JAVA_BOOLEAN.withName("embeddings"),
          JAVA_BOOLEAN.withName("offload_kqv"),
          JAVA_BOOLEAN.withName("no_perf"),
          JAVA_BOOLEAN.withName("op_offload"),
          JAVA_BOOLEAN.withName("swa_full"),
          JAVA_BOOLEAN.withName("kv_unified"),
          paddingLayout(2),
          ADDRESS.withName("samplers"),
          JAVA_LONG.withName("n_samplers"),
          ADDRESS.withName("ctx_other"));

  public static final StructLayout LLAMA_SAMPLER_SEQ_CONFIG =
      struct(
          "llama_sampler_seq_config",
          JAVA_INT.withName("seq_id"),
          paddingLayout(4),
          ADDRESS.withName("sampler"));

  public static final StructLayout LLAMA_BATCH =
      struct(
          "llama_batch",
          JAVA_INT.withName("n_tokens"),
          paddingLayout(4),
          ADDRESS.withName("token"),
          ADDRESS.withName("embd"),
          ADDRESS.withName("pos"),
          ADDRESS.withName("n_seq_id"),
          ADDRESS.withName("seq_id"),
          ADDRESS.withName("logits"));

  public static final StructLayout LLAMA_SAMPLER_CHAIN_PARAMS =
      struct(
          "llama_sampler_chain_params",
          JAVA_BOOLEAN.withName("no_perf"));

  public static final StructLayout GGML_INIT_PARAMS =
      struct(
          "ggml_init_params",
          JAVA_LONG.withName("mem_size"),
          ADDRESS.withName("mem_buffer"),
          JAVA_BOOLEAN.withName("no_alloc"),
          paddingLayout(7));

  public static final StructLayout GGML_TENSOR =
      struct(
          "ggml_tensor",
          JAVA_INT.withName("type"),
          paddingLayout(4),
          ADDRESS.withName("buffer"),
          sequenceLayout(4, JAVA_LONG).withName("ne"),
          sequenceLayout(4, JAVA_LONG).withName("nb"),
          JAVA_INT.withName("op"),
          sequenceLayout(16, JAVA_INT).withName("op_params"),
          JAVA_INT.withName("flags"),
          sequenceLayout(10, ADDRESS).withName("src"),
          ADDRESS.withName("view_src"),
          JAVA_LONG.withName("view_offs"),
          ADDRESS.withName("data"),
          sequenceLayout(64, JAVA_BYTE).withName("name"),
          ADDRESS.withName("extra"),
          sequenceLayout(8, JAVA_BYTE).withName("padding"));

  /** libsphere's own, of sphere_sampling.h. */
  public static final StructLayout SPHERE_CUDA_DEVICE =
      struct(
          "sphere_cuda_device",
          sequenceLayout(128, JAVA_BYTE).withName("name"),
          JAVA_LONG.withName("memory"),
          JAVA_INT.withName("index"),
          JAVA_INT.withName("major"),
          JAVA_INT.withName("minor"),
          JAVA_INT.withName("processors"),
          JAVA_INT.withName("pci_bus"),
          JAVA_INT.withName("pci_device"));

  public static final StructLayout SPHERE_DRAW =
      struct(
          "sphere_draw",
          JAVA_LONG.withName("seed"),
          JAVA_LONG.withName("problem"),
          JAVA_LONG.withName("node"),
          JAVA_INT.withName("draw"),
          JAVA_INT.withName("index"),
          JAVA_INT.withName("row"),
          JAVA_INT.withName("top_k"),
          JAVA_FLOAT.withName("temperature"),
          JAVA_FLOAT.withName("top_p"),
          JAVA_FLOAT.withName("min_p"),
          JAVA_INT.withName("token"),
          JAVA_FLOAT.withName("logprob"),
          JAVA_FLOAT.withName("sampling_logprob"));

  public static final StructLayout SPHERE_DECODE_MODEL =
      struct(
          "sphere_decode_model",
          JAVA_INT.withName("vocabulary"),
          JAVA_INT.withName("width"),
          JAVA_INT.withName("layers"),
          JAVA_INT.withName("heads"),
          JAVA_INT.withName("kv_heads"),
          JAVA_INT.withName("head"),
          JAVA_INT.withName("feed_forward"),
          JAVA_INT.withName("neox"),
          JAVA_FLOAT.withName("rope_base"),
          JAVA_FLOAT.withName("epsilon"),
          ADDRESS.withName("weights"),
          ADDRESS.withName("types"));

  private AbiLayouts() {}

  /** Every layout of this class, in the order in which they stand above. */
  static List<StructLayout> all() {
    return List.copyOf(ALL);
  }

  private static StructLayout struct(String name, MemoryLayout... members) {
    StructLayout layout = MemoryLayout.structLayout(members).withName(name);
    ALL.add(layout);
    return layout;
  }
}
