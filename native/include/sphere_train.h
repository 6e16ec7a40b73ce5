// Training kernels as nodes of ggml graphs on the CPU backend: what ggml computes slowly, in several passes, or not at
// all.
//
// Every function adds one node to a graph's context and returns it. Tensors are F32 and contiguous unless said
// otherwise, sizes are given in ggml's order (contiguous dimension first). `into` tensors are added to in place and the
// node is a view of them. A node's result does not depend on the number of threads. NULL comes back, with
// sphere_last_error(), where the arguments don't fit.
#ifndef SPHERE_TRAIN_H
#define SPHERE_TRAIN_H

#include "sphere.h"

#ifdef __cplusplus
extern "C" {
#endif

struct ggml_context;
struct ggml_tensor;

// Whether this CPU multiplies BF16 faster than F32: then `bf16` below may be 1.
SPHERE_API int64_t sphere_has_bf16_products(void);

// y [out, n] = weight [in, out] x [in, n] + bias [out]; bias may be NULL. With bf16 the factors are rounded to BF16 and
// the sums kept in F32. A weight of another type is turned into floats on the way.
SPHERE_API struct ggml_tensor * sphere_op_linear(struct ggml_context * ctx, struct ggml_tensor * weight,
                                                 struct ggml_tensor * x, struct ggml_tensor * bias, int32_t bf16);

// dx [in, n] = weight^T dy for dy [out, n]; weight of any type, dequantised on the way. With `into` [in, n] (may be
// NULL) it is added there.
SPHERE_API struct ggml_tensor * sphere_op_linear_dx(struct ggml_context * ctx, struct ggml_tensor * weight,
                                                    struct ggml_tensor * dy, struct ggml_tensor * into, int32_t bf16);

// into [in, out] += x dy^T: the weight's gradient for x [in, n], dy [out, n].
SPHERE_API struct ggml_tensor * sphere_op_linear_dw(struct ggml_context * ctx, struct ggml_tensor * x,
                                                    struct ggml_tensor * dy, struct ggml_tensor * into, int32_t bf16);

// into [out] += sum over n of dy [out, n]: the bias's gradient.
SPHERE_API struct ggml_tensor * sphere_op_sum_rows(struct ggml_context * ctx, struct ggml_tensor * dy,
                                                   struct ggml_tensor * into);

// y = x / sqrt(mean(x^2) + eps) * weight for x [width, n], weight [width].
SPHERE_API struct ggml_tensor * sphere_op_rms_norm(struct ggml_context * ctx, struct ggml_tensor * x,
                                                   struct ggml_tensor * weight, float eps);

// Its dx for dy [width, n]; added to `into` [width, n] if that is not NULL.
SPHERE_API struct ggml_tensor * sphere_op_rms_norm_dx(struct ggml_context * ctx, struct ggml_tensor * x,
                                                      struct ggml_tensor * weight, struct ggml_tensor * dy,
                                                      struct ggml_tensor * into, float eps);

// into [width] += its dweight.
SPHERE_API struct ggml_tensor * sphere_op_rms_norm_dw(struct ggml_context * ctx, struct ggml_tensor * x,
                                                      struct ggml_tensor * dy, struct ggml_tensor * into, float eps);

// silu(gate) * up, all [f, n]; gate and up F32, or both BF16 (on the CPU).
SPHERE_API struct ggml_tensor * sphere_op_swiglu(struct ggml_context * ctx, struct ggml_tensor * gate,
                                                 struct ggml_tensor * up);

// Its gradients as one tensor [f, n, 2]: dgate, then dup.
SPHERE_API struct ggml_tensor * sphere_op_swiglu_back(struct ggml_context * ctx, struct ggml_tensor * gate,
                                                      struct ggml_tensor * up, struct ggml_tensor * dy);

// Rows of dy [width, count] added to rows `rows` (I32 [count]) of into [width, n]; a row may occur several times.
SPHERE_API struct ggml_tensor * sphere_op_scatter(struct ggml_context * ctx, struct ggml_tensor * dy,
                                                  struct ggml_tensor * rows, struct ggml_tensor * into);

// The same into zeros [width, n].
SPHERE_API struct ggml_tensor * sphere_op_scatter_new(struct ggml_context * ctx, struct ggml_tensor * dy,
                                                      struct ggml_tensor * rows, int64_t n);

// Rotary angles: [dims, n], a row the dims/2 cosines and then the dims/2 sines of position * scale * base^(-2i/dims) /
// factor i. positions I32 [n]; factors [dims / 2] or NULL. length scales both. YaRN (extension > 0) leaves frequencies
// up to `low` as they are, scales those from `high` on, and mixes in between.
SPHERE_API struct ggml_tensor * sphere_op_rope_table(struct ggml_context * ctx, struct ggml_tensor * positions,
                                                     struct ggml_tensor * factors, int32_t dims, float base,
                                                     float scale, float extension, float length, int32_t low,
                                                     int32_t high);

// Attention of every slot to itself and its ancestors, after turning queries and keys by the table's angles.
// q [head_size * heads, n], k and v [head_size * kv_heads, n]; parents I32 [n]: parent within the group of `slots`
// columns, before the slot, or negative for none. neox pairs dimension i with i + dims/2, else neighbours pair.
// With bf16 the factors of the products may be rounded to BF16 where that is faster (Intel's AMX); sums are F32.
SPHERE_API struct ggml_tensor * sphere_op_attention(struct ggml_context * ctx, struct ggml_tensor * q,
                                                    struct ggml_tensor * k, struct ggml_tensor * v,
                                                    struct ggml_tensor * table, struct ggml_tensor * parents,
                                                    int32_t head_size, int32_t slots, int32_t neox, int32_t bf16);

// Its gradients for dy as one tensor [all elements]: dq, dk, dv one after the other.
SPHERE_API struct ggml_tensor * sphere_op_attention_back(struct ggml_context * ctx, struct ggml_tensor * q,
                                                         struct ggml_tensor * k, struct ggml_tensor * v,
                                                         struct ggml_tensor * table, struct ggml_tensor * parents,
                                                         struct ggml_tensor * dy, int32_t head_size, int32_t slots,
                                                         int32_t neox, int32_t bf16);

// Natural-log softmax of logits [vocabulary, rows] at tokens I32 [count]; row r owns tokens offsets[r] ..
// offsets[r + 1] - 1, offsets I32 [rows + 1]. Result [count, 4], for each token: its log-probability; the entropy of
// its row's softmax (nats); the mean of its row's logits; 1 where it is the row's arg max, the first of equal ones,
// else 0.
SPHERE_API struct ggml_tensor * sphere_op_log_probs(struct ggml_context * ctx, struct ggml_tensor * logits,
                                                    struct ggml_tensor * offsets, struct ggml_tensor * tokens);

// Turns the logits in place into the gradient of sum_i weights[i] * log_probs[i]. log_probs: the result of
// sphere_op_log_probs on the same logits, of which the first count numbers are read. weights [count].
SPHERE_API struct ggml_tensor * sphere_op_log_probs_back(struct ggml_context * ctx, struct ggml_tensor * logits,
                                                         struct ggml_tensor * offsets, struct ggml_tensor * tokens,
                                                         struct ggml_tensor * weights, struct ggml_tensor * log_probs);

#ifdef __cplusplus
}
#endif

#endif
