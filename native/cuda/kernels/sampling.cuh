// What the ways to draw a token share: a row of logits as keys and weights, and sums over the block. See sampling.cu.
#pragma once

#include "kernel.cuh"
#include "kernels.hpp"

namespace sphere::cuda::draw {

constexpr int kThreads = 512;
constexpr int kTiles = 256;       // of a row, for the draw without filters
constexpr int kCandidates = 2048; // a power of two, a multiple of kThreads
constexpr int kEach = kCandidates / kThreads;
constexpr int kLevels = 8;
constexpr float kUnit = 8796093022208.0f; // 2^43: sums of 2^20 weights fit into 64 bits

// Whole numbers in the order of the logits; equal logits (also the two zeros) have equal keys.
__device__ __forceinline__ uint32_t key_of(float x) {
  const uint32_t bits = __float_as_uint(x + 0.0f);
  return (bits & 0x80000000u) != 0 ? ~bits : bits | 0x80000000u;
}
__device__ __forceinline__ float logit_of(uint32_t key) {
  return __uint_as_float((key & 0x80000000u) != 0 ? key & 0x7fffffffu : ~key);
}

// A weight in units of 2^-43.
__device__ __forceinline__ uint64_t whole(float weight) { return static_cast<uint64_t>(weight * kUnit); }

// A row as the draw sees it: where some logits are +infinity, they are equal and all others impossible.
struct Row {
  const float * x;
  int n;
  float max; // as seen: 0 for a row with +infinity
  bool infinite;
  __device__ __forceinline__ float at(int i) const {
    const float v = x[i];
    return infinite ? (v == infinity() ? 0.0f : v - infinity()) : v;
  }
  __device__ __forceinline__ uint64_t weight(float v, float inv_t) const {
    return whole(exp_negative((v - max) * inv_t));
  }
};

// The block's shared memory.
struct Scratch {
  SharedPtr<uint64_t> sums;       // [256]: of tiles, or of digits
  SharedPtr<uint64_t> words;      // [32]: for reductions and scans
  SharedPtr<float> floats;        // [32]
  SharedPtr<uint64_t> found;      // [4]: what one thread tells the others
  SharedPtr<uint64_t> candidates; // [kCandidates]: key in the upper half, inverted id in the lower
};

// What is left after some filters: keys above `key`, and of those equal to it the first `ties` by id.
struct Cut {
  uint32_t key;
  uint64_t ties;
};

__device__ uint64_t block_sum(uint64_t value, const Scratch & s) {
  return block_reduce<uint64_t>(value, s.words, 0, Sum());
}

// The sum of the values of the threads before this one.
__device__ uint64_t sum_before(uint64_t value, const Scratch & s) {
  const int lane = static_cast<int>(threadIdx.x) & 31;
  const int warp = static_cast<int>(threadIdx.x) >> 5;
  uint64_t inclusive = value;
  for (int d = 1; d < 32; d <<= 1) {
    const uint64_t below = __shfl_up_sync(kAll, inclusive, d);
    inclusive += lane >= d ? below : 0;
  }
  if (lane == 31) {
    s.words[warp] = inclusive;
  }
  __syncthreads();
  uint64_t before = inclusive - value;
  for (int w = 0; w < warp; w++) {
    before += s.words[w];
  }
  __syncthreads();
  return before;
}

// What `found` holds after one thread may have written to it.
__device__ uint64_t tell(const Scratch & s, int i) {
  __syncthreads();
  const uint64_t value = s.found[i];
  __syncthreads();
  return value;
}
__device__ void forget(const Scratch & s, int i, uint64_t value) {
  if (threadIdx.x == 0) {
    s.found[i] = value;
  }
  __syncthreads();
}

// 1 / temperature, which is above 0; finite, so that the best token's 0 stays 0 (sampling_weights.hpp has the same).
__device__ __forceinline__ float inverse(float temperature) {
  const float exact = 1.0f / temperature;
  return exact < 1e30f ? exact : 1e30f;
}

// The share `p` of a sum as a target for "exceeds": the running sum must reach p * total.
__device__ __forceinline__ uint64_t share(float p, uint64_t total) {
  const auto needed = static_cast<uint64_t>(ceil(static_cast<double>(p) * static_cast<double>(total)));
  return needed > 0 ? needed - 1 : 0;
}

} // namespace sphere::cuda::draw
