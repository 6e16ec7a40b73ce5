// The head: log-softmax of a chunk of logits at the targets, with what training reports of the whole distribution, and
// its gradient in the logits' own memory.
#include "sphere_train.h"

#include "common/simd.hpp"
#include "train/device_graph.hpp"
#include "train/train_node.hpp"

#include <cmath>

namespace sphere {
namespace {

constexpr float kExact = -16;

// What a row of logits says besides its targets: the maximum, log sum exp, the softmax's entropy in nats, the mean.
struct RowFacts {
  float top;
  float log_sum_exp;
  float entropy;
  float mean;
};

// Reads n logits twice, the second time from cache: for the maximum, then for the exponentials below it.
RowFacts facts_of(const float * logits, int64_t n) {
  const float lowest = -INFINITY;
  constexpr int64_t kBlock = 4096; // sums are taken in blocks, so that rounding does not grow with the vocabulary
  Vec high = set1(lowest);
  double logits_sum = 0;
  int64_t j = 0;
  for (int64_t from = 0; from < n; from += kBlock) {
    const int64_t to = std::min<int64_t>(n, from + kBlock);
    Vec acc = zero();
    for (j = from; j + kWidth <= to; j += kWidth) {
      const Vec x = load(logits + j);
      high = max(high, x);
      acc = add(acc, x);
    }
    if (j < to) {
      const int rest = static_cast<int>(to - j);
      high = max(high, load_part(logits + j, rest, lowest));
      acc = add(acc, load_part(logits + j, rest, 0));
    }
    logits_sum += static_cast<double>(sum(acc));
  }
  const float top = largest(high);
  const Vec shift = set1(top);
  // exp is 0 below: there the distance only must not be infinite, since 0 times infinity is NaN
  const Vec furthest = set1(-100);
  double total = 0, weighted = 0; // weighted: sum of exp(x - top) (x - top)
  for (int64_t from = 0; from < n; from += kBlock) {
    const int64_t to = std::min<int64_t>(n, from + kBlock);
    Vec acc = zero(), times_distance = zero();
    const auto take = [&](Vec x) {
      const Vec distance = sub(x, shift);
      const Vec e = exp(distance);
      acc = add(acc, e);
      times_distance = fma(max(furthest, distance), e, times_distance);
    };
    for (j = from; j + kWidth <= to; j += kWidth) {
      take(load(logits + j));
    }
    if (j < to) {
      take(load_part(logits + j, static_cast<int>(to - j), lowest));
    }
    total += static_cast<double>(sum(acc));
    weighted += static_cast<double>(sum(times_distance));
  }
  const double log_total = std::log(total);
  return {top, static_cast<float>(static_cast<double>(top) + log_total),
          static_cast<float>(log_total - weighted / total), static_cast<float>(logits_sum / static_cast<double>(n))};
}

// Whether a row's first maximum is at `token`; top: the maximum.
bool is_first_top(const float * logits, int32_t token, float top) {
  if (logits[token] != top) {
    return false;
  }
  const Vec shift = set1(top);
  int32_t j = 0;
  for (; j + kWidth <= token; j += kWidth) {
    if (at_least(load(logits + j), shift) != 0) {
      return false;
    }
  }
  return std::find(logits + j, logits + token, top) == logits + token;
}

// Whether row r's targets are among the tokens, and each in the vocabulary.
bool targets_fit(const ggml_tensor * offsets, const ggml_tensor * tokens, int64_t r, int64_t vocabulary) {
  const int32_t first = ints(offsets)[r], last = ints(offsets)[r + 1];
  bool fit = 0 <= first && first <= last && last <= ggml_nelements(tokens);
  for (int32_t i = first; fit && i < last; i++) {
    fit = ints(tokens)[i] >= 0 && ints(tokens)[i] < vocabulary;
  }
  if (!fit) {
    reject("log_probs: a row's offsets or a token are out of range");
  }
  return fit;
}

// src: logits, offsets, tokens
void log_probs(ggml_tensor * node, int ith, int nth, void *) {
  const ggml_tensor * logits = node->src[0];
  const int32_t * offsets = ints(node->src[1]);
  const int32_t * tokens = ints(node->src[2]);
  const int64_t vocabulary = logits->ne[0];
  const int64_t count = node->ne[0];
  const Part rows = part(logits->ne[1], 1, ith, nth);
  for (int64_t r = rows.from; r < rows.to; r++) {
    if (!targets_fit(node->src[1], node->src[2], r, vocabulary)) {
      return;
    }
    const float * row = floats(logits) + r * vocabulary;
    const RowFacts facts = facts_of(row, vocabulary);
    for (int32_t i = offsets[r]; i < offsets[r + 1]; i++) {
      float * out = floats(node) + i;
      out[0] = row[tokens[i]] - facts.log_sum_exp;
      out[count] = facts.entropy;
      out[2 * count] = facts.mean;
      out[3 * count] = is_first_top(row, tokens[i], facts.top) ? 1.0f : 0.0f;
    }
  }
}

// src: logits (the node's own memory), offsets, tokens, weights, log_probs
void log_probs_back(ggml_tensor * node, int ith, int nth, void *) {
  const int32_t * offsets = ints(node->src[1]);
  const int32_t * tokens = ints(node->src[2]);
  const float * weights = floats(node->src[3]);
  const float * logp = floats(node->src[4]);
  const int64_t vocabulary = node->ne[0];
  const Part rows = part(node->ne[1], 1, ith, nth);
  for (int64_t r = rows.from; r < rows.to; r++) {
    if (!targets_fit(node->src[1], node->src[2], r, vocabulary)) {
      return;
    }
    float * row = floats(node) + r * vocabulary;
    const int32_t first = offsets[r];
    const int32_t last = offsets[r + 1];
    float weight = 0;
    for (int32_t i = first; i < last; i++) {
      weight += weights[i];
    }
    if (first == last) {
      std::fill_n(row, vocabulary, 0.0f);
      continue;
    }
    // What the forward pass found, unless the target is so unlikely that the difference has lost digits.
    const float lse = logp[first] > kExact ? row[tokens[first]] - logp[first] : facts_of(row, vocabulary).log_sum_exp;
    const Vec shift = set1(lse);
    const Vec factor = set1(-weight);
    int64_t j = 0;
    for (; j + kWidth <= vocabulary; j += kWidth) {
      store(row + j, mul(exp(sub(load(row + j), shift)), factor));
    }
    const int rest = static_cast<int>(vocabulary - j);
    if (rest > 0) {
      store_part(row + j, mul(exp(sub(load_part(row + j, rest, 0), shift)), factor), rest);
    }
    for (int32_t i = first; i < last; i++) {
      row[tokens[i]] += weights[i];
    }
  }
}

const bool on_device = offer_on_device(log_probs,
                                       [](const sphere_device_api & d, const ggml_tensor * y) {
                                         const ggml_tensor * x = y->src[0];
                                         return d.log_probs(floats(x), x->ne[0], x->ne[1], ints(y->src[1]),
                                                            ints(y->src[2]), y->ne[0], floats(y));
                                       }) &&
                       offer_on_device(log_probs_back, [](const sphere_device_api & d, const ggml_tensor * y) {
                         return d.log_probs_back(floats(y), y->ne[0], y->ne[1], ints(y->src[1]), ints(y->src[2]),
                                                 floats(y->src[3]), floats(y->src[4]));
                       });

void require_targets(ggml_tensor * logits, ggml_tensor * offsets, ggml_tensor * tokens) {
  require_floats({logits}, "log_probs: logits must be contiguous F32");
  require_ints({offsets, tokens}, "log_probs: offsets and tokens must be contiguous I32");
  require(ggml_is_matrix(logits) && ggml_nelements(offsets) == logits->ne[1] + 1, "log_probs: shapes do not fit");
}

} // namespace
} // namespace sphere

ggml_tensor * sphere_op_log_probs(ggml_context * ctx, ggml_tensor * logits, ggml_tensor * offsets,
                                  ggml_tensor * tokens) {
  return sphere::guarded_node([&] {
    sphere::require_targets(logits, offsets, tokens);
    return sphere::new_node(ctx, sphere::log_probs, {logits, offsets, tokens}, sphere::Settings{},
                            ggml_nelements(tokens), 4);
  });
}

ggml_tensor * sphere_op_log_probs_back(ggml_context * ctx, ggml_tensor * logits, ggml_tensor * offsets,
                                       ggml_tensor * tokens, ggml_tensor * weights, ggml_tensor * log_probs) {
  return sphere::guarded_node([&] {
    sphere::require_targets(logits, offsets, tokens);
    sphere::require_floats({weights, log_probs}, "log_probs_back: all must be contiguous F32");
    sphere::require(ggml_nelements(weights) == ggml_nelements(tokens) && log_probs->ne[0] == ggml_nelements(tokens),
                    "log_probs_back: shapes do not fit");
    return sphere::node_into(ctx, sphere::log_probs_back, logits, {offsets, tokens, weights, log_probs},
                             sphere::Settings{});
  });
}
