// Attention over packed token trees with rotary embedding, forward and backward.
//
// What: every slot attends to itself and its ancestors, as sphere_op_attention (native/src/train/train_attention.cpp);
// heads may share key-value heads. F32 throughout. How: a first kernel walks each slot's path once and writes it as a
// row of bits. Then one block takes 32 queries of a head (four threads a query) and goes over tiles of 32 keys with an
// online softmax (Dao et al., arXiv 2205.14135): a tile that none of the 32 queries sees costs one load of 32 words, so
// a tree costs what its paths cost, not the square of its slots. Queries and keys are turned as they are loaded. The
// backward pass computes scores again: one kernel by query tiles (log sum exp, then dq), one by key tiles (dk, dv) that
// sums over heads and queries in a fixed order; no atomics, so the same inputs give the same bits. Compute-bound in F32
// on the CUDA cores.
#include "attention.cuh"

namespace sphere::cuda {
namespace {

using namespace attend;

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

// ---- forward ----

template <int D> __global__ void __launch_bounds__(kThreads) attention_kernel(Shape s) {
  SPHERE_DYNAMIC_SHARED(float, shared);
  const SharedPtr<float> queries = shared;
  const SharedPtr<float> other = queries + kTile * (D + 1); // keys, then values
  const SharedPtr<float> weights = other + kTile * (D + 1); // [kTile][kTile + 1]
  const int lane = static_cast<int>(threadIdx.x) % kLanes;
  const int row = static_cast<int>(threadIdx.x) / kLanes;
  const Place at = place_of(s, s.heads);
  const int kv_head = at.head / (s.heads / s.kv);
  load_tile<D>(s, queries, s.q, s.heads, at.head, at.group, at.from, true);

  Softmax softmax;
  float acc[D / kLanes] = {};
  for (int64_t t = 0; t <= at.tile; t++) {
    const uint32_t words = words_of(s, at.group, at.from, t);
    if (!__any_sync(kAll, words != 0)) { // every warp looks at all 32 queries: the block decides as one
      continue;
    }
    load_tile<D>(s, other, s.k, s.kv, kv_head, at.group, t * kTile, true);
    __syncthreads();
    float x[kOwn];
    products<D>(queries, row, other, x);
    mask(x, __shfl_sync(kAll, words, row), s.scale);
    const float down = softmax.take(x);
#pragma unroll
    for (int c = 0; c < kOwn; c++) {
      weights[row * (kTile + 1) + lane + kLanes * c] = x[c];
    }
#pragma unroll
    for (int c = 0; c < D / kLanes; c++) {
      acc[c] *= down;
    }
    __syncthreads(); // the keys have been read
    load_tile<D>(s, other, s.v, s.kv, kv_head, at.group, t * kTile, false);
    __syncthreads();
    accumulate<D>(weights, row, other, acc);
    __syncthreads(); // the values and weights have been read
  }
  if (at.from + row < s.slots) {
    float * out = s.y + ((at.group * s.slots + at.from + row) * s.heads + at.head) * s.d;
#pragma unroll
    for (int c = 0; c < D / kLanes; c++) {
      if (lane + kLanes * c < s.d) {
        out[lane + kLanes * c] = acc[c] / softmax.sum;
      }
    }
  }
}

template <int D> void forward(const Shape & s, int64_t tiles, cudaStream_t stream) {
  launch(attention_kernel<D>, tiles * s.heads * s.groups, D, 2, 1, s, stream, "attention");
}

int words_per_slot(const sphere_tree_attention & a) { return static_cast<int>((a.slots + kTile - 1) / kTile); }

int64_t rounded(int64_t bytes) { return (bytes + 255) / 256 * 256; }
int64_t seen_bytes(const sphere_tree_attention & a) {
  return rounded(a.slots * a.groups * words_per_slot(a) * static_cast<int64_t>(sizeof(uint32_t)));
}
int64_t row_bytes(const sphere_tree_attention & a) {
  return rounded(a.heads * a.slots * a.groups * static_cast<int64_t>(sizeof(float)));
}

} // namespace

attend::Shape attend::prepare(const sphere_tree_attention & a, void * scratch, cudaStream_t stream) {
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

int64_t attention_scratch(const sphere_tree_attention & a, bool back) {
  return seen_bytes(a) + (back ? 2 * row_bytes(a) : 0);
}

void attention(const sphere_tree_attention & a, void * scratch, cudaStream_t stream) {
  const Shape s = prepare(a, scratch, stream);
  const int64_t tiles = (a.slots + kTile - 1) / kTile;
  a.head_size <= 32 ? forward<32>(s, tiles, stream)
                    : (a.head_size <= 64 ? forward<64>(s, tiles, stream) : forward<128>(s, tiles, stream));
}

} // namespace sphere::cuda
