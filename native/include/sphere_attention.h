// Attention over a KV cache on the CPU, in place of ggml's own kernel.
//
// A token's result depends on its visible cells alone, in the order in which they stand: not on the cells between them,
// not on what else is in the batch, not on the number of threads. The mask is read once a token. What several tokens
// see alike is computed for all of them at once: keys and values are read once for a tile of queries. All sums are in
// F32.
//
// The cells of a token are taken in blocks of SPHERE_ATTENTION_BLOCK from its first one on; the blocks are joined in
// their order by their largest scores and their sums.
#ifndef SPHERE_ATTENTION_H
#define SPHERE_ATTENTION_H

#include "sphere.h"

#ifdef __cplusplus
extern "C" {
#endif

// Cells of a block: a path is summed in blocks of so many cells, which are joined in their order.
enum { SPHERE_ATTENTION_BLOCK = 512 };

// Has ggml's CPU backend use the kernel for every FLASH_ATTN_EXT that it can take (F16 keys, values and mask, head
// sizes that are multiples of 16, no sinks, no ALiBi, no soft cap); the others stay with ggml. Call it once, before
// anything is computed in this process. *installed: 1 when it is in use; 2 when libsphere also computes the products
// with weights of every type, unless sphere_activations() leaves them to ggml, one row of activations to the bits of
// many, which needs AVX2, AVX-512 with VNNI, or NEON; 0 when this ggml's source is not the one whose extension point is
// known, or when one node of each kind comes out otherwise than by ggml: then nothing has changed, and
// sphere_last_error() says why. Nodes whose tensors are not in plain memory of the host stay with ggml.
SPHERE_API int32_t sphere_attention_install(int32_t * installed);

// Switches an installed kernel off (0) and on again (1), for comparisons. Not while anything is computed.
SPHERE_API void sphere_attention_enable(int32_t on);

// Whether this CPU has a matrix unit (AMX) that the system lets this process use: then it computes products with BF16,
// Q8_0 and K-quant weights, and with BF16 weights in training. Switches it off (0) and on again (1), for comparisons;
// not while anything is computed. The environment variable SPHERE_AMX=off keeps a process from it altogether.
SPHERE_API int32_t sphere_tiles_enable(int32_t on);

// What products with weights round the rows of activations to, in the whole process: 0 BF16 (the default), 1 blocks of
// 8 bits where weights are quantised (K-quants: BF16), 2 nothing, F32 throughout, 3 integers of 15 bits and a sign in
// blocks of 32 where weights are quantised (else as 0). Another number changes nothing. Not while anything is computed,
// and not between a context's making and its end. Returns what holds now.
SPHERE_API int32_t sphere_activations(int32_t kind);

// The kernel itself, one thread.
//   q     [n_tokens x n_heads x head]            F32
//   k, v  [n_cells x n_kv_heads x head]          F16 bits
//   mask  [n_tokens x n_cells]                   F16 bits; -infinity: not visible, else added to the score
//   out   [n_tokens x n_heads x head]            F32; zeros for a token that sees nothing
// head is a multiple of 16, n_heads a multiple of n_kv_heads.
SPHERE_API int32_t sphere_attention(const float * q, const uint16_t * k, const uint16_t * v, const uint16_t * mask,
                                    int32_t head, int32_t n_tokens, int32_t n_heads, int32_t n_kv_heads,
                                    int32_t n_cells, float scale, float * out);

#ifdef __cplusplus
}
#endif

#endif
