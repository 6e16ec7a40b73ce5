// Numbers in IEEE half precision and in BF16, read as F32.
#pragma once

#include "common/simd.hpp"

#include <cstdint>
#include <cstring>

namespace sphere {

inline float half_to_float(uint16_t h) {
  const uint32_t sign = static_cast<uint32_t>(h & 0x8000u) << 16;
  const uint32_t exponent = (h >> 10) & 0x1Fu;
  const uint32_t fraction = h & 0x3FFu;
  float f;
  if (exponent == 0) { // zero and subnormal numbers
    f = static_cast<float>(fraction) * 5.9604644775390625e-8f;
    return sign ? -f : f;
  }
  const uint32_t bits = sign | (exponent == 31 ? 0x7F800000u : (exponent + 112) << 23) | fraction << 13;
  std::memcpy(&f, &bits, 4);
  return f;
}

inline float bf16_to_float(uint16_t h) {
  const uint32_t bits = static_cast<uint32_t>(h) << 16;
  float f;
  std::memcpy(&f, &bits, 4);
  return f;
}

#if defined(__AVX512F__)
inline Vec load_bf16(const uint16_t * p) {
  const __m256i halves = _mm256_loadu_si256(reinterpret_cast<const __m256i *>(p));
  return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(halves), 16));
}
#else
inline Vec load_bf16(const uint16_t * p) {
  float lanes[kWidth];
  for (int i = 0; i < kWidth; i++) {
    lanes[i] = bf16_to_float(p[i]);
  }
  return load(lanes);
}
#endif

#if defined(__AVX512F__)
inline Vec load_half(const uint16_t * p) {
  return _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i *>(p)));
}
#elif defined(__AVX2__) && defined(__FMA__) && defined(__F16C__)
inline Vec load_half(const uint16_t * p) {
  return _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i *>(p)));
}
#else
inline Vec load_half(const uint16_t * p) {
  float lanes[kWidth];
  for (int i = 0; i < kWidth; i++) {
    lanes[i] = half_to_float(p[i]);
  }
  return load(lanes);
}
#endif

} // namespace sphere
