// A draw from any number of survivors, by radix select over the logits' bits. See sampling.cu.
#pragma once

#include "sampling.cuh"

namespace sphere::cuda::draw {

struct CountEach {
  __device__ uint64_t operator()(float) const { return 1; }
};
struct Weigh {
  const Row & row;
  float inv_t;
  __device__ uint64_t operator()(float v) const { return row.weight(v, inv_t); }
};

// Among keys above `above`, from the highest down: the key at which the running sum of weights exceeds the target, and
// the sum before it. The sum over all must exceed the target.
template <typename Weight>
__device__ uint32_t select(const Row & row, const Scratch & s, uint32_t above, Weight weight, uint64_t target,
                           uint64_t & before) {
  uint32_t prefix = 0;
  before = 0;
  for (int shift = 24; shift >= 0; shift -= 8) {
    for (int b = static_cast<int>(threadIdx.x); b < 256; b += kThreads) {
      s.sums[b] = 0;
    }
    __syncthreads();
    for (int i = static_cast<int>(threadIdx.x); i < row.n; i += kThreads) {
      const float v = row.at(i);
      const uint32_t key = key_of(v);
      if (key > above && v != -infinity() && (shift == 24 || key >> (shift + 8) == prefix)) {
        shared_add<uint64_t>(s.sums, key >> shift & 255u, weight(v));
      }
    }
    __syncthreads();
    if (threadIdx.x < 32) {
      // Lane l has digits 255 - 8 l down to 248 - 8 l.
      const int top = 255 - 8 * static_cast<int>(threadIdx.x);
      uint64_t mine = 0;
      for (int b = top; b > top - 8; b--) {
        mine += s.sums[b];
      }
      uint64_t inclusive = mine;
      for (int d = 1; d < 32; d <<= 1) {
        const uint64_t below = __shfl_up_sync(kAll, inclusive, d);
        inclusive += static_cast<int>(threadIdx.x) >= d ? below : 0;
      }
      uint64_t running = before + inclusive - mine;
      if (running <= target && target < running + mine) {
        int b = top;
        while (running + s.sums[b] <= target) {
          running += s.sums[b--];
        }
        s.found[0] = static_cast<uint64_t>(b);
        s.found[1] = running;
      }
    }
    prefix = prefix << 8 | static_cast<uint32_t>(tell(s, 0));
    before = tell(s, 1);
  }
  return prefix;
}

template <typename Weight>
__device__ uint64_t sum_above(const Row & row, const Scratch & s, uint32_t above, Weight weight) {
  uint64_t sum = 0;
  for (int i = static_cast<int>(threadIdx.x); i < row.n; i += kThreads) {
    const float v = row.at(i);
    sum += key_of(v) > above && v != -infinity() ? weight(v) : 0;
  }
  return block_sum(sum, s);
}

// The id of the token that is number `which` (from 0) among those with this key.
__device__ int nth_with_key(const Row & row, const Scratch & s, uint32_t key, uint64_t which) {
  forget(s, 0, static_cast<uint64_t>(row.n));
  for (int from = 0; from < row.n; from += kThreads) {
    const int i = from + static_cast<int>(threadIdx.x);
    const uint64_t here = i < row.n && key_of(row.at(i)) == key ? 1 : 0;
    const uint64_t before = sum_before(here, s);
    if (here == 1 && before == which) {
      s.found[0] = static_cast<uint64_t>(i);
    }
    const auto chosen = static_cast<int>(tell(s, 0));
    if (chosen < row.n) {
      return chosen;
    }
    which -= block_sum(here, s);
  }
  return row.n;
}

// Cuts `cut` at the point where the running sum of weights exceeds the target.
template <typename Weight>
__device__ void cut_at(const Row & row, const Scratch & s, Cut & cut, Weight weight, uint64_t target) {
  const uint64_t full = sum_above(row, s, cut.key, weight);
  const uint64_t each = weight(logit_of(cut.key));
  if (target < full) {
    uint64_t before;
    const uint32_t key = select(row, s, cut.key, weight, target, before);
    const uint64_t one = weight(logit_of(key));
    cut = {key, (target - before) / one + 1};
  } else if (cut.ties > 0 && each > 0) {
    const uint64_t ties = (target - full) / each + 1;
    cut.ties = ties < cut.ties ? ties : cut.ties;
  }
}

__device__ int draw_radix(const Row & row, const Scratch & s, const DeviceDraw & d, double u, uint64_t total,
                          uint64_t & drawn_total, float & logit) {
  const uint32_t lowest = key_of(-infinity());
  Cut cut = {lowest, 0}; // every token but the impossible ones
  const uint64_t possible = sum_above(row, s, lowest, CountEach());
  const bool top_k = d.draw.top_k > 0 && d.draw.top_k < row.n;
  if (top_k && static_cast<uint64_t>(d.draw.top_k) < possible) {
    cut_at(row, s, cut, CountEach(), static_cast<uint64_t>(d.draw.top_k) - 1);
  }
  if (d.draw.top_p < 1.0f) {
    const Weigh weight{row, 1.0f};
    const uint64_t all =
        top_k ? sum_above(row, s, cut.key, weight) + (cut.ties > 0 ? cut.ties * weight(logit_of(cut.key)) : 0) : total;
    cut_at(row, s, cut, weight, share(d.draw.top_p, all));
  }
  const float floor = row.max + d.min_log;
  if (logit_of(cut.key) < floor || cut.key == lowest) {
    // Keys at or above the floor: the highest key below it, without ties.
    const uint32_t at = key_of(floor);
    if (floor != -infinity() && at > cut.key) {
      cut = {at - 1, 0};
    }
  }
  const Weigh weight{row, inverse(d.draw.temperature)};
  const uint64_t full = sum_above(row, s, cut.key, weight);
  const uint64_t each = cut.ties > 0 ? weight(logit_of(cut.key)) : 0;
  drawn_total = full + cut.ties * each;
  const auto target = static_cast<uint64_t>(u * static_cast<double>(drawn_total));
  uint32_t key = cut.key;
  uint64_t which;
  if (target < full) {
    uint64_t before;
    key = select(row, s, cut.key, weight, target, before);
    which = (target - before) / weight(logit_of(key));
  } else {
    which = each > 0 ? (target - full) / each : 0;
    which = which < cut.ties ? which : cut.ties - 1;
  }
  logit = logit_of(key);
  return nth_with_key(row, s, key, which);
}

} // namespace sphere::cuda::draw
