// The ABI table: sizes, offsets and constants of every llama.cpp struct that the bindings lay out by hand.
#include "sphere.h"
#include "sphere_attention.h"

#include "common/barrier.hpp"
#include "sphere_cuda.h"
#include "sphere_decode.h"
#include "sphere_sampling.h"
#include "sphere_tokenize.h"

#include <cstddef>
#include <cstdio>
#include <string>

#include "ggml-backend.h"
#include "ggml.h"
#include "llama.h"

namespace {

void line(std::string & out, const char * kind, const char * name, long long a, long long b = -1) {
  char text[160];
  if (b < 0) {
    std::snprintf(text, sizeof text, "%s %s %lld\n", kind, name, a);
  } else {
    std::snprintf(text, sizeof text, "%s %s %lld %lld\n", kind, name, a, b);
  }
  out += text;
}

#define SIZE(type) line(out, "sizeof", #type, static_cast<long long>(sizeof(type)))
#define FIELD(type, field)                                                                                             \
  line(out, "offset", #type "." #field, static_cast<long long>(offsetof(type, field)),                                 \
       static_cast<long long>(sizeof(type::field)))
#define CONSTANT(name) line(out, "const", #name, static_cast<long long>(name))

void llama_structs(std::string & out) {
  SIZE(llama_model_params);
  FIELD(llama_model_params, devices);
  FIELD(llama_model_params, tensor_buft_overrides);
  FIELD(llama_model_params, n_gpu_layers);
  FIELD(llama_model_params, split_mode);
  FIELD(llama_model_params, load_mode);
  FIELD(llama_model_params, lazy_mode);
  FIELD(llama_model_params, main_gpu);
  FIELD(llama_model_params, tensor_split);
  FIELD(llama_model_params, progress_callback);
  FIELD(llama_model_params, progress_callback_user_data);
  FIELD(llama_model_params, kv_overrides);
  FIELD(llama_model_params, vocab_only);
  FIELD(llama_model_params, check_tensors);
  FIELD(llama_model_params, use_extra_bufts);
  FIELD(llama_model_params, no_host);
  FIELD(llama_model_params, no_alloc);
  FIELD(llama_model_params, load_mtp);
  SIZE(llama_context_params);
  FIELD(llama_context_params, n_ctx);
  FIELD(llama_context_params, n_batch);
  FIELD(llama_context_params, n_ubatch);
  FIELD(llama_context_params, n_seq_max);
  FIELD(llama_context_params, n_rs_seq);
  FIELD(llama_context_params, n_outputs_max);
  FIELD(llama_context_params, n_outputs_max_per_seq);
  FIELD(llama_context_params, n_threads);
  FIELD(llama_context_params, n_threads_batch);
  FIELD(llama_context_params, ctx_type);
  FIELD(llama_context_params, rope_scaling_type);
  FIELD(llama_context_params, pooling_type);
  FIELD(llama_context_params, attention_type);
  FIELD(llama_context_params, flash_attn_type);
  FIELD(llama_context_params, rope_freq_base);
  FIELD(llama_context_params, rope_freq_scale);
  FIELD(llama_context_params, yarn_ext_factor);
  FIELD(llama_context_params, yarn_attn_factor);
  FIELD(llama_context_params, yarn_beta_fast);
  FIELD(llama_context_params, yarn_beta_slow);
  FIELD(llama_context_params, yarn_orig_ctx);
  FIELD(llama_context_params, defrag_thold);
  FIELD(llama_context_params, cb_eval);
  FIELD(llama_context_params, cb_eval_user_data);
  FIELD(llama_context_params, type_k);
  FIELD(llama_context_params, type_v);
  FIELD(llama_context_params, abort_callback);
  FIELD(llama_context_params, abort_callback_data);
  FIELD(llama_context_params, embeddings);
  FIELD(llama_context_params, offload_kqv);
  FIELD(llama_context_params, no_perf);
  FIELD(llama_context_params, op_offload);
  FIELD(llama_context_params, swa_full);
  FIELD(llama_context_params, kv_unified);
  FIELD(llama_context_params, samplers);
  FIELD(llama_context_params, n_samplers);
  FIELD(llama_context_params, ctx_other);
  SIZE(llama_sampler_seq_config);
  FIELD(llama_sampler_seq_config, seq_id);
  FIELD(llama_sampler_seq_config, sampler);
  SIZE(llama_batch);
  FIELD(llama_batch, n_tokens);
  FIELD(llama_batch, token);
  FIELD(llama_batch, embd);
  FIELD(llama_batch, pos);
  FIELD(llama_batch, n_seq_id);
  FIELD(llama_batch, seq_id);
  FIELD(llama_batch, logits);
  SIZE(llama_sampler_chain_params);
  FIELD(llama_sampler_chain_params, no_perf);
}

void ggml_structs(std::string & out) {
  SIZE(ggml_init_params);
  FIELD(ggml_init_params, mem_size);
  FIELD(ggml_init_params, mem_buffer);
  FIELD(ggml_init_params, no_alloc);
  SIZE(ggml_tensor);
  FIELD(ggml_tensor, type);
  FIELD(ggml_tensor, buffer);
  FIELD(ggml_tensor, ne);
  FIELD(ggml_tensor, nb);
  FIELD(ggml_tensor, op);
  FIELD(ggml_tensor, op_params);
  FIELD(ggml_tensor, flags);
  FIELD(ggml_tensor, src);
  FIELD(ggml_tensor, view_src);
  FIELD(ggml_tensor, view_offs);
  FIELD(ggml_tensor, data);
  FIELD(ggml_tensor, name);
  FIELD(ggml_tensor, extra);
  FIELD(ggml_tensor, padding);
}

void constants(std::string & out) {
  CONSTANT(GGML_TYPE_F32);
  CONSTANT(GGML_TYPE_F16);
  CONSTANT(GGML_TYPE_Q4_0);
  CONSTANT(GGML_TYPE_Q4_1);
  CONSTANT(GGML_TYPE_Q5_0);
  CONSTANT(GGML_TYPE_Q5_1);
  CONSTANT(GGML_TYPE_Q8_0);
  CONSTANT(GGML_TYPE_Q4_K);
  CONSTANT(GGML_TYPE_Q5_K);
  CONSTANT(GGML_TYPE_Q6_K);
  CONSTANT(GGML_TYPE_I32);
  CONSTANT(GGML_TYPE_I64);
  CONSTANT(GGML_TYPE_BF16);
  CONSTANT(GGML_TYPE_COUNT);
  CONSTANT(GGML_OP_COUNT);
  CONSTANT(GGML_MAX_DIMS);
  CONSTANT(GGML_MAX_SRC);
  CONSTANT(GGML_MAX_NAME);
  CONSTANT(GGML_MAX_OP_PARAMS);
  CONSTANT(LLAMA_FLASH_ATTN_TYPE_AUTO);
  CONSTANT(LLAMA_FLASH_ATTN_TYPE_DISABLED);
  CONSTANT(LLAMA_FLASH_ATTN_TYPE_ENABLED);
  CONSTANT(LLAMA_LOAD_MODE_NONE);
  CONSTANT(LLAMA_LOAD_MODE_MMAP);
  CONSTANT(LLAMA_SPLIT_MODE_NONE);
  CONSTANT(LLAMA_POOLING_TYPE_NONE);
  CONSTANT(GGML_LOG_LEVEL_NONE);
  CONSTANT(GGML_LOG_LEVEL_DEBUG);
  CONSTANT(GGML_LOG_LEVEL_INFO);
  CONSTANT(GGML_LOG_LEVEL_WARN);
  CONSTANT(GGML_LOG_LEVEL_ERROR);
  CONSTANT(GGML_LOG_LEVEL_CONT);
  CONSTANT(GGML_ROPE_TYPE_NORMAL);
  CONSTANT(GGML_ROPE_TYPE_NEOX);
  CONSTANT(GGML_PREC_F32);
  CONSTANT(GGML_BACKEND_DEVICE_TYPE_GPU);
  CONSTANT(LLAMA_SPLIT_MODE_NONE);
  CONSTANT(LLAMA_SPLIT_MODE_LAYER);
  CONSTANT(LLAMA_SPLIT_MODE_ROW);
  CONSTANT(LLAMA_SPLIT_MODE_TENSOR);
  CONSTANT(LLAMA_TOKEN_ATTR_UNKNOWN);
  CONSTANT(LLAMA_TOKEN_ATTR_CONTROL);
  CONSTANT(LLAMA_TOKEN_ATTR_USER_DEFINED);
  CONSTANT(SPHERE_TOKENIZE_BYTES);
  CONSTANT(SPHERE_ATTENTION_BLOCK);
  CONSTANT(SPHERE_INVALID_ARGUMENT);
  CONSTANT(SPHERE_OUT_OF_MEMORY);
  CONSTANT(SPHERE_CUDA_NO_DEVICE);
  CONSTANT(SPHERE_CUDA_OLD_DRIVER);
  CONSTANT(SPHERE_CUDA_LOST);
  CONSTANT(SPHERE_CUDA_NO_KERNELS);
  CONSTANT(SPHERE_DECODE_EMBEDDING);
  CONSTANT(SPHERE_DECODE_OUTPUT);
  CONSTANT(SPHERE_DECODE_OUTPUT_BIAS);
  CONSTANT(SPHERE_DECODE_OUTPUT_NORM);
  CONSTANT(SPHERE_DECODE_ROPE_FACTORS);
  CONSTANT(SPHERE_DECODE_LAYERS);
  CONSTANT(SPHERE_DECODE_NORM);
  CONSTANT(SPHERE_DECODE_Q);
  CONSTANT(SPHERE_DECODE_K);
  CONSTANT(SPHERE_DECODE_V);
  CONSTANT(SPHERE_DECODE_ATTENTION_OUT);
  CONSTANT(SPHERE_DECODE_GATE);
  CONSTANT(SPHERE_DECODE_UP);
  CONSTANT(SPHERE_DECODE_DOWN);
  CONSTANT(SPHERE_DECODE_FEED_NORM);
  CONSTANT(SPHERE_DECODE_Q_NORM);
  CONSTANT(SPHERE_DECODE_K_NORM);
  CONSTANT(SPHERE_DECODE_Q_BIAS);
  CONSTANT(SPHERE_DECODE_K_BIAS);
  CONSTANT(SPHERE_DECODE_V_BIAS);
  CONSTANT(SPHERE_DECODE_ATTENTION_OUT_BIAS);
  CONSTANT(SPHERE_DECODE_GATE_BIAS);
  CONSTANT(SPHERE_DECODE_UP_BIAS);
  CONSTANT(SPHERE_DECODE_DOWN_BIAS);
  CONSTANT(SPHERE_DECODE_LAYER);
  CONSTANT(GGML_BACKEND_BUFFER_USAGE_WEIGHTS);
  CONSTANT(GGML_BACKEND_BUFFER_USAGE_COMPUTE);
  CONSTANT(GGML_TENSOR_FLAG_OUTPUT);
  CONSTANT(GGML_TENSOR_FLAG_INPUT);
}

void sphere_structs(std::string & out) {
  SIZE(sphere_draw);
  FIELD(sphere_draw, seed);
  FIELD(sphere_draw, problem);
  FIELD(sphere_draw, node);
  FIELD(sphere_draw, draw);
  FIELD(sphere_draw, index);
  FIELD(sphere_draw, row);
  FIELD(sphere_draw, top_k);
  FIELD(sphere_draw, temperature);
  FIELD(sphere_draw, top_p);
  FIELD(sphere_draw, min_p);
  FIELD(sphere_draw, token);
  FIELD(sphere_draw, logprob);
  FIELD(sphere_draw, sampling_logprob);
  SIZE(sphere_decode_model);
  FIELD(sphere_decode_model, vocabulary);
  FIELD(sphere_decode_model, width);
  FIELD(sphere_decode_model, layers);
  FIELD(sphere_decode_model, heads);
  FIELD(sphere_decode_model, kv_heads);
  FIELD(sphere_decode_model, head);
  FIELD(sphere_decode_model, feed_forward);
  FIELD(sphere_decode_model, neox);
  FIELD(sphere_decode_model, rope_base);
  FIELD(sphere_decode_model, epsilon);
  FIELD(sphere_decode_model, weights);
  FIELD(sphere_decode_model, types);
  SIZE(sphere_cuda_device);
  FIELD(sphere_cuda_device, name);
  FIELD(sphere_cuda_device, memory);
  FIELD(sphere_cuda_device, index);
  FIELD(sphere_cuda_device, major);
  FIELD(sphere_cuda_device, minor);
  FIELD(sphere_cuda_device, processors);
  FIELD(sphere_cuda_device, pci_bus);
  FIELD(sphere_cuda_device, pci_device);
}

std::string make_table() {
  std::string out = "version llama " SPHERE_LLAMA_VERSION "\nversion sphere " SPHERE_VERSION "\n";
  llama_structs(out);
  ggml_structs(out);
  sphere_structs(out);
  constants(out);
  return out;
}

} // namespace

const char * sphere_abi_table(void) {
  try {
    static const std::string table = make_table();
    return table.c_str();
  } catch (...) {
    sphere::set_last_error("out of memory for the ABI table");
    return "";
  }
}
