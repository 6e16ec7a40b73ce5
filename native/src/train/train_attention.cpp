// Attention over token trees with rotary embedding, forward and backward. One task is one group and key-value head: its
// keys and values are turned and laid out once and serve all query heads that share them. Scores exist for a block of
// queries at a time, in the cache, and only for the stretches of keys that the block's paths lead through; the backward
// pass computes them again.
#include "sphere_train.h"

#include "train/device_graph.hpp"
#include "train/gemm.hpp"
#include "train/train_attention.hpp"

namespace sphere {
namespace {

int64_t padded(int64_t n) { // to whole tiles and units of keys; a tile may read two vectors too far
  constexpr int64_t unit = 3 * std::max<int64_t>(kWidth, kKeys);
  return (n + unit - 1) / unit * unit;
}

// Memory of one thread.
struct Memory : Paths {
  int64_t width;  // padded head size
  float * keys;   // [slots][width], turned
  float * keys_t; // [d][row]
  float * values; // [slots][width]
  float * values_t;
  float * queries; // [kQueries][d], turned
  float * scores;  // [kQueries][row]
  float * dscores; // [kQueries][row]
  float * dkeys;   // [slots][d], of turned keys
  float * dvalues; // [slots][d]
  float * block;   // [kQueries][d]

  static int64_t size(const Shape & s) {
    const int64_t row = padded(s.slots);
    const int64_t width = padded(s.d);
    return 2 * s.slots * width + 2 * s.d * row + 3 * kQueries * row + 2 * kQueries * s.d + 2 * s.slots * s.d + s.slots +
           4 * row / kKeys + 18 * 16;
  }

