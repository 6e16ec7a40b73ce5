// Drawing tokens from rows of logits: top-k, top-p, min-p, temperature, and the log-probability of what was drawn.
//
// What: sphere_sample_rows (native/src/sampling.cpp), many draws at once: the same order of filters, the same random
// number for the same key bit by bit (Philox4x32-10), the same ties (the lower token id first).
// How: one block a draw. Probabilities are added as whole numbers of 2^-43 of the highest one: sums of whole numbers do
// not depend on the order, so atomics give the same bits in every run, and no sum depends on how a row is shared out.
//   1. maximum of the row;
//   2. one more pass: the sum, and how many tokens and how much probability lie within 8 distances of the best;
//   3. without filters the token is found by a search over sums of tiles in the order of ids, as on the CPU;
//   4. with filters the smallest distance that surely holds all survivors is chosen, its tokens (2048 at most) are
//      gathered in shared memory, sorted there, and cut by prefix sums: three passes over the row in all;
//   5. where more than 2048 tokens survive, radix select over the logits' bits does the same without gathering: four
//      passes over the row for each filter and one for the draw.
// The vocabulary is never sorted. Against the CPU kernel the weights differ by 2e-7 at most, so the drawn token differs
// only where the random number falls that close to the border between two tokens.
#include "kernel.cuh"
#include "kernels.hpp"

