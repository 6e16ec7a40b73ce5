// Attention over a KV cache. See sphere_attention.h and attention.hpp.
#include "attention/attention.hpp"

#include "common/barrier.hpp"
#include "common/half.hpp"
#include "common/simd.hpp"
#include "sphere_attention.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

namespace {

using sphere::Attention;
using sphere::kWidth;
using sphere::Vec;

constexpr float LEAST = std::numeric_limits<float>::lowest();
constexpr uint16_t HIDDEN = 0xFC00; // -infinity in F16
constexpr int BLOCK = 16;           // cells whose scores are computed together
constexpr int AHEAD = 8;            // cells that are fetched before they are read: hardware does not follow a list
constexpr int CHUNK = 64;           // elements of a value whose sums are in registers at once
constexpr int VECS = CHUNK / kWidth;
constexpr int REGISTERS = kWidth == 16 ? 28 : kWidth == 8 ? 12 : 64; // for sums of values
constexpr int MOST_HEADS = REGISTERS / VECS > 0 ? REGISTERS / VECS : 1;

size_t padded(int n) { return (static_cast<size_t>(n) + BLOCK - 1) / BLOCK * BLOCK; }

// What a thread works with: [cells] indices, [cells] biases, [group][cells] scores, [group][head] queries.
struct Work {
  int32_t * index; // where visible() leaves its list
  float * bias;
  float * scores; // of head g from g * stride on
  float * query;
  size_t stride;

  Work(void * memory, int group, int k_size, int cells) {
    stride = padded(cells);
    char * p = static_cast<char *>(memory);
    index = reinterpret_cast<int32_t *>(p);
    bias = reinterpret_cast<float *>(p + stride * 4);
    scores = bias + stride;
    query = scores + stride * static_cast<size_t>(group);
    (void)k_size;
  }
};

// What a token sees.
struct Seen {
  const int32_t * cells; // in the order in which they are added up
  int n;
  const float * bias; // of each; nullptr: none
};

// The visible cells of a mask, in order, with biases when it holds other numbers than 0 and -infinity.
Seen visible(const uint16_t * mask, int n, const Work & w) {
  bool biased = false;
  int count = 0;
  int j = 0;
#if defined(__AVX512BW__) && defined(__AVX512F__)
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
    _mm512_storeu_si512(w.index + count,
                        _mm512_maskz_compress_epi32(low, _mm512_add_epi32(_mm512_set1_epi32(j), steps)));
    count += __builtin_popcount(low);
    _mm512_storeu_si512(w.index + count,
                        _mm512_maskz_compress_epi32(high, _mm512_add_epi32(_mm512_set1_epi32(j + 16), steps)));
    count += __builtin_popcount(high);
  }
#endif
  for (; j < n; j++) {
    if (mask[j] != HIDDEN) {
      w.index[count++] = j;
      biased |= mask[j] != 0;
    }
  }
  if (biased) {
    for (int i = 0; i < count; i++) {
      w.bias[i] = sphere::half_to_float(mask[w.index[i]]);
    }
  }
  return {w.index, count, biased ? w.bias : nullptr};
}

// The sums of BLOCK vectors, each always in the same order.
inline void reduce(const float * partial, float * out) {
#if defined(__AVX512F__)
  // Halving by shuffles: after each round a register holds the sums of twice as many vectors.
  __m512 r[BLOCK];
  for (int i = 0; i < BLOCK; i++) {
    r[i] = _mm512_load_ps(partial + i * 16);
  }
  for (int i = 0; i < 8; i++) { // lanes x and x + 8
    r[i] = _mm512_add_ps(_mm512_shuffle_f32x4(r[i], r[i + 8], 0x44), _mm512_shuffle_f32x4(r[i], r[i + 8], 0xEE));
  }
  for (int i = 0; i < 4; i++) {
    r[i] = _mm512_add_ps(_mm512_shuffle_f32x4(r[i], r[i + 4], 0x88), _mm512_shuffle_f32x4(r[i], r[i + 4], 0xDD));
  }
  // 128-bit lanes now hold the vectors i, i + 8, i + 4, i + 12 (see the order below).
  for (int i = 0; i < 2; i++) {
    r[i] = _mm512_add_ps(_mm512_unpacklo_ps(r[i], r[i + 2]), _mm512_unpackhi_ps(r[i], r[i + 2]));
  }
  const __m512 sum = _mm512_add_ps(_mm512_unpacklo_ps(r[0], r[1]), _mm512_unpackhi_ps(r[0], r[1]));
  // Lane 4 a + b holds vector (a's of 0, 8, 4, 12) + (b's of 0, 1, 2, 3).
  const __m512i order = _mm512_set_epi32(15, 14, 13, 12, 7, 6, 5, 4, 11, 10, 9, 8, 3, 2, 1, 0);
  _mm512_storeu_ps(out, _mm512_permutexvar_ps(order, sum));
#else
  for (int i = 0; i < BLOCK; i++) {
    out[i] = sphere::sum(sphere::load(partial + i * kWidth));
  }
#endif
}

