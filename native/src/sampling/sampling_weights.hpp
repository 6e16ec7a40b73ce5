// What a token weighs: powers of two of logits, relative to the highest one.
#pragma once

#include "common/simd.hpp"

namespace sphere::sampling {

constexpr float LOG2_E = 1.44269504f;

// 1 / temperature, which is above 0; finite, so that the best token's 0 stays 0.
inline float inverse(float temperature) { return std::fmin(1.0f / temperature, 1e30f); }

// Everything below: d is a logit less the highest one, at most 0; c = log2(e) / temperature.
#if SPHERE_AVX512
// By hand, since Highway 1.2 has no name for vscalefps, which makes of these eight operations what else takes fourteen.
// 2^(j / 32)
alignas(64) constexpr float ROOTS[32] = {
    1.0f,        1.0218972f,  1.04427373f, 1.06714046f, 1.09050775f, 1.1143868f,  1.13878858f, 1.1637249f,
    1.18920708f, 1.21524739f, 1.24185777f, 1.26905096f, 1.29683959f, 1.32523668f, 1.35425556f, 1.38390994f,
    1.41421354f, 1.44518077f, 1.47682619f, 1.50916445f, 1.54221082f, 1.5759809f,  1.61049032f, 1.64575553f,
    1.68179286f, 1.71861935f, 1.75625217f, 1.79470909f, 1.8340081f,  1.87416768f, 1.91520655f, 1.95714414f};

// 2^(d * c) as root * 2^n * (1 + r * (a + b * r)): with 2^(k / 32) from a table in two registers, |r| <= 1/64 needs a
// polynomial of degree 2 only.
struct Power {
  Vec root, n, r;
  Power(Vec d, Vec c) {
    const Vec magic = set1(393216.0f); // 1.5 * 2^18: a sum with it is rounded to 1/32, and its last bits are k
    const Vec z = fma(d, c, magic);
    n = sub(z, magic);
    r = hn::MulSub(d, c, n);
    // Of each index the instruction takes the last five bits.
    root = Vec{_mm512_permutex2var_ps(load(ROOTS).raw, _mm512_castps_si512(z.raw), load(ROOTS + 16).raw)};
  }
  Vec slope() const { return fma(r, set1(0.240228268f), set1(0.693153956f)); }
};

// 2^(d * c). 0 below 2^-126 (minus infinity too); NaN stays NaN. Relative error below 2e-7.
inline Vec weights(Vec d, Vec c) {
  const Power p(d, c);
  return zero_below(p.n, set1(-126.0f), scale2(fma(p.root, mul(p.slope(), p.r), p.root), p.n));
}

// sum + 2^(d * c), where d * c is at least -126: eight operations.
inline Vec plus_weights(Vec sum, Vec d, Vec c) {
  const Power p(d, c);
  return fma(scale2(p.root, p.n), fma(p.slope(), p.r, set1(1.0f)), sum);
}
#else
// Cephes' polynomial for 2^r, |r| <= 1/2.
inline Vec weights(Vec d, Vec c) {
  const Vec low = set1(-126.0f);
  const Vec y = mul(d, c);
  Vec n = round(y);
  const Vec r = hn::MulSub(d, c, n); // rounded once
  Vec p = set1(1.535336188319500e-4f);
  p = fma(p, r, set1(1.339887440266574e-3f));
  p = fma(p, r, set1(9.618437357674640e-3f));
  p = fma(p, r, set1(5.550332471162809e-2f));
  p = fma(p, r, set1(2.402264791363012e-1f));
  p = fma(p, r, set1(6.931472028550421e-1f));
  p = fma(p, r, set1(1.0f));
  n = max(n, set1(-127.0f));
  return zero_below(y, low, scale2(p, n));
}

inline Vec plus_weights(Vec sum, Vec d, Vec c) { return add(sum, weights(d, c)); }
#endif

} // namespace sphere::sampling