namespace sphere::cuda {
namespace {

constexpr int kThreads = 512;
constexpr int kTiles = 256;       // of a row, for the draw without filters
constexpr int kCandidates = 2048; // a power of two, a multiple of kThreads
constexpr int kEach = kCandidates / kThreads;
constexpr int kLevels = 8;
constexpr float kUnit = 8796093022208.0f; // 2^43: sums of 2^20 weights fit into 64 bits

__device__ __forceinline__ float level(int i) {
  const float reach[kLevels] = {1.0f, 2.5f, 5.0f, 7.5f, 10.0f, 15.0f, 25.0f, 90.0f};
  return reach[i];
}

__device__ __forceinline__ uint64_t mix(uint64_t x) { // the finaliser of SplitMix64
  x += 0x9E3779B97F4A7C15ull;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9ull;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBull;
  return x ^ (x >> 31);
}

__device__ double uniform(const sphere_draw & d) {
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
template <typename T> struct Row {
  const T * x;
  int n;
  float max; // as seen: 0 for a row with +infinity
  bool infinite;
  __device__ __forceinline__ float at(int i) const {
    const float v = to_float(x[i]);
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

// ---- no filters: the first id whose running sum exceeds the target ----

template <typename T>
__device__ int draw_all(const Row<T> & row, const Scratch & s, float inv_t, double u, uint64_t & total) {
  const int tile = ((row.n + kTiles - 1) / kTiles + kThreads - 1) / kThreads * kThreads;
  const int tiles = (row.n + tile - 1) / tile;
  const int lane = static_cast<int>(threadIdx.x) & 31;
  for (int t = static_cast<int>(threadIdx.x); t < kTiles; t += kThreads) {
    s.sums[t] = 0;
  }
  __syncthreads();
  for (int t = 0; t < tiles; t++) {
    uint64_t mine = 0;
    const int end = (t + 1) * tile < row.n ? (t + 1) * tile : row.n;
    for (int i = t * tile + static_cast<int>(threadIdx.x); i < end; i += kThreads) {
      mine += row.weight(row.at(i), inv_t);
    }
    mine = warp_reduce(mine, Sum());
    if (lane == 0) {
      shared_add<uint64_t>(s.sums, t, mine);
    }
  }
  __syncthreads();
  if (threadIdx.x == 0) {
    uint64_t all = 0;
    for (int t = 0; t < tiles; t++) {
      all += s.sums[t];
    }
    const auto target = static_cast<uint64_t>(u * static_cast<double>(all));
    uint64_t before = 0;
    int t = 0;
    while (t < tiles - 1 && before + s.sums[t] <= target) {
      before += s.sums[t++];
    }
    s.found[0] = all;
    s.found[1] = target - before;
    s.found[2] = static_cast<uint64_t>(t);
  }
  total = tell(s, 0);
  uint64_t target = tell(s, 1);
  const int t = static_cast<int>(tell(s, 2));
  const int end = (t + 1) * tile < row.n ? (t + 1) * tile : row.n;
  forget(s, 3, static_cast<uint64_t>(row.n));
  for (int from = t * tile; from < end; from += kThreads) {
    const int i = from + static_cast<int>(threadIdx.x);
    const uint64_t w = i < end ? row.weight(row.at(i), inv_t) : 0;
    const uint64_t before = sum_before(w, s);
    if (before <= target && target < before + w) {
      s.found[3] = static_cast<uint64_t>(i);
    }
    const auto chosen = static_cast<int>(tell(s, 3));
    if (chosen < row.n) {
      return chosen;
    }
    target -= block_sum(w, s);
  }
  return row.n; // not reached: the target is below the total
}

// ---- the short cut: all survivors in shared memory ----

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
template <typename T>
__device__ uint64_t weigh(const Row<T> & row, const Scratch & s, int count, float inv_t, uint64_t (&weights)[kEach],
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

// The share `p` of a sum as a target for "exceeds": the running sum must reach p * total.
__device__ __forceinline__ uint64_t share(float p, uint64_t total) {
  const auto needed = static_cast<uint64_t>(ceil(static_cast<double>(p) * static_cast<double>(total)));
  return needed > 0 ? needed - 1 : 0;
}

template <typename T>
__device__ int draw_candidates(const Row<T> & row, const Scratch & s, const DeviceDraw & d, int count, double u,
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
  drawn_total = weigh(row, s, left, 1.0f / d.draw.temperature, weights, before);
  const auto target = static_cast<uint64_t>(u * static_cast<double>(drawn_total));
  const int chosen = first_above(s, left, weights, before, target);
  const uint64_t candidate = s.candidates[chosen < left ? chosen : left - 1];
  logit = logit_of(static_cast<uint32_t>(candidate >> 32));
  return static_cast<int>(~static_cast<uint32_t>(candidate));
}

// ---- radix select, for any number of survivors ----

struct CountEach {
  __device__ uint64_t operator()(float) const { return 1; }
};
template <typename T> struct Weigh {
  const Row<T> & row;
  float inv_t;
  __device__ uint64_t operator()(float v) const { return row.weight(v, inv_t); }
};

// Among keys above `above`, from the highest down: the key at which the running sum of weights exceeds the target, and
// the sum before it. The sum over all must exceed the target.
template <typename T, typename Weight>
__device__ uint32_t select(const Row<T> & row, const Scratch & s, uint32_t above, Weight weight, uint64_t target,
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

template <typename T, typename Weight>
__device__ uint64_t sum_above(const Row<T> & row, const Scratch & s, uint32_t above, Weight weight) {
  uint64_t sum = 0;
  for (int i = static_cast<int>(threadIdx.x); i < row.n; i += kThreads) {
    const float v = row.at(i);
    sum += key_of(v) > above && v != -infinity() ? weight(v) : 0;
  }
  return block_sum(sum, s);
}

// The id of the token that is number `which` (from 0) among those with this key.
template <typename T> __device__ int nth_with_key(const Row<T> & row, const Scratch & s, uint32_t key, uint64_t which) {
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
template <typename T, typename Weight>
__device__ void cut_at(const Row<T> & row, const Scratch & s, Cut & cut, Weight weight, uint64_t target) {
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

template <typename T>
__device__ int draw_radix(const Row<T> & row, const Scratch & s, const DeviceDraw & d, double u, uint64_t total,
                          uint64_t & drawn_total, float & logit) {
  const uint32_t lowest = key_of(-infinity());
  Cut cut = {lowest, 0}; // every token but the impossible ones
  const uint64_t possible = sum_above(row, s, lowest, CountEach());
  const bool top_k = d.draw.top_k > 0 && d.draw.top_k < row.n;
  if (top_k && static_cast<uint64_t>(d.draw.top_k) < possible) {
    cut_at(row, s, cut, CountEach(), static_cast<uint64_t>(d.draw.top_k) - 1);
  }
  if (d.draw.top_p < 1.0f) {
    const Weigh<T> weight{row, 1.0f};
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
  const Weigh<T> weight{row, 1.0f / d.draw.temperature};
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

template <typename T>
__global__ void __launch_bounds__(kThreads)
    sample_kernel(const T * logits, int n, DeviceDraw * draws, bool only_radix) {
  SPHERE_SHARED(uint64_t, sums, 256);
  SPHERE_SHARED(uint64_t, words, 32);
  SPHERE_SHARED(float, floats, 32);
  SPHERE_SHARED(uint64_t, found, 4);
  SPHERE_SHARED(uint64_t, candidates, kCandidates);
  const Scratch s{sums, words, floats, found, candidates};
  DeviceDraw & out = draws[blockIdx.x];
  const DeviceDraw d = out;
  __syncthreads(); // all have read it before one writes
  Row<T> row{logits + static_cast<int64_t>(d.draw.row) * n, n, -infinity(), false};

  float max = -infinity();
  for (int i = static_cast<int>(threadIdx.x); i < n; i += kThreads) {
    const float v = to_float(row.x[i]);
    max = v > max ? v : max;
  }
  max = block_reduce<float>(max, s.floats, -infinity(), Maximum());
  row.infinite = max == infinity();
  row.max = row.infinite ? 0.0f : max;

  // The sum, what is no number, and the tokens and weights within each distance of the best.
  uint64_t sum = 0, bad = 0;
  uint64_t within[kLevels] = {}, weight_within[kLevels] = {};
  for (int i = static_cast<int>(threadIdx.x); i < n; i += kThreads) {
    const float v = row.at(i);
    if (v != v) {
      bad = 1;
      continue;
    }
    const uint64_t w = max == -infinity() ? 0 : row.weight(v, 1.0f);
    sum += w;
#pragma unroll
    for (int l = 0; l < kLevels; l++) {
      const bool in = row.max - v <= level(l);
      within[l] += in ? 1 : 0;
      weight_within[l] += in ? w : 0;
    }
  }
  bad = block_sum(bad, s);
  const uint64_t total = block_sum(sum, s);
  if (bad > 0 || max == -infinity()) {
    if (threadIdx.x == 0) {
      out.status = bad > 0 ? kRowNan : kRowEmpty;
    }
    return;
  }

  const sphere_draw & q = d.draw;
  const bool top_k = q.top_k > 0 && q.top_k < n;
  const bool filtered = top_k || q.top_p < 1.0f || q.min_p > 0.0f;
  const double u = uniform(q);
  int token;
  float logit = row.max;
  uint64_t drawn_total = 0;
  if (q.temperature == 0.0f) {
    token = nth_with_key(row, s, key_of(row.max), 0);
  } else if (!filtered) {
    token = draw_all(row, s, 1.0f / q.temperature, u, drawn_total);
    logit = row.at(token);
  } else {
    float reach = -1;
    int count = 0;
    if (top_k || q.top_p < 1.0f) {
      // The nearest level that holds all that the first filter leaves.
      const uint64_t needed = top_k ? static_cast<uint64_t>(q.top_k) : share(q.top_p, total) + 1;
#pragma unroll
      for (int l = 0; l < kLevels; l++) {
        const uint64_t have = block_sum(top_k ? within[l] : weight_within[l], s);
        if (reach < 0 && have >= needed) {
          reach = level(l);
        }
      }
    } else {
      reach = -d.min_log;
    }
    const float floor = row.max + (q.min_p > 0.0f && !(top_k || q.top_p < 1.0f) ? d.min_log : -reach);
    if (reach >= 0 && !only_radix) {
      forget(s, 0, 0);
      for (int i = static_cast<int>(threadIdx.x); i < n; i += kThreads) {
        const float v = row.at(i);
        const bool in = top_k || q.top_p < 1.0f ? row.max - v <= reach : v >= floor;
        if (in) {
          // Any order: they are sorted next.
          const uint64_t slot = shared_add<uint64_t>(s.found, 0, 1);
          if (slot < kCandidates) {
            s.candidates[static_cast<int>(slot)] =
                static_cast<uint64_t>(key_of(v)) << 32 | static_cast<uint64_t>(~static_cast<uint32_t>(i));
          }
        }
      }
      const uint64_t gathered = tell(s, 0);
      count = gathered <= kCandidates ? static_cast<int>(gathered) : 0;
    }
    token = count > 0 ? draw_candidates(row, s, d, count, u, total, drawn_total, logit)
                      : draw_radix(row, s, d, u, total, drawn_total, logit);
  }
  if (threadIdx.x == 0) {
    const double below = static_cast<double>(logit) - static_cast<double>(row.max);
    const double unit = static_cast<double>(kUnit);
    out.draw.token = token;
    out.draw.logprob = static_cast<float>(below - log(static_cast<double>(total) / unit));
    out.draw.sampling_logprob = q.temperature == 0.0f
                                    ? 0.0f
                                    : static_cast<float>(below / static_cast<double>(q.temperature) -
                                                         log(static_cast<double>(drawn_total) / unit));
    out.status = kRowGood;
  }
}

template <typename T>
void launch(const T * data, const Logits & logits, DeviceDraw * draws, int64_t count, SamplePath path,
            cudaStream_t stream) {
  SPHERE_LAUNCH(sample_kernel<T>, static_cast<unsigned>(count), kThreads, 0, stream, data,
                static_cast<int>(logits.vocabulary), draws, path == SamplePath::kRadix);
}

} // namespace

void sample(const Logits & logits, DeviceDraw * draws, int64_t count, SamplePath path, cudaStream_t stream) {
  if (count == 0) {
    return;
  }
  switch (logits.type) {
    case SPHERE_F16: launch(static_cast<const F16 *>(logits.data), logits, draws, count, path, stream); break;
    case SPHERE_BF16: launch(static_cast<const BF16 *>(logits.data), logits, draws, count, path, stream); break;
    default: launch(static_cast<const float *>(logits.data), logits, draws, count, path, stream); break;
  }
  check_launch("sample");
}

} // namespace sphere::cuda