inline void fetch(const char * cell, int numbers) {
#if defined(__AVX512F__)
  for (int i = 0; i < numbers * 2; i += 64) {
    _mm_prefetch(cell + i, _MM_HINT_T0);
  }
#else
  (void)cell;
  (void)numbers;
#endif
}

// Scores of one block of cells for `Heads` queries.
template <int Heads>
void score_block(const char * k, size_t k_cell, const int32_t * index, int n, int left, const float * query, int size,
                 float * scores, size_t stride) {
  alignas(64) float partial[Heads][BLOCK * kWidth];
  for (int c = 0; c < n; c++) {
    const auto * key = reinterpret_cast<const uint16_t *>(k + k_cell * static_cast<size_t>(index[c]));
    fetch(k + k_cell * static_cast<size_t>(index[std::min(c + AHEAD, left - 1)]), size);
    Vec sum[Heads];
    for (int g = 0; g < Heads; g++) {
      sum[g] = sphere::zero();
    }
    for (int d = 0; d < size; d += kWidth) {
      const Vec x = sphere::load_half(key + d);
      for (int g = 0; g < Heads; g++) {
        sum[g] = sphere::fma(x, sphere::load(query + g * size + d), sum[g]);
      }
    }
    for (int g = 0; g < Heads; g++) {
      sphere::store(partial[g] + c * kWidth, sum[g]);
    }
  }
  for (int g = 0; g < Heads; g++) {
    if (n < BLOCK) {
      std::memset(partial[g] + n * kWidth, 0, sizeof(float) * static_cast<size_t>((BLOCK - n) * kWidth));
    }
    reduce(partial[g], scores + stride * static_cast<size_t>(g));
  }
}

template <int Heads>
void scores(const char * k, size_t k_cell, const Work & w, const Seen & seen, int size, const float * query,
            float * out) {
  for (int c = 0; c < seen.n; c += BLOCK) {
    score_block<Heads>(k, k_cell, seen.cells + c, std::min(BLOCK, seen.n - c), seen.n - c, query, size, out + c,
                       w.stride);
  }
}

// Turns n scores into weights, not normalised; returns their sum, NaN if a score is no finite number.
float weights(float * s, int n, const float * bias) {
  if (bias) {
    for (int i = 0; i < n; i++) {
      s[i] += bias[i];
    }
  }
  const int end = static_cast<int>(padded(n));
  for (int i = n; i < end; i++) {
    s[i] = LEAST;
  }
  Vec most = sphere::load(s);
  Vec bad = sphere::sub(most, most); // 0, or NaN: exp and max do not keep NaN
  for (int i = kWidth; i < end; i += kWidth) {
    const Vec x = sphere::load(s + i);
    most = sphere::max(most, x);
    bad = sphere::add(bad, sphere::sub(x, x));
  }
  const Vec max = sphere::set1(sphere::largest(most));
  Vec sum = sphere::zero();
  for (int i = 0; i < end; i += kWidth) {
    const Vec e = sphere::exp(sphere::sub(sphere::load(s + i), max));
    sphere::store(s + i, e);
    sum = sphere::add(sum, e);
  }
  return sphere::sum(sum) + sphere::sum(bad);
}

// Weighted sums of one chunk of the values for `Heads` heads.
template <int Heads>
void mix_chunk(const char * v, size_t v_cell, const Work & w, const Seen & seen, const float * weight,
               const float * factor, int width, float * out, size_t out_head) {
  Vec sum[Heads][VECS];
  for (int g = 0; g < Heads; g++) {
    for (int d = 0; d < VECS; d++) {
      sum[g][d] = sphere::zero();
    }
  }
  if (width == CHUNK) {
    for (int c = 0; c < seen.n; c++) {
      const auto * value = reinterpret_cast<const uint16_t *>(v + v_cell * static_cast<size_t>(seen.cells[c]));
      fetch(v + v_cell * static_cast<size_t>(seen.cells[std::min(c + AHEAD, seen.n - 1)]), width);
      for (int d = 0; d < VECS; d++) {
        const Vec x = sphere::load_half(value + d * kWidth);
        for (int g = 0; g < Heads; g++) {
          sum[g][d] = sphere::fma(x, sphere::set1(weight[w.stride * static_cast<size_t>(g) + static_cast<size_t>(c)]),
                                  sum[g][d]);
        }
      }
    }
  } else {
    for (int c = 0; c < seen.n; c++) {
      const auto * value = reinterpret_cast<const uint16_t *>(v + v_cell * static_cast<size_t>(seen.cells[c]));
      fetch(v + v_cell * static_cast<size_t>(seen.cells[std::min(c + AHEAD, seen.n - 1)]), width);
      for (int d = 0; d * kWidth < width; d++) {
        const Vec x = sphere::load_half(value + d * kWidth);
        for (int g = 0; g < Heads; g++) {
          sum[g][d] = sphere::fma(x, sphere::set1(weight[w.stride * static_cast<size_t>(g) + static_cast<size_t>(c)]),
                                  sum[g][d]);
        }
      }
    }
  }
  for (int g = 0; g < Heads; g++) {
    for (int d = 0; d * kWidth < width; d++) {
      sphere::store(out + out_head * static_cast<size_t>(g) + d * kWidth,
                    sphere::mul(sum[g][d], sphere::set1(factor[g])));
    }
  }
}

