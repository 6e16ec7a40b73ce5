// Scores, weights and weighted sums. See attention_kernels.hpp.
#include "attention/attention_kernels.hpp"

#include "common/half.hpp"

#include <algorithm>
#include <limits>
#include <utility>

namespace sphere {
namespace {

constexpr float LEAST = std::numeric_limits<float>::lowest();
constexpr int AHEAD = 8;             // cells that are fetched before they are read: hardware does not follow a list
constexpr int VECS = PARTS / kWidth; // that hold all partial sums
constexpr bool MANY = kWidth != 8;   // 32 registers, not 16
constexpr int SCORED = MANY ? 7 : 5; // queries whose partial sums are in registers at once
constexpr int MIXED = MANY ? 7 : 6;  // heads whose sums of values are
constexpr int MIXED_VECS = MANY ? 4 : 2;
constexpr int MIXED_WIDE = 6;   // the same where values need no conversion: registers for weights, too
using Raw = decltype(Vec::raw); // GCC keeps arrays of these in registers, arrays of Vec not always
static_assert(PARTS % kWidth == 0, "whole vectors");

inline void fetch(const char * cell, int numbers) {
  for (int i = 0; i < numbers * 2; i += 64) {
    __builtin_prefetch(cell + i);
  }
}

inline const uint16_t * cell_of(const Cells16 & from, int c) {
  return reinterpret_cast<const uint16_t *>(from.data + from.cell * static_cast<size_t>(from.cells[c]));
}

inline void fetch_ahead(const Cells16 & from, int c, int numbers) {
  fetch(reinterpret_cast<const char *>(cell_of(from, std::min(c + AHEAD, from.n - 1))), numbers);
}

// Calls f with the constants from 0 to N - 1. A loop would do, but arrays of vectors that loops go through do not
// always stand in registers (GCC 12).
template <typename F, int... I> HWY_INLINE void with_each(std::integer_sequence<int, I...>, const F & f) {
  (f(std::integral_constant<int, I>()), ...);
}
template <int N, typename F> HWY_INLINE void each(const F & f) { with_each(std::make_integer_sequence<int, N>(), f); }

// Calls f with a constant from 1 to Most.
template <int Most, typename F> inline void with_count(int count, const F & f) {
  if constexpr (Most == 1) {
    (void)count;
    f(std::integral_constant<int, 1>());
  } else {
    if (count == Most) {
      f(std::integral_constant<int, Most>());
    } else {
      with_count<Most - 1>(count, f);
    }
  }
}

// Calls f(first, constant) for parts of `count` that are at most Most, and as equal as can be.
template <int Most, typename F> inline void in_parts(int count, const F & f) {
  int parts = (count + Most - 1) / Most;
  for (int first = 0; parts > 0; parts--) {
    const int n = (count - first + parts - 1) / parts;
    with_count<Most>(n, [&](auto constant) { f(first, constant); });
    first += n;
  }
}

// Partial sums to kWidth of them: numbers x and x + 8, where vectors are of four then x and x + 4.
inline Vec fold(const Raw * parts) {
  if constexpr (VECS == 1) {
    return Vec{parts[0]};
  } else if constexpr (VECS == 2) {
    return add(Vec{parts[0]}, Vec{parts[1]});
  } else {
    return add(add(Vec{parts[0]}, Vec{parts[2]}), add(Vec{parts[1]}, Vec{parts[3]}));
  }
}

// Partial sums of the score of cell c for each query, 0 where there is no such cell: lanes are parts of one score.
template <int Queries>
inline void score_cell(const Cells16 & k, int c, const float * queries, int size, Raw (&sum)[Queries][VECS]) {
  for (int g = 0; g < Queries; g++) {
    for (int i = 0; i < VECS; i++) {
      sum[g][i] = zero().raw;
    }
  }
  if (c >= k.n) {
    return;
  }
  const uint16_t * key = cell_of(k, c);
  fetch_ahead(k, c, size);
  for (int d = 0; d < size; d += PARTS) {
    for (int i = 0; i < VECS; i++) {
      const Vec x = load_half(key + d + i * kWidth);
      for (int g = 0; g < Queries; g++) {
        sum[g][i] = fma(x, load(queries + g * size + d + i * kWidth), Vec{sum[g][i]}).raw;
      }
    }
  }
}

#if SPHERE_AVX512

// By hand: what 16 cells' sums take in shuffles is as much as what their products take.
inline __m512 add_halves(__m512 a, __m512 b) { // lanes x and x + 8 of both
  return _mm512_add_ps(_mm512_shuffle_f32x4(a, b, 0x44), _mm512_shuffle_f32x4(a, b, 0xEE));
}

// Halving by shuffles: after each round a register holds the sums of twice as many vectors. r: of cells i and i + 8 the
// first round.
inline __m512 reduce(__m512 * r) {
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
  return _mm512_permutexvar_ps(order, sum);
}

template <int Queries>
void score_block(const Cells16 k, int from, const float * queries, int size, float * scores, size_t stride) {
  constexpr int HALF = CELLS_AT_ONCE / 2;
  __m512 halves[Queries][HALF];
  for (int c = 0; c < HALF; c++) {
    Raw low[Queries][1], high[Queries][1];
    score_cell<Queries>(k, from + c, queries, size, low);
    score_cell<Queries>(k, from + c + HALF, queries, size, high);
    for (int g = 0; g < Queries; g++) {
      halves[g][c] = add_halves(low[g][0], high[g][0]);
    }
  }
  for (int g = 0; g < Queries; g++) {
    store(scores + stride * static_cast<size_t>(g), Vec{reduce(halves[g])});
  }
}

#else

// Lanes 2 x and 2 x + 1 of blocks of four: a's, b's, a's, b's.
inline Vec add_pairs(Vec a, Vec b) {
  return add(hn::InterleaveLower(Floats(), a, b), hn::InterleaveUpper(Floats(), a, b));
}

// The scores of kWidth cells, whose partial sums are added to kWidth numbers each.
inline Vec reduce(Vec * r) {
  if constexpr (kWidth == 8) { // lanes x and x + 4 of both
    for (int i = 0; i < 4; i++) {
      r[i] = add(hn::ConcatLowerLower(Floats(), r[i + 4], r[i]), hn::ConcatUpperUpper(Floats(), r[i + 4], r[i]));
    }
  }
  return add_pairs(add_pairs(r[0], r[2]), add_pairs(r[1], r[3]));
}

template <int Queries>
void score_block(const Cells16 k, int from, const float * queries, int size, float * scores, size_t stride) {
  for (int first = 0; first < CELLS_AT_ONCE; first += kWidth) {
    Vec sums[Queries][kWidth];
    for (int c = 0; c < kWidth; c++) {
      Raw parts[Queries][VECS];
      score_cell<Queries>(k, from + first + c, queries, size, parts);
      for (int g = 0; g < Queries; g++) {
        sums[g][c] = fold(parts[g]);
      }
    }
    for (int g = 0; g < Queries; g++) {
      store(scores + stride * static_cast<size_t>(g) + first, reduce(sums[g]));
    }
  }
}

#endif

#if HWY_MAX_BYTES > 16 // TILES

constexpr int TILE_QUERIES = 4; // whose scores for CELLS_AT_ONCE cells are made at once

// Lanes are cells, and a number of a query is multiplied with all of them. So partial sums are added as they are: there
// are no lanes to join.
template <int Queries> struct Sums {
  Raw of[Queries * VECS];

  HWY_INLINE void add_all(const Sums & more) {
    for (int i = 0; i < Queries * VECS; i++) {
      of[i] = add(Vec{of[i]}, Vec{more.of[i]}).raw;
    }
  }
};

// The sum of those partial sums of CELLS_AT_ONCE scores for each query that are Part modulo Step, in the order of
// fold() and reduce(). keys: [size x CELLS_AT_ONCE], queries: [Queries x size].
template <int Queries, int Part, int Step>
HWY_INLINE Sums<Queries> tile_sum(const float * keys, const float * queries, int size) {
  Sums<Queries> t;
  if constexpr (Step < PARTS) {
    t = tile_sum<Queries, Part, 2 * Step>(keys, queries, size);
    t.add_all(tile_sum<Queries, Part + Step, 2 * Step>(keys, queries, size));
  } else {
    for (Raw & sum : t.of) {
      sum = zero().raw;
    }
    for (int d = Part; d < size; d += PARTS) {
      Raw key[VECS];
      for (int i = 0; i < VECS; i++) {
        key[i] = load(keys + d * CELLS_AT_ONCE + i * kWidth).raw;
      }
      for (int g = 0; g < Queries; g++) {
        const Vec q = set1(queries[g * size + d]);
        for (int i = 0; i < VECS; i++) {
          t.of[g * VECS + i] = fma(Vec{key[i]}, q, Vec{t.of[g * VECS + i]}).raw;
        }
      }
    }
  }
  return t;
}

template <int Queries>
void tile_scores(const float * keys, const float * queries, int size, float * scores, size_t stride) {
  // A quarter of the partial sums at a time: more would not stand in registers.
  constexpr int QUARTERS = 4;
  Sums<Queries> t[QUARTERS];
#pragma GCC unroll 1
  for (int i = 0; i < QUARTERS; i++) {
    t[i] = tile_sum<Queries, 0, QUARTERS>(keys + i * CELLS_AT_ONCE, queries + i, size);
  }
  t[0].add_all(t[2]);
  t[1].add_all(t[3]);
  t[0].add_all(t[1]);
  for (int g = 0; g < Queries; g++) {
    for (int i = 0; i < VECS; i++) {
      store(scores + stride * static_cast<size_t>(g) + i * kWidth, Vec{t[0].of[g * VECS + i]});
    }
  }
}

// CELLS_AT_ONCE keys from a cell on, turned: [size x CELLS_AT_ONCE]; zero where there is no such cell.
void turn_keys(const Cells16 & k, int from, int size, float * keys) {
  for (int first = 0; first < CELLS_AT_ONCE; first += kWidth) {
    for (int d = 0; d < size; d += kWidth) {
      VecWords r[kWidth];
      for (int i = 0; i < kWidth; i++) {
        const int c = from + first + i;
        r[i] = hn::BitCast(Words(), c < k.n ? load_half(cell_of(k, c) + d) : zero());
      }
      transpose(r);
      for (int i = 0; i < kWidth; i++) {
        store(keys + (d + i) * CELLS_AT_ONCE + first, hn::BitCast(Floats(), r[i]));
      }
    }
  }
}

#endif

// Where values are: a list of cells in F16, or rows in F32.
struct Listed {
  Cells16 from;
  int offset, width;
  const uint16_t * at(int c) const {
    fetch_ahead(from, c, width); // of the whole value where the first of its parts is read
    return cell_of(from, c) + offset;
  }
  static Vec get(const uint16_t * p) { return load_half(p); }
};

struct Wide {
  const float * rows;
  int offset, size;
  const float * at(int c) const { return rows + static_cast<size_t>(c) * static_cast<size_t>(size) + offset; }
  static Vec get(const float * p) { return load(p); }
};

template <int Heads, int Vecs, typename Source>
void mix_part(const Source source, int n, const float * weights, size_t stride, float * out, int size) {
  Raw sum[Heads][Vecs];
  each<Heads>([&](auto g) { each<Vecs>([&](auto d) { sum[g][d] = load(out + g * size + d * kWidth).raw; }); });
  for (int c = 0; c < n; c++) {
    const auto * value = source.at(c);
    Raw x[Vecs];
    each<Vecs>([&](auto d) { x[d] = source.get(value + d * kWidth).raw; });
    each<Heads>([&](auto g) {
      const Vec weight = set1(weights[stride * size_t{g} + static_cast<size_t>(c)]);
      each<Vecs>([&](auto d) { sum[g][d] = fma(Vec{x[d]}, weight, Vec{sum[g][d]}).raw; });
    });
  }
  each<Heads>([&](auto g) { each<Vecs>([&](auto d) { store(out + g * size + d * kWidth, Vec{sum[g][d]}); }); });
}

template <int Most, typename Make>
void mix(const Make & source, int n, const float * weights, size_t stride, int count, int size, float * out) {
  in_parts<Most>(count, [&](int first, auto heads) {
    constexpr int LONG = MIXED_VECS * kWidth;
    for (int d = 0; d < size; d += LONG) {
      with_count<MIXED_VECS>(std::min(LONG, size - d) / kWidth, [&](auto vecs) {
        mix_part<heads.value, vecs.value>(source(d), n, weights + stride * static_cast<size_t>(first), stride,
                                          out + first * size + d, size);
      });
    }
  });
}

} // namespace

void scores_of_cells(const Cells16 & k, const float * queries, int count, int size, float * scores, size_t stride) {
  in_parts<SCORED>(count, [&](int first, auto constant) {
    for (int c = 0; c < k.n; c += CELLS_AT_ONCE) {
      score_block<constant.value>(k, c, queries + first * size, size, scores + stride * static_cast<size_t>(first) + c,
                                  stride);
    }
  });
}

#if HWY_MAX_BYTES > 16

void scores_of_tile(const Cells16 & k, const float * queries, int count, int size, float * keys, float * scores,
                    size_t stride) {
  for (int c = 0; c < k.n; c += CELLS_AT_ONCE) {
    for (int next = c + CELLS_AT_ONCE; next < std::min(c + 2 * CELLS_AT_ONCE, k.n); next++) {
      fetch(reinterpret_cast<const char *>(cell_of(k, next)), size);
    }
    turn_keys(k, c, size, keys);
    in_parts<TILE_QUERIES>(count, [&](int first, auto n) {
      float * to = scores + stride * static_cast<size_t>(first) + c;
      tile_scores<n.value>(keys, queries + first * size, size, to, stride);
    });
  }
}

#endif

Weights weights_of(float * s, int n, const float * bias) {
  if (bias) {
    for (int i = 0; i < n; i++) {
      s[i] += bias[i];
    }
  }
  const int end = (n + CELLS_AT_ONCE - 1) / CELLS_AT_ONCE * CELLS_AT_ONCE;
  for (int i = n; i < end; i++) {
    s[i] = LEAST;
  }
  Vec most = load(s), bad = sub(most, most); // 0, or NaN: exp and max do not keep NaN
  for (int i = kWidth; i < end; i += kWidth) {
    const Vec x = load(s + i);
    most = max(most, x);
    bad = add(bad, sub(x, x));
  }
  const float largest_of_all = largest(most);
  const Vec shift = set1(largest_of_all);
  Raw sums[VECS];
  for (int i = 0; i < VECS; i++) {
    sums[i] = zero().raw;
  }
  for (int i = 0; i < end; i += PARTS) {
    for (int j = 0; j < VECS; j++) {
      const Vec e = exp(sub(load(s + i + j * kWidth), shift));
      store(s + i + j * kWidth, e);
      sums[j] = add(Vec{sums[j]}, e).raw;
    }
  }
  return {largest_of_all, sum(fold(sums)) + sum(bad)};
}

void mix_cells(const Cells16 & v, const float * weights, size_t stride, int count, int size, float * out) {
  mix<MIXED>([&](int d) { return Listed{v, d, d == 0 ? size : 0}; }, v.n, weights, stride, count, size, out);
}

void mix_values(const float * values, int n, const float * weights, size_t stride, int count, int size, float * out) {
  mix<MIXED_WIDE>([&](int d) { return Wide{values, d, size}; }, n, weights, stride, count, size, out);
}

void widen(const Cells16 & v, int size, float * out) {
  for (int c = 0; c < v.n; c++) {
    const uint16_t * value = cell_of(v, c);
    fetch_ahead(v, c, size);
    for (int d = 0; d < size; d += kWidth) {
      store(out + static_cast<size_t>(c) * static_cast<size_t>(size) + d, load_half(value + d));
    }
  }
}

} // namespace sphere
