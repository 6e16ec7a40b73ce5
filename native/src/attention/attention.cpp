// Attention over a KV cache. See sphere_attention.h and attention.hpp.
#include "attention/attention.hpp"

#include "attention/attention_kernels.hpp"
#include "common/barrier.hpp"
#include "common/half.hpp"
#include "common/simd.hpp"
#include "sphere_attention.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

// Internal to ggml, but exported (ggml/src/ggml-cpu/ggml-cpu-impl.h); weak, since another version may hide it.
extern "C" __attribute__((weak)) void ggml_barrier(ggml_threadpool * pool);

namespace {

using namespace sphere;

constexpr uint16_t HIDDEN = 0xFC00; // -infinity in F16
// Queries of some rows that are computed together: their scores of a block stay in the second-level cache.
constexpr int MOST_QUERIES = TILES ? 112 : 28;
// From how many queries on keys are turned, and values converted, once for all.
constexpr int TILE_FROM = 12, WIDE_FROM = 15;

constexpr size_t STRIDE = ATTENTION_BLOCK + 16; // of scores: not a power of two, whose lines would all want one place

constexpr size_t LINE = 64;
constexpr size_t whole_lines(size_t bytes) { return (bytes + LINE - 1) / LINE * LINE; }

int rows_of_tile(int group) { return std::max(1, MOST_QUERIES / group); }

// What a thread works with: for all queries of a tile, which are those of some rows with one key-value head.
struct Work {
  float *scores, *mixed; // of the present block: [queries x STRIDE], then weights; [queries x v_size]
  float * query;         // [queries x k_size]
  float *keys, *values;  // in F32: [k_size x CELLS_AT_ONCE], [ATTENTION_BLOCK x v_size]
  float * biases;        // [ATTENTION_BLOCK]
  Weights *now, *so_far; // of each query: the present block's, and those before it joined

  // Lays all out from an address on; returns the end.
  uintptr_t lay(uintptr_t p, int k_size, int v_size, int group) {
    const auto queries = static_cast<size_t>(rows_of_tile(group)) * static_cast<size_t>(group);
    const auto k = static_cast<size_t>(k_size), v = static_cast<size_t>(v_size);
    const auto take = [&](auto *& at, size_t n) {
      at = reinterpret_cast<std::remove_reference_t<decltype(at)>>(p);
      p += whole_lines(n * sizeof *at);
    };
    take(scores, queries * STRIDE);
    take(mixed, queries * v);
    take(query, queries * k);
    take(keys, CELLS_AT_ONCE * k);
    take(values, ATTENTION_BLOCK * v);
    take(biases, ATTENTION_BLOCK);
    take(now, queries);
    take(so_far, queries);
    return p;
  }
};

// Some rows whose paths stand together, and one key-value head.
class Tile {
public:
  Tile(const Attention & a, const Work & w, int stream, const Path * paths, int rows, int kv_head)
      : a(a), w(w), paths(paths), rows(rows), group(a.heads / a.kv_heads), stream(stream), kv_head(kv_head),
        k(a.k + a.k_stream * static_cast<size_t>(stream) + a.k_head * static_cast<size_t>(kv_head)),
        v(a.v + a.v_stream * static_cast<size_t>(stream) + a.v_head * static_cast<size_t>(kv_head)) {}

  void compute() {
    int longest = 0;
    for (int r = 0; r < rows; r++) {
      longest = std::max(longest, paths[r].n);
      if (paths[r].n == 0) {
        std::memset(out(r, 0), 0, sizeof(float) * static_cast<size_t>(group) * static_cast<size_t>(a.v_size));
      }
    }
    queries();
    for (block = 0; block < longest; block += ATTENTION_BLOCK) {
      end = std::min(longest, block + ATTENTION_BLOCK);
      scores(0, rows, block);
      weights();
      std::memset(w.mixed, 0, sizeof(float) * static_cast<size_t>(rows) * static_cast<size_t>(group * a.v_size));
      mix(0, rows, block);
      for (int r = 0; r < rows; r++) {
        for (int g = 0; g < group && seen(r) > 0; g++) {
          join(r, g);
        }
      }
    }
  }

private:
  // Cells of the present block that a row sees.
  int seen(int row) const { return std::min(paths[row].n, end) - block; }

  float * out(int row, int g) const {
    const size_t token =
        static_cast<size_t>(stream) * static_cast<size_t>(a.tokens) + static_cast<size_t>(paths[row].token);
    return a.out + (token * static_cast<size_t>(a.heads) + static_cast<size_t>(kv_head * group + g)) *
                       static_cast<size_t>(a.v_size);
  }

