// A vector of floats as wide as this CPU's registers, and the few operations that most kernels need. The body is Google
// Highway's (https://github.com/google/highway), with static dispatch: the compiler's -march decides, and each CPU
// family has a library of its own. What is not here is in `hn`.
//
// Include Highway by this header alone: what is defined before it must be the same in all files.
#pragma once

// Highway asks for AES beside AVX2; no kernel uses it, and -march=x86-64-v3 lacks it.
#define HWY_DISABLE_PCLMUL_AES
#define HWY_COMPILE_ONLY_STATIC
// Its checks for debugging would need its library; the headers are enough.
#define HWY_IS_DEBUG_BUILD 0
// Highway leaves this one out unless it is asked for: products of BF16 pairs on CPUs that have no F16 (Zen 4, Zen 5).
#if defined(__AVX512BF16__)
#define HWY_WANT_AVX3_ZEN4
#endif
// SVE's vectors have no size, so they cannot stand in arrays; CPUs with SVE have NEON too.
#define HWY_DISABLED_TARGETS (HWY_ALL_SVE)
#include <hwy/highway.h>

#include <cmath>
#include <cstdint>
#include <cstring>

// With AVX-512 (F, BW, CD, DQ, VL): vectors are __m512 in `raw`, masks __mmask16 in `raw`.
#define SPHERE_AVX512 (HWY_TARGET <= HWY_AVX3)

namespace sphere {

namespace hn = hwy::HWY_NAMESPACE;

constexpr int kWidth = HWY_MAX_BYTES / 4; // lanes: 16, 8 or 4
// Rows of a product's tile, three vectors wide: the sums take 24 of 32 registers or 12 of 16.
constexpr int kTileRows = SPHERE_AVX512 || HWY_ARCH_ARM_A64 ? 8 : 4;

using Floats = hn::FixedTag<float, kWidth>;
using Words = hn::FixedTag<uint32_t, kWidth>;
using Vec = hn::Vec<Floats>;
using VecWords = hn::Vec<Words>;

inline Vec zero() { return hn::Zero(Floats()); }
inline Vec set1(float a) { return hn::Set(Floats(), a); }
inline Vec load(const float * p) { return hn::LoadU(Floats(), p); }
inline void store(float * p, Vec a) { hn::StoreU(a, Floats(), p); }
inline Vec add(Vec a, Vec b) { return hn::Add(a, b); }
inline Vec sub(Vec a, Vec b) { return hn::Sub(a, b); }
inline Vec mul(Vec a, Vec b) { return hn::Mul(a, b); }
inline Vec div(Vec a, Vec b) { return hn::Div(a, b); }
// a b + c, rounded once; twice on x86 before AVX2.
inline Vec fma(Vec a, Vec b, Vec c) { return hn::MulAdd(a, b, c); }
inline Vec round(Vec a) { return hn::Round(a); } // to the nearest, ties to even

// The second one where one is NaN, as x86's instructions have it: sums of NaN are found that way.
#if HWY_ARCH_X86
inline Vec max(Vec a, Vec b) { return hn::Max(a, b); }
inline Vec min(Vec a, Vec b) { return hn::Min(a, b); }
#else
inline Vec max(Vec a, Vec b) { return hn::IfThenElse(hn::Gt(a, b), a, b); }
inline Vec min(Vec a, Vec b) { return hn::IfThenElse(hn::Lt(a, b), a, b); }
#endif

// a 2^n for whole n from -126 to 127; from -127 on gives 0 where it has no vscalefps.
inline Vec scale2(Vec a, Vec n) {
#if SPHERE_AVX512
  return Vec{_mm512_scalef_ps(a.raw, n.raw)}; // by hand: Highway 1.2 has no name for it
#else
  const hn::RebindToSigned<Floats> ints;
  const auto exponent = hn::Add(hn::NearestInt(n), hn::Set(ints, 127));
  return hn::Mul(a, hn::BitCast(Floats(), hn::ShiftLeft<23>(exponent)));
#endif
}

// 0 where x is less than the limit, else the result; the result too where x is NaN.
inline Vec zero_below(Vec x, Vec limit, Vec result) { return hn::IfThenZeroElse(hn::Lt(x, limit), result); }

// e^x to about 2 units in the last place; 0 below -87.3, where the result would be denormal (minus infinity too). NaN
// stays NaN: max and min give their second argument where one is NaN, and NaN is not below.
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
  return zero_below(x, low, scale2(p, n));
}

