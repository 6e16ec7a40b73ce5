// Attention over token trees on Intel's matrix unit, factors rounded to BF16. A task is that of train_attention.cpp.
// Keys and values become tiles once a task; a block's queries, probabilities and gradients become tiles as rows. The
// gradients of keys and values are summed over all heads that share them in one product, turned about the diagonal,
// since a block has few queries: one head's alone would read and write the sums more than multiply.
#include "train/train_attention.hpp"

#include "train/amx_tiles.hpp"

namespace sphere {

#if SPHERE_AMX

namespace {

constexpr int64_t kStep = 2 * kTile; // numbers of one step of a panel

// Memory of one thread.
struct Memory : Paths {
  int64_t d;            // padded head size
  int64_t heads;        // that share keys and values
  float * rows;         // [row][head size]: keys or values of a task, zeros beyond the slots
  float * queries;      // [kQueries][head size], turned
  float * scores;       // [kQueries][row]
  float * dscores;      // [kQueries][row]
  float * dkeys;        // [d][row], of turned keys
  float * dvalues;      // [d][row]
  float * block;        // [kQueries][kPanel]
  float * turned;       // [head size]
  uint16_t * keys;      // by key, summed along the head
  uint16_t * values;    // by head dimension, summed along the keys
  uint16_t * keys_t;    // by head dimension, summed along the keys
  uint16_t * values_t;  // by key, summed along the head
  uint16_t * query;     // a block's rows, summed along the head
  uint16_t * dy;        // the same
  uint16_t * p;         // a block's probabilities or their gradients as rows, summed along the keys
  uint16_t * queries_t; // by head dimension, summed along the queries of all heads
  uint16_t * dys_t;     // the same
  uint16_t * ps;        // all heads' probabilities by key, summed along the queries
  uint16_t * dps;       // their gradients

