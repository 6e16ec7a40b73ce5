// Drawing tokens from rows of logits, and reading log-probabilities off them: the whole vocabulary is walked while it
// is in the CPU's cache, all sums are accumulated in a fixed order, and nothing depends on the number of threads.
#ifndef SPHERE_SAMPLING_H
#define SPHERE_SAMPLING_H

#include "sphere.h"

#ifdef __cplusplus
extern "C" {
#endif

// One token to draw. The first five fields name the point of the random stream (Philox4x32-10, Salmon et al. 2011,
// "Parallel random numbers: as easy as 1, 2, 3"): the key is mixed from seed and problem, the counter is
// (node, draw, index). The same five numbers always give the same random number.
struct sphere_draw {
  uint64_t seed;
  uint64_t problem;
  uint64_t node;
  uint32_t draw;
  uint32_t index;         // of the token in its generation
  int32_t row;            // which row of logits
  int32_t top_k;          // keep the k highest; 0: all
  float temperature;      // 0: the highest logit, the lowest token id among equals
  float top_p;            // keep the smallest set that reaches this probability; 1: all
  float min_p;            // drop tokens below this share of the highest probability; 0: none
  int32_t token;          // out
  float logprob;          // out: natural log-probability at temperature 1 without filters (the policy's own)
  float sampling_logprob; // out: natural log-probability under the distribution that was drawn from
};

// Draws one token for each entry. Filters apply in the order top-k, top-p (on what top-k left, renormalised), min-p,
// then temperature. -infinity is a token that cannot be drawn; if some logits are +infinity, they share all
// probability.
//   logits     [rows x n_vocab], row-major
//   n_threads  at least 1
// SPHERE_INVALID_ARGUMENT when a row holds NaN or no finite or +infinite logit, or a setting is out of range; the text
// names the row.
SPHERE_API int32_t sphere_sample_rows(const float * logits, int32_t n_vocab, struct sphere_draw * draws,
                                      int32_t n_draws, int32_t n_threads);

// Natural log-probability of one target token for each row: out[i] = log softmax(logits[rows[i]])[targets[i]].
// Errors as above.
SPHERE_API int32_t sphere_logprob_rows(const float * logits, int32_t n_vocab, int32_t n, const int32_t * rows,
                                       const int32_t * targets, float * out, int32_t n_threads);

#ifdef __cplusplus
}
#endif

#endif
