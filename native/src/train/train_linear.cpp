// Linear layers: forward, and the gradients of input, weight and bias.
#include "sphere_train.h"

#include "common/simd.hpp"
#include "matmul/matmul_unpack.hpp"
#include "train/device_graph.hpp"
#include "train/gemm.hpp"
#include "train/train_node.hpp"

#include <algorithm>
#include <array>

namespace sphere {

namespace {

// settings.ints[1] of linear, linear_dx and linear_dw: products of numbers rounded to BF16
void product(const ggml_tensor * node, int64_t m, int64_t n, int64_t k, const MatrixA & a, const MatrixB & b,
             const float * bias, bool accumulate, int ith, int nth) {
  const bool half = settings(node).ints[1] != 0;
  float * memory = scratch(gemm_scratch(half, m, n, k));
  if (memory != nullptr) {
    gemm(half, {m, n, k, a, b, floats(node), n, bias, accumulate}, ith, nth, memory);
  }
}

// Part of a row of a weight of any type, from number j0 (a whole number of blocks) on.
void dequantise(const void * source, int64_t i, int64_t j0, int64_t nc, float * out) {
  const auto * w = static_cast<const ggml_tensor *>(source);
  const char * row = static_cast<const char *>(w->data) + i * w->nb[1] + ggml_row_size(w->type, j0);
  floats_of(w->type)(row, out, nc);
}

// The same of F16 as numbers that BF16 has. F16's digits beyond it are eighths of its unit: a number is rounded up in
// so many of eight places, down in the others. To the nearest, a change of less than half a unit would be gone from all
// of them, and a model is merged into F16 because of such changes; so they are there on average.
void f16_by_place(const void * source, int64_t i, int64_t j0, int64_t nc, float * out) {
  static const auto steps = [] {
    constexpr uint32_t EIGHTHS[8] = {0, 4, 2, 6, 1, 5, 3, 7}; // neighbours differ much, in rows and in columns
    std::array<uint32_t, 8 + kWidth> all;
    for (size_t p = 0; p < all.size(); p++) {
      all[p] = EIGHTHS[p % 8] << 13;
    }
    return all;
  }();
  dequantise(source, i, j0, nc, out);
  for (int64_t j = 0; j < nc; j += kWidth) {
    const auto n = static_cast<size_t>(std::min<int64_t>(kWidth, nc - j));
    const auto bits = hn::BitCast(Words(), hn::LoadN(Floats(), out + j, n));
    const auto more = hn::Add(bits, hn::LoadU(Words(), steps.data() + (3 * i + j0 + j) % 8));
    hn::StoreN(hn::BitCast(Floats(), hn::And(more, hn::Set(Words(), 0xffff0000))), Floats(), out + j, n);
  }
}

// The weight [in, out] as the right factor: turned it is [in x out], as it lies [out x in].
MatrixB right_factor(const ggml_tensor * w, bool turned, bool bf16) {
  const int64_t row = turned ? 1 : w->ne[0];
  const int64_t column = turned ? w->ne[0] : 1;
  if (w->type == GGML_TYPE_F32) {
    return {floats(w), row, column, nullptr, nullptr};
  }
  if (w->type == GGML_TYPE_BF16 && bf16) {
    return {nullptr, row, column, nullptr, nullptr, halves(w)};
  }
  return {nullptr, turned ? 1 : 0, 0, w->type == GGML_TYPE_F16 && bf16 ? f16_by_place : dequantise, w};
}

void linear(ggml_tensor * y, int ith, int nth, void *) {
  const ggml_tensor * w = y->src[0];
  const ggml_tensor * x = y->src[1];
  const float * bias = y->src[2] == nullptr ? nullptr : floats(y->src[2]);
  product(y, x->ne[1], w->ne[1], w->ne[0], MatrixA{floats(x), w->ne[0], 1},
          right_factor(w, true, settings(y).ints[1] != 0), bias, false, ith, nth);
}

// src: (into,) weight, dy; settings.ints[0] tells whether `into` is there
void linear_dx(ggml_tensor * dx, int ith, int nth, void *) {
  const Settings s = settings(dx);
  const int first = s.ints[0];
  const ggml_tensor * w = dx->src[first];
  const ggml_tensor * dy = dx->src[first + 1];
  const int64_t in = w->ne[0];
  const int64_t out = w->ne[1];
  product(dx, dy->ne[1], in, out, MatrixA{floats(dy), out, 1}, right_factor(w, false, s.ints[1] != 0), nullptr,
          first == 1, ith, nth);
}

// src: into, x, dy
void linear_dw(ggml_tensor * dw, int ith, int nth, void *) {
  const ggml_tensor * x = dw->src[1];
  const ggml_tensor * dy = dw->src[2];
  const int64_t in = x->ne[0];
  const int64_t out = dy->ne[0];
  const int64_t n = x->ne[1];
  product(dw, out, in, n, MatrixA{floats(dy), 1, out}, MatrixB{floats(x), in, 1, nullptr, nullptr}, nullptr, true, ith,
          nth);
}

// src: into, dy
void sum_rows(ggml_tensor * node, int ith, int nth, void *) {
  const ggml_tensor * dy = node->src[1];
  const int64_t width = dy->ne[0];
  float * total = floats(node);
  const Part columns = part(width, kWidth, ith, nth);
  for (int64_t j = columns.from; j < columns.to; j += kWidth) {
    const int n = static_cast<int>(std::min<int64_t>(kWidth, columns.to - j));
    Vec acc = zero();
    for (int64_t i = 0; i < dy->ne[1]; i++) {
      const float * row = floats(dy) + i * width + j;
      acc = add(acc, n == kWidth ? load(row) : load_part(row, n, 0));
    }
    store_part(total + j, add(acc, load_part(total + j, n, 0)), n);
  }
}

// src: (into,) dy, rows. The columns are shared out, so a row that occurs twice is summed in order.
void scatter(ggml_tensor * node, int ith, int nth, void *) {
  const int first = settings(node).ints[0];
  const ggml_tensor * dy = node->src[first];
  const int32_t * rows = ints(node->src[first + 1]);
  const int64_t width = dy->ne[0];
  const Part columns = part(width, kWidth, ith, nth);
  const size_t n = static_cast<size_t>(columns.to - columns.from);
  if (first == 0) {
    for (int64_t i = 0; i < node->ne[1]; i++) {
      std::memset(floats(node) + i * width + columns.from, 0, n * sizeof(float));
    }
  }
  for (int64_t i = 0; i < dy->ne[1]; i++) {
    if (rows[i] < 0 || rows[i] >= node->ne[1]) {
      return reject("scatter: a row is out of range");
    }
    float * to = floats(node) + rows[i] * width;
    const float * from = floats(dy) + i * width;
    for (int64_t j = columns.from; j < columns.to; j++) {
      to[j] += from[j];
    }
  }
}

// The products have no kernels of ours on a device: there ggml's are taken (TrainingKernels.linear is not offered).
const bool on_device = offer_on_device(sum_rows,
                                       [](const sphere_device_api & d, const ggml_tensor * y) {
                                         const ggml_tensor * dy = y->src[1];
                                         return d.sum_rows(floats(dy), floats(y), dy->ne[0], dy->ne[1]);
                                       }) &&
                       offer_on_device(scatter, [](const sphere_device_api & d, const ggml_tensor * y) {
                         const int first = settings(y).ints[0];
                         const ggml_tensor * dy = y->src[first];
                         return d.scatter(floats(dy), ints(y->src[first + 1]), dy->ne[1], floats(y), dy->ne[0],
                                          y->ne[1], first == 0 ? 1 : 0);
                       });

} // namespace
} // namespace sphere

