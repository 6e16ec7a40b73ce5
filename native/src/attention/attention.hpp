// One node of attention, however its tensors lie in memory. See sphere_attention.h.
#pragma once

#include <cstddef>
#include <cstdint>

namespace sphere {

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

// Bytes that a thread needs at `work`, 64-byte aligned.
size_t attention_work_size(int k_size, int v_size, int heads, int kv_heads, int cells);

// The part of thread ith of nth.
void attention(const Attention & a, int ith, int nth, void * work);

// One token of one stream that sees these n cells, at most a.cells, in this order; the mask is not looked at.
void attention_to(const Attention & a, int token, const int32_t * cells, int n, void * work);

} // namespace sphere
