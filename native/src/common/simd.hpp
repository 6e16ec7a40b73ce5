// A vector of floats as wide as this CPU's registers, with the few operations that the training kernels need.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>

#if defined(__AVX512F__) || defined(__AVX2__)
#include <immintrin.h>
#endif

namespace sphere {

#if defined(__AVX512F__)

constexpr int kWidth = 16;
constexpr int kTileRows = 8; // 8 x 3 accumulators out of 32 registers
using Vec = __m512;

inline Vec zero() { return _mm512_setzero_ps(); }
inline Vec set1(float a) { return _mm512_set1_ps(a); }
inline Vec load(const float * p) { return _mm512_loadu_ps(p); }
inline void store(float * p, Vec a) { _mm512_storeu_ps(p, a); }
inline Vec add(Vec a, Vec b) { return _mm512_add_ps(a, b); }
inline Vec sub(Vec a, Vec b) { return _mm512_sub_ps(a, b); }
inline Vec mul(Vec a, Vec b) { return _mm512_mul_ps(a, b); }
inline Vec div(Vec a, Vec b) { return _mm512_div_ps(a, b); }
inline Vec max(Vec a, Vec b) { return _mm512_max_ps(a, b); }
inline Vec min(Vec a, Vec b) { return _mm512_min_ps(a, b); }
inline Vec fma(Vec a, Vec b, Vec c) { return _mm512_fmadd_ps(a, b, c); }
inline Vec round(Vec a) { return _mm512_roundscale_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
inline Vec scale2(Vec a, Vec n) { return _mm512_scalef_ps(a, n); }

// 16 vectors of 16 numbers of 32 bits, turned about the diagonal.
inline void transpose(__m512i * r) {
  __m512i t[16];
  for (int i = 0; i < 16; i += 2) {
    t[i] = _mm512_unpacklo_epi32(r[i], r[i + 1]);
    t[i + 1] = _mm512_unpackhi_epi32(r[i], r[i + 1]);
  }
  for (int i = 0; i < 16; i += 4) {
    r[i] = _mm512_unpacklo_epi64(t[i], t[i + 2]);
    r[i + 1] = _mm512_unpackhi_epi64(t[i], t[i + 2]);
    r[i + 2] = _mm512_unpacklo_epi64(t[i + 1], t[i + 3]);
    r[i + 3] = _mm512_unpackhi_epi64(t[i + 1], t[i + 3]);
  }
  for (int half = 0; half < 16; half += 8) {
    for (int i = 0; i < 4; i++) {
      t[half + i] = _mm512_shuffle_i32x4(r[half + i], r[half + i + 4], 0x88);
      t[half + i + 4] = _mm512_shuffle_i32x4(r[half + i], r[half + i + 4], 0xdd);
    }
  }
  for (int i = 0; i < 8; i++) {
    r[i] = _mm512_shuffle_i32x4(t[i], t[i + 8], 0x88);
    r[i + 8] = _mm512_shuffle_i32x4(t[i], t[i + 8], 0xdd);
  }
}

#elif defined(__AVX2__) && defined(__FMA__)

constexpr int kWidth = 8;
constexpr int kTileRows = 4; // 4 x 3 accumulators out of 16 registers
using Vec = __m256;

inline Vec zero() { return _mm256_setzero_ps(); }
inline Vec set1(float a) { return _mm256_set1_ps(a); }
inline Vec load(const float * p) { return _mm256_loadu_ps(p); }
inline void store(float * p, Vec a) { _mm256_storeu_ps(p, a); }
inline Vec add(Vec a, Vec b) { return _mm256_add_ps(a, b); }
inline Vec sub(Vec a, Vec b) { return _mm256_sub_ps(a, b); }
inline Vec mul(Vec a, Vec b) { return _mm256_mul_ps(a, b); }
inline Vec div(Vec a, Vec b) { return _mm256_div_ps(a, b); }
inline Vec max(Vec a, Vec b) { return _mm256_max_ps(a, b); }
inline Vec min(Vec a, Vec b) { return _mm256_min_ps(a, b); }
inline Vec fma(Vec a, Vec b, Vec c) { return _mm256_fmadd_ps(a, b, c); }
inline Vec round(Vec a) { return _mm256_round_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
inline Vec scale2(Vec a, Vec n) {
  const __m256i bits = _mm256_slli_epi32(_mm256_add_epi32(_mm256_cvtps_epi32(n), _mm256_set1_epi32(127)), 23);
  return _mm256_mul_ps(a, _mm256_castsi256_ps(bits));
}

#else

constexpr int kWidth = 4;
constexpr int kTileRows = 4;
struct Vec {
  float v[kWidth];
};

template <typename F> inline Vec each(F f) {
  Vec r;
  for (int i = 0; i < kWidth; i++) {
    r.v[i] = f(i);
  }
  return r;
}
inline Vec zero() { return Vec{}; }
inline Vec set1(float a) {
  return each([&](int) { return a; });
}
inline Vec load(const float * p) {
  return each([&](int i) { return p[i]; });
}
inline void store(float * p, Vec a) { std::memcpy(p, a.v, sizeof a.v); }
inline Vec add(Vec a, Vec b) {
  return each([&](int i) { return a.v[i] + b.v[i]; });
}
inline Vec sub(Vec a, Vec b) {
  return each([&](int i) { return a.v[i] - b.v[i]; });
}
inline Vec mul(Vec a, Vec b) {
  return each([&](int i) { return a.v[i] * b.v[i]; });
}
inline Vec div(Vec a, Vec b) {
  return each([&](int i) { return a.v[i] / b.v[i]; });
}
inline Vec max(Vec a, Vec b) {
  return each([&](int i) { return a.v[i] > b.v[i] ? a.v[i] : b.v[i]; });
}
inline Vec min(Vec a, Vec b) {
  return each([&](int i) { return a.v[i] < b.v[i] ? a.v[i] : b.v[i]; });
}
inline Vec fma(Vec a, Vec b, Vec c) {
  return each([&](int i) { return a.v[i] * b.v[i] + c.v[i]; });
}
inline Vec round(Vec a) {
  return each([&](int i) { return std::nearbyintf(a.v[i]); });
}
inline Vec scale2(Vec a, Vec n) {
  // NaN and what lies in lanes that nobody reads is no int.
  return each([&](int i) { return std::ldexp(a.v[i], static_cast<int>(std::fmin(std::fmax(n.v[i], -999), 999))); });
}

#endif

// e^x to about 2 units in the last place; 0 below -87.3, where the result would be denormal (minus infinity too). NaN
// stays NaN: max and min give their second argument where one is NaN, and the comparison is true.
inline Vec exp(Vec x) {
  const Vec low = set1(-87.3365f);
  const Vec clamped = min(set1(88.7f), max(low, x));
  const Vec n = round(mul(clamped, set1(1.44269504f)));
  Vec r = fma(n, set1(-0.693359375f), clamped);
  r = fma(n, set1(2.12194440e-4f), r);
  Vec p = set1(1.9875691500e-4f);
  p = fma(p, r, set1(1.3981999507e-3f));
  p = fma(p, r, set1(8.3334519073e-3f));
  p = fma(p, r, set1(4.1665795894e-2f));
  p = fma(p, r, set1(1.6666665459e-1f));
  p = fma(p, r, set1(5.0000001201e-1f));
  p = fma(mul(r, r), p, add(r, set1(1.0f)));
  const Vec result = scale2(p, n);
#if defined(__AVX512F__)
  return _mm512_maskz_mov_ps(_mm512_cmp_ps_mask(x, low, _CMP_NLT_UQ), result);
#elif defined(__AVX2__) && defined(__FMA__)
  return _mm256_and_ps(result, _mm256_cmp_ps(x, low, _CMP_NLT_UQ));
#else
  return each([&](int i) { return x.v[i] < low.v[i] ? 0.0f : result.v[i]; });
#endif
}

// Sum and maximum of the lanes, always in the same order: the halves, then their halves, and so on.
#if defined(__AVX512F__)
inline float sum(Vec a) { return _mm512_reduce_add_ps(a); }
inline float largest(Vec a) { return _mm512_reduce_max_ps(a); }
#else
inline float sum(Vec a) {
  float lanes[kWidth];
  store(lanes, a);
  for (int n = kWidth / 2; n > 0; n /= 2) {
    for (int i = 0; i < n; i++) {
      lanes[i] += lanes[i + n];
    }
  }
  return lanes[0];
}

inline float largest(Vec a) {
  float lanes[kWidth];
  store(lanes, a);
  float m = lanes[0];
  for (int i = 1; i < kWidth; i++) {
    m = lanes[i] > m ? lanes[i] : m;
  }
  return m;
}
#endif

// Bit i: lane i of a is at least that of b, neither is NaN.
inline uint32_t at_least(Vec a, Vec b) {
#if defined(__AVX512F__)
  return _mm512_cmp_ps_mask(a, b, _CMP_GE_OQ);
#elif defined(__AVX2__) && defined(__FMA__)
  return static_cast<uint32_t>(_mm256_movemask_ps(_mm256_cmp_ps(a, b, _CMP_GE_OQ)));
#else
  uint32_t bits = 0;
  for (int i = 0; i < kWidth; i++) {
    bits |= static_cast<uint32_t>(a.v[i] >= b.v[i]) << i;
  }
  return bits;
#endif
}

// Writes those lanes of a whose bits are set, in order, and `first` plus their numbers. What lies behind them, up to
// kWidth values in all, may be overwritten too.
inline void compress(Vec a, uint32_t bits, int32_t first, float * to, int32_t * numbers) {
#if defined(__AVX512F__)
  const auto mask = static_cast<__mmask16>(bits);
  const __m512i lanes = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  store(to, _mm512_maskz_compress_ps(mask, a)); // in a register: Zen 4 is slow to compress into memory
  _mm512_storeu_si512(numbers, _mm512_maskz_compress_epi32(mask, _mm512_add_epi32(lanes, _mm512_set1_epi32(first))));
#else
  float lanes[kWidth];
  store(lanes, a);
  for (; bits != 0; bits &= bits - 1) {
    const int lane = __builtin_ctz(bits);
    *to++ = lanes[lane];
    *numbers++ = first + lane;
  }
#endif
}

// Lanes beyond n (fewer than kWidth) read as `rest` and are not written.
inline Vec load_part(const float * p, int n, float rest) {
  float lanes[kWidth];
  for (int i = 0; i < kWidth; i++) {
    lanes[i] = i < n ? p[i] : rest;
  }
  return load(lanes);
}

inline void store_part(float * p, Vec a, int n) {
  float lanes[kWidth];
  store(lanes, a);
  std::memcpy(p, lanes, sizeof(float) * static_cast<size_t>(n));
}

} // namespace sphere
