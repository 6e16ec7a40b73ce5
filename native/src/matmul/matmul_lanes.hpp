// Vectors of floats as products have them, and the sums of their lanes.
#pragma once

#include "common/simd.hpp"

namespace sphere {

constexpr Floats FLOATS;
using Vector = Vec;
constexpr int LANES = kWidth;
constexpr bool FEW_REGISTERS = HWY_ARCH_X86 && !SPHERE_AVX512; // 16 of them, elsewhere 32

// Unrolled here and not when it is too late: GCC would clear them by memset, and keep sums in memory for it.
template <int N> HWY_INLINE void clear(Vector (&sum)[N]) {
  HWY_UNROLL(32)
  for (int i = 0; i < N; i++) {
    sum[i] = hn::Zero(FLOATS);
  }
}

// A vector that is loaded once. GCC would load it again for each use, and loads are what a tile runs short of: without
// this, F32 by F32 has 0.6 of its rate with AVX-512.
template <typename V> HWY_INLINE V held(V v) {
#if defined(__AVX512F__)
  __asm__("" : "+v"(v));
#endif
  return v;
}
HWY_INLINE Vector held(Vector v) {
#if HWY_ARCH_X86
  __asm__("" : "+v"(v.raw));
#endif
  return v;
}

// The sums of as many vectors as one has lanes: the halves of a vector are added, then their halves, and so on.
#if SPHERE_AVX512
HWY_INLINE Vector lane_sums(Vector * r) {
  // By hand: Highway has no shuffle of 128-bit blocks of two vectors.
  __m512 t[8];
  HWY_UNROLL(8)
  for (int i = 0; i < 8; i++) {
    t[i] = _mm512_add_ps(_mm512_shuffle_f32x4(r[i].raw, r[i + 8].raw, 0x44),
                         _mm512_shuffle_f32x4(r[i].raw, r[i + 8].raw, 0xEE));
  }
  for (int i = 0; i < 4; i++) {
    t[i] = _mm512_add_ps(_mm512_shuffle_f32x4(t[i], t[i + 4], 0x88), _mm512_shuffle_f32x4(t[i], t[i + 4], 0xDD));
  }
  for (int i = 0; i < 2; i++) {
    t[i] = _mm512_add_ps(_mm512_unpacklo_ps(t[i], t[i + 2]), _mm512_unpackhi_ps(t[i], t[i + 2]));
  }
  const __m512 sum = _mm512_add_ps(_mm512_unpacklo_ps(t[0], t[1]), _mm512_unpackhi_ps(t[0], t[1]));
  // Lane 4 a + b holds vector (a's of 0, 8, 4, 12) + (b's of 0, 1, 2, 3).
  return Vector{_mm512_shuffle_f32x4(sum, sum, 0xD8)};
}
#else
template <typename V> HWY_INLINE V lane_sums(V * r) {
  const hn::DFromV<V> d;
  if constexpr (LANES == 8) {
    HWY_UNROLL(4)
    for (int i = 0; i < 4; i++) {
      r[i] = hn::Add(hn::ConcatLowerLower(d, r[i + 4], r[i]), hn::ConcatUpperUpper(d, r[i + 4], r[i]));
    }
  }
  HWY_UNROLL(2)
  for (int i = 0; i < 2; i++) {
    r[i] = hn::Add(hn::InterleaveLower(d, r[i], r[i + 2]), hn::InterleaveUpper(d, r[i], r[i + 2]));
  }
  return hn::Add(hn::InterleaveLower(d, r[0], r[1]), hn::InterleaveUpper(d, r[0], r[1]));
}
#endif

// Whether a block of 32 numbers has neither NaN nor infinity.
HWY_INLINE bool all_finite(const float * x) {
  Vector nothing = hn::Zero(FLOATS); // or NaN
  for (int i = 0; i < 32; i += LANES) {
    const Vector v = hn::LoadU(FLOATS, x + i);
    nothing = hn::Add(nothing, hn::Sub(v, v));
  }
  return hn::AllTrue(FLOATS, hn::Eq(nothing, nothing));
}

} // namespace sphere
