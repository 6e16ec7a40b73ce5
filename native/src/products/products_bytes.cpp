// Products with quantised weights as integers with AVX-512 and VNNI, to the bits of products_ints.cpp: blocks of 32
// activations are 15-bit integers that share a scale, a block is summed exactly, an output adds its blocks in order.
// A lane is an output. Codes of weights stay bytes, four to a lane; an activation is two bytes, 256 high + low, so that
// vpdpbusd takes them in two turns: as many multiply-adds an instruction as in words, but nothing is widened, and four
// numbers of 16 rows come together by fewer shuffles than two. What a code of zero stands for is taken off as a number
// a block.
#include "products/products_ints.hpp"

#if SPHERE_INTS_IN_BYTES

#include "common/simd.hpp"
#include "products/products_types.hpp"
#include "products/products_unpack.hpp"

#include <algorithm>
#include <cstring>
#include <limits>
#include <type_traits>
#include <utility>

namespace sphere {
namespace {

using namespace blocks;

constexpr int PANEL = static_cast<int>(PRODUCT_PANEL);
constexpr int NUMBERS = 32;                              // in a block
constexpr int QUADS = NUMBERS / 4;                       // groups of four numbers in a block
constexpr int GROUP = static_cast<int>(PIECE / NUMBERS); // blocks in a row's piece
constexpr int MOST = 8;                                  // rows of activations whose sums are in registers at once

// --- rows of activations -------------------------------------------------------------------------------

// A block of them.
struct Input {
  int32_t high[QUADS], low[QUADS];
  float d, sum, half_sums[2]; // the scale; the sum of the numbers, and of their halves
  int32_t starts[4];          // the sum of the integers times 0, -8, -16, -128: of codes that much too large
  int32_t halves[2];          // the same of both halves, times -1
};

constexpr int start_of(int zero) { return zero == 0 ? 0 : zero == 8 ? 1 : zero == 16 ? 2 : 3; }

int64_t inputs_size(int64_t k, int64_t n) { return whole_lines(k / NUMBERS * n * static_cast<int64_t>(sizeof(Input))); }

// A block of numbers has the largest one at 16383: 32 products with 4096, the most of a weight, do not overflow. One
// with NaN or infinity makes all NaN. What is smaller than 1e-30 is 0.
void round_block(const float * x, Input & to) {
  constexpr float LARGEST = 16383;
  const __m512 part[2] = {_mm512_loadu_ps(x), _mm512_loadu_ps(x + 16)};
  const float largest = _mm512_reduce_max_ps(_mm512_max_ps(_mm512_abs_ps(part[0]), _mm512_abs_ps(part[1])));
  const __m512 nothing = _mm512_add_ps(_mm512_sub_ps(part[0], part[0]), _mm512_sub_ps(part[1], part[1]));
  if (_mm512_cmp_ps_mask(nothing, nothing, _CMP_UNORD_Q) != 0) {
    to = Input{};
    to.d = to.sum = to.half_sums[0] = to.half_sums[1] = std::numeric_limits<float>::quiet_NaN();
    return;
  }
  const bool none = largest < 1e-30f;
  const __m512 factor = _mm512_set1_ps(none ? 0 : LARGEST / largest);
  to.d = none ? 0 : largest / LARGEST;
  int32_t total = 0;
  float numbers[2];
  for (int h = 0; h < 2; h++) {
    const __m512i q = _mm512_cvtps_epi32(_mm512_mul_ps(part[h], factor));
    const __m512i high = _mm512_srai_epi32(_mm512_add_epi32(q, _mm512_set1_epi32(128)), 8);
    _mm_storeu_si128(reinterpret_cast<__m128i *>(to.low + h * QUADS / 2), _mm512_cvtepi32_epi8(q));
    _mm_storeu_si128(reinterpret_cast<__m128i *>(to.high + h * QUADS / 2), _mm512_cvtepi32_epi8(high));
    const int32_t sum = _mm512_reduce_add_epi32(q);
    to.halves[h] = -sum;
    numbers[h] = static_cast<float>(sum);
    to.half_sums[h] = to.d * numbers[h];
    total += sum;
  }
  to.sum = to.d * (numbers[0] + numbers[1]);
  to.starts[0] = 0;
  to.starts[1] = -8 * total;
  to.starts[2] = -16 * total;
  to.starts[3] = -128 * total;
}

void convert(const ggml_tensor * x, int ith, int nth, void * inputs, void *) {
  const int64_t blocks = x->ne[0] / NUMBERS;
  for (int64_t j = ith; j < x->ne[1]; j += nth) {
    const char * row = static_cast<const char *>(x->data) + x->nb[1] * static_cast<size_t>(j);
    for (int64_t b = 0; b < blocks; b++) {
      round_block(reinterpret_cast<const float *>(row) + b * NUMBERS, static_cast<Input *>(inputs)[j * blocks + b]);
    }
  }
}

// --- weights -------------------------------------------------------------------------------------------

// A block of all rows of a panel: numbers 4 i to 4 i + 3 of each in part i.
struct PanelCodes {
  hn::Vec<hn::FixedTag<uint8_t, 64>> part[QUADS];
};

// How they are loaded: where the block of row i lies, `offset` bytes behind rows[i]; `first` is that of row 0.
struct AllRows {
  const char * const * rows;
  int64_t offset;
  const void * first;

