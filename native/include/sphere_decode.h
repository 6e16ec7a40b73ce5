// A decode step for dense transformers (qwen2, qwen3, llama) on one CPU thread, in place of llama_decode().
//
// Every token brings the list of KV cells that it sees: those of its path, in the order of their positions. There is no
// mask and no graph, and what paths share stands in the cache once. A token's outputs depend on its path alone, bit for
// bit: not on what else is in the batch or in the cache. All of this is what llama.cpp computes with an F16 cache and
// libsphere's kernels, in the same order of additions.
#ifndef SPHERE_DECODE_H
#define SPHERE_DECODE_H

#include "sphere.h"

#ifdef __cplusplus
extern "C" {
#endif

// Places in sphere_decode_model's arrays: first the model's own weights, then SPHERE_DECODE_LAYER for each layer.
enum sphere_decode_weight {
  SPHERE_DECODE_EMBEDDING = 0, // [vocabulary x width]
  SPHERE_DECODE_OUTPUT,        // [vocabulary x width]; the embedding where the model ties them
  SPHERE_DECODE_OUTPUT_BIAS,   // [vocabulary], optional
  SPHERE_DECODE_OUTPUT_NORM,   // [width]
  SPHERE_DECODE_ROPE_FACTORS,  // [head / 2], optional: what divides each frequency
  SPHERE_DECODE_LAYERS,        // from here on the layers
};

enum sphere_decode_layer_weight {
  SPHERE_DECODE_NORM = 0,      // [width]
  SPHERE_DECODE_Q,             // [heads * head x width]
  SPHERE_DECODE_K,             // [kv_heads * head x width]
  SPHERE_DECODE_V,             // the same
  SPHERE_DECODE_ATTENTION_OUT, // [width x heads * head]
  SPHERE_DECODE_GATE,          // [feed_forward x width]
  SPHERE_DECODE_UP,            // the same
  SPHERE_DECODE_DOWN,          // [width x feed_forward]
  SPHERE_DECODE_FEED_NORM,     // [width]
  SPHERE_DECODE_Q_NORM,        // [head], both or neither
  SPHERE_DECODE_K_NORM,        // [head]
  SPHERE_DECODE_Q_BIAS,        // this and the following: as many as the matrix has rows, optional
  SPHERE_DECODE_K_BIAS,
  SPHERE_DECODE_V_BIAS,
  SPHERE_DECODE_ATTENTION_OUT_BIAS,
  SPHERE_DECODE_GATE_BIAS,
  SPHERE_DECODE_UP_BIAS,
  SPHERE_DECODE_DOWN_BIAS,
  SPHERE_DECODE_LAYER, // how many a layer has
};

// A model's dimensions, and where its weights lie. Matrices are F32, F16, BF16 or Q8_0 in ggml's form, row by row;
// vectors are F32. What lies there is trusted to be as long as the dimensions say.
struct sphere_decode_model {
  int32_t vocabulary;
  int32_t width;
  int32_t layers;
  int32_t heads; // a multiple of kv_heads
  int32_t kv_heads;
  int32_t head; // numbers in a head, a multiple of 16
  int32_t feed_forward;
  int32_t neox; // 1: number i of a head turns with number i + head / 2; 0: with its neighbour
  float rope_base;
  float epsilon;                // of the RMS norms
  const void * const * weights; // NULL: not there
  const int32_t * types;        // ggml_type of each
};

struct sphere_decoder;

// 1 when this CPU and this ggml have the kernels, and the model's dimensions and types are among those that they take.
SPHERE_API int32_t sphere_decode_supports(const struct sphere_decode_model * model);

// Makes a decoder for one thread at a time. The weights must stay where they are until it is freed.
//   cells        tokens that the cache holds
//   positions    a token's position is below this
//   sequences    numbered from 0
//   micro_batch  tokens that are computed together
SPHERE_API int32_t sphere_decode_open(const struct sphere_decode_model * model, int32_t cells, int32_t positions,
                                      int32_t sequences, int32_t micro_batch, struct sphere_decoder ** out);

// Frees it; NULL is allowed.
SPHERE_API void sphere_decode_free(struct sphere_decoder * decoder);

// Computes n tokens and adds them to the cache. A sequence's positions follow each other without a gap.
//   outputs  [n] 1: the token's outputs are wanted
//   logits   [outputs x vocabulary], in the batch's order
//   hidden   [outputs x width]: final states, after the last norm
// Both are the decoder's and valid until the next step. On SPHERE_INVALID_ARGUMENT (a token, a sequence or a position
// that cannot be) and on SPHERE_FAILED (no room in the cache) nothing has changed.
SPHERE_API int32_t sphere_decode_step(struct sphere_decoder * decoder, int32_t n, const int32_t * tokens,
                                      const int32_t * positions, const int32_t * sequences, const int8_t * outputs,
                                      float ** logits, float ** hidden);

// `to` shares the cells of `from` at positions [start, end), besides those that it has; -1: without limit.
SPHERE_API int32_t sphere_decode_copy(struct sphere_decoder * decoder, int32_t from, int32_t to, int32_t start,
                                      int32_t end);

// Takes positions [start, end) out of a sequence; -1: without limit. Cells that no sequence holds are free.
SPHERE_API int32_t sphere_decode_remove(struct sphere_decoder * decoder, int32_t sequence, int32_t start, int32_t end);

// Frees the whole cache.
SPHERE_API int32_t sphere_decode_clear(struct sphere_decoder * decoder);

// Moves all occupied cells to the front of the cache, in order.
SPHERE_API int32_t sphere_decode_compact(struct sphere_decoder * decoder);

// *position: the highest of a sequence, -1 when it has none.
SPHERE_API int32_t sphere_decode_last(const struct sphere_decoder * decoder, int32_t sequence, int32_t * position);

// Adds scale * b * (a * x) to a matrix's product with x from now on; copies both.
//   place  in sphere_decode_model's arrays, a matrix but the embedding (SPHERE_DECODE_OUTPUT: the output alone)
//   a      [rank x columns of the matrix]
//   b      [rows of the matrix x rank]
SPHERE_API int32_t sphere_decode_adapt(struct sphere_decoder * decoder, int32_t place, int32_t rank, float scale,
                                       const float * a, const float * b);

// Takes all adapters off.
SPHERE_API int32_t sphere_decode_unadapt(struct sphere_decoder * decoder);

#ifdef __cplusplus
}
#endif

#endif