using sphere::guarded_node;
using sphere::require;
using sphere::require_floats;
using sphere::require_ints;
using sphere::Settings;

int64_t sphere_has_bf16_products(void) { return sphere::has_gemm_bf16() ? 1 : 0; }

namespace {

void require_weight(const ggml_tensor * w, const char * what) {
  require(w != nullptr && ggml_is_contiguous(w) &&
              (w->type == GGML_TYPE_F32 || (ggml_get_type_traits(w->type)->to_float != nullptr &&
                                            sphere::kColumnBlock % ggml_blck_size(w->type) == 0)),
          what);
}

Settings precision(int32_t bf16) {
  require(bf16 == 0 || sphere::has_gemm_bf16(), "this CPU has no BF16 products");
  Settings s{};
  s.ints[1] = bf16;
  return s;
}

} // namespace

ggml_tensor * sphere_op_linear(ggml_context * ctx, ggml_tensor * weight, ggml_tensor * x, ggml_tensor * bias,
                               int32_t bf16) {
  return guarded_node([&] {
    require_floats({x}, "linear: x must be contiguous F32");
    require_weight(weight, "linear: the weight must be contiguous, of a type that can be turned into floats");
    require(ggml_is_matrix(weight) && ggml_is_matrix(x) && weight->ne[0] == x->ne[0], "linear: shapes do not fit");
    const Settings s = precision(bf16);
    if (bias == nullptr) {
      return sphere::new_node(ctx, sphere::linear, {weight, x}, s, weight->ne[1], x->ne[1]);
    }
    require_floats({bias}, "linear: bias must be contiguous F32");
    require(ggml_nelements(bias) == weight->ne[1], "linear: the bias does not fit");
    return sphere::new_node(ctx, sphere::linear, {weight, x, bias}, s, weight->ne[1], x->ne[1]);
  });
}