template <int Heads>
void heads(const Attention & a, const Work & w, const Seen & seen, const char * k, const char * v, const float * query,
           float * out) {
  scores<Heads>(k, a.k_cell, w, seen, a.k_size, query, w.scores);
  float factor[Heads];
  for (int g = 0; g < Heads; g++) {
    const float sum = weights(w.scores + w.stride * static_cast<size_t>(g), seen.n, seen.bias);
    factor[g] = 1.0f / sum;
  }
  for (int d = 0; d < a.v_size; d += CHUNK) {
    mix_chunk<Heads>(v + static_cast<size_t>(d) * 2, a.v_cell, w, seen, w.scores, factor, std::min(CHUNK, a.v_size - d),
                     out + d, static_cast<size_t>(a.v_size));
  }
}

// As many heads at once as the registers hold.
void some_heads(int count, const Attention & a, const Work & w, const Seen & seen, const char * k, const char * v,
                const float * query, float * out) {
  switch (count) {
    case 1: return heads<1>(a, w, seen, k, v, query, out);
    case 2: return heads<2>(a, w, seen, k, v, query, out);
    case 3: return heads<3>(a, w, seen, k, v, query, out);
    case 4: return heads<4>(a, w, seen, k, v, query, out);
    case 5: return heads<5>(a, w, seen, k, v, query, out);
    case 6: return heads<6>(a, w, seen, k, v, query, out);
    default: return heads<7>(a, w, seen, k, v, query, out);
  }
}

// One token, all query heads of one key-value head.
void token(const Attention & a, const Work & w, const Seen & seen, int stream, int t, int kv_head) {
  const int group = a.heads / a.kv_heads;
  const int first = kv_head * group;
  float * out = a.out + ((static_cast<size_t>(stream) * static_cast<size_t>(a.tokens) + static_cast<size_t>(t)) *
                             static_cast<size_t>(a.heads) +
                         static_cast<size_t>(first)) *
                            static_cast<size_t>(a.v_size);
  if (seen.n == 0) {
    std::memset(out, 0, sizeof(float) * static_cast<size_t>(group) * static_cast<size_t>(a.v_size));
    return;
  }
  for (int g = 0; g < group; g++) {
    const auto * q =
        reinterpret_cast<const float *>(a.q + a.q_stream * static_cast<size_t>(stream) +
                                        a.q_token * static_cast<size_t>(t) + a.q_head * static_cast<size_t>(first + g));
    for (int d = 0; d < a.k_size; d++) {
      w.query[g * a.k_size + d] = q[d] * a.scale;
    }
  }
  const char * k = a.k + a.k_stream * static_cast<size_t>(stream) + a.k_head * static_cast<size_t>(kv_head);
  const char * v = a.v + a.v_stream * static_cast<size_t>(stream) + a.v_head * static_cast<size_t>(kv_head);
  for (int g = 0; g < group; g += std::min(MOST_HEADS, 7)) {
    some_heads(std::min({MOST_HEADS, 7, group - g}), a, w, seen, k, v, w.query + g * a.k_size,
               out + static_cast<size_t>(g) * static_cast<size_t>(a.v_size));
  }
}

} // namespace

size_t sphere::attention_work_size(int k_size, int, int heads, int kv_heads, int cells) {
  const auto group = static_cast<size_t>(heads / kv_heads);
  const size_t floats = padded(cells) * (2 + group) + group * static_cast<size_t>(k_size) + 2 * BLOCK;
  return (floats * sizeof(float) + 63) / 64 * 64;
}

void sphere::attention(const Attention & a, int ith, int nth, void * work) {
  const Work w(work, a.heads / a.kv_heads, a.k_size, a.cells);
  const int64_t items = static_cast<int64_t>(a.streams) * a.tokens * a.kv_heads;
  int64_t last = -1; // the token whose cells are in w
  Seen seen{nullptr, 0, nullptr};
  for (int64_t i = ith; i < items; i += nth) {
    const int64_t row = i / a.kv_heads;
    const int stream = static_cast<int>(row / a.tokens), t = static_cast<int>(row % a.tokens);
    if (row != last) {
      const char * mask = a.mask + a.mask_stream * static_cast<size_t>(stream) + a.mask_token * static_cast<size_t>(t);
      seen = visible(reinterpret_cast<const uint16_t *>(mask), a.cells, w);
      last = row;
    }
    token(a, w, seen, stream, t, static_cast<int>(i % a.kv_heads));
  }
}

void sphere::attention_to(const Attention & a, int t, const int32_t * cells, int n, void * work) {
  const Work w(work, a.heads / a.kv_heads, a.k_size, a.cells);
  for (int kv_head = 0; kv_head < a.kv_heads; kv_head++) {
    token(a, w, {cells, n, nullptr}, 0, t, kv_head);
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
    std::vector<float> work(sphere::attention_work_size(head, head, n_heads, n_kv_heads, n_cells) / 4 + 16);
    sphere::attention(a, 0, 1, work.data());
  });
}
