// Pairs of numbers in BF16: neighbours along the summed dimension, which vdpbf16ps and tdpbf16ps multiply together.
#pragma once

#include "common/simd.hpp"

#include <algorithm>

// CPUs with an instruction for it: AVX-512 BF16 and NEON's BF16. Elsewhere such a product would be made of F32's
// instructions, and would be no faster than F32's.
#define SPHERE_BF16_PAIRS HWY_NATIVE_DOT_BF16

#if SPHERE_BF16_PAIRS

namespace sphere {

using Halves = hn::FixedTag<uint16_t, 2 * kWidth>;
using Bf16s = hn::FixedTag<hwy::bfloat16_t, 2 * kWidth>;

// How many of a vector's `most` lanes are among the first n.
inline size_t first_of(int64_t n, int64_t most) { return static_cast<size_t>(std::clamp<int64_t>(n, 0, most)); }

// The first n numbers, zeros beyond.
template <typename D> inline hn::Vec<D> load_first(D d, const hn::TFromD<D> * p, int64_t n) {
  constexpr auto most = static_cast<int64_t>(hn::MaxLanes(D()));
  return n >= most ? hn::LoadU(d, p) : hn::LoadN(d, p, first_of(n, most));
}

// kWidth pairs, in words whose lower half is the first of a pair.
inline VecWords pairs_of(Vec even, Vec odd) {
  const hn::Rebind<hwy::bfloat16_t, Floats> bf16;
  const hn::Rebind<uint16_t, Floats> half;
  const auto word = [&](Vec x) { return hn::PromoteTo(Words(), hn::BitCast(half, hn::DemoteTo(bf16, x))); };
  return hn::Or(word(even), hn::ShiftLeft<16>(word(odd)));
}

// kWidth pairs that follow each other in memory.
inline VecWords pairs_along(const float * x) {
  return hn::BitCast(Words(), hn::OrderedDemote2To(Bf16s(), load(x), load(x + kWidth)));
}
inline VecWords pairs_along(const uint16_t * x) { return hn::BitCast(Words(), hn::LoadU(Halves(), x)); }

// The same from p on, zeros from k on.
inline VecWords pairs_along(const float * x, int64_t p, int64_t k) {
  const auto numbers = [&](int64_t from) { return load_first(Floats(), x + from, k - from); };
  return hn::BitCast(Words(), hn::OrderedDemote2To(Bf16s(), numbers(p), numbers(p + kWidth)));
}
inline VecWords pairs_along(const uint16_t * x, int64_t p, int64_t k) {
  return hn::BitCast(Words(), load_first(Halves(), x + p, k - p));
}

// Pairs of the first n columns of two rows; a missing odd row is zeros.
inline VecWords pairs_across(const float * even, const float * odd, int64_t n) {
  return pairs_of(load_first(Floats(), even, n), odd == nullptr ? zero() : load_first(Floats(), odd, n));
}
inline VecWords pairs_across(const uint16_t * even, const uint16_t * odd, int64_t n) {
  const auto words = [&](const uint16_t * x) {
    return hn::PromoteTo(Words(), load_first(hn::Rebind<uint16_t, Floats>(), x, n));
  };
  return odd == nullptr ? words(even) : hn::Or(words(even), hn::ShiftLeft<16>(words(odd)));
}

} // namespace sphere

#endif

// For the matrix unit's files.
#if SPHERE_BF16_PAIRS && SPHERE_AVX512

namespace sphere {

inline __mmask16 lanes(int64_t n) {
  return n >= 16 ? static_cast<__mmask16>(0xffff) : static_cast<__mmask16>((1u << std::max<int64_t>(n, 0)) - 1);
}

// Parts of 32 numbers whose sum they are: one is the numbers rounded to BF16; three are the numbers themselves, since
// the second is what is left, rounded, and so on: F32 has 24 bits, BF16 8.
template <int P> struct Parts {
  __m512i part[P];
};

inline __m512 widened(__m256bh x) {
  return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(reinterpret_cast<__m256i>(x)), 16));
}

// Of pairs that follow each other: 16 numbers, then 16 numbers.
template <int P> inline Parts<P> parts_along(__m512 first, __m512 second) {
  Parts<P> r;
  for (int q = 0; q < P; q++) {
    r.part[q] = reinterpret_cast<__m512i>(_mm512_cvtne2ps_pbh(second, first));
    if (q < P - 1) {
      first = _mm512_sub_ps(first, widened(_mm512_cvtneps_pbh(first)));
      second = _mm512_sub_ps(second, widened(_mm512_cvtneps_pbh(second)));
    }
  }
  return r;
}

// Of the pairs of two rows.
template <int P> inline Parts<P> parts_across(__m512 even, __m512 odd) {
  Parts<P> r;
  for (int q = 0; q < P; q++) {
    const __m256bh low = _mm512_cvtneps_pbh(even);
    const __m256bh high = _mm512_cvtneps_pbh(odd);
    r.part[q] =
        _mm512_or_si512(_mm512_cvtepu16_epi32(reinterpret_cast<__m256i>(low)), _mm512_castps_si512(widened(high)));
    if (q < P - 1) {
      even = _mm512_sub_ps(even, widened(low));
      odd = _mm512_sub_ps(odd, widened(high));
    }
  }
  return r;
}

// 16 numbers from x + p on, zeros from k on.
inline __m512 numbers(const float * x, int64_t p, int64_t k) { return _mm512_maskz_loadu_ps(lanes(k - p), x + p); }

// 16 rows of 64 bytes, `stride` bytes apart, turned about the diagonal of their 4-byte numbers. Half of the work is
// done by the load ports, which put 16 bytes of four rows into one vector.
inline void load_turned(const void * rows, int64_t stride, __m512i * r) {
  const auto * at = static_cast<const char *>(rows);
  const auto four = [&](int64_t row, int64_t group) {
    const auto part = [&](int64_t lane) {
      return _mm_loadu_si128(reinterpret_cast<const __m128i *>(at + (row + 4 * lane) * stride + 16 * group));
    };
    __m512i v = _mm512_castsi128_si512(part(0));
    v = _mm512_mask_broadcast_i32x4(v, 0x00f0, part(1));
    v = _mm512_mask_broadcast_i32x4(v, 0x0f00, part(2));
    return _mm512_mask_broadcast_i32x4(v, 0xf000, part(3));
  };
  for (int64_t group = 0; group < 4; group++) {
    const __m512i a = four(0, group);
    const __m512i b = four(1, group);
    const __m512i c = four(2, group);
    const __m512i d = four(3, group);
    const __m512i ab = _mm512_unpacklo_epi32(a, b);
    const __m512i AB = _mm512_unpackhi_epi32(a, b);
    const __m512i cd = _mm512_unpacklo_epi32(c, d);
    const __m512i CD = _mm512_unpackhi_epi32(c, d);
    r[4 * group] = _mm512_unpacklo_epi64(ab, cd);
    r[4 * group + 1] = _mm512_unpackhi_epi64(ab, cd);
    r[4 * group + 2] = _mm512_unpacklo_epi64(AB, CD);
    r[4 * group + 3] = _mm512_unpackhi_epi64(AB, CD);
  }
}

} // namespace sphere

#endif