  float * scores_of(int row) const { return w.scores + static_cast<size_t>(row * group) * STRIDE; }

  void queries() const {
    for (int r = 0; r < rows; r++) {
      for (int g = 0; g < group; g++) {
        const auto * q = reinterpret_cast<const float *>(a.q + a.q_stream * static_cast<size_t>(stream) +
                                                         a.q_token * static_cast<size_t>(paths[r].token) +
                                                         a.q_head * static_cast<size_t>(kv_head * group + g));
        float * to = w.query + static_cast<size_t>((r * group + g) * a.k_size);
        for (int d = 0; d < a.k_size; d++) {
          to[d] = q[d] * a.scale;
        }
      }
    }
  }

  // The cells from one number to another (less one) that the last of these rows sees.
  static Cells16 cells(const char * data, size_t cell, const Path & path, int from, int to) {
    return {data, cell, path.cells + from, std::min(path.n, to) - from};
  }

  // From where on rows first to past - 1 no longer see the same: all agree before, as far as they go. The longest of
  // them is the last one then.
  int shared(int first, int past, int from) const {
    int to = end;
    for (int r = first + 1; r < past; r++) {
      to = std::min(to, paths[r].same);
    }
    return std::max(to, from);
  }

  // Calls f(first, past) for the parts of these rows that agree beyond `from`.
  template <typename F> void split(int first, int past, int from, const F & f) const {
    for (int r = first + 1; r <= past; r++) {
      if (r == past || paths[r].same <= from) {
        f(first, r);
        first = r;
      }
    }
  }

  // Scores of these rows from a cell of the block on.
  void scores(int first, int past, int from) const {
    while (first < past && paths[first].n <= from) { // what has ended stands in front of what goes on
      first++;
    }
    if (first == past || from == end) {
      return;
    }
    const int to = TILES && past - first > 1 ? shared(first, past, from) : end;
    const bool tile = TILES && past - first > 1 && (past - first) * group >= TILE_FROM;
    if constexpr (TILES) {
      if (tile && to > from) {
        scores_of_tile(cells(k, a.k_cell, paths[past - 1], from, to), w.query + first * group * a.k_size,
                       (past - first) * group, a.k_size, w.keys, scores_of(first) + (from - block), STRIDE);
      }
    }
    for (int r = first; r < past && !tile; r++) {
      scores_of_cells(cells(k, a.k_cell, paths[r], from, to), w.query + r * group * a.k_size, group, a.k_size,
                      scores_of(r) + (from - block), STRIDE);
    }
    if (to < end) {
      split(first, past, to, [&](int i, int j) { scores(i, j, to); });
    }
  }

  void weights() const {
    for (int r = 0; r < rows; r++) {
      const Path & path = paths[r];
      const int n = seen(r);
      for (int i = 0; path.biases && i < n; i++) {
        w.biases[i] = half_to_float(path.biases[path.cells[block + i]]);
      }
      for (int g = 0; g < group && n > 0; g++) {
        w.now[r * group + g] =
            weights_of(scores_of(r) + static_cast<size_t>(g) * STRIDE, n, path.biases ? w.biases : nullptr);
      }
    }
  }

  // Adds these rows' values from a cell of the block on to what stands in w.mixed.
  void mix(int first, int past, int from) const {
    while (first < past && paths[first].n <= from) {
      first++;
    }
    if (first == past || from == end) {
      return;
    }
    const int to = past - first == 1 ? end : shared(first, past, from);
    if (to > from) {
      const bool wide = TILES && (past - first) * group >= WIDE_FROM;
      if (wide) {
        widen(cells(v, a.v_cell, paths[past - 1], from, to), a.v_size, w.values);
      }
      for (int r = first; r < past;) {
        const Cells16 own = cells(v, a.v_cell, paths[r], from, to);
        int next = r + 1;
        while (next < past && std::min(paths[next].n, to) - from == own.n) {
          next++;
        }
        const float * weight = scores_of(r) + (from - block);
        float * sums = w.mixed + static_cast<size_t>(r * group * a.v_size);
        const int count = (next - r) * group;
        if (wide) {
          mix_values(w.values, own.n, weight, STRIDE, count, a.v_size, sums);
        } else {
          mix_cells(own, weight, STRIDE, count, a.v_size, sums);
        }
        r = next;
      }
    }
    if (to < end) {
      split(first, past, to, [&](int i, int j) { mix(i, j, to); });
    }
  }

