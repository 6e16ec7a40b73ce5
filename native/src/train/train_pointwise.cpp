// RMS norm and SwiGLU with their gradients, one pass each.
#include "sphere_train.h"

#include "common/half.hpp"
#include "common/simd.hpp"
#include "train/device_graph.hpp"
#include "train/train_node.hpp"

#include <cmath>

namespace sphere {
namespace {

// Calls body(offset, load, store) over n floats, whole vectors first, then the rest.
template <typename Whole, typename Rest> inline void vectors(int64_t n, Whole && whole, Rest && rest) {
  int64_t j = 0;
  for (; j + kWidth <= n; j += kWidth) {
    whole(j);
  }
  if (j < n) {
    rest(j, static_cast<int>(n - j));
  }
}

float dot(const float * a, const float * b, int64_t n) {
  Vec acc = zero();
  vectors(
      n, [&](int64_t j) { acc = fma(load(a + j), load(b + j), acc); },
      [&](int64_t j, int r) { acc = fma(load_part(a + j, r, 0), load_part(b + j, r, 0), acc); });
  return sum(acc);
}

float inverse_norm(const float * x, int64_t width, float eps) {
  return 1.0f / std::sqrt(dot(x, x, width) / static_cast<float>(width) + eps);
}

void rms_norm(ggml_tensor * y, int ith, int nth, void *) {
  const ggml_tensor * x = y->src[0];
  const float * w = floats(y->src[1]);
  const float eps = settings(y).floats[0];
  const int64_t width = x->ne[0];
  const Part rows = part(x->ne[1], 1, ith, nth);
  for (int64_t i = rows.from; i < rows.to; i++) {
    const float * from = floats(x) + i * width;
    float * to = floats(y) + i * width;
    const float r = inverse_norm(from, width, eps);
    const Vec rv = set1(r);
    vectors(
        width, [&](int64_t j) { store(to + j, mul(mul(load(from + j), rv), load(w + j))); },
        [&](int64_t j, int n) {
          store_part(to + j, mul(mul(load_part(from + j, n, 0), rv), load_part(w + j, n, 0)), n);
        });
  }
}

// With g = dy * w and r = 1 / norm: dx = r * (g - x * r^2 * mean(g * x)).
void rms_norm_dx(ggml_tensor * dx, int ith, int nth, void *) {
  const Settings s = settings(dx);
  const int first = s.ints[0];
  const ggml_tensor * x = dx->src[first];
  const float * w = floats(dx->src[first + 1]);
  const ggml_tensor * dy = dx->src[first + 2];
  const int64_t width = x->ne[0];
  const Part rows = part(x->ne[1], 1, ith, nth);
  for (int64_t i = rows.from; i < rows.to; i++) {
    const float * xi = floats(x) + i * width;
    const float * di = floats(dy) + i * width;
    float * to = floats(dx) + i * width;
    const float r = inverse_norm(xi, width, s.floats[0]);
    Vec acc = zero();
    vectors(
        width, [&](int64_t j) { acc = fma(mul(load(di + j), load(w + j)), load(xi + j), acc); },
        [&](int64_t j, int n) {
          acc = fma(mul(load_part(di + j, n, 0), load_part(w + j, n, 0)), load_part(xi + j, n, 0), acc);
        });
    const Vec rv = set1(r);
    const Vec back = set1(-r * r * r * sum(acc) / static_cast<float>(width));
    vectors(
        width,
        [&](int64_t j) {
          const Vec g = mul(mul(load(di + j), load(w + j)), rv);
          store(to + j, add(first == 1 ? load(to + j) : zero(), fma(load(xi + j), back, g)));
        },
        [&](int64_t j, int n) {
          const Vec g = mul(mul(load_part(di + j, n, 0), load_part(w + j, n, 0)), rv);
          const Vec before = first == 1 ? load_part(to + j, n, 0) : zero();
          store_part(to + j, add(before, fma(load_part(xi + j, n, 0), back, g)), n);
        });
  }
}

// src: into, x, dy. dw = sum over rows of dy * x * r; the columns are shared out.
void rms_norm_dw(ggml_tensor * dw, int ith, int nth, void *) {
  const ggml_tensor * x = dw->src[1];
  const ggml_tensor * dy = dw->src[2];
  const int64_t width = x->ne[0];
  const Part columns = part(width, kWidth, ith, nth);
  const int64_t n = columns.to - columns.from;
  if (n <= 0) {
    return;
  }
  float * total = scratch(n);
  if (total == nullptr) {
    return;
  }
  std::fill_n(total, n, 0.0f);
  for (int64_t i = 0; i < x->ne[1]; i++) {
    const float * xi = floats(x) + i * width;
    const float * di = floats(dy) + i * width + columns.from;
    const Vec r = set1(inverse_norm(xi, width, settings(dw).floats[0]));
    vectors(
        n,
        [&](int64_t j) { store(total + j, fma(mul(load(di + j), load(xi + columns.from + j)), r, load(total + j))); },
        [&](int64_t j, int k) {
          const Vec product = mul(load_part(di + j, k, 0), load_part(xi + columns.from + j, k, 0));
          store_part(total + j, fma(product, r, load_part(total + j, k, 0)), k);
        });
  }
  for (int64_t j = 0; j < n; j++) {
    floats(dw)[columns.from + j] += total[j];
  }
}

inline Vec sigmoid(Vec x) { return div(set1(1), add(set1(1), exp(sub(zero(), x)))); }

// n numbers of a matrix in F32 or BF16, n at most kWidth.
inline Vec load_any(const float * p, int n) { return n == kWidth ? load(p) : load_part(p, n, 0); }
inline Vec load_any(const uint16_t * p, int n) {
  if (n == kWidth) {
    return load_bf16(p);
  }
  uint16_t all[kWidth] = {};
  std::copy_n(p, n, all);
  return load_bf16(all);
}

template <typename T> void swiglu_part(const T * gate, const T * up, float * to, int64_t count) {
  const auto some = [&](int64_t j, int n) {
    const Vec g = load_any(gate + j, n);
    return mul(mul(g, sigmoid(g)), load_any(up + j, n));
  };
  vectors(
      count, [&](int64_t j) { store(to + j, some(j, kWidth)); },
      [&](int64_t j, int n) { store_part(to + j, some(j, n), n); });
}

void swiglu(ggml_tensor * y, int ith, int nth, void *) {
  const ggml_tensor * gate = y->src[0];
  const ggml_tensor * up = y->src[1];
  const Part all = part(ggml_nelements(y), 256, ith, nth);
  const int64_t n = all.to - all.from;
  if (gate->type == GGML_TYPE_F32) {
    swiglu_part(floats(gate) + all.from, floats(up) + all.from, floats(y) + all.from, n);
  } else {
    swiglu_part(halves(gate) + all.from, halves(up) + all.from, floats(y) + all.from, n);
  }
}

// dgate = dy * up * s * (1 + gate * (1 - s)), dup = dy * gate * s, where s = sigmoid(gate).
template <typename T>
void swiglu_back_part(const T * gate, const T * up, const float * dy, float * dgate, float * dup, int64_t count) {
  const auto some = [&](int64_t j, int n, Vec & out_gate, Vec & out_up) {
    const Vec g = load_any(gate + j, n);
    const Vec s = sigmoid(g);
    const Vec ds = mul(load_any(dy + j, n), s);
    out_up = mul(ds, g);
    out_gate = mul(mul(ds, load_any(up + j, n)), fma(g, sub(set1(1), s), set1(1)));
  };
  vectors(
      count,
      [&](int64_t j) {
        Vec a, b;
        some(j, kWidth, a, b);
        store(dgate + j, a);
        store(dup + j, b);
      },
      [&](int64_t j, int n) {
        Vec a, b;
        some(j, n, a, b);
        store_part(dgate + j, a, n);
        store_part(dup + j, b, n);
      });
}

void swiglu_back(ggml_tensor * node, int ith, int nth, void *) {
  const ggml_tensor * gate = node->src[0];
  const ggml_tensor * up = node->src[1];
  const int64_t count = ggml_nelements(gate);
  const Part all = part(count, 256, ith, nth);
  const int64_t n = all.to - all.from;
  const float * dy = floats(node->src[2]) + all.from;
  float * dgate = floats(node) + all.from;
  if (gate->type == GGML_TYPE_F32) {
    swiglu_back_part(floats(gate) + all.from, floats(up) + all.from, dy, dgate, dgate + count, n);
  } else {
    swiglu_back_part(halves(gate) + all.from, halves(up) + all.from, dy, dgate, dgate + count, n);
  }
}

const bool on_device =
    offer_on_device(rms_norm,
                    [](const sphere_device_api & d, const ggml_tensor * y) {
                      return d.rms_norm(floats(y->src[0]), floats(y->src[1]), floats(y), y->ne[0], y->ne[1],
                                        settings(y).floats[0]);
                    }) &&
    offer_on_device(rms_norm_dx,
                    [](const sphere_device_api & d, const ggml_tensor * y) {
                      const Settings s = settings(y);
                      const int first = s.ints[0];
                      return d.rms_norm_dx(floats(y->src[first]), floats(y->src[first + 1]), floats(y->src[first + 2]),
                                           floats(y), y->ne[0], y->ne[1], s.floats[0], first);
                    }) &&
    offer_on_device(rms_norm_dw,
                    [](const sphere_device_api & d, const ggml_tensor * y) {
                      const ggml_tensor * x = y->src[1];
                      return d.rms_norm_dw(floats(x), floats(y->src[2]), floats(y), x->ne[0], x->ne[1],
                                           settings(y).floats[0]);
                    }) &&
    offer_on_device(swiglu,
                    [](const sphere_device_api & d, const ggml_tensor * y) {
                      require(y->src[0]->type == GGML_TYPE_F32, "swiglu: the device takes F32");
                      return d.swiglu(floats(y->src[0]), floats(y->src[1]), floats(y), ggml_nelements(y));
                    }) &&
    offer_on_device(swiglu_back, [](const sphere_device_api & d, const ggml_tensor * y) {
      require(y->src[0]->type == GGML_TYPE_F32, "swiglu_back: the device takes F32");
      const int64_t n = ggml_nelements(y->src[0]);
      return d.swiglu_back(floats(y->src[0]), floats(y->src[1]), floats(y->src[2]), floats(y), floats(y) + n, n);
    });

void require_gate(const ggml_tensor * gate, const ggml_tensor * up) {
  require(gate != nullptr && up != nullptr && (gate->type == GGML_TYPE_F32 || gate->type == GGML_TYPE_BF16) &&
              up->type == gate->type && ggml_is_contiguous(gate) && ggml_is_contiguous(up),
          "swiglu: gate and up must both be contiguous F32 or both BF16");
}

} // namespace
} // namespace sphere