  Memory(const Shape & s, float * at) : width(padded(s.d)) {
    row = padded(s.slots);
    const auto take = [&at](int64_t n) {
      float * here = at;
      at += (n + 15) / 16 * 16;
      return here;
    };
    keys = take(s.slots * width);
    values = take(s.slots * width);
    keys_t = take(s.d * row);
    values_t = take(s.d * row);
    queries = take(kQueries * s.d);
    scores = take(kQueries * row);
    dscores = take(kQueries * row);
    mask = take(kQueries * row);
    dkeys = take(s.slots * s.d);
    dvalues = take(s.slots * s.d);
    block = take(kQueries * s.d);
    start = reinterpret_cast<int32_t *>(take(s.slots));
    place = reinterpret_cast<int32_t *>(take(row / kKeys));
    stretches = reinterpret_cast<Stretch *>(take(3 * row / kKeys));
  }
};

void load_keys(const Shape & s, const Memory & m, const float * k, const float * v, int64_t group, int64_t head) {
  const int64_t stride = s.d * s.kv;
  for (int64_t i = 0; i < s.slots; i++) {
    const int64_t slot = group * s.slots + i;
    float * key = m.keys + i * m.width;
    turn(s, k + slot * stride + head * s.d, slot, 1, key);
    std::copy_n(v + slot * stride + head * s.d, s.d, m.values + i * m.width);
    for (int64_t c = 0; c < s.d; c++) {
      m.keys_t[c * m.row + i] = key[c];
      m.values_t[c * m.row + i] = m.values[i * m.width + c];
    }
  }
  for (int64_t c = 0; c < s.d; c++) { // what lies beyond is read, and must not be NaN
    std::fill_n(m.keys_t + c * m.row + s.slots, m.row - s.slots, 0.0f);
    std::fill_n(m.values_t + c * m.row + s.slots, m.row - s.slots, 0.0f);
  }
}

// Probabilities of the block's queries over the keys of its stretches, into m.scores.
void probabilities(const Shape & s, const Memory & m, const float * q, int64_t group, int64_t head, const Block & b) {
  const int64_t stride = s.d * s.heads;
  for (int64_t i = b.from; i < b.to; i++) {
    const int64_t slot = group * s.slots + i;
    turn(s, q + slot * stride + head * s.d, slot, 1, m.queries + (i - b.from) * s.d);
  }
  each_stretch(s, m, b, [&](const Stretch & t, int64_t) {
    gemm_small(b.to - b.from, t.count, s.d, MatrixA{m.queries, s.d, 1}, m.keys_t + t.key, m.row, m.scores + t.place,
               m.row, false);
  });
  soft_max(s, m, m.scores, b.to - b.from, b.n);
}

// settings.ints[3] of attention and attention_back: products may round their factors to BF16
bool in_tiles(const ggml_tensor * node) { return settings(node).ints[3] != 0 && has_gemm_amx(); }

void attention(ggml_tensor * y, int ith, int nth, void *) {
  if (in_tiles(y)) {
    return attention_amx(y, ith, nth);
  }
  const Shape s(y, y->src);
  float * memory = scratch(Memory::size(s));
  if (memory == nullptr) {
    return;
  }
  const Memory m(s, memory);
  const int64_t stride = s.d * s.heads;
  const Part tasks = part(s.groups * s.kv, 1, ith, nth);
  for (int64_t task = tasks.from; task < tasks.to; task++) {
    const int64_t group = task / s.kv;
    const int64_t kv_head = task % s.kv;
    if (!find_starts(s, group, m.start)) {
      return reject(kBadParent);
    }
    load_keys(s, m, floats(y->src[1]), floats(y->src[2]), group, kv_head);
    for (int64_t from = 0; from < s.slots; from += kQueries) {
      const Block b = block_at(s, m, group, from);
      make_mask(s, m, group, b);
      for (int64_t h = kv_head * (s.heads / s.kv); h < (kv_head + 1) * (s.heads / s.kv); h++) {
        probabilities(s, m, floats(y->src[0]), group, h, b);
        float * mixed = floats(y) + (group * s.slots + b.from) * stride + h * s.d;
        each_stretch(s, m, b, [&](const Stretch & t, int64_t keys) {
          gemm_small(b.to - b.from, s.d, keys, MatrixA{m.scores + t.place, m.row, 1}, m.values + t.key * m.width,
                     m.width, mixed, stride, t.place > 0);
        });
      }
    }
  }
}

// Copies the block's rows of one head of dy to padded rows, so that whole vectors can be read from them.
const float * gather(const Shape & s, const Memory & m, const float * dy, int64_t group, int64_t head, const Block & b,
                     float * out) {
  for (int64_t i = b.from; i < b.to; i++) {
    std::copy_n(dy + ((group * s.slots + i) * s.heads + head) * s.d, s.d, out + (i - b.from) * m.width);
  }
  return out;
}

void attention_back(ggml_tensor * node, int ith, int nth, void *) {
  if (in_tiles(node)) {
    return attention_back_amx(node, ith, nth);
  }
  const Shape s(node, node->src);
  const int64_t extra = kQueries * padded(s.d);
  float * memory = scratch(Memory::size(s) + 2 * extra);
  if (memory == nullptr) {
    return;
  }
  const Memory m(s, memory);
  float * const grads = memory + Memory::size(s); // dy of a block, padded
  float * const turned = grads + extra;           // queries of a block, padded
  const float * dy = floats(node->src[5]);
  float * const dq = floats(node);
  float * const dk = dq + ggml_nelements(node->src[0]);
  float * const dv = dk + ggml_nelements(node->src[1]);
  const int64_t per_kv = s.heads / s.kv;
  const Part tasks = part(s.groups * s.kv, 1, ith, nth);
  for (int64_t task = tasks.from; task < tasks.to; task++) {
    const int64_t group = task / s.kv;
    const int64_t kv_head = task % s.kv;
    if (!find_starts(s, group, m.start)) {
      return reject(kBadParent);
    }
    load_keys(s, m, floats(node->src[1]), floats(node->src[2]), group, kv_head);
    std::fill_n(m.dkeys, s.slots * s.d, 0.0f);
    std::fill_n(m.dvalues, s.slots * s.d, 0.0f);
    for (int64_t from = 0; from < s.slots; from += kQueries) {
      const Block b = block_at(s, m, group, from);
      const int64_t rows = b.to - b.from;
      make_mask(s, m, group, b);
      for (int64_t h = kv_head * per_kv; h < (kv_head + 1) * per_kv; h++) {
        probabilities(s, m, floats(node->src[0]), group, h, b);
        gather(s, m, dy, group, h, b, grads);
        for (int64_t i = 0; i < rows; i++) {
          std::copy_n(m.queries + i * s.d, s.d, turned + i * m.width);
        }
        each_stretch(s, m, b, [&](const Stretch & t, int64_t keys) {
          gemm_small(rows, t.count, s.d, MatrixA{grads, m.width, 1}, m.values_t + t.key, m.row, m.dscores + t.place,
                     m.row, false);
          gemm_small(keys, s.d, rows, MatrixA{m.scores + t.place, 1, m.row}, grads, m.width, m.dvalues + t.key * s.d,
                     s.d, true);
        });
        soft_max_back(s, m, m.scores, m.dscores, rows, b.n);
        each_stretch(s, m, b, [&](const Stretch & t, int64_t keys) {
          gemm_small(rows, s.d, keys, MatrixA{m.dscores + t.place, m.row, 1}, m.keys + t.key * m.width, m.width,
                     m.block, s.d, t.place > 0);
          gemm_small(keys, s.d, rows, MatrixA{m.dscores + t.place, 1, m.row}, turned, m.width, m.dkeys + t.key * s.d,
                     s.d, true);
        });
        for (int64_t i = 0; i < rows; i++) {
          const int64_t slot = group * s.slots + b.from + i;
          turn(s, m.block + i * s.d, slot, -1, dq + (slot * s.heads + h) * s.d);
        }
      }
    }
    for (int64_t i = 0; i < s.slots; i++) {
      const int64_t slot = group * s.slots + i;
      turn(s, m.dkeys + i * s.d, slot, -1, dk + (slot * s.kv + kv_head) * s.d);
      std::copy_n(m.dvalues + i * s.d, s.d, dv + (slot * s.kv + kv_head) * s.d);
    }
  }
}

sphere_tree_attention on_device_arguments(const ggml_tensor * y) {
  const Shape s(y, y->src);
  sphere_tree_attention a{};
  a.q = floats(y->src[0]);
  a.k = floats(y->src[1]);
  a.v = floats(y->src[2]);
  a.table = s.table;
  a.parents = s.parents;
  a.y = floats(y);
  a.slots = s.slots;
  a.groups = s.groups;
  a.head_size = static_cast<int32_t>(s.d);
  a.heads = static_cast<int32_t>(s.heads);
  a.kv_heads = static_cast<int32_t>(s.kv);
  a.rotated = static_cast<int32_t>(s.dims);
  a.neox = s.neox;
  return a;
}

const bool on_device = offer_on_device(attention,
                                       [](const sphere_device_api & d, const ggml_tensor * y) {
                                         const sphere_tree_attention a = on_device_arguments(y);
                                         return d.attention(&a);
                                       }) &&
                       offer_on_device(attention_back, [](const sphere_device_api & d, const ggml_tensor * y) {
                         sphere_tree_attention a = on_device_arguments(y);
                         a.dy = floats(y->src[5]);
                         return d.attention_back(&a);
                       });

Settings check(ggml_tensor * q, ggml_tensor * k, ggml_tensor * v, ggml_tensor * table, ggml_tensor * parents,
               int32_t head_size, int32_t slots, int32_t neox, int32_t bf16) {
  require_floats({q, k, v, table}, "attention: all must be contiguous F32");
  require_ints({parents}, "attention: parents must be contiguous I32");
  require(head_size > 0 && slots > 0 && q->ne[0] % head_size == 0 && k->ne[0] % head_size == 0 &&
              q->ne[0] % k->ne[0] == 0 && ggml_are_same_shape(k, v) && q->ne[1] == k->ne[1] && q->ne[1] % slots == 0 &&
              ggml_is_matrix(q) && ggml_is_matrix(k),
          "attention: shapes do not fit");
  require(table->ne[0] % 2 == 0 && table->ne[0] <= head_size && table->ne[1] == q->ne[1] &&
              ggml_nelements(parents) == q->ne[1],
          "attention: the rope table or the parents do not fit");
  Settings s{};
  s.ints[0] = head_size;
  s.ints[1] = slots;
  s.ints[2] = neox;
  s.ints[3] = bf16;
  return s;
}

} // namespace
} // namespace sphere

