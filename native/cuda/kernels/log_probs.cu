// Log-softmax at the targets, and its gradient.
//
// What: for each row of logits [vocabulary] the entropy, mean and arg max, and the log-probability of the row's target
// tokens; backward: the row becomes weights (one-hot - softmax), summed over its
// targets. How: one block a row. The forward pass reads the row once: each thread keeps a maximum, the sum of
// exponentials below it, and that sum weighted with the distance (for the entropy), and rescales them when it meets a
// larger logit (Milakov and Gimelshein 2018, "Online normalizer calculation for softmax"); threads are merged in a
// fixed order, so the same row gives the same bits. The backward pass reads and writes the row once; log sum exp comes
// from the forward's log-probability. 16 bytes a load where the row is aligned to that. Memory-bound: rows x vocabulary
// x 4 bytes forward, twice that backward.
#include "kernel.cuh"
#include "kernels.hpp"

namespace sphere::cuda {
namespace {

constexpr int kThreads = 512; // 4 blocks fill an SM's 2048 threads
constexpr float kExact = -16; // below it, target logit - log-probability has lost digits

// Calls each(x) for the thread's elements of a row; the order of calls is fixed.
template <typename Each> __device__ __forceinline__ void for_row(const float * row, int64_t n, Each each) {
  const int64_t t = threadIdx.x;
  const auto address = reinterpret_cast<uintptr_t>(row);
  int64_t head = static_cast<int64_t>((16 - address % 16) % 16 / sizeof(float));
  head = head < n ? head : n;
  if (t < head) {
    each(t, row[t]);
  }
  const int64_t packs = (n - head) / Pack::size;
  const auto * packed = reinterpret_cast<const Pack *>(row + head);
  for (int64_t p = t; p < packs; p += kThreads) {
    const Pack pack = packed[p];
    for (int i = 0; i < Pack::size; i++) {
      each(head + p * Pack::size + i, pack.v[i]);
    }
  }
  const int64_t rest = head + packs * Pack::size + t;
  if (rest < n) {
    each(rest, row[rest]);
  }
}

// What a thread has seen of a row.
struct Online {
  float max, sum, weighted; // weighted: sum of exp(x - max) (x - max)
};

__device__ __forceinline__ float distance(float x, float max) {
  return max == infinity() ? (x == infinity() ? 0.0f : x - infinity()) : x - max;
}

__device__ __forceinline__ void rescale(Online & o, float max) {
  const float down = o.max == -infinity() ? 0.0f : distance(o.max, max);
  const float factor = o.max == -infinity() ? 0.0f : expf(down);
  // A thread whose maximum is infinitely far below adds nothing.
  o.weighted = factor == 0.0f ? 0.0f : factor * (o.weighted + o.sum * down);
  o.sum = o.sum == o.sum ? factor * o.sum : o.sum;
  o.max = max;
}

__device__ __forceinline__ void take(Online & o, float x) {
  if (x > o.max) {
    rescale(o, x);
  }
  if (x != -infinity()) {
    const float d = distance(x, o.max);
    const float e = d == d ? expf(d) : d;
    o.sum += e;
    o.weighted += e > 0.0f ? e * d : 0.0f;
  }
}

__device__ __forceinline__ Online merge(Online a, Online b) {
  const float max = a.max > b.max ? a.max : b.max;
  rescale(a, max);
  rescale(b, max);
  return {max, a.sum + b.sum, a.weighted + b.weighted};
}

__device__ __forceinline__ Online warp_merge(Online o) {
  for (int other = 16; other > 0; other >>= 1) {
    const Online there = {__shfl_xor_sync(kAll, o.max, other), __shfl_xor_sync(kAll, o.sum, other),
                          __shfl_xor_sync(kAll, o.weighted, other)};
    // The lower lane first, so that all lanes have the same bits.
    o = (threadIdx.x & static_cast<unsigned>(other)) == 0 ? merge(o, there) : merge(there, o);
  }
  return o;
}

struct Nothing {
  __device__ void operator()(int64_t, float, const Online &) const {}
};

// also(i, x, o): called for each of the thread's elements before o takes it.
template <typename Also = Nothing>
__device__ Online row_online(const float * row, int64_t n, SharedPtr<float> scratch, Also also = {}) {
  Online o = {-infinity(), 0.0f, 0.0f};
  for_row(row, n, [&](int64_t i, float x) {
    also(i, x, o);
    take(o, x);
  });
  const int lane = static_cast<int>(threadIdx.x) & 31;
  const int warp = static_cast<int>(threadIdx.x) >> 5;
  o = warp_merge(o);
  if (lane == 0) {
    scratch[warp * 3] = o.max;
    scratch[warp * 3 + 1] = o.sum;
    scratch[warp * 3 + 2] = o.weighted;
  }
  __syncthreads();
  o = {-infinity(), 0.0f, 0.0f};
  if (lane < kThreads / 32) {
    o = {scratch[lane * 3], scratch[lane * 3 + 1], scratch[lane * 3 + 2]};
  }
  o = warp_merge(o);
  __syncthreads();
  return o;
}

__device__ __forceinline__ float log_sum(const Online & o) {
  return static_cast<float>(static_cast<double>(o.max) + log(static_cast<double>(o.sum)));
}

__device__ __forceinline__ float entropy_of(const Online & o) {
  return static_cast<float>(log(static_cast<double>(o.sum)) -
                            static_cast<double>(o.weighted) / static_cast<double>(o.sum));
}

// x - log sum exp, also where infinite logits share all probability.
__device__ __forceinline__ float log_prob(float x, const Online & o, float lse) {
  return o.max == infinity() ? distance(x, o.max) - logf(o.sum) : x - lse;
}

__global__ void __launch_bounds__(kThreads) log_probs_kernel(const float * logits, int64_t n, const int32_t * offsets,
                                                             const int32_t * tokens, float * out, TargetResults more) {
  SPHERE_SHARED(float, scratch, 3 * kThreads / 32);
  SPHERE_SHARED(int32_t, places, 32);
  const int64_t r = blockIdx.x;
  const float * row = logits + r * n;
  float logits_sum = 0;
  int64_t first = n; // of the thread's largest; elements come in ascending order
  float largest = -infinity();
  const Online o = row_online(row, n, SharedPtr<float>(scratch), [&](int64_t i, float x, const Online & before) {
    logits_sum += x;
    first = x > before.max ? i : first;
    largest = x > before.max ? x : before.max;
  });
  const float lse = log_sum(o);
  const float entropy = entropy_of(o);
  if (out != nullptr) {
    for (int32_t i = offsets[r] + static_cast<int32_t>(threadIdx.x); i < offsets[r + 1]; i += kThreads) {
      out[i] = log_prob(row[tokens[i]], o, lse);
    }
  }
  if (more.entropy != nullptr) {
    const auto here = static_cast<int32_t>(largest == o.max ? first : n);
    const int32_t top = block_reduce(here, SharedPtr<int32_t>(places), static_cast<int32_t>(n), Minimum());
    const float mean = block_reduce(logits_sum, SharedPtr<float>(scratch), 0.0f, Sum()) / static_cast<float>(n);
    for (int32_t i = offsets[r] + static_cast<int32_t>(threadIdx.x); i < offsets[r + 1]; i += kThreads) {
      more.entropy[i] = entropy;
      more.mean[i] = mean;
      more.top[i] = tokens[i] == top ? 1.0f : 0.0f;
    }
  }
}

__global__ void __launch_bounds__(kThreads)
    log_probs_of_rows_kernel(const float * logits, int64_t n, const int32_t * rows, const int32_t * targets,
                             float * out, int32_t * status) {
  SPHERE_SHARED(float, scratch, 3 * kThreads / 32);
  const int64_t i = blockIdx.x;
  const float * row = logits + rows[i] * n;
  const Online o = row_online(row, n, SharedPtr<float>(scratch));
  if (threadIdx.x == 0) {
    out[i] = log_prob(row[targets[i]], o, log_sum(o));
    status[i] = o.sum != o.sum ? kRowNan : (o.sum > 0.0f ? kRowGood : kRowEmpty);
  }
}

__global__ void __launch_bounds__(kThreads)
    log_probs_back_kernel(float * logits, int64_t n, const int32_t * offsets, const int32_t * tokens,
                          const float * weights, const float * log_probs) {
  SPHERE_SHARED(float, scratch, 3 * kThreads / 32);
  const int64_t r = blockIdx.x;
  float * row = logits + r * n;
  const int32_t first = offsets[r];
  const int32_t last = offsets[r + 1];
  float weight = 0;
  float lse = 0;
  if (first < last) {
    for (int32_t i = first; i < last; i++) { // in order, and few
      weight += weights[i];
    }
    const float known = log_probs[first];
    lse = known > kExact ? row[tokens[first]] - known : log_sum(row_online(row, n, SharedPtr<float>(scratch)));
  }
  __syncthreads(); // all have read the row before it is written
  // Written by hand rather than by for_row: whole packs go back as they came.
  const int64_t t = threadIdx.x;
  const auto address = reinterpret_cast<uintptr_t>(row);
  int64_t head = static_cast<int64_t>((16 - address % 16) % 16 / sizeof(float));
  head = head < n ? head : n;
  const auto gradient = [&](float x) { return first == last ? 0.0f : -weight * expf(x - lse); };
  if (t < head) {
    row[t] = gradient(row[t]);
  }
  const int64_t packs = (n - head) / Pack::size;
  auto * packed = reinterpret_cast<Pack *>(row + head);
  for (int64_t p = t; p < packs; p += kThreads) {
    Pack pack = packed[p];
    for (int i = 0; i < Pack::size; i++) {
      pack.v[i] = gradient(pack.v[i]);
    }
    packed[p] = pack;
  }
  const int64_t rest = head + packs * Pack::size + t;
  if (rest < n) {
    row[rest] = gradient(row[rest]);
  }
  __syncthreads();
  if (t == 0) { // one after the other: a token may be there twice
    for (int32_t i = first; i < last; i++) {
      row[tokens[i]] += weights[i];
    }
  }
}

} // namespace

void log_probs(const Logits & logits, const int32_t * offsets, const int32_t * tokens, float * out,
               const TargetResults & more, cudaStream_t stream) {
  if (logits.rows == 0) {
    return;
  }
  SPHERE_LAUNCH(log_probs_kernel, static_cast<unsigned>(logits.rows), kThreads, 0, stream, logits.data,
                logits.vocabulary, offsets, tokens, out, more);
  check_launch("log_probs");
}

void log_probs_of_rows(const Logits & logits, const int32_t * rows, const int32_t * targets, int64_t count, float * out,
                       int32_t * status, cudaStream_t stream) {
  if (count == 0) {
    return;
  }
  SPHERE_LAUNCH(log_probs_of_rows_kernel, static_cast<unsigned>(count), kThreads, 0, stream, logits.data,
                logits.vocabulary, rows, targets, out, status);
  check_launch("log_probs_of_rows");
}

void log_probs_back(const Logits & logits, const int32_t * offsets, const int32_t * tokens, const float * weights,
                    const float * log_probs, cudaStream_t stream) {
  if (logits.rows == 0) {
    return;
  }
  SPHERE_LAUNCH(log_probs_back_kernel, static_cast<unsigned>(logits.rows), kThreads, 0, stream, logits.data,
                logits.vocabulary, offsets, tokens, weights, log_probs);
  check_launch("log_probs_back");
}

} // namespace sphere::cuda
