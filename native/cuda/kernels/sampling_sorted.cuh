// A draw from at most kCandidates survivors, gathered and sorted in shared memory. See sampling.cu.
#pragma once

#include "sampling.cuh"

namespace sphere::cuda::draw {

// Descending; `size` a power of two.
__device__ void sort_candidates(const Scratch & s, int size) {
  for (int run = 2; run <= size; run <<= 1) {
    for (int apart = run >> 1; apart > 0; apart >>= 1) {
      for (int pair = static_cast<int>(threadIdx.x); pair < size / 2; pair += kThreads) {
        const int i = 2 * pair - (pair & (apart - 1));
        const uint64_t a = s.candidates[i], b = s.candidates[i + apart];
        if ((a < b) == ((i & run) == 0)) {
          s.candidates[i] = b;
          s.candidates[i + apart] = a;
        }
      }
      __syncthreads();
    }
  }
}

// The weights of the first `count` candidates, kEach neighbours a thread; their sum comes back.
__device__ uint64_t weigh(const Row & row, const Scratch & s, int count, float inv_t, uint64_t (&weights)[kEach],
                          uint64_t & before) {
  uint64_t mine = 0;
#pragma unroll
  for (int e = 0; e < kEach; e++) {
    const int i = static_cast<int>(threadIdx.x) * kEach + e;
    weights[e] = i < count ? row.weight(logit_of(static_cast<uint32_t>(s.candidates[i] >> 32)), inv_t) : 0;
    mine += weights[e];
  }
  before = sum_before(mine, s);
  return block_sum(mine, s);
}

// The first candidate whose running sum exceeds the target, or `count`.
__device__ int first_above(const Scratch & s, int count, const uint64_t (&weights)[kEach], uint64_t before,
                           uint64_t target) {
  forget(s, 0, static_cast<uint64_t>(count));
#pragma unroll
  for (int e = 0; e < kEach; e++) {
    if (before <= target && target < before + weights[e]) {
      s.found[0] = static_cast<uint64_t>(threadIdx.x * kEach + e);
    }
    before += weights[e];
  }
  return static_cast<int>(tell(s, 0));
}

__device__ int draw_candidates(const Row & row, const Scratch & s, const DeviceDraw & d, int count, double u,
                               uint64_t total, uint64_t & drawn_total, float & logit) {
  int size = 2;
  while (size < count) {
    size <<= 1;
  }
  for (int i = count + static_cast<int>(threadIdx.x); i < size; i += kThreads) {
    s.candidates[i] = 0;
  }
  __syncthreads();
  sort_candidates(s, size);
  uint64_t weights[kEach], before;
  int left = count;
  const bool top_k = d.draw.top_k > 0 && d.draw.top_k < row.n;
  left = top_k && left > d.draw.top_k ? d.draw.top_k : left;
  if (d.draw.top_p < 1.0f) {
    const uint64_t sum = weigh(row, s, left, 1.0f, weights, before);
    const int last = first_above(s, left, weights, before, share(d.draw.top_p, top_k ? sum : total));
    left = last < left ? last + 1 : left;
  }
  const float floor = row.max + d.min_log;
  uint64_t above = 0;
  for (int i = static_cast<int>(threadIdx.x); i < left; i += kThreads) {
    above += logit_of(static_cast<uint32_t>(s.candidates[i] >> 32)) >= floor ? 1 : 0;
  }
  above = block_sum(above, s);
  left = above < 1 ? 1 : static_cast<int>(above);
  drawn_total = weigh(row, s, left, inverse(d.draw.temperature), weights, before);
  const auto target = static_cast<uint64_t>(u * static_cast<double>(drawn_total));
  const int chosen = first_above(s, left, weights, before, target);
  const uint64_t candidate = s.candidates[chosen < left ? chosen : left - 1];
  logit = logit_of(static_cast<uint32_t>(candidate >> 32));
  return static_cast<int>(~static_cast<uint32_t>(candidate));
}

} // namespace sphere::cuda::draw
