// What the attention kernels share: shapes, tiles of 32 rows in shared memory, the running softmax. See attention.cu.
#pragma once

#include "kernel.cuh"
#include "kernels.hpp"

namespace sphere::cuda::attend {

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

// Where a block works: a tile of a head's slots in a group. `heads`: of what the blocks are shared out by.
struct Place {
  int64_t tiles, tile, group, from;
  int head;
};
__device__ __forceinline__ Place place_of(const Shape & s, int heads) {
  const int64_t tiles = (s.slots + kTile - 1) / kTile;
  const int64_t tile = blockIdx.x % tiles;
  const int64_t rest = blockIdx.x / tiles;
  return {tiles, tile, rest / heads, tile * kTile, static_cast<int>(rest % heads)};
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

// x[c]: the row's score with key lane + 4 c of a tile; -infinity where `seen`, the query's word, hides the key.
__device__ __forceinline__ void mask(float (&x)[kOwn], uint32_t seen, float scale) {
  const int lane = static_cast<int>(threadIdx.x) % kLanes;
#pragma unroll
  for (int c = 0; c < kOwn; c++) {
    x[c] = (seen >> (lane + kLanes * c) & 1u) != 0 ? x[c] * scale : -infinity();
  }
}

// A row's softmax over the tiles so far; its four threads keep the same.
struct Softmax {
  float max = -infinity(), sum = 0.0f; // sum of exp(score - max)
  // Takes a tile in: x becomes exp(x - max). What was summed before must be multiplied by what comes back.
  __device__ __forceinline__ float take(float (&x)[kOwn]) {
    float highest = max;
#pragma unroll
    for (int c = 0; c < kOwn; c++) {
      highest = x[c] > highest ? x[c] : highest;
    }
    highest = row_max(highest);
    const float down = highest == -infinity() ? 1.0f : expf(max - highest);
    max = highest;
    float part = 0.0f;
#pragma unroll
    for (int c = 0; c < kOwn; c++) {
      x[c] = x[c] == -infinity() ? 0.0f : expf(x[c] - max);
      part += x[c];
    }
    sum = sum * down + row_sum(part);
    return down;
  }
};

// ---- starting a kernel ----

// Fills in the shape and starts the kernel that writes `seen`.
Shape prepare(const sphere_tree_attention & a, void * scratch, cudaStream_t stream);

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

} // namespace sphere::cuda::attend
