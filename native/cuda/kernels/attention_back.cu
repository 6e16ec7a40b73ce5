// Attention over packed token trees, backward: see attention.cu.
#include "attention.cuh"

namespace sphere::cuda {
namespace {

using namespace attend;

// Writes a tile of gradients, turned back, to one head of dx [d * heads, n]. `acc` is this thread's part of a row; the
// tile is used for the exchange. Barriers on both sides.
template <int D>
__device__ void store_turned_back(const Shape & s, SharedPtr<float> tile, const float (&acc)[D / kLanes], float * dx,
                                  int heads, int head, int64_t group, int64_t from, bool turned) {
  const int lane = static_cast<int>(threadIdx.x) % kLanes;
  const int row = static_cast<int>(threadIdx.x) / kLanes;
  __syncthreads();
#pragma unroll
  for (int c = 0; c < D / kLanes; c++) {
    tile[row * (D + 1) + lane + kLanes * c] = acc[c];
  }
  __syncthreads();
  if (from + row < s.slots) {
    const int64_t slot = group * s.slots + from + row;
    float * out = dx + (slot * heads + head) * s.d;
    const int half = turned ? s.rotated / 2 : 0;
    const float * cosines = s.table + slot * s.rotated;
    const float * sines = cosines + half;
    for (int i = lane; i < half; i += kLanes) {
      const int a = s.neox ? i : 2 * i;
      const int b = s.neox ? i + half : 2 * i + 1;
      const float x = tile[row * (D + 1) + a], y = tile[row * (D + 1) + b];
      out[a] = x * cosines[i] + y * sines[i];
      out[b] = y * cosines[i] - x * sines[i];
    }
    for (int i = 2 * half + lane; i < s.d; i += kLanes) {
      out[i] = tile[row * (D + 1) + i];
    }
  }
  __syncthreads();
}

// ---- backward by queries: log sum exp, delta = dy . y, dq ----

template <int D> __global__ void __launch_bounds__(kThreads) attention_dq_kernel(Shape s) {
  SPHERE_DYNAMIC_SHARED(float, shared);
  const SharedPtr<float> queries = shared;
  const SharedPtr<float> grads = queries + kTile * (D + 1);
  const SharedPtr<float> keys = grads + kTile * (D + 1);
  const SharedPtr<float> values = keys + kTile * (D + 1);
  const SharedPtr<float> weights = values + kTile * (D + 1);
  const int lane = static_cast<int>(threadIdx.x) % kLanes;
  const int row = static_cast<int>(threadIdx.x) / kLanes;
  const Place at = place_of(s, s.heads);
  const int kv_head = at.head / (s.heads / s.kv);
  load_tile<D>(s, queries, s.q, s.heads, at.head, at.group, at.from, true);
  load_tile<D>(s, grads, s.dy, s.heads, at.head, at.group, at.from, false);

  Softmax softmax;
  float weighted = 0.0f; // sum of exp(score - max) dy . value
  float lse = 0.0f, delta = 0.0f;
  float acc[D / kLanes] = {};
  for (int pass = 0; pass < 2; pass++) {
    for (int64_t t = 0; t <= at.tile; t++) {
      const uint32_t words = words_of(s, at.group, at.from, t);
      if (!__any_sync(kAll, words != 0)) {
        continue;
      }
      load_tile<D>(s, keys, s.k, s.kv, kv_head, at.group, t * kTile, true);
      load_tile<D>(s, values, s.v, s.kv, kv_head, at.group, t * kTile, false);
      __syncthreads();
      float x[kOwn], dp[kOwn];
      products<D>(queries, row, keys, x);
      products<D>(grads, row, values, dp);
      const uint32_t mine = __shfl_sync(kAll, words, row);
      if (pass == 0) {
        mask(x, mine, s.scale);
        const float down = softmax.take(x);
        float part = 0.0f;
#pragma unroll
        for (int c = 0; c < kOwn; c++) {
          part += x[c] * dp[c];
        }
        weighted = weighted * down + row_sum(part);
      } else {
#pragma unroll
        for (int c = 0; c < kOwn; c++) {
          const bool sees = (mine >> (lane + kLanes * c) & 1u) != 0;
          const float p = sees ? expf(x[c] * s.scale - lse) : 0.0f;
          weights[row * (kTile + 1) + lane + kLanes * c] = p * (dp[c] - delta) * s.scale;
        }
        __syncwarp(); // a row's four threads are in one warp
        accumulate<D>(weights, row, keys, acc);
      }
      __syncthreads();
    }
    if (pass == 0) {
      lse = softmax.max + logf(softmax.sum);
      delta = weighted / softmax.sum;
      if (lane == 0 && at.from + row < s.slots) {
        s.lse[at.head * s.n + at.group * s.slots + at.from + row] = lse;
        s.delta[at.head * s.n + at.group * s.slots + at.from + row] = delta;
      }
    }
  }
  store_turned_back<D>(s, keys, acc, s.y, s.heads, at.head, at.group, at.from, true);
}

// ---- backward by keys: dk, dv ----

template <int D> __global__ void __launch_bounds__(kThreads) attention_dkv_kernel(Shape s) {
  SPHERE_DYNAMIC_SHARED(float, shared);
  const SharedPtr<float> keys = shared;
  const SharedPtr<float> values = keys + kTile * (D + 1);
  const SharedPtr<float> queries = values + kTile * (D + 1);
  const SharedPtr<float> grads = queries + kTile * (D + 1);
  const SharedPtr<float> probabilities = grads + kTile * (D + 1);
  const SharedPtr<float> dscores = probabilities + kTile * (kTile + 1);
  const int lane = static_cast<int>(threadIdx.x) % kLanes;
  const int row = static_cast<int>(threadIdx.x) / kLanes; // a key
  const Place at = place_of(s, s.kv);
  const int per_kv = s.heads / s.kv;
  load_tile<D>(s, keys, s.k, s.kv, at.head, at.group, at.from, true);
  load_tile<D>(s, values, s.v, s.kv, at.head, at.group, at.from, false);

  float dk[D / kLanes] = {}, dv[D / kLanes] = {};
  for (int head = at.head * per_kv; head < (at.head + 1) * per_kv; head++) {
    for (int64_t t = at.tile; t < at.tiles; t++) {
      const uint32_t words = words_of(s, at.group, t * kTile, at.tile);
      if (!__any_sync(kAll, words != 0)) {
        continue;
      }
      load_tile<D>(s, queries, s.q, s.heads, head, at.group, t * kTile, true);
      load_tile<D>(s, grads, s.dy, s.heads, head, at.group, t * kTile, false);
      __syncthreads();
      float x[kOwn], dp[kOwn];
      products<D>(keys, row, queries, x);
      products<D>(values, row, grads, dp);
#pragma unroll
      for (int c = 0; c < kOwn; c++) {
        const int query = lane + kLanes * c;
        const bool sees = (__shfl_sync(kAll, words, query) >> row & 1u) != 0;
        float p = 0.0f, ds = 0.0f;
        if (sees) {
          const int64_t cell = head * s.n + at.group * s.slots + t * kTile + query;
          p = expf(x[c] * s.scale - s.lse[cell]);
          ds = p * (dp[c] - s.delta[cell]) * s.scale;
        }
        probabilities[row * (kTile + 1) + query] = p;
        dscores[row * (kTile + 1) + query] = ds;
      }
      __syncwarp();
      accumulate<D>(probabilities, row, grads, dv);
      accumulate<D>(dscores, row, queries, dk);
      __syncthreads();
    }
  }
  float * const dk_out = s.y + s.n * s.heads * s.d;
  float * const dv_out = dk_out + s.n * s.kv * s.d;
  store_turned_back<D>(s, queries, dk, dk_out, s.kv, at.head, at.group, at.from, true);
  store_turned_back<D>(s, queries, dv, dv_out, s.kv, at.head, at.group, at.from, false);
}

template <int D> void backward(const Shape & s, int64_t tiles, cudaStream_t stream) {
  launch(attention_dq_kernel<D>, tiles * s.heads * s.groups, D, 4, 1, s, stream, "attention dq");
  launch(attention_dkv_kernel<D>, tiles * s.kv * s.groups, D, 4, 2, s, stream, "attention dk, dv");
}

} // namespace

void attention_back(const sphere_tree_attention & a, void * scratch, cudaStream_t stream) {
  const Shape s = prepare(a, scratch, stream);
  const int64_t tiles = (a.slots + kTile - 1) / kTile;
  a.head_size <= 32 ? backward<32>(s, tiles, stream)
                    : (a.head_size <= 64 ? backward<64>(s, tiles, stream) : backward<128>(s, tiles, stream));
}

} // namespace sphere::cuda