ggml_tensor * sphere_op_attention(ggml_context * ctx, ggml_tensor * q, ggml_tensor * k, ggml_tensor * v,
                                  ggml_tensor * table, ggml_tensor * parents, int32_t head_size, int32_t slots,
                                  int32_t neox, int32_t bf16) {
  return sphere::guarded_node([&] {
    const auto s = sphere::check(q, k, v, table, parents, head_size, slots, neox, bf16);
    return sphere::new_node(ctx, sphere::attention, {q, k, v, table, parents}, s, q->ne[0], q->ne[1]);
  });
}

ggml_tensor * sphere_op_attention_back(ggml_context * ctx, ggml_tensor * q, ggml_tensor * k, ggml_tensor * v,
                                       ggml_tensor * table, ggml_tensor * parents, ggml_tensor * dy, int32_t head_size,
                                       int32_t slots, int32_t neox, int32_t bf16) {
  return sphere::guarded_node([&] {
    const auto s = sphere::check(q, k, v, table, parents, head_size, slots, neox, bf16);
    sphere::require_floats({dy}, "attention_back: dy must be contiguous F32");
    sphere::require(ggml_are_same_shape(q, dy), "attention_back: dy does not fit");
    return sphere::new_node(ctx, sphere::attention_back, {q, k, v, table, parents, dy}, s,
                            ggml_nelements(q) + 2 * ggml_nelements(k));
  });
}
