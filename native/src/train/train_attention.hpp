// What attention over token trees is made of, whatever multiplies: shapes, rotation, which keys a block of queries
// looks at, soft-max and its gradient.
#pragma once

#include "common/simd.hpp"
#include "train/train_node.hpp"

#include <algorithm>
#include <cmath>

namespace sphere {

constexpr int64_t kQueries = 32; // queries in a block
constexpr int64_t kKeys = 32;    // keys are looked at or left out in units of so many

struct Shape {
  int64_t d;     // head size
  int64_t heads; // query heads
  int64_t kv;    // key-value heads
  int64_t slots;
  int64_t groups;
  int64_t dims; // rotated dimensions
  bool neox;
  const float * table;
  const int32_t * parents;

  explicit Shape(const ggml_tensor * node, const ggml_tensor * const * src) {
    const Settings s = settings(node);
    d = s.ints[0];
    slots = s.ints[1];
    neox = s.ints[2] != 0;
    heads = src[0]->ne[0] / d;
    kv = src[1]->ne[0] / d;
    groups = src[0]->ne[1] / slots;
    dims = src[3]->ne[0];
    table = floats(src[3]);
    parents = ints(src[4]);
  }
};

// out = x turned by the angles of one slot; direction -1 turns back.
inline void turn(const Shape & s, const float * x, int64_t slot, float direction, float * out) {
  const int64_t half = s.dims / 2;
  const float * cosines = s.table + slot * s.dims;
  const float * sines = cosines + half;
  std::copy(x + s.dims, x + s.d, out + s.dims);
  if (s.neox) {
    for (int64_t i = 0; i < half; i++) {
      const float sine = direction * sines[i];
      const float a = x[i];
      const float b = x[i + half];
      out[i] = a * cosines[i] - b * sine;
      out[i + half] = a * sine + b * cosines[i];
    }
  } else {
    for (int64_t i = 0; i < half; i++) {
      const float sine = direction * sines[i];
      const float a = x[2 * i];
      const float b = x[2 * i + 1];
      out[2 * i] = a * cosines[i] - b * sine;
      out[2 * i + 1] = a * sine + b * cosines[i];
    }
  }
}

// Keys that follow each other, in whole vectors.
struct Stretch {
  int32_t key;   // the first
  int32_t place; // where its scores stand
  int32_t count;
};

// Who sees whom, as a block of queries needs it.
struct Paths {
  int64_t row;     // floats between queries of the mask and of scores, a multiple of kKeys
  float * mask;    // [kQueries][row]: 0 or minus infinity
  int32_t * start; // [slots]: the first slot of the slot's tree when its path is all of start .. slot, else -1 - that
  int32_t * place; // [row / kKeys]: where a unit of keys stands in the scores, -1: no path leads through it
  Stretch * stretches; // those units, neighbours put together
};

constexpr const char * kBadParent = "attention: a slot's parent does not stand before it in its group";

// Where each slot's tree begins, and whether its path leaves none out: then the mask is a plain triangle. False where a
// parent does not stand before its slot: what follows would read beyond the group, or never end.
inline bool find_starts(const Shape & s, int64_t group, int32_t * start) {
  const int32_t * parents = s.parents + group * s.slots;
  for (int64_t i = 0; i < s.slots; i++) {
    const int32_t p = parents[i];
    if (p >= i) {
      return false;
    }
    if (p < 0) {
      start[i] = static_cast<int32_t>(i);
    } else {
      const int32_t root = start[p] < 0 ? -1 - start[p] : start[p];
      start[i] = p == i - 1 && start[p] >= 0 ? root : -1 - root;
    }
  }
  return true;
}

struct Block {
  int64_t from; // first query
  int64_t to;
  int64_t n;         // scores of each query, masked ones included
  int64_t stretches; // of keys
};

// The stretches of keys that the block's paths lead through, and where their scores stand.
inline Block block_at(const Shape & s, const Paths & m, int64_t group, int64_t from) {
  const int32_t * parents = s.parents + group * s.slots;
  Block b{from, std::min(s.slots, from + kQueries), 0, 0};
  std::fill_n(m.place, m.row / kKeys, -1);
  for (int64_t i = b.from; i < b.to; i++) {
    m.place[i / kKeys] = 0;
    if (parents[i] >= b.from) {
      continue; // its path is that of a query before it
    }
    if (m.start[i] >= 0) {
      std::fill(m.place + m.start[i] / kKeys, m.place + i / kKeys, 0);
    } else {
      for (int64_t j = parents[i]; j >= 0; j = parents[j]) {
        m.place[j / kKeys] = 0;
      }
    }
  }
  for (int64_t v = 0; v * kKeys < b.to; v++) {
    if (m.place[v] < 0) {
      continue;
    }
    m.place[v] = static_cast<int32_t>(b.n);
    if (v > 0 && m.place[v - 1] >= 0) {
      m.stretches[b.stretches - 1].count += kKeys;
    } else {
      m.stretches[b.stretches++] = {static_cast<int32_t>(v * kKeys), static_cast<int32_t>(b.n), kKeys};
    }
    b.n += kKeys;
  }
  return b;
}

// mask[i][place of j]: 0 where query i sees key j.
inline void make_mask(const Shape & s, const Paths & m, int64_t group, const Block & b) {
  const int32_t * parents = s.parents + group * s.slots;
  const auto place = [&m](int64_t j) { return m.place[j / kKeys] + j % kKeys; };
  for (int64_t i = b.from; i < b.to; i++) {
    float * row = m.mask + (i - b.from) * m.row;
    const int64_t parent = parents[i];
    if (parent >= b.from) {
      std::copy_n(m.mask + (parent - b.from) * m.row, b.n, row);
    } else {
      std::fill_n(row, b.n, -INFINITY);
      for (int64_t j = parent; j >= 0; j = parents[j]) {
        row[place(j)] = 0.0f;
      }
    }
    row[place(i)] = 0.0f;
  }
}

// Calls body(stretch, keys in it that exist) for each of the block's stretches.
template <typename Body> void each_stretch(const Shape & s, const Paths & m, const Block & b, Body && body) {
  for (int64_t i = 0; i < b.stretches; i++) {
    const Stretch & t = m.stretches[i];
    body(t, std::min<int64_t>(t.count, s.slots - t.key));
  }
}

// Probabilities of `rows` queries over n scores each, in place of their products with the keys.
inline void soft_max(const Shape & s, const Paths & m, float * scores, int64_t rows, int64_t n) {
  const Vec scales = set1(1.0f / std::sqrt(static_cast<float>(s.d)));
  for (int64_t i = 0; i < rows; i++) {
    float * row = scores + i * m.row;
    const float * mask = m.mask + i * m.row;
    Vec high = set1(-INFINITY);
    for (int64_t j = 0; j < n; j += kWidth) {
      const Vec x = fma(load(row + j), scales, load(mask + j));
      store(row + j, x);
      high = max(high, x);
    }
    const Vec top = set1(largest(high));
    Vec total = zero();
    for (int64_t j = 0; j < n; j += kWidth) {
      const Vec e = exp(sub(load(row + j), top));
      store(row + j, e);
      total = add(total, e);
    }
    const Vec inverse = set1(1.0f / sum(total));
    for (int64_t j = 0; j < n; j += kWidth) {
      store(row + j, mul(load(row + j), inverse));
    }
  }
}

// dscores = probabilities * (dprobabilities - their mean under the probabilities) / sqrt(d), in place of
// dprobabilities.
inline void soft_max_back(const Shape & s, const Paths & m, const float * scores, float * dscores, int64_t rows,
                          int64_t n) {
  const Vec scale = set1(1.0f / std::sqrt(static_cast<float>(s.d)));
  for (int64_t i = 0; i < rows; i++) {
    const float * p = scores + i * m.row;
    float * dp = dscores + i * m.row;
    Vec acc = zero();
    for (int64_t j = 0; j < n; j += kWidth) {
      acc = fma(load(p + j), load(dp + j), acc);
    }
    const Vec mean = set1(sum(acc));
    for (int64_t j = 0; j < n; j += kWidth) {
      store(dp + j, mul(mul(load(p + j), scale), sub(load(dp + j), mean)));
    }
  }
}

// The same attention with the factors of its products rounded to BF16, on Intel's matrix unit (has_gemm_amx()).
void attention_amx(ggml_tensor * y, int ith, int nth);
void attention_back_amx(ggml_tensor * node, int ith, int nth);

} // namespace sphere