  INLINE const char * at(int i, const uint8_t * p) const {
    return rows[i] + offset + (reinterpret_cast<const char *>(p) - static_cast<const char *>(first));
  }

  // Four vectors of four dwords a row, turned within blocks of 128 bits.
  static INLINE void turn(__m512i (&a)[4]) {
    const __m512i low = _mm512_unpacklo_epi32(a[0], a[1]), low2 = _mm512_unpacklo_epi32(a[2], a[3]);
    const __m512i high = _mm512_unpackhi_epi32(a[0], a[1]), high2 = _mm512_unpackhi_epi32(a[2], a[3]);
    a[0] = _mm512_unpacklo_epi64(low, low2);
    a[1] = _mm512_unpackhi_epi64(low, low2);
    a[2] = _mm512_unpacklo_epi64(high, high2);
    a[3] = _mm512_unpackhi_epi64(high, high2);
  }

  INLINE PanelCodes bytes(const uint8_t * p) const {
    __m512i turned[2][4]; // of rows 0 to 7 and 8 to 15: numbers (below 16, above) of (first four rows, last four rows)
    for (int half = 0; half < 2; half++) {
      for (int i = 0; i < 4; i++) {
        const auto row = [&](int r) { return _mm256_loadu_si256(reinterpret_cast<const __m256i *>(at(r, p))); };
        turned[half][i] = _mm512_inserti64x4(_mm512_castsi256_si512(row(half * 8 + i)), row(half * 8 + i + 4), 1);
      }
      turn(turned[half]);
    }
    PanelCodes r;
    for (int i = 0; i < 4; i++) {
      r.part[i] = {_mm512_shuffle_i32x4(turned[0][i], turned[1][i], 0x88)};
      r.part[i + 4] = {_mm512_shuffle_i32x4(turned[0][i], turned[1][i], 0xDD)};
    }
    return r;
  }

  INLINE PanelCodes halves(const uint8_t * p) const {
    __m512i turned[4];
    for (int i = 0; i < 4; i++) {
      const auto row = [&](int r) { return _mm_loadu_si128(reinterpret_cast<const __m128i *>(at(r, p))); };
      const auto two = [&](int r) { return _mm256_inserti128_si256(_mm256_castsi128_si256(row(r)), row(r + 4), 1); };
      turned[i] = _mm512_inserti64x4(_mm512_castsi256_si512(two(i)), two(i + 8), 1);
    }
    turn(turned);
    PanelCodes r;
    for (int i = 0; i < 4; i++) {
      r.part[i] = {turned[i]};
      r.part[i + 4] = {_mm512_srli_epi16(turned[i], 4)};
    }
    return r;
  }

  // Four bytes of each row.
  INLINE __m512i dwords(const uint8_t * p) const {
    alignas(64) uint32_t all[PANEL];
    for (int i = 0; i < PANEL; i++) {
      std::memcpy(all + i, at(i, p), sizeof all[i]);
    }
    return _mm512_load_si512(all);
  }