// The lanes joined in a fixed order: the halves, then their halves, and so on.
template <typename V, typename Join> inline float join_lanes(V a, Join join) {
  const hn::DFromV<V> d;
  if constexpr (hn::MaxLanes(d) > 4) {
    const hn::Half<decltype(d)> half;
    return join_lanes(join(hn::LowerHalf(half, a), hn::UpperHalf(half, a)), join);
  } else {
    const V pairs = join(a, hn::Shuffle1032(a));
    return hn::GetLane(join(pairs, hn::Shuffle2301(pairs)));
  }
}
inline float sum(Vec a) {
  return join_lanes(a, [](auto x, auto y) { return hn::Add(x, y); });
}
inline float largest(Vec a) {
  return join_lanes(a, [](auto x, auto y) { return hn::Max(x, y); });
}

// Bit i: lane i of a is at least that of b, neither is NaN.
inline uint32_t at_least(Vec a, Vec b) {
  uint8_t bytes[8] = {};
  hn::StoreMaskBits(Floats(), hn::Ge(a, b), bytes);
  uint32_t bits;
  std::memcpy(&bits, bytes, 4);
  return bits;
}

// Writes those lanes of a whose bits are set, in order, and `first` plus their numbers. What lies behind them, up to
// kWidth values in all, may be overwritten too.
inline void compress(Vec a, uint32_t bits, int32_t first, float * to, int32_t * numbers) {
  const hn::RebindToSigned<Floats> ints;
  uint8_t bytes[8] = {};
  std::memcpy(bytes, &bits, 4);
  store(to, hn::CompressBits(a, bytes)); // in a register: Zen 4 is slow to compress into memory
  hn::StoreU(hn::CompressBits(hn::Iota(ints, first), bytes), ints, numbers);
}

// Lanes beyond n (fewer than kWidth) read as `rest` and are not written.
inline Vec load_part(const float * p, int n, float rest) {
  return hn::LoadNOr(set1(rest), Floats(), p, static_cast<size_t>(n));
}
// Any number of lanes; zeros beyond.
inline Vec load_first(const float * p, int64_t n) { return hn::LoadN(Floats(), p, static_cast<size_t>(n)); }
inline void store_part(float * p, Vec a, int n) { hn::StoreN(a, Floats(), p, static_cast<size_t>(n)); }

// kWidth vectors of kWidth numbers of 32 bits, turned about the diagonal.
inline void transpose(VecWords * r) {
  const Words d;
  const hn::Repartition<uint64_t, Words> pairs;
  const auto lower = [&](VecWords a, VecWords b) {
    return hn::BitCast(d, hn::InterleaveLower(pairs, hn::BitCast(pairs, a), hn::BitCast(pairs, b)));
  };
  const auto upper = [&](VecWords a, VecWords b) {
    return hn::BitCast(d, hn::InterleaveUpper(pairs, hn::BitCast(pairs, a), hn::BitCast(pairs, b)));
  };
  for (int i = 0; i < kWidth; i += 4) { // within blocks of four numbers
    const VecWords low = hn::InterleaveLower(d, r[i], r[i + 1]), low2 = hn::InterleaveLower(d, r[i + 2], r[i + 3]);
    const VecWords high = hn::InterleaveUpper(d, r[i], r[i + 1]), high2 = hn::InterleaveUpper(d, r[i + 2], r[i + 3]);
    r[i] = lower(low, low2);
    r[i + 1] = upper(low, low2);
    r[i + 2] = lower(high, high2);
    r[i + 3] = upper(high, high2);
  }
#if SPHERE_AVX512
  // Blocks of two vectors: by hand, Highway 1.2 has no name for it.
  VecWords t[16];
  for (int half = 0; half < 16; half += 8) {
    for (int i = half; i < half + 4; i++) {
      t[i] = VecWords{_mm512_shuffle_i32x4(r[i].raw, r[i + 4].raw, 0x88)};
      t[i + 4] = VecWords{_mm512_shuffle_i32x4(r[i].raw, r[i + 4].raw, 0xdd)};
    }
  }
  for (int i = 0; i < 8; i++) {
    r[i] = VecWords{_mm512_shuffle_i32x4(t[i].raw, t[i + 8].raw, 0x88)};
    r[i + 8] = VecWords{_mm512_shuffle_i32x4(t[i].raw, t[i + 8].raw, 0xdd)};
  }
#elif HWY_MAX_BYTES == 32
  for (int i = 0; i < 4; i++) {
    const VecWords a = r[i], b = r[i + 4];
    r[i] = hn::ConcatLowerLower(d, b, a);
    r[i + 4] = hn::ConcatUpperUpper(d, b, a);
  }
#endif
}

#if SPHERE_AVX512
// For the files that are written for AVX-512.
inline void transpose(__m512i * r) {
  VecWords v[16];
  for (int i = 0; i < 16; i++) {
    v[i] = VecWords{r[i]};
  }
  transpose(v);
  for (int i = 0; i < 16; i++) {
    r[i] = v[i].raw;
  }
}
#endif

} // namespace sphere
