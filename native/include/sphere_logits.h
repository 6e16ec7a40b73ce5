// The logits of llama.cpp's contexts where the model's backend leaves them, to be drawn from in place.
//
// llama_decode() copies the logits of every sequence to the host, unless the sequence has a sampler in the graph. Ours
// is one that adds nothing to the graph: all that it does is to note which tensor the logits are. That tensor is an
// output of the graph, so it keeps its contents until the next decode. With 128 sequences and a vocabulary of 151,936
// the copy would be 78 MB a step.
#ifndef SPHERE_LOGITS_H
#define SPHERE_LOGITS_H

#include "sphere.h"

#ifdef __cplusplus
extern "C" {
#endif

struct llama_context;
struct llama_sampler_seq_config;
struct sphere_logits;

// Samplers for the sequences from 0 on. `configs` has room for `sequences` and is for llama_context_params, one context
// only; that context must have one unified KV cache and no recurrent layers, else rows come in another order.
SPHERE_API int32_t sphere_logits_new(int32_t sequences, struct llama_sampler_seq_config * configs,
                                     struct sphere_logits ** out);

// 1 when the context's graph was understood; 0: it copies its logits as ever, so make another one without samplers.
SPHERE_API int32_t sphere_logits_found(const struct sphere_logits * logits);

// Waits for the last decode, which must have been one micro-batch with `rows` outputs, and tells where its logits are:
// [rows x n_vocab], F32, in the batch's order, valid until the next decode. In the host's memory or the attached
// device's; what lies elsewhere (on another GPU) is copied to the host. SPHERE_FAILED when there are no such rows.
SPHERE_API int32_t sphere_logits_rows(struct sphere_logits * logits, struct llama_context * context, int32_t rows,
                                      int32_t n_vocab, float ** out);

// After the context is freed; NULL is allowed.
SPHERE_API void sphere_logits_free(struct sphere_logits * logits);

#ifdef __cplusplus
}
#endif

#endif