  // Puts the block to those before it, by their largest scores. One block alone is left as it is.
  void join(int row, int g) const {
    const int q = row * group + g;
    const float * block_sums = w.mixed + static_cast<size_t>(q * a.v_size);
    float * sums = out(row, g);
    Weights & all = w.so_far[q];
    const Weights & now = w.now[q];
    const bool last = paths[row].n <= end;
    if (block == 0) {
      all = now;
      const Vec factor = set1(last ? 1.0f / all.sum : 1.0f);
      for (int d = 0; d < a.v_size; d += kWidth) {
        store(sums + d, mul(load(block_sums + d), factor));
      }
      return;
    }
    const Vec most = max(set1(all.most), set1(now.most));
    const Vec before = exp(sub(set1(all.most), most)), here = exp(sub(set1(now.most), most));
    float lanes[kWidth];
    store(lanes, fma(set1(now.sum), here, mul(set1(all.sum), before)));
    all.sum = lanes[0];
    store(lanes, most);
    all.most = lanes[0];
    const Vec factor = set1(last ? 1.0f / all.sum : 1.0f);
    for (int d = 0; d < a.v_size; d += kWidth) {
      store(sums + d, mul(fma(load(block_sums + d), here, mul(load(sums + d), before)), factor));
    }
  }

  const Attention & a;
  const Work & w;
  const Path * paths;
  int rows, group, stream, kv_head;
  const char *k, *v;
  int block = 0, end = 0; // the cells of the present block
};

// The visible cells of a mask, in order, to `cells`; path.biases when it holds other numbers than 0 and -infinity.
Path visible(const uint16_t * mask, int n, int token, int32_t * cells) {
  bool biased = false;
  int count = 0;
  int j = 0;
#if SPHERE_AVX512 // by hand: both numbers and biases of 32 cells from one load
  const __m512i hidden = _mm512_set1_epi16(static_cast<short>(HIDDEN));
  const __m512i steps = _mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
  for (; j + 32 <= n; j += 32) {
    const __m512i m = _mm512_loadu_si512(mask + j);
    const __mmask32 seen = _mm512_cmpneq_epi16_mask(m, hidden);
    if (seen == 0) {
      continue;
    }
    biased |= _mm512_mask_test_epi16_mask(seen, m, m) != 0;
    const auto low = static_cast<__mmask16>(seen), high = static_cast<__mmask16>(seen >> 16);
    _mm512_storeu_si512(cells + count, _mm512_maskz_compress_epi32(low, _mm512_add_epi32(_mm512_set1_epi32(j), steps)));
    count += __builtin_popcount(low);
    _mm512_storeu_si512(cells + count,
                        _mm512_maskz_compress_epi32(high, _mm512_add_epi32(_mm512_set1_epi32(j + 16), steps)));
    count += __builtin_popcount(high);
  }
#endif
  for (int step = 4; j < n; j += step) {
    step = std::min(4, n - j);
    uint64_t four = 1;
    if (step == 4) {
      std::memcpy(&four, mask + j, sizeof four);
    }
    for (int i = 0; i < step && four != 0xFC00FC00FC00FC00; i++) { // mostly all or none of them are visible
      cells[count] = j + i;
      count += mask[j + i] != HIDDEN ? 1 : 0;
      biased |= mask[j + i] != HIDDEN && mask[j + i] != 0;
    }
  }
  return {cells, count, token, biased ? mask : nullptr, 0};
}

// What all threads work with.
struct NodeWork {
  Path * paths;    // [streams x tokens]
  int32_t * cells; // [streams x tokens x cells_stride]
  size_t cells_stride;
  Path * sorted; // [tokens], this thread's own
  void * own;    // for attend()
  size_t size;   // of all

  NodeWork(const Attention & a, int ith, int nth, void * memory) {
    const auto rows = static_cast<size_t>(a.streams) * static_cast<size_t>(a.tokens);
    // Up to 16 numbers are written behind the last cell.
    cells_stride = whole_lines((static_cast<size_t>(a.cells) + 32) * sizeof(int32_t)) / sizeof(int32_t);
    const size_t lists = whole_lines(rows * sizeof(Path)), row = cells_stride * sizeof(int32_t);
    const size_t mine = whole_lines(static_cast<size_t>(a.tokens) * sizeof(Path)),
                 each = mine + attend_work_size(a.k_size, a.v_size, a.heads, a.kv_heads);
    const uintptr_t p = whole_lines(reinterpret_cast<uintptr_t>(memory));
    paths = reinterpret_cast<Path *>(p);
    cells = reinterpret_cast<int32_t *>(p + lists);
    const uintptr_t threads = p + lists + rows * row;
    sorted = reinterpret_cast<Path *>(threads + each * static_cast<size_t>(ith));
    own = reinterpret_cast<void *>(threads + each * static_cast<size_t>(ith) + mine);
    size = threads + each * static_cast<size_t>(nth) - p + LINE;
  }
};

} // namespace