ggml_tensor * sphere_op_linear_dx(ggml_context * ctx, ggml_tensor * weight, ggml_tensor * dy, ggml_tensor * into,
                                  int32_t bf16) {
  return guarded_node([&] {
    require_floats({dy}, "linear_dx: dy must be contiguous F32");
    require(weight != nullptr && ggml_is_matrix(weight) && ggml_is_matrix(dy) && weight->ne[1] == dy->ne[0],
            "linear_dx: shapes do not fit");
    require_weight(weight, "linear_dx: the weight must be contiguous, of a type that can be turned into floats");
    Settings s = precision(bf16);
    if (into == nullptr) {
      return sphere::new_node(ctx, sphere::linear_dx, {weight, dy}, s, weight->ne[0], dy->ne[1]);
    }
    require_floats({into}, "linear_dx: the target must be contiguous F32");
    require(into->ne[0] == weight->ne[0] && into->ne[1] == dy->ne[1], "linear_dx: the target does not fit");
    s.ints[0] = 1;
    return sphere::node_into(ctx, sphere::linear_dx, into, {weight, dy}, s);
  });
}

ggml_tensor * sphere_op_linear_dw(ggml_context * ctx, ggml_tensor * x, ggml_tensor * dy, ggml_tensor * into,
                                  int32_t bf16) {
  return guarded_node([&] {
    require_floats({x, dy, into}, "linear_dw: all must be contiguous F32");
    require(ggml_is_matrix(x) && ggml_is_matrix(dy) && x->ne[1] == dy->ne[1] && into->ne[0] == x->ne[0] &&
                into->ne[1] == dy->ne[0],
            "linear_dw: shapes do not fit");
    return sphere::node_into(ctx, sphere::linear_dw, into, {x, dy}, precision(bf16));
  });
}

ggml_tensor * sphere_op_sum_rows(ggml_context * ctx, ggml_tensor * dy, ggml_tensor * into) {
  return guarded_node([&] {
    require_floats({dy, into}, "sum_rows: all must be contiguous F32");
    require(ggml_is_matrix(dy) && ggml_nelements(into) == dy->ne[0], "sum_rows: shapes do not fit");
    return sphere::node_into(ctx, sphere::sum_rows, into, {dy}, Settings{});
  });
}

ggml_tensor * sphere_op_scatter(ggml_context * ctx, ggml_tensor * dy, ggml_tensor * rows, ggml_tensor * into) {
  return guarded_node([&] {
    require_floats({dy, into}, "scatter: all must be contiguous F32");
    require_ints({rows}, "scatter: rows must be contiguous I32");
    require(ggml_is_matrix(dy) && ggml_is_matrix(into) && ggml_nelements(rows) == dy->ne[1] && into->ne[0] == dy->ne[0],
            "scatter: shapes do not fit");
    Settings s{};
    s.ints[0] = 1;
    return sphere::node_into(ctx, sphere::scatter, into, {dy, rows}, s);
  });
}

ggml_tensor * sphere_op_scatter_new(ggml_context * ctx, ggml_tensor * dy, ggml_tensor * rows, int64_t n) {
  return guarded_node([&] {
    require_floats({dy}, "scatter: dy must be contiguous F32");
    require_ints({rows}, "scatter: rows must be contiguous I32");
    require(ggml_is_matrix(dy) && ggml_nelements(rows) == dy->ne[1] && n > 0, "scatter: shapes do not fit");
    return sphere::new_node(ctx, sphere::scatter, {dy, rows}, Settings{}, dy->ne[0], n);
  });
}
