// One node of attention, however its tensors lie in memory. See sphere_attention.h.
#pragma once

#include "sphere_attention.h"

#include <cstddef>
#include <cstdint>

struct ggml_threadpool;

namespace sphere {

// Cells whose weights are computed together: those of a path from a multiple of this on. What blocks give is joined in
// their order, by their maxima and sums. So bits depend on the path alone, whoever else sees its cells.
constexpr int ATTENTION_BLOCK = SPHERE_ATTENTION_BLOCK;

struct Attention {
  const char * q; // F32, strides in bytes: token, head, stream
  size_t q_token, q_head, q_stream;
  const char * k; // F16, strides in bytes: cell, key-value head, stream
  size_t k_cell, k_head, k_stream;
  const char * v;
  size_t v_cell, v_head, v_stream;
  const char * mask; // F16, strides in bytes: token, stream
  size_t mask_token, mask_stream;
  float * out;        // F32 [streams][tokens][heads][v_size], dense
  int k_size, v_size; // of a head; multiples of 16
  int tokens, heads, kv_heads, cells, streams;
  float scale;
};

// What a token sees.
struct Path {
  const int32_t * cells; // in the order in which they are added up
  int n;                 // of them
  int token;
  const uint16_t * biases; // of all cells of the cache, F16; nullptr: none
  int same;                // by sort_paths(): how many cells from the first on are those of the path before this one
};

// All of a path's cells are those of the next one.
constexpr int ALL_SAME = INT32_MAX;

// Orders paths so that those that share cells stand together, and says what each shares with the one before it.
void sort_paths(Path * paths, int n);

// Bytes that a thread needs at `work` in attend().
size_t attend_work_size(int k_size, int v_size, int heads, int kv_heads);

// The part of thread ith of nth: tokens of one stream that see these paths, sorted. The mask is not looked at.
void attend(const Attention & a, int stream, const Path * paths, int n, int ith, int nth, void * work);

// Bytes that all threads together need at `work` in attention().
size_t attention_work_size(const Attention & a, int nth);

// The part of thread ith of nth: all tokens, which see what the mask says. pool: whose barrier is used; not looked at
// with one thread.
void attention(const Attention & a, int ith, int nth, ggml_threadpool * pool, void * work);

} // namespace sphere