using sphere::guarded_node;
using sphere::require;
using sphere::require_floats;
using sphere::Settings;

ggml_tensor * sphere_op_rms_norm(ggml_context * ctx, ggml_tensor * x, ggml_tensor * weight, float eps) {
  return guarded_node([&] {
    require_floats({x, weight}, "rms_norm: all must be contiguous F32");
    require(ggml_is_matrix(x) && ggml_nelements(weight) == x->ne[0], "rms_norm: shapes do not fit");
    Settings s{};
    s.floats[0] = eps;
    return sphere::new_node(ctx, sphere::rms_norm, {x, weight}, s, x->ne[0], x->ne[1]);
  });
}

ggml_tensor * sphere_op_rms_norm_dx(ggml_context * ctx, ggml_tensor * x, ggml_tensor * weight, ggml_tensor * dy,
                                    ggml_tensor * into, float eps) {
  return guarded_node([&] {
    require_floats({x, weight, dy}, "rms_norm_dx: all must be contiguous F32");
    require(ggml_is_matrix(x) && ggml_nelements(weight) == x->ne[0] && ggml_are_same_shape(x, dy),
            "rms_norm_dx: shapes do not fit");
    Settings s{};
    s.floats[0] = eps;
    if (into == nullptr) {
      return sphere::new_node(ctx, sphere::rms_norm_dx, {x, weight, dy}, s, x->ne[0], x->ne[1]);
    }
    require_floats({into}, "rms_norm_dx: the target must be contiguous F32");
    require(ggml_are_same_shape(x, into), "rms_norm_dx: the target does not fit");
    s.ints[0] = 1;
    return sphere::node_into(ctx, sphere::rms_norm_dx, into, {x, weight, dy}, s);
  });
}

