// The random number of a draw, for the CPU's kernel and for the devices': the same five numbers give the same bits.
#pragma once

#include "sphere_sampling.h"

#if defined(__CUDACC__)
#define SPHERE_ANYWHERE __host__ __device__
#else
#define SPHERE_ANYWHERE
#endif

namespace sphere {

SPHERE_ANYWHERE inline uint64_t mix(uint64_t x) { // the finaliser of SplitMix64
  x += 0x9E3779B97F4A7C15ull;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9ull;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBull;
  return x ^ (x >> 31);
}

// Philox4x32-10; a double in [0, 1) from its first 53 bits.
SPHERE_ANYWHERE inline double uniform(const sphere_draw & d) {
  const uint64_t key = mix(mix(d.seed) ^ d.problem);
  uint32_t k0 = static_cast<uint32_t>(key), k1 = static_cast<uint32_t>(key >> 32);
  uint32_t c0 = d.index, c1 = d.draw, c2 = static_cast<uint32_t>(d.node), c3 = static_cast<uint32_t>(d.node >> 32);
  for (int round = 0; round < 10; round++) {
    const uint64_t p0 = 0xD2511F53ull * c0, p1 = 0xCD9E8D57ull * c2;
    const uint32_t n0 = static_cast<uint32_t>(p1 >> 32) ^ c1 ^ k0, n2 = static_cast<uint32_t>(p0 >> 32) ^ c3 ^ k1;
    c1 = static_cast<uint32_t>(p1);
    c3 = static_cast<uint32_t>(p0);
    c0 = n0;
    c2 = n2;
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  const uint64_t bits = (static_cast<uint64_t>(c0 >> 5) << 26) | (c1 >> 6);
  return static_cast<double>(bits) * (1.0 / 9007199254740992.0);
}

} // namespace sphere
