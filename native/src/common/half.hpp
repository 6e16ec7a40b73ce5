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

// kWidth numbers.
inline Vec load_bf16(const uint16_t * p) {
  const hn::Rebind<uint16_t, Floats> halves;
  return hn::PromoteTo(Floats(), hn::BitCast(hn::Rebind<hwy::bfloat16_t, Floats>(), hn::LoadU(halves, p)));
}
inline Vec load_half(const uint16_t * p) {
#if HWY_ARCH_X86 && HWY_TARGET > HWY_AVX2 // no F16C, and Highway's arithmetic makes numbers of infinities and NaN
  float lanes[kWidth];
  for (int i = 0; i < kWidth; i++) {
    lanes[i] = half_to_float(p[i]);
  }
  return load(lanes);
#else
  const hn::Rebind<uint16_t, Floats> halves;
  return hn::PromoteTo(Floats(), hn::BitCast(hn::Rebind<hwy::float16_t, Floats>(), hn::LoadU(halves, p)));
#endif
}

} // namespace sphere
