// Token sampling and log-probabilities. See sphere_sampling.h.
#include "sampling/sampling.hpp"

#include "common/barrier.hpp"
#include "common/device.hpp"

#include <algorithm>
#include <cmath>
#include <string>

namespace {

using namespace sphere::sampling;

void sample(const float * logits, int n, sphere_draw & d, Scratch & s) {
  const bool filtered = (d.top_k > 0 && d.top_k < n) || d.top_p < 1.0f || d.min_p > 0;
  const bool greedy = d.temperature == 0.0f;
  // What is filtered is weighed again, so its row is only summed at temperature 1.
  const float * first = logits + static_cast<size_t>(d.row) * n;
  const Row row = read_row(first, n, d.row, filtered || greedy ? 1.0f : d.temperature, s);
  double sampling = 0;
  if (greedy) {
    d.token = first_best(row, s.blocks);
  } else if (filtered) {
    const Drawn drawn = draw_filtered(row, n, d, s);
    d.token = drawn.token.id;
    sampling = (static_cast<double>(drawn.token.logit) - row.max) / d.temperature - std::log(drawn.total);
  } else {
    d.token = draw_all(row, n, d, s.blocks);
    sampling = (static_cast<double>(row.x[d.token]) - row.max) / d.temperature - std::log(row.drawn);
  }
  d.logprob = static_cast<float>(static_cast<double>(row.x[d.token]) - row.max - std::log(row.sum));
  d.sampling_logprob = static_cast<float>(sampling);
}

void check_draw(const sphere_draw & d, int i) {
  const bool good = d.row >= 0 && d.top_k >= 0 && d.temperature >= 0 && d.temperature < INF && d.top_p > 0 &&
                    d.top_p <= 1 && d.min_p >= 0 && d.min_p <= 1;
  if (!good) {
    throw std::invalid_argument("draw " + std::to_string(i) + " has a setting out of range");
  }
}

// Runs body(i, scratch) for i in [0, n) on n_threads; the failure with the lowest index is thrown.
template <typename Body> void over_rows(int n, int n_threads, Body body) {
  if (n_threads < 1) {
    throw std::invalid_argument("n_threads must be at least 1");
  }
  n_threads = std::min(n_threads, n); // OpenMP ends the process when it gets no thread
  if (n_threads <= 1) {
    thread_local Scratch scratch;
    for (int i = 0; i < n; i++) {
      body(i, scratch);
    }
    return;
  }
  int failed = n;
  std::exception_ptr failure;
#pragma omp parallel num_threads(n_threads)
  {
    thread_local Scratch scratch;
#pragma omp for schedule(dynamic, 1)
    for (int i = 0; i < n; i++) {
      try {
        body(i, scratch);
      } catch (...) {
#pragma omp critical(sphere_sampling_failure)
        if (i < failed) {
          failed = i;
          failure = std::current_exception();
        }
      }
    }
  }
  if (failure) {
    std::rethrow_exception(failure);
  }
}

} // namespace

extern "C" int32_t sphere_sample_rows(const float * logits, int32_t n_vocab, struct sphere_draw * draws,
                                      int32_t n_draws, int32_t n_threads) {
  return sphere::guarded([&] {
    if (!logits || n_vocab < 1 || n_draws < 0 || (n_draws > 0 && !draws)) {
      throw std::invalid_argument("logits, n_vocab or draws");
    }
    if (const auto * device = sphere::device_of(logits)) {
      return sphere::device_check(device, device->sample_rows(logits, n_vocab, draws, n_draws));
    }
    over_rows(n_draws, n_threads, [&](int i, Scratch & scratch) {
      check_draw(draws[i], i);
      sample(logits, n_vocab, draws[i], scratch);
    });
  });
}

extern "C" int32_t sphere_logprob_rows(const float * logits, int32_t n_vocab, int32_t n, const int32_t * rows,
                                       const int32_t * targets, float * out, int32_t n_threads) {
  return sphere::guarded([&] {
    if (!logits || n_vocab < 1 || n < 0 || (n > 0 && (!rows || !targets || !out))) {
      throw std::invalid_argument("logits, n_vocab, rows, targets or out");
    }
    if (const auto * device = sphere::device_of(logits)) {
      return sphere::device_check(device, device->logprob_rows(logits, n_vocab, n, rows, targets, out));
    }
    over_rows(n, n_threads, [&](int i, Scratch & scratch) {
      if (rows[i] < 0 || targets[i] < 0 || targets[i] >= n_vocab) {
        throw std::invalid_argument("entry " + std::to_string(i) + " names a row or a token that does not exist");
      }
      const float * first = logits + static_cast<size_t>(rows[i]) * n_vocab;
      const Row row = read_row(first, n_vocab, rows[i], 1.0f, scratch);
      out[i] = static_cast<float>(static_cast<double>(row.x[targets[i]]) - row.max - std::log(row.sum));
    });
  });
}
