// How a training kernel becomes a node of a ggml graph.
#pragma once

#include "common/barrier.hpp"
#include "ggml.h"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <initializer_list>
#include <stdexcept>

namespace sphere {

using Args = std::initializer_list<ggml_tensor *>;

// Settings of a node, behind what ggml keeps for custom operations.
struct Settings {
  int32_t ints[4];
  float floats[3];
};
constexpr int kSettingsAt = 9; // in 4-byte words of op_params; ggml's own part is 24 bytes

inline Settings settings(const ggml_tensor * node) {
  Settings s{};
  std::memcpy(&s, node->op_params + kSettingsAt, sizeof s);
  return s;
}

inline ggml_tensor * keep_settings(ggml_tensor * node, const Settings & s) {
  static_assert(kSettingsAt * 4 + sizeof(Settings) <= GGML_MAX_OP_PARAMS, "settings fit into op_params");
  std::memcpy(node->op_params + kSettingsAt, &s, sizeof s);
  return node;
}

// A node with a result of its own.
inline ggml_tensor * new_node(ggml_context * ctx, ggml_custom_op_t f, Args args, const Settings & s, int64_t ne0,
                              int64_t ne1 = 1, int64_t ne2 = 1) {
  ggml_tensor * list[GGML_MAX_SRC];
  std::copy(args.begin(), args.end(), list);
  return keep_settings(ggml_custom_4d(ctx, GGML_TYPE_F32, ne0, ne1, ne2, 1, list, static_cast<int>(args.size()), f,
                                      GGML_N_TASKS_MAX, nullptr),
                       s);
}

// A node that writes into `target`; the target is src[0].
inline ggml_tensor * node_into(ggml_context * ctx, ggml_custom_op_t f, ggml_tensor * target, Args args,
                               const Settings & s) {
  ggml_tensor * list[GGML_MAX_SRC];
  std::copy(args.begin(), args.end(), list);
  return keep_settings(
      ggml_custom_inplace(ctx, target, list, static_cast<int>(args.size()), f, GGML_N_TASKS_MAX, nullptr), s);
}

inline void require(bool condition, const char * what) {
  if (!condition) {
    throw std::invalid_argument(what);
  }
}

inline void require_floats(Args tensors, const char * what) {
  for (const ggml_tensor * t : tensors) {
    require(t != nullptr && t->type == GGML_TYPE_F32 && ggml_is_contiguous(t), what);
  }
}

inline void require_ints(Args tensors, const char * what) {
  for (const ggml_tensor * t : tensors) {
    require(t != nullptr && t->type == GGML_TYPE_I32 && ggml_is_contiguous(t), what);
  }
}

// Runs what makes a node; NULL where it throws.
template <typename Body> ggml_tensor * guarded_node(Body && body) noexcept {
  ggml_tensor * node = nullptr;
  guarded([&] { node = body(); });
  return node;
}

inline float * floats(const ggml_tensor * t) { return static_cast<float *>(t->data); }
inline const uint16_t * halves(const ggml_tensor * t) { return static_cast<const uint16_t *>(t->data); }
inline const int32_t * ints(const ggml_tensor * t) { return static_cast<const int32_t *>(t->data); }

// This thread's share of n items in whole units.
struct Part {
  int64_t from;
  int64_t to;
};
inline Part part(int64_t n, int64_t unit, int ith, int nth) {
  const int64_t units = (n + unit - 1) / unit;
  return {std::min(n, units * ith / nth * unit), std::min(n, units * (ith + 1) / nth * unit)};
}

// Scratch memory of the calling thread, 64-byte aligned, kept between calls; NULL when there is none to be had. Then
// the kernel leaves its share as it is, and sphere_graph_compute() fails: any thread of a node may be the one without.
float * scratch(int64_t floats) noexcept;

// What a kernel does whose arrays name a row, a token or a parent that does not exist: as above.
void reject(const char * what) noexcept;

// Failures of kernels in this process so far; and what the last one was.
struct KernelFailures {
  int64_t count;
  const char * what; // NULL: a thread got no memory
};
KernelFailures kernel_failures() noexcept;

} // namespace sphere