size_t sphere::attend_work_size(int k_size, int v_size, int heads, int kv_heads) {
  return Work().lay(0, k_size, v_size, heads / kv_heads) + LINE;
}

void sphere::attend(const Attention & a, int stream, const Path * paths, int n, int ith, int nth, void * work) {
  Work w;
  w.lay(whole_lines(reinterpret_cast<uintptr_t>(work)), a.k_size, a.v_size, a.heads / a.kv_heads);
  // Tiles as large as they may be, but enough for all threads, and as equal as can be.
  const int64_t wanted = (nth + a.kv_heads - 1) / a.kv_heads;
  const int64_t most = rows_of_tile(a.heads / a.kv_heads);
  const int64_t tiles = std::min<int64_t>(n, std::max<int64_t>((n + most - 1) / most, wanted));
  const int64_t items = tiles * a.kv_heads, before = items * stream;
  for (int64_t i = (ith + nth - before % nth) % nth; i < items; i += nth) {
    const int64_t tile = i / a.kv_heads;
    const auto first = static_cast<int>(n * tile / tiles), past = static_cast<int>(n * (tile + 1) / tiles);
    Tile(a, w, stream, paths + first, past - first, static_cast<int>(i % a.kv_heads)).compute();
  }
}

size_t sphere::attention_work_size(const Attention & a, int nth) { return NodeWork(a, 0, nth, nullptr).size; }

void sphere::attention(const Attention & a, int ith, int nth, ggml_threadpool * pool, void * work) {
  const NodeWork w(a, ith, nth, work);
  for (int row = ith; row < a.streams * a.tokens; row += nth) {
    const int stream = row / a.tokens, token = row % a.tokens;
    const char * mask =
        a.mask + a.mask_stream * static_cast<size_t>(stream) + a.mask_token * static_cast<size_t>(token);
    w.paths[row] = visible(reinterpret_cast<const uint16_t *>(mask), a.cells, token,
                           w.cells + w.cells_stride * static_cast<size_t>(row));
  }
  if (nth > 1) {
    ggml_barrier(pool);
  }
  for (int stream = 0; stream < a.streams; stream++) {
    std::copy_n(w.paths + static_cast<size_t>(stream) * static_cast<size_t>(a.tokens), a.tokens, w.sorted);
    sort_paths(w.sorted, a.tokens);
    attend(a, stream, w.sorted, a.tokens, ith, nth, w.own);
  }
}

extern "C" int32_t sphere_attention(const float * q, const uint16_t * k, const uint16_t * v, const uint16_t * mask,
                                    int32_t head, int32_t n_tokens, int32_t n_heads, int32_t n_kv_heads,
                                    int32_t n_cells, float scale, float * out) {
  return sphere::guarded([&] {
    if (!q || !k || !v || !mask || !out || head < 16 || head % 16 != 0 || n_tokens < 1 || n_kv_heads < 1 ||
        n_heads < 1 || n_heads % n_kv_heads != 0 || n_cells < 1) {
      throw std::invalid_argument("a pointer or a size of sphere_attention");
    }
    const auto size = static_cast<size_t>(head);
    const size_t row = size * static_cast<size_t>(n_kv_heads) * 2;
    const size_t q_row = size * static_cast<size_t>(n_heads) * 4;
    const Attention a{reinterpret_cast<const char *>(q),
                      q_row,
                      size * 4,
                      0,
                      reinterpret_cast<const char *>(k),
                      row,
                      size * 2,
                      0,
                      reinterpret_cast<const char *>(v),
                      row,
                      size * 2,
                      0,
                      reinterpret_cast<const char *>(mask),
                      static_cast<size_t>(n_cells) * 2,
                      0,
                      out,
                      head,
                      head,
                      n_tokens,
                      n_heads,
                      n_kv_heads,
                      n_cells,
                      1,
                      scale};
    std::vector<char> work(sphere::attention_work_size(a, 1));
    sphere::attention(a, 0, 1, nullptr, work.data());
  });
}
