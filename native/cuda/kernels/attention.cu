// Attention over packed token trees with rotary embedding, forward and backward.
//
// What: every slot attends to itself and its ancestors, as sphere_op_attention (native/src/train_attention.cpp); heads
// may share key-value heads. F32 throughout.
// How: a first kernel walks each slot's path once and writes it as a row of bits. Then one block takes 32 queries of a
// head (four threads a query) and goes over tiles of 32 keys with an online softmax (Dao et al., arXiv 2205.14135): a
// tile that none of the 32 queries sees costs one load of 32 words, so a tree costs what its paths cost, not the
// square of its slots. Queries and keys are turned as they are loaded. The backward pass computes scores again: one
// kernel by query tiles (log sum exp, then dq), one by key tiles (dk, dv) that sums over heads and queries in a fixed
// order; no atomics, so the same inputs give the same bits. Compute-bound in F32 on the CUDA cores.
#include "kernel.cuh"
#include "kernels.hpp"

namespace sphere::cuda {
namespace {

constexpr int kTile = 32; // queries and keys in a tile, bits in a word
constexpr int kLanes = 4; // threads a row of a tile
constexpr int kThreads = kTile * kLanes;
constexpr int kOwn = kTile / kLanes; // columns of a tile that a thread computes

struct Shape {
  const float * q;
  const float * k;
  const float * v;
  const float * table;
  const int32_t * parents;
  const float * dy;
  float * y;
  int64_t slots, groups, n;
  int d, heads, kv, rotated;
  bool neox;
  const uint32_t * seen; // [n, words]: bit j of slot i: i sees slot j of its group
  int words;
  float * lse;   // [heads, n]
  float * delta; // [heads, n]
  float scale;
};

// ---- who sees whom ----

__global__ void __launch_bounds__(256)
    paths_kernel(const int32_t * parents, int64_t slots, int64_t n, int words, uint32_t * seen) {
  const int64_t i = static_cast<int64_t>(blockIdx.x) * 256 + threadIdx.x;
  if (i >= n) {
    return;
  }
  const int64_t group = i / slots;
  const int32_t * group_parents = parents + group * slots;
  uint32_t * row = seen + i * words;
  int word = words - 1;
  uint32_t bits = 0;
  for (int32_t j = static_cast<int32_t>(i - group * slots); j >= 0; j = group_parents[j]) {
    for (; word > j / kTile; word--) {
      row[word] = bits;
      bits = 0;
    }
    bits |= 1u << (j % kTile);
  }
  for (; word >= 0; word--) {
    row[word] = bits;
    bits = 0;
  }
}

// ---- tiles in shared memory: [kTile][D + 1] ----

// Row `row` of a tile: x turned by the slot's angles (direction -1 turns back), written by the row's four threads.
template <int D>
__device__ void store_turned(const Shape & s, SharedPtr<float> tile, int row, const float * x, int64_t slot) {
  const int lane = static_cast<int>(threadIdx.x) % kLanes;
  const int half = s.rotated / 2;
  const float * cosines = s.table + slot * s.rotated;
  const float * sines = cosines + half;
  for (int i = lane; i < half; i += kLanes) {
    const int a = s.neox ? i : 2 * i;
    const int b = s.neox ? i + half : 2 * i + 1;
    tile[row * (D + 1) + a] = x[a] * cosines[i] - x[b] * sines[i];
    tile[row * (D + 1) + b] = x[a] * sines[i] + x[b] * cosines[i];
  }
  for (int i = s.rotated + lane; i < D; i += kLanes) {
    tile[row * (D + 1) + i] = i < s.d ? x[i] : 0.0f;
  }
}

template <int D> __device__ void store_plain(const Shape & s, SharedPtr<float> tile, int row, const float * x) {
  const int lane = static_cast<int>(threadIdx.x) % kLanes;
  for (int i = lane; i < D; i += kLanes) {
    tile[row * (D + 1) + i] = i < s.d ? x[i] : 0.0f;
  }
}

template <int D> __device__ void store_zero(SharedPtr<float> tile, int row) {
  for (int i = static_cast<int>(threadIdx.x) % kLanes; i < D; i += kLanes) {
    tile[row * (D + 1) + i] = 0.0f;
  }
}

// Slots from .. from + 31 of a group, one head of x [d * heads, n].
template <int D>
__device__ void load_tile(const Shape & s, SharedPtr<float> tile, const float * x, int heads, int head, int64_t group,
                          int64_t from, bool turned) {
  const int row = static_cast<int>(threadIdx.x) / kLanes;
  const int64_t slot = group * s.slots + from + row;
  if (from + row >= s.slots) {
    store_zero<D>(tile, row);
  } else if (turned) {
    store_turned<D>(s, tile, row, x + (slot * heads + head) * s.d, slot);
  } else {
    store_plain<D>(s, tile, row, x + (slot * heads + head) * s.d);
  }
}

// out[c] = row `row` of a . row (lane + 4 c) of b
template <int D> __device__ void products(SharedPtr<float> a, int row, SharedPtr<float> b, float (&out)[kOwn]) {
  const int lane = static_cast<int>(threadIdx.x) % kLanes;
#pragma unroll
  for (int c = 0; c < kOwn; c++) {
    out[c] = 0.0f;
  }
  for (int i = 0; i < D; i++) {
    const float x = a[row * (D + 1) + i];
#pragma unroll
    for (int c = 0; c < kOwn; c++) {
      out[c] += x * b[(lane + kLanes * c) * (D + 1) + i];
    }
  }
}

// acc[c] += sum over j of w[row][j] * x[j][lane + 4 c]
template <int D> __device__ void accumulate(SharedPtr<float> w, int row, SharedPtr<float> x, float (&acc)[D / kLanes]) {
  const int lane = static_cast<int>(threadIdx.x) % kLanes;
  for (int j = 0; j < kTile; j++) {
    const float weight = w[row * (kTile + 1) + j];
#pragma unroll
    for (int c = 0; c < D / kLanes; c++) {
      acc[c] += weight * x[j * (D + 1) + lane + kLanes * c];
    }
  }
}

__device__ __forceinline__ float row_sum(float x) {
  x += __shfl_xor_sync(kAll, x, 1);
  return x + __shfl_xor_sync(kAll, x, 2);
}
__device__ __forceinline__ float row_max(float x) {
  x = Maximum()(x, __shfl_xor_sync(kAll, x, 1));
  return Maximum()(x, __shfl_xor_sync(kAll, x, 2));
}

// Lane l of every warp: the word of query from + l for this tile of keys; 0 beyond the group.
__device__ __forceinline__ uint32_t words_of(const Shape & s, int64_t group, int64_t from, int64_t key_tile) {
  const int64_t i = from + (static_cast<int>(threadIdx.x) & 31);
  return i < s.slots ? s.seen[(group * s.slots + i) * s.words + key_tile] : 0;
}

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

// ---- forward ----

template <int D> __global__ void __launch_bounds__(kThreads) attention_kernel(Shape s) {
  SPHERE_DYNAMIC_SHARED(float, shared);
  const SharedPtr<float> queries = shared;
  const SharedPtr<float> other = queries + kTile * (D + 1); // keys, then values
  const SharedPtr<float> weights = other + kTile * (D + 1); // [kTile][kTile + 1]
  const int lane = static_cast<int>(threadIdx.x) % kLanes;
  const int row = static_cast<int>(threadIdx.x) / kLanes;
  const int64_t tiles = (s.slots + kTile - 1) / kTile;
  const int64_t tile = blockIdx.x % tiles;
  const int head = static_cast<int>(blockIdx.x / tiles % s.heads);
  const int64_t group = blockIdx.x / tiles / s.heads;
  const int kv_head = head / (s.heads / s.kv);
  const int64_t from = tile * kTile;
  load_tile<D>(s, queries, s.q, s.heads, head, group, from, true);

  float max = -infinity(), sum = 0.0f;
  float acc[D / kLanes] = {};
  for (int64_t t = 0; t <= tile; t++) {
    const uint32_t words = words_of(s, group, from, t);
    if (!__any_sync(kAll, words != 0)) { // every warp looks at all 32 queries: the block decides as one
      continue;
    }
    load_tile<D>(s, other, s.k, s.kv, kv_head, group, t * kTile, true);
    __syncthreads();
    float x[kOwn];
    products<D>(queries, row, other, x);
    const uint32_t mine = __shfl_sync(kAll, words, row);
    float highest = max;
#pragma unroll
    for (int c = 0; c < kOwn; c++) {
      x[c] = (mine >> (lane + kLanes * c) & 1u) != 0 ? x[c] * s.scale : -infinity();
      highest = x[c] > highest ? x[c] : highest;
    }
    highest = row_max(highest);
    const float down = highest == -infinity() ? 1.0f : expf(max - highest);
    max = highest;
    float part = 0.0f;
#pragma unroll
    for (int c = 0; c < kOwn; c++) {
      const float e = x[c] == -infinity() ? 0.0f : expf(x[c] - max);
      weights[row * (kTile + 1) + lane + kLanes * c] = e;
      part += e;
    }
    sum = sum * down + row_sum(part);
#pragma unroll
    for (int c = 0; c < D / kLanes; c++) {
      acc[c] *= down;
    }
    __syncthreads(); // the keys have been read
    load_tile<D>(s, other, s.v, s.kv, kv_head, group, t * kTile, false);
    __syncthreads();
    accumulate<D>(weights, row, other, acc);
    __syncthreads(); // the values and weights have been read
  }
  if (from + row < s.slots) {
    float * out = s.y + ((group * s.slots + from + row) * s.heads + head) * s.d;
#pragma unroll
    for (int c = 0; c < D / kLanes; c++) {
      if (lane + kLanes * c < s.d) {
        out[lane + kLanes * c] = acc[c] / sum;
      }
    }
  }
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
  const int64_t tiles = (s.slots + kTile - 1) / kTile;
  const int64_t tile = blockIdx.x % tiles;
  const int head = static_cast<int>(blockIdx.x / tiles % s.heads);
  const int64_t group = blockIdx.x / tiles / s.heads;
  const int kv_head = head / (s.heads / s.kv);
  const int64_t from = tile * kTile;
  load_tile<D>(s, queries, s.q, s.heads, head, group, from, true);
  load_tile<D>(s, grads, s.dy, s.heads, head, group, from, false);

  float max = -infinity(), sum = 0.0f, weighted = 0.0f; // weighted: sum of exp(score - max) dy . value
  float lse = 0.0f, delta = 0.0f;
  float acc[D / kLanes] = {};
  for (int pass = 0; pass < 2; pass++) {
    for (int64_t t = 0; t <= tile; t++) {
      const uint32_t words = words_of(s, group, from, t);
      if (!__any_sync(kAll, words != 0)) {
        continue;
      }
      load_tile<D>(s, keys, s.k, s.kv, kv_head, group, t * kTile, true);
      load_tile<D>(s, values, s.v, s.kv, kv_head, group, t * kTile, false);
      __syncthreads();
      float x[kOwn], dp[kOwn];
      products<D>(queries, row, keys, x);
      products<D>(grads, row, values, dp);
      const uint32_t mine = __shfl_sync(kAll, words, row);
      if (pass == 0) {
        float highest = max;
#pragma unroll
        for (int c = 0; c < kOwn; c++) {
          x[c] = (mine >> (lane + kLanes * c) & 1u) != 0 ? x[c] * s.scale : -infinity();
          highest = x[c] > highest ? x[c] : highest;
        }
        highest = row_max(highest);
        const float down = highest == -infinity() ? 1.0f : expf(max - highest);
        max = highest;
        float part = 0.0f, part_weighted = 0.0f;
#pragma unroll
        for (int c = 0; c < kOwn; c++) {
          const float e = x[c] == -infinity() ? 0.0f : expf(x[c] - max);
          part += e;
          part_weighted += e * dp[c];
        }
        sum = sum * down + row_sum(part);
        weighted = weighted * down + row_sum(part_weighted);
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
      lse = max + logf(sum);
      delta = weighted / sum;
      if (lane == 0 && from + row < s.slots) {
        s.lse[head * s.n + group * s.slots + from + row] = lse;
        s.delta[head * s.n + group * s.slots + from + row] = delta;
      }
    }
  }
  store_turned_back<D>(s, keys, acc, s.y, s.heads, head, group, from, true);
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
  const int64_t tiles = (s.slots + kTile - 1) / kTile;
  const int64_t tile = blockIdx.x % tiles;
  const int kv_head = static_cast<int>(blockIdx.x / tiles % s.kv);
  const int64_t group = blockIdx.x / tiles / s.kv;
  const int per_kv = s.heads / s.kv;
  const int64_t from = tile * kTile;
  load_tile<D>(s, keys, s.k, s.kv, kv_head, group, from, true);
  load_tile<D>(s, values, s.v, s.kv, kv_head, group, from, false);

  float dk[D / kLanes] = {}, dv[D / kLanes] = {};
  for (int head = kv_head * per_kv; head < (kv_head + 1) * per_kv; head++) {
    for (int64_t t = tile; t < tiles; t++) {
      const uint32_t words = words_of(s, group, t * kTile, tile);
      if (!__any_sync(kAll, words != 0)) {
        continue;
      }
      load_tile<D>(s, queries, s.q, s.heads, head, group, t * kTile, true);
      load_tile<D>(s, grads, s.dy, s.heads, head, group, t * kTile, false);
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
          const int64_t at = head * s.n + group * s.slots + t * kTile + query;
          p = expf(x[c] * s.scale - s.lse[at]);
          ds = p * (dp[c] - s.delta[at]) * s.scale;
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
  store_turned_back<D>(s, queries, dk, dk_out, s.kv, kv_head, group, from, true);
  store_turned_back<D>(s, queries, dv, dv_out, s.kv, kv_head, group, from, false);
}

// ---- launchers ----

int words_per_slot(const sphere_tree_attention & a) { return static_cast<int>((a.slots + kTile - 1) / kTile); }

int64_t rounded(int64_t bytes) { return (bytes + 255) / 256 * 256; }
int64_t seen_bytes(const sphere_tree_attention & a) {
  return rounded(a.slots * a.groups * words_per_slot(a) * static_cast<int64_t>(sizeof(uint32_t)));
}
int64_t row_bytes(const sphere_tree_attention & a) {
  return rounded(a.heads * a.slots * a.groups * static_cast<int64_t>(sizeof(float)));
}

Shape prepare(const sphere_tree_attention & a, void * scratch, cudaStream_t stream) {
  auto * const bytes = static_cast<unsigned char *>(scratch);
  auto * const seen = reinterpret_cast<uint32_t *>(bytes);
  Shape s{};
  s.q = a.q;
  s.k = a.k;
  s.v = a.v;
  s.table = a.table;
  s.parents = a.parents;
  s.dy = a.dy;
  s.y = a.y;
  s.slots = a.slots;
  s.groups = a.groups;
  s.n = a.slots * a.groups;
  s.d = a.head_size;
  s.heads = a.heads;
  s.kv = a.kv_heads;
  s.rotated = a.rotated;
  s.neox = a.neox != 0;
  s.seen = seen;
  s.words = words_per_slot(a);
  s.lse = reinterpret_cast<float *>(bytes + seen_bytes(a));
  s.delta = reinterpret_cast<float *>(bytes + seen_bytes(a) + row_bytes(a));
  s.scale = 1.0f / sqrtf(static_cast<float>(a.head_size));
  SPHERE_LAUNCH(paths_kernel, static_cast<unsigned>((s.n + 255) / 256), 256, 0, stream, a.parents, s.slots, s.n,
                s.words, seen);
  check_launch("attention paths");
  return s;
}

// tiles of D + 1 columns, and tiles of kTile + 1 columns
template <typename Kernel>
void launch(Kernel kernel, int64_t blocks, int d, int wide, int square, const Shape & s, cudaStream_t stream,
            const char * name) {
  const int bytes = static_cast<int>(sizeof(float)) * kTile * (wide * (d + 1) + square * (kTile + 1));
  if (bytes > 48 << 10) {
    check(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, bytes), name);
  }
  SPHERE_LAUNCH(kernel, static_cast<unsigned>(blocks), kThreads, static_cast<size_t>(bytes), stream, s);
  check_launch(name);
}

template <int D> void forward(const Shape & s, int64_t tiles, cudaStream_t stream) {
  launch(attention_kernel<D>, tiles * s.heads * s.groups, D, 2, 1, s, stream, "attention");
}

template <int D> void backward(const Shape & s, int64_t tiles, cudaStream_t stream) {
  launch(attention_dq_kernel<D>, tiles * s.heads * s.groups, D, 4, 1, s, stream, "attention dq");
  launch(attention_dkv_kernel<D>, tiles * s.kv * s.groups, D, 4, 2, s, stream, "attention dk, dv");
}

} // namespace

int64_t attention_scratch(const sphere_tree_attention & a, bool back) {
  return seen_bytes(a) + (back ? 2 * row_bytes(a) : 0);
}

void attention(const sphere_tree_attention & a, void * scratch, cudaStream_t stream) {
  const Shape s = prepare(a, scratch, stream);
  const int64_t tiles = (a.slots + kTile - 1) / kTile;
  a.head_size <= 32 ? forward<32>(s, tiles, stream)
                    : (a.head_size <= 64 ? forward<64>(s, tiles, stream) : forward<128>(s, tiles, stream));
}

void attention_back(const sphere_tree_attention & a, void * scratch, cudaStream_t stream) {
  const Shape s = prepare(a, scratch, stream);
  const int64_t tiles = (a.slots + kTile - 1) / kTile;
  a.head_size <= 32 ? backward<32>(s, tiles, stream)
                    : (a.head_size <= 64 ? backward<64>(s, tiles, stream) : backward<128>(s, tiles, stream));
}

} // namespace sphere::cuda