  INLINE PanelCodes halves(const uint8_t * p, const uint8_t * fifth) const {
    const __m512i bits = dwords(fifth);
    PanelCodes high;
    for (int i = 0; i < QUADS; i++) {
#if defined(__AVX512VBMI__)
      // Eight bits of 64, those of two rows, from a place of each byte's own: its bit comes to be the fifth.
      const __m512i from =
          _mm512_add_epi8(_mm512_set1_epi64(0x1f1e1d1cfffefdfc), _mm512_set1_epi8(static_cast<char>(4 * i)));
      high.part[i] = {_mm512_multishift_epi64_epi8(from, bits)};
#else
      // Byte i / 2 in all bytes of a lane; of each its own bit.
      const __m512i bytes =
          _mm512_shuffle_epi8(bits, _mm512_add_epi8(_mm512_set1_epi8(static_cast<char>(i / 2)),
                                                    _mm512_set4_epi32(0x0c0c0c0c, 0x08080808, 0x04040404, 0)));
      const __mmask64 set = _mm512_test_epi8_mask(bytes, _mm512_set1_epi32(i % 2 == 0 ? 0x08040201 : 0x80402010));
      high.part[i] = {_mm512_maskz_set1_epi8(set, 16)};
#endif
    }
    return joined<4>(halves(p), high);
  }
};

template <typename B> constexpr int MINIMA = B::KIND != Kind::MINIMUM ? 0 : 32 / B::GROUP;
template <typename B> constexpr int ZERO = B::KIND == Kind::LEVELS || B::BITS == 8 ? 128 : B::ZERO;

// A block of a panel: bytes [quads][row][4]; then vectors of a number a row: the scale, minima, and with scales for 16
// numbers two integers, which they are times d.
template <int MINIMA, bool HALVES> struct Packed {
  __m512i q[QUADS];
  __m512 d, m[MINIMA == 0 ? 1 : MINIMA];
  __m512i factors[HALVES ? 2 : 1];
};
template <typename B> using PackedOf = Packed<MINIMA<B>, B::GROUP == 16>;

INLINE __m512 from_low_halves(__m512i dwords) { return _mm512_cvtph_ps(_mm512_cvtepi32_epi16(dwords)); }

template <int S, typename B> INLINE PanelCodes codes_of(const AllRows & all, const B & first) {
  if constexpr (B::BITS == 8) {
    return all.bytes(reinterpret_cast<const uint8_t *>(first.q));
  } else {
    return masked<B::BITS>(first.template codes<S>(all));
  }
}

template <typename B> INLINE void write(const PanelCodes & codes, PackedOf<B> & to) {
  const __m512i flip = _mm512_set1_epi8(static_cast<char>(0x80));
  for (int i = 0; i < QUADS; i++) {
    __m512i q = codes.part[i].raw;
    if constexpr (B::KIND == Kind::LEVELS) {
      const __m128i levels = _mm_load_si128(reinterpret_cast<const __m128i *>(LEVELS));
      q = _mm512_shuffle_epi8(_mm512_xor_si512(_mm512_broadcast_i32x4(levels), flip), q);
    } else if constexpr (B::BITS == 8) {
      q = _mm512_xor_si512(q, flip);
    }
    to.q[i] = q;
  }
}

// Steps S of a block of 256. What they share is read once, since nothing is written meanwhile.
template <typename B, int... S>
INLINE void write_steps(const AllRows & all, const B & first, PackedOf<B> * to, std::integer_sequence<int, S...>) {
  const PanelCodes codes[] = {codes_of<S>(all, first)...};
  const int steps[] = {S...};
  for (size_t i = 0; i < sizeof...(S); i++) {
    write<B>(codes[i], to[steps[i]]);
  }
}

// Scales and offsets of a block of Q4_K or Q5_K (`sixes` of products_types.hpp, whose numbers these are), a row a lane,
// in far fewer instructions than each row for itself takes.
template <typename B> INLINE void six_bits(const AllRows & all, const B & first, PackedOf<B> * to) {
  const __m512i a = all.dwords(first.six), b = all.dwords(first.six + 4), c = all.dwords(first.six + 8);
  const __m512i both = all.dwords(reinterpret_cast<const uint8_t *>(&first));
  const __m512i six = _mm512_set1_epi32(0x3f3f3f3f), four = _mm512_set1_epi32(0x0f0f0f0f);
  const __m512i two = _mm512_set1_epi32(0x30303030), byte = _mm512_set1_epi32(0xff);
  const auto joined = [&](__m512i low, __m512i high) {
    return _mm512_or_si512(_mm512_and_si512(low, four), _mm512_and_si512(_mm512_srli_epi32(high, 2), two));
  };
  __m512i scales[2] = {_mm512_and_si512(a, six), joined(c, a)};
  __m512i offsets[2] = {_mm512_and_si512(b, six), joined(_mm512_srli_epi32(c, 4), b)};
  const __m512 d = from_low_halves(both);
  const __m512 m = _mm512_xor_ps(from_low_halves(_mm512_srli_epi32(both, 16)), _mm512_set1_ps(-0.0f));
  for (int i = 0; i < GROUP; i++) {
    const auto next = [&](__m512i & of, __m512 unit) {
      const __m512 number = _mm512_cvtepi32_ps(_mm512_and_si512(of, byte));
      of = _mm512_srli_epi32(of, 8);
      return _mm512_mul_ps(number, unit);
    };
    to[i].d = next(scales[i / 4], d);
    to[i].m[0] = next(offsets[i / 4], m);
  }
}

// The piece of a panel: `count` blocks. What the next panel has in that place is fetched: hardware does not follow so
// many streams.
template <typename B> void pack(const PanelRows & rows, int64_t piece, int count, PackedOf<B> * to) {
  constexpr int64_t SIZE = PIECE / B::NUMBERS * static_cast<int64_t>(sizeof(B));
  const int64_t offset = piece * SIZE;
  for (int i = 0; i < PANEL; i++) {
    for (int64_t line = 0; line < SIZE; line += 64) {
      _mm_prefetch(rows.rows[i] + offset + rows.ahead + line, _MM_HINT_T1);
    }
  }
  if constexpr (B::NUMBERS == 32) {
    for (int b = 0; b < count; b++) {
      const int64_t here = offset + b * static_cast<int64_t>(sizeof(B));
      const B & first = *reinterpret_cast<const B *>(rows.rows[0] + here);
      const AllRows all{rows.rows, here, &first};
      const __m512i scales = all.dwords(reinterpret_cast<const uint8_t *>(&first));
      to[b].d = from_low_halves(scales);
      if constexpr (MINIMA<B> == 1) {
        to[b].m[0] = from_low_halves(_mm512_srli_epi32(scales, 16));
      }
      write<B>(codes_of<0>(all, first), to[b]);
    }
  } else {
    const B & first = *reinterpret_cast<const B *>(rows.rows[0] + offset);
    const AllRows all{rows.rows, offset, &first};
    [[maybe_unused]] const auto block = [&](int i) -> const B & {
      return *reinterpret_cast<const B *>(rows.rows[i] + offset);
    };
    if constexpr (std::is_same_v<B, Q4_K> || std::is_same_v<B, Q5_K>) {
      six_bits(all, first, to);
    } else if constexpr (B::GROUP == 32) {
      __m512i numbers[PANEL];
      for (int i = 0; i < PANEL; i++) {
        Scales s;
        block(i).scales(s.of);
        numbers[i] = _mm512_castsi256_si512(_mm256_load_si256(reinterpret_cast<const __m256i *>(s.of)));
      }
      transpose(numbers);
      for (int b = 0; b < GROUP; b++) {
        to[b].d = _mm512_castsi512_ps(numbers[b]);
      }
    } else {
      __m512i numbers[PANEL];
      alignas(64) uint32_t d[PANEL];
      for (int i = 0; i < PANEL; i++) {
        d[i] = block(i).d;
        numbers[i] = _mm512_cvtepi8_epi32(block(i).factors().raw);
      }
      transpose(numbers);
      const __m512 scale = from_low_halves(_mm512_load_si512(d));
      for (int b = 0; b < GROUP; b++) {
        to[b].d = scale;
        to[b].factors[0] = numbers[2 * b];
        to[b].factors[1] = numbers[2 * b + 1];
      }
      if constexpr (MINIMA<B> == 2) {
        for (int i = 0; i < PANEL; i++) {
          Scales s;
          block(i).offsets(s.of);
          numbers[i] = _mm512_load_si512(s.of);
        }
        transpose(numbers);
        for (int b = 0; b < 2 * GROUP; b++) {
          to[b / 2].m[b % 2] = _mm512_castsi512_ps(numbers[b]);
        }
      }
    }
    write_steps(all, first, to, std::integer_sequence<int, 0, 1, 2, 3>());
    write_steps(all, first, to, std::integer_sequence<int, 4, 5, 6, 7>());
  }
}

// --- products ------------------------------------------------------------------------------------------

// The exact sums of quads [FROM, TO), from `start` on.
template <int FROM, int TO> INLINE __m512i summed(const __m512i * q, const Input & x, __m512i start) {
  __m512i high = _mm512_setzero_si512();
  for (int i = FROM; i < TO; i++) {
    high = _mm512_dpbusd_epi32(high, q[i], _mm512_set1_epi32(x.high[i]));
    start = _mm512_dpbusd_epi32(start, q[i], _mm512_set1_epi32(x.low[i]));
  }
  return _mm512_add_epi32(_mm512_slli_epi32(high, 8), start);
}

// `count` blocks of a panel by N rows of activations, `blocks` blocks a row, added to sums.
template <int MINIMA, bool HALVES, int N>
void tile(const Packed<MINIMA, HALVES> * w, int64_t count, const Input * x, int64_t blocks, int zero, __m512 * sums) {
  const int start = start_of(zero);
  __m512 sum[N];
  for (int j = 0; j < N; j++) {
    sum[j] = sums[j];
  }
  for (int64_t b = 0; b < count; b++, w++, x++) {
    __m512i q[QUADS];
    for (int i = 0; i < QUADS; i++) {
      q[i] = w->q[i];
    }
    for (int j = 0; j < N; j++) {
      const Input & in = x[j * blocks];
      __m512i s;
      if constexpr (HALVES) {
        const __m512i a = summed<0, QUADS / 2>(q, in, _mm512_set1_epi32(zero * in.halves[0]));
        const __m512i c = summed<QUADS / 2, QUADS>(q, in, _mm512_set1_epi32(zero * in.halves[1]));
        s = _mm512_add_epi32(_mm512_mullo_epi32(a, w->factors[0]), _mm512_mullo_epi32(c, w->factors[1]));
      } else {
        s = summed<0, QUADS>(q, in, _mm512_set1_epi32(in.starts[start]));
      }
      sum[j] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(s), _mm512_mul_ps(w->d, _mm512_set1_ps(in.d)), sum[j]);
      for (int i = 0; i < MINIMA; i++) {
        const float of = MINIMA == 1 ? in.sum : in.half_sums[i];
        sum[j] = _mm512_fmadd_ps(w->m[i], _mm512_set1_ps(of), sum[j]);
      }
    }
  }
  for (int j = 0; j < N; j++) {
    sums[j] = sum[j];
  }
}

template <int MINIMA, bool HALVES, int N = MOST>
INLINE void rows_by(const Packed<MINIMA, HALVES> * w, int64_t count, const Input * x, int64_t blocks, int64_t n,
                    int zero, __m512 * sums) {
  if constexpr (N > 1) {
    if (n < N) {
      return rows_by<MINIMA, HALVES, N - 1>(w, count, x, blocks, n, zero, sums);
    }
  }
  tile<MINIMA, HALVES, N>(w, count, x, blocks, zero, sums);
}

// A panel, if more than one tile of activations reads it; else a piece.
template <typename B> int64_t own_size(int64_t k, int64_t n) {
  return (n > MOST ? pieces_of(k) : 1) * GROUP * static_cast<int64_t>(sizeof(PackedOf<B>));
}

template <typename B> void panels(const ggml_tensor * op, int64_t from, int64_t to, const void * inputs, void * own) {
  const ggml_tensor * w = op->src[0];
  const int64_t n = op->src[1]->ne[1], blocks = w->ne[0] / NUMBERS, tiles = (n + MOST - 1) / MOST;
  const auto * x = static_cast<const Input *>(inputs);
  auto * packed = static_cast<PackedOf<B> *>(own);
  const auto stride = static_cast<int64_t>(op->nb[1] / sizeof(float));
  for (int64_t p = from; p < to; p++) {
    const PanelRows rows(w, p);
    const int64_t left = w->ne[1] - p * PANEL;
    const auto lanes = static_cast<__mmask16>(left >= PANEL ? 0xFFFF : (1 << left) - 1);
    for (int64_t t = 0; t < tiles; t++) {
      const int64_t j = n * t / tiles, height = n * (t + 1) / tiles - j;
      __m512 sums[MOST];
      for (auto & sum : sums) {
        sum = _mm512_setzero_ps();
      }
      for (int64_t b = 0; b < blocks; b += GROUP) {
        const auto count = std::min<int64_t>(GROUP, blocks - b);
        auto * here = packed + (tiles > 1 ? b : 0);
        if (t == 0) {
          pack<B>(rows, b / GROUP, static_cast<int>(count), here);
        }
        rows_by(here, count, x + j * blocks + b, blocks, height, ZERO<B>, sums);
      }
      for (int64_t i = 0; i < height; i++) {
        _mm512_mask_storeu_ps(static_cast<float *>(op->data) + (j + i) * stride + p * PANEL, lanes, sums[i]);
      }
    }
  }
}

template <typename B> const ProductKernel * kernel() {
  static constexpr ProductKernel KERNEL{inputs_size, own_size<B>, convert, panels<B>};
  return &KERNEL;
}

} // namespace

const ProductKernel * int_product(const ggml_tensor * w, int64_t) {
  switch (w->type) {
    SPHERE_INT_TYPES(SPHERE_INT_CASE)
    default: return nullptr;
  }
}

} // namespace sphere

#endif
