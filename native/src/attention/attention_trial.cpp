// One node of each kind, by ggml and by us. See attention_trial.hpp.
#include "attention/attention_trial.hpp"

#include "matmul/matmul.hpp"

#include "ggml-backend.h"
#include "ggml-cpu.h"
#include "ggml.h"

#include <cmath>
#include <iterator>
#include <memory>
#include <new>
#include <vector>

namespace sphere {
namespace {

constexpr int THREADS = 2;
constexpr int64_t K = 256, ROWS = 16, TOKENS = 3, HEAD = 32, HEADS = 4, KV_HEADS = 2, CELLS = 32;

// Weights whose products libsphere computes.
constexpr ggml_type TYPES[] = {GGML_TYPE_F32,  GGML_TYPE_F16,    GGML_TYPE_BF16, GGML_TYPE_Q8_0, GGML_TYPE_Q4_K,
                               GGML_TYPE_Q5_K, GGML_TYPE_Q6_K,   GGML_TYPE_Q4_0, GGML_TYPE_Q4_1, GGML_TYPE_Q5_0,
                               GGML_TYPE_Q5_1, GGML_TYPE_IQ4_NL, GGML_TYPE_Q2_K, GGML_TYPE_Q3_K, GGML_TYPE_IQ4_XS};

// Room for the graph. ggml ends the process when inputs or nodes are more: an attention node has four inputs, a product
// two.
constexpr size_t GRAPH = 64;
static_assert(4 + 2 * std::size(TYPES) <= GRAPH, "the inputs of every type must find room");

struct FreeContext {
  void operator()(ggml_context * c) const { ggml_free(c); }
};
struct FreeBackend {
  void operator()(ggml_backend_t b) const { ggml_backend_free(b); }
};
struct FreeBuffer {
  void operator()(ggml_backend_buffer_t b) const { ggml_backend_buffer_free(b); }
};

template <typename T> T * made(T * p) {
  if (p == nullptr) {
    throw std::bad_alloc();
  }
  return p;
}

// Numbers between -1 and 1 in the tensor's type; row by row.
void fill(ggml_tensor * t, uint32_t seed) {
  std::vector<float> x(static_cast<size_t>(ggml_nelements(t)));
  for (float & v : x) {
    seed = seed * 1664525u + 1013904223u;
    v = static_cast<float>(static_cast<int32_t>(seed)) * 0x1p-31f;
  }
  ggml_quantize_chunk(t->type, x.data(), t->data, 0, ggml_nrows(t), t->ne[0], nullptr);
}

struct Trial {
  std::unique_ptr<ggml_context, FreeContext> context{
      made(ggml_init({2 * GRAPH * ggml_tensor_overhead() + ggml_graph_overhead_custom(GRAPH, false), nullptr, true}))};
  std::unique_ptr<ggml_backend, FreeBackend> backend{made(ggml_backend_cpu_init())};
  std::unique_ptr<ggml_backend_buffer, FreeBuffer> buffer;
  std::vector<ggml_tensor *> inputs, nodes;
  std::vector<float> tolerances; // of each node, relative to its largest number
  ggml_cgraph * graph = ggml_new_graph_custom(context.get(), GRAPH, false);

  ggml_tensor * input(ggml_type type, int64_t a, int64_t b, int64_t c = 1) {
    inputs.push_back(ggml_new_tensor_3d(context.get(), type, a, b, c));
    return inputs.back();
  }

  void node(ggml_tensor * t, float tolerance) {
    nodes.push_back(t);
    tolerances.push_back(tolerance);
    ggml_build_forward_expand(graph, t);
  }

  Trial() {
    ggml_backend_cpu_set_n_threads(backend.get(), THREADS);
    ggml_context * c = context.get();
    ggml_tensor * mask = input(GGML_TYPE_F16, CELLS, 64); // rows enough for every version's padding
    node(ggml_flash_attn_ext(c, input(GGML_TYPE_F32, HEAD, TOKENS, HEADS), input(GGML_TYPE_F16, HEAD, CELLS, KV_HEADS),
                             input(GGML_TYPE_F16, HEAD, CELLS, KV_HEADS), mask, 0.2f, 0, 0),
         1e-2f);
    const size_t known = matmul_known() ? std::size(TYPES) : 0;
    for (size_t i = 0; i < known; i++) { // ggml rounds activations to 8 bits where weights are quantised
      const ggml_type type = TYPES[i];
      node(ggml_mul_mat(c, input(type, K, ROWS), input(GGML_TYPE_F32, K, TOKENS)), 3e-2f);
    }
    buffer.reset(made(ggml_backend_alloc_ctx_tensors(c, backend.get())));
    for (size_t i = 0; i < inputs.size(); i++) {
      fill(inputs[i], static_cast<uint32_t>(i) + 1);
    }
  }

  std::vector<std::vector<float>> results() const {
    std::vector<std::vector<float>> all;
    for (ggml_tensor * t : nodes) { // so that what is not computed is not the other kernel's
      ggml_backend_tensor_memset(t, 0, 0, ggml_nbytes(t));
    }
    if (ggml_backend_graph_compute(backend.get(), graph) != GGML_STATUS_SUCCESS) {
      throw std::bad_alloc();
    }
    for (const ggml_tensor * t : nodes) {
      all.emplace_back(static_cast<size_t>(ggml_nelements(t)));
      ggml_backend_tensor_get(t, all.back().data(), 0, ggml_nbytes(t));
    }
    return all;
  }
};

} // namespace

std::string hook_trial(void (*enable)(bool), int64_t (*computed)()) {
  const Trial trial;
  enable(false);
  const auto theirs = trial.results();
  const int64_t before = computed();
  enable(true);
  const auto ours = trial.results();
  enable(false);
  if (computed() - before != static_cast<int64_t>(trial.nodes.size())) {
    return "this ggml asks for " + std::to_string(computed() - before) + " of " + std::to_string(trial.nodes.size()) +
           " nodes that libsphere computes";
  }
  for (size_t i = 0; i < theirs.size(); i++) {
    float largest = 0;
    for (const float v : theirs[i]) {
      largest = std::fmax(largest, std::fabs(v));
    }
    for (size_t j = 0; j < theirs[i].size(); j++) {
      if (!(std::fabs(ours[i][j] - theirs[i][j]) <= trial.tolerances[i] * largest)) {
        const ggml_tensor * t = trial.nodes[i];
        return std::string("libsphere and this ggml disagree about ") + ggml_op_desc(t) + " of " +
               ggml_type_name(t->src[t->op == GGML_OP_MUL_MAT ? 0 : 1]->type);
      }
    }
  }
  return "";
}

} // namespace sphere
