// Drawing tokens from rows of logits: top-k, top-p, min-p, temperature, and the log-probability of what was drawn.
//
// What: sphere_sample_rows (native/src/sampling/sampling*.cpp), many draws at once: the same order of filters, the same
// random number for the same key bit by bit (Philox4x32-10), the same ties (the lower token id first). How: one block a
// draw. Probabilities are added as whole numbers of 2^-43 of the highest one: sums of whole numbers do not depend on
// the order, so atomics give the same bits in every run, and no sum depends on how a row is shared out.
//   1. maximum of the row;
//   2. one more pass: the sum, and how many tokens and how much probability lie within 8 distances of the best;
//   3. without filters the token is found by a search over sums of tiles in the order of ids, as on the CPU;
//   4. with filters the smallest distance that surely holds all survivors is chosen, its tokens (2048 at most) are
//      gathered in shared memory, sorted there, and cut by prefix sums: three passes over the row in all;
//   5. where more than 2048 tokens survive, radix select over the logits' bits does the same without gathering: four
//      passes over the row for each filter and one for the draw.
// The vocabulary is never sorted. Against the CPU kernel the weights differ by 2e-7 at most, so the drawn token differs
// only where the random number falls that close to the border between two tokens.
#include "sampling.cuh"

#include "sampling/philox.hpp"
#include "sampling_radix.cuh"
#include "sampling_sorted.cuh"

namespace sphere::cuda {
namespace {

using namespace draw;

__device__ __forceinline__ float level(int i) {
  const float reach[kLevels] = {1.0f, 2.5f, 5.0f, 7.5f, 10.0f, 15.0f, 25.0f, 90.0f};
  return reach[i];
}

// ---- no filters: the first id whose running sum exceeds the target ----

__device__ int draw_all(const Row & row, const Scratch & s, float inv_t, double u, uint64_t & total) {
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

__global__ void __launch_bounds__(kThreads)
    sample_kernel(const float * logits, int n, DeviceDraw * draws, bool only_radix) {
  SPHERE_SHARED(uint64_t, sums, 256);
  SPHERE_SHARED(uint64_t, words, 32);
  SPHERE_SHARED(float, floats, 32);
  SPHERE_SHARED(uint64_t, found, 4);
  SPHERE_SHARED(uint64_t, candidates, kCandidates);
  const Scratch s{sums, words, floats, found, candidates};
  DeviceDraw & out = draws[blockIdx.x];
  const DeviceDraw d = out;
  __syncthreads(); // all have read it before one writes
  Row row{logits + static_cast<int64_t>(d.draw.row) * n, n, -infinity(), false};

  float max = -infinity();
  for (int i = static_cast<int>(threadIdx.x); i < n; i += kThreads) {
    const float v = row.x[i];
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
    token = draw_all(row, s, inverse(q.temperature), u, drawn_total);
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

} // namespace

void sample(const Logits & logits, DeviceDraw * draws, int64_t count, SamplePath path, cudaStream_t stream) {
  if (count == 0) {
    return;
  }
  SPHERE_LAUNCH(sample_kernel, static_cast<unsigned>(count), kThreads, 0, stream, logits.data,
                static_cast<int>(logits.vocabulary), draws, path == SamplePath::kRadix);
  check_launch("sample");
}

} // namespace sphere::cuda