  // Numbers taken one after the other from `at`, which may be null; the end's distance is how many.
  Memory(const Shape & s, float * at, int64_t & size) : d(panels_of(s.d) * kPanel), heads(s.heads / s.kv) {
    row = panels_of(s.slots) * kPanel;
    const auto take = [&](int64_t n) {
      float * here = at == nullptr ? nullptr : at + size;
      size += (n + 15) / 16 * 16;
      return here;
    };
    const auto halves = [&](int64_t n) { return reinterpret_cast<uint16_t *>(take(n / 2)); };
    rows = take(row * s.d);
    queries = take(kQueries * s.d);
    scores = take(kQueries * row);
    dscores = take(kQueries * row);
    mask = take(kQueries * row);
    dkeys = take(d * row);
    dvalues = take(d * row);
    block = take(kQueries * kPanel);
    turned = take(s.d);
    for (uint16_t ** m : {&keys, &values, &keys_t, &values_t}) {
      *m = halves(row * d);
    }
    for (uint16_t ** m : {&query, &dy}) {
      *m = halves(kQueries * d);
    }
    p = halves(kQueries * row);
    for (uint16_t ** m : {&queries_t, &dys_t}) {
      *m = halves(heads * kQueries * d);
    }
    for (uint16_t ** m : {&ps, &dps}) {
      *m = halves(heads * kQueries * row);
    }
    start = reinterpret_cast<int32_t *>(take(s.slots));
    place = reinterpret_cast<int32_t *>(take(row / kKeys));
    stretches = reinterpret_cast<Stretch *>(take(3 * row / kKeys));
  }
};

// One block of one head.
struct Head {
  int64_t group;
  int64_t head;
  int64_t index; // among those that share keys and values
};

// Keys (turned) or values of a task as tiles by key, or by head dimension where given.
void load_rows(const Shape & s, const Memory & m, const float * x, int64_t group, int64_t kv_head, bool keys,
               uint16_t * by_key, uint16_t * by_dimension) {
  for (int64_t i = 0; i < s.slots; i++) {
    const float * from = x + ((group * s.slots + i) * s.kv + kv_head) * s.d;
    if (keys) {
      turn(s, from, group * s.slots + i, 1, m.rows + i * s.d);
    } else {
      std::copy_n(from, s.d, m.rows + i * s.d);
    }
  }
  std::fill(m.rows + s.slots * s.d, m.rows + m.row * s.d, 0.0f);
  if (by_key != nullptr) {
    along(m.rows, s.d, m.row, s.d, by_key);
  }
  if (by_dimension != nullptr) {
    for (int64_t q = 0; 2 * q < m.row; q++) {
      across(m.rows + 2 * q * s.d, m.rows + (2 * q + 1) * s.d, s.d, steps_of(m.row), q, by_dimension);
    }
  }
}

// out [kQueries][row] = rows [kQueries, head size] by keys, over the block's stretches.
void by_keys(const Memory & m, const Block & b, const uint16_t * rows, const uint16_t * keys, float * out) {
  const int64_t steps = m.d / 32;
  for (int64_t i = 0; i < b.stretches; i++) {
    const Stretch & t = m.stretches[i];
    for (int64_t j = 0; j < t.count; j += kPanel) {
      clear();
      products(steps, rows, keys + (t.key + j) / kPanel * steps * kStep);
      end(out + t.place + j, m.row);
    }
  }
}

// Panel e of m.p [kQueries, keys] by keys [keys, head size] into m.block.
void over_keys(const Memory & m, const Block & b, const uint16_t * keys, int64_t e) {
  clear();
  for (int64_t i = 0; i < b.stretches; i++) {
    const Stretch & t = m.stretches[i];
    products(t.count / 32, m.p + t.place / 32 * kStep, keys + (e * m.row + t.key) / 32 * kStep);
  }
  end(m.block, kPanel);
}

// sums [d][row] += rows_t [d, queries of all heads] by scores [queries of all heads, keys].
void over_queries(const Memory & m, const Block & b, const uint16_t * rows_t, const uint16_t * scores, float * sums) {
  for (int64_t i = 0; i < b.stretches; i++) {
    const Stretch & t = m.stretches[i];
    for (int64_t j = 0; j < t.count; j += kPanel) {
      for (int64_t e = 0; e < m.d; e += kPanel) {
        float * at = sums + e * m.row + t.key + j;
        begin(at, m.row);
        products(m.heads, rows_t + e / kPanel * m.heads * kStep, scores + (t.place + j) / kPanel * m.heads * kStep);
        end(at, m.row);
      }
    }
  }
}

// A head's rows of a block, [rows, head size] with stride ld, as tiles by dimension among those of all heads.
void pack_turned(const Shape & s, const Memory & m, const float * x, int64_t ld, int64_t rows, int64_t index,
                 uint16_t * out) {
  for (int64_t e = 0; e < m.d; e += kPanel) {
    pack_a(MatrixA{x + e, 1, ld}, std::min(kPanel, s.d - e), rows, tiles_at(out, e / kPanel, m.heads, index));
  }
}

// A head's scores [rows][b.n] as tiles by key among those of all heads.
void pack_scores(const Memory & m, const Block & b, const float * scores, int64_t index, uint16_t * out) {
  const int64_t rows = b.to - b.from;
  for (int64_t q = 0; q < kQueries / 2; q++) {
    if (2 * q < rows) {
      const float * even = scores + 2 * q * m.row;
      across(even, 2 * q + 1 < rows ? even + m.row : nullptr, b.n, m.heads, index * 16 + q, out);
    } else {
      blank(b.n, m.heads, index * 16 + q, out);
    }
  }
}

// The block's probabilities of one head into m.scores; its turned queries are in m.queries.
void probabilities(const Shape & s, const Memory & m, const float * q, const Head & h, const Block & b) {
  const int64_t rows = b.to - b.from;
  for (int64_t i = 0; i < rows; i++) {
    const int64_t slot = h.group * s.slots + b.from + i;
    turn(s, q + (slot * s.heads + h.head) * s.d, slot, 1, m.queries + i * s.d);
  }
  pack_a(MatrixA{m.queries, s.d, 1}, rows, s.d, m.query);
  by_keys(m, b, m.query, m.keys, m.scores);
  soft_max(s, m, m.scores, rows, b.n);
}

float * memory_for(const Shape & s) {
  int64_t size = 0;
  const Memory sizes(s, nullptr, size);
  return scratch(size);
}

} // namespace

void attention_amx(ggml_tensor * y, int ith, int nth) {
  const Shape s(y, y->src);
  float * memory = memory_for(s);
  if (memory == nullptr) {
    return;
  }
  int64_t size = 0;
  const Memory m(s, memory, size);
  const FullTiles tiles;
  const Part tasks = part(s.groups * s.kv, 1, ith, nth);
  for (int64_t task = tasks.from; task < tasks.to; task++) {
    const int64_t group = task / s.kv;
    const int64_t kv_head = task % s.kv;
    if (!find_starts(s, group, m.start)) {
      return reject(kBadParent);
    }
    load_rows(s, m, floats(y->src[1]), group, kv_head, true, m.keys, nullptr);
    load_rows(s, m, floats(y->src[2]), group, kv_head, false, nullptr, m.values);
    for (int64_t from = 0; from < s.slots; from += kQueries) {
      const Block b = block_at(s, m, group, from);
      const int64_t rows = b.to - b.from;
      make_mask(s, m, group, b);
      for (int64_t i = 0; i < m.heads; i++) {
        const Head h{group, kv_head * m.heads + i, i};
        probabilities(s, m, floats(y->src[0]), h, b);
        pack_a(MatrixA{m.scores, m.row, 1}, rows, b.n, m.p);
        for (int64_t e = 0; e < s.d; e += kPanel) {
          over_keys(m, b, m.values, e / kPanel);
          for (int64_t r = 0; r < rows; r++) {
            float * to = floats(y) + ((group * s.slots + b.from + r) * s.heads + h.head) * s.d + e;
            std::copy_n(m.block + r * kPanel, std::min(kPanel, s.d - e), to);
          }
        }
      }
    }
  }
}

void attention_back_amx(ggml_tensor * node, int ith, int nth) {
  const Shape s(node, node->src);
  float * memory = memory_for(s);
  if (memory == nullptr) {
    return;
  }
  int64_t size = 0;
  const Memory m(s, memory, size);
  const FullTiles tiles;
  const float * dy = floats(node->src[5]);
  float * const dq = floats(node);
  float * const dk = dq + ggml_nelements(node->src[0]);
  float * const dv = dk + ggml_nelements(node->src[1]);
  const int64_t stride = s.d * s.heads;
  const Part tasks = part(s.groups * s.kv, 1, ith, nth);
  for (int64_t task = tasks.from; task < tasks.to; task++) {
    const int64_t group = task / s.kv;
    const int64_t kv_head = task % s.kv;
    if (!find_starts(s, group, m.start)) {
      return reject(kBadParent);
    }
    load_rows(s, m, floats(node->src[1]), group, kv_head, true, m.keys, m.keys_t);
    load_rows(s, m, floats(node->src[2]), group, kv_head, false, m.values_t, nullptr);
    std::fill_n(m.dkeys, m.d * m.row, 0.0f);
    std::fill_n(m.dvalues, m.d * m.row, 0.0f);
    for (int64_t from = 0; from < s.slots; from += kQueries) {
      const Block b = block_at(s, m, group, from);
      const int64_t rows = b.to - b.from;
      make_mask(s, m, group, b);
      for (int64_t i = 0; i < m.heads; i++) {
        const Head h{group, kv_head * m.heads + i, i};
        probabilities(s, m, floats(node->src[0]), h, b);
        const float * grads = dy + ((group * s.slots + b.from) * s.heads + h.head) * s.d;
        pack_turned(s, m, m.queries, s.d, rows, i, m.queries_t);
        pack_turned(s, m, grads, stride, rows, i, m.dys_t);
        pack_a(MatrixA{grads, stride, 1}, rows, s.d, m.dy);
        by_keys(m, b, m.dy, m.values_t, m.dscores);
        pack_scores(m, b, m.scores, i, m.ps);
        soft_max_back(s, m, m.scores, m.dscores, rows, b.n);
        pack_scores(m, b, m.dscores, i, m.dps);
        pack_a(MatrixA{m.dscores, m.row, 1}, rows, b.n, m.p);
        for (int64_t e = 0; e < s.d; e += kPanel) { // m.queries are in tiles by now
          over_keys(m, b, m.keys_t, e / kPanel);
          for (int64_t r = 0; r < rows; r++) {
            std::copy_n(m.block + r * kPanel, std::min(kPanel, s.d - e), m.queries + r * s.d + e);
          }
        }
        for (int64_t r = 0; r < rows; r++) {
          const int64_t slot = group * s.slots + b.from + r;
          turn(s, m.queries + r * s.d, slot, -1, dq + (slot * s.heads + h.head) * s.d);
        }
      }
      over_queries(m, b, m.dys_t, m.ps, m.dvalues);
      over_queries(m, b, m.queries_t, m.dps, m.dkeys);
    }
    for (int64_t i = 0; i < s.slots; i++) {
      const int64_t slot = group * s.slots + i;
      float * value = dv + (slot * s.kv + kv_head) * s.d;
      for (int64_t c = 0; c < s.d; c++) {
        m.turned[c] = m.dkeys[c * m.row + i];
        value[c] = m.dvalues[c * m.row + i];
      }
      turn(s, m.turned, slot, -1, dk + (slot * s.kv + kv_head) * s.d);
    }
  }
}

#else

void attention_amx(ggml_tensor *, int, int) {}

void attention_back_amx(ggml_tensor *, int, int) {}

#endif

} // namespace sphere