ggml_tensor * sphere_op_rms_norm_dw(ggml_context * ctx, ggml_tensor * x, ggml_tensor * dy, ggml_tensor * into,
                                    float eps) {
  return guarded_node([&] {
    require_floats({x, dy, into}, "rms_norm_dw: all must be contiguous F32");
    require(ggml_is_matrix(x) && ggml_nelements(into) == x->ne[0] && ggml_are_same_shape(x, dy),
            "rms_norm_dw: shapes do not fit");
    Settings s{};
    s.floats[0] = eps;
    return sphere::node_into(ctx, sphere::rms_norm_dw, into, {x, dy}, s);
  });
}

ggml_tensor * sphere_op_swiglu(ggml_context * ctx, ggml_tensor * gate, ggml_tensor * up) {
  return guarded_node([&] {
    sphere::require_gate(gate, up);
    require(ggml_is_matrix(gate) && ggml_are_same_shape(gate, up), "swiglu: shapes do not fit");
    return sphere::new_node(ctx, sphere::swiglu, {gate, up}, Settings{}, gate->ne[0], gate->ne[1]);
  });
}

ggml_tensor * sphere_op_swiglu_back(ggml_context * ctx, ggml_tensor * gate, ggml_tensor * up, ggml_tensor * dy) {
  return guarded_node([&] {
    require_floats({dy}, "swiglu_back: dy must be contiguous F32");
    sphere::require_gate(gate, up);
    require(ggml_is_matrix(gate) && ggml_are_same_shape(gate, up) && ggml_are_same_shape(gate, dy),
            "swiglu_back: shapes do not fit");
    return sphere::new_node(ctx, sphere::swiglu_back, {gate, up, dy}, Settings{}, gate->ne[0], gate->ne[1], 2);
  });
}
