// What benchmarks need and nothing else does: the cost of a call, what memory can do, and llama.cpp's own samplers over
// rows of logits that stand in memory.
#ifndef SPHERE_BENCH_H
#define SPHERE_BENCH_H

#include "sphere.h"

#ifdef __cplusplus
extern "C" {
#endif

struct llama_sampler;

// Does nothing: what remains is the cost of the call.
SPHERE_API void sphere_bench_nothing(void);

// Copies n floats with n_threads threads: n * 4 bytes read and as many written.
SPHERE_API int32_t sphere_bench_copy(float * to, const float * from, int64_t n, int32_t n_threads);

// Reads n floats with n_threads threads and gives their largest: the least that a walk over them costs.
SPHERE_API int32_t sphere_bench_read(const float * from, int64_t n, int32_t n_threads, float * largest);

// Draws one token for each of `rows` rows of logits [rows x n_vocab] as llama_sampler_sample does: candidates are
// written out, then the chain is applied. Chain c takes rows c, c + n_chains, ...; each chain runs on a thread of its
// own.
//   tokens   [rows], out
SPHERE_API int32_t sphere_bench_chains(struct llama_sampler ** chains, int32_t n_chains, const float * logits,
                                       int32_t n_vocab, int32_t rows, int32_t * tokens);

#ifdef __cplusplus
}
#endif

#endif
