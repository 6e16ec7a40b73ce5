// Pairs of numbers in BF16: neighbours along the summed dimension, which vdpbf16ps and tdpbf16ps multiply together.
#pragma once

#include "simd.hpp"

#include <algorithm>

#if defined(__AVX512BF16__) && defined(__AVX512F__) && defined(__AVX512BW__)

namespace sphere {

inline __m512i pairs_of(__m512 even, __m512 odd) {
  const __m512i low = _mm512_cvtepu16_epi32(reinterpret_cast<__m256i>(_mm512_cvtneps_pbh(even)));
  const __m512i high = _mm512_cvtepu16_epi32(reinterpret_cast<__m256i>(_mm512_cvtneps_pbh(odd)));
  return _mm512_or_si512(low, _mm512_slli_epi32(high, 16));
}

inline __mmask16 lanes(int64_t n) {
  return n >= 16 ? static_cast<__mmask16>(0xffff) : static_cast<__mmask16>((1u << std::max<int64_t>(n, 0)) - 1);
}

// 16 pairs that follow each other in memory from p on, zeros from k on.
inline __m512i pairs_along(const float * x, int64_t p, int64_t k) {
  const __m512 first = _mm512_maskz_loadu_ps(lanes(k - p), x + p);
  const __m512 second = k - p > 16 ? _mm512_maskz_loadu_ps(lanes(k - p - 16), x + p + 16) : _mm512_setzero_ps();
  return reinterpret_cast<__m512i>(_mm512_cvtne2ps_pbh(second, first));
}
inline __m512i pairs_along(const uint16_t * x, int64_t p, int64_t k) {
  const int64_t n = k - p;
  const __mmask32 mask = n >= 32 ? 0xffffffffu : (1u << std::max<int64_t>(n, 0)) - 1;
  return _mm512_maskz_loadu_epi16(mask, x + p);
}

// 16 pairs of two rows; a missing odd row is zeros.
inline __m512i pairs_across(const float * even, const float * odd, __mmask16 mask) {
  return pairs_of(_mm512_maskz_loadu_ps(mask, even),
                  odd == nullptr ? _mm512_setzero_ps() : _mm512_maskz_loadu_ps(mask, odd));
}
inline __m512i pairs_across(const uint16_t * even, const uint16_t * odd, __mmask16 mask) {
  const __m512i low = _mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(mask, even));
  const __m512i high =
      odd == nullptr ? _mm512_setzero_si512() : _mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(mask, odd));
  return _mm512_or_si512(low, _mm512_slli_epi32(high, 16));
}

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
