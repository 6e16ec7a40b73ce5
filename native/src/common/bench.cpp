// What benchmarks measure against. See sphere_bench.h.
#include "sphere_bench.h"

#include "common/barrier.hpp"

#include <algorithm>
#include <cstring>
#include <vector>

#include "llama.h"

namespace {

constexpr int32_t MOST_THREADS = 1024; // OpenMP ends the process when it gets no thread

void check(bool good, const char * what) {
  if (!good) {
    throw std::invalid_argument(what);
  }
}

// Part t of [0, n) for `parts` threads, in multiples of a cache line.
int64_t border(int64_t n, int t, int parts) { return t == parts ? n : n / parts * t / 16 * 16; }

float largest_of(const float * x, int64_t n) {
  // Sixteen maxima beside each other, which every compiler turns into vectors; GCC alone does so with omp's reduction.
  float m[16];
  std::fill(m, m + 16, x[0]);
  int64_t i = 0;
  for (; i + 16 <= n; i += 16) {
    for (int j = 0; j < 16; j++) {
      m[j] = x[i + j] > m[j] ? x[i + j] : m[j];
    }
  }
  for (; i < n; i++) {
    m[0] = x[i] > m[0] ? x[i] : m[0];
  }
  return *std::max_element(m, m + 16);
}

void apply(llama_sampler * chain, const float * logits, int32_t n_vocab, std::vector<llama_token_data> & candidates,
           int32_t & token) {
  candidates.resize(static_cast<size_t>(n_vocab));
  for (int32_t i = 0; i < n_vocab; i++) {
    candidates[static_cast<size_t>(i)] = llama_token_data{i, logits[i], 0.0f};
  }
  llama_token_data_array all = {candidates.data(), candidates.size(), -1, false};
  llama_sampler_apply(chain, &all);
  check(all.selected >= 0 && static_cast<size_t>(all.selected) < all.size, "a chain that selects no token");
  token = all.data[all.selected].id;
  llama_sampler_accept(chain, token);
}

} // namespace

extern "C" void sphere_bench_nothing(void) {}

extern "C" int32_t sphere_bench_copy(float * to, const float * from, int64_t n, int32_t n_threads) {
  return sphere::guarded([&] {
    check(to && from && n >= 0 && n_threads >= 1 && n_threads <= MOST_THREADS, "to, from, n or n_threads");
#pragma omp parallel for num_threads(n_threads) schedule(static, 1)
    for (int t = 0; t < n_threads; t++) {
      const int64_t begin = border(n, t, n_threads), end = border(n, t + 1, n_threads);
      std::memcpy(to + begin, from + begin, static_cast<size_t>(end - begin) * sizeof(float));
    }
  });
}

extern "C" int32_t sphere_bench_read(const float * from, int64_t n, int32_t n_threads, float * largest) {
  return sphere::guarded([&] {
    check(from && largest && n >= 1 && n_threads >= 1 && n_threads <= MOST_THREADS, "from, n, n_threads or largest");
    float m = from[0];
#pragma omp parallel for num_threads(n_threads) schedule(static, 1) reduction(max : m)
    for (int t = 0; t < n_threads; t++) {
      const int64_t begin = border(n, t, n_threads), end = border(n, t + 1, n_threads);
      if (begin < end) {
        m = std::max(m, largest_of(from + begin, end - begin));
      }
    }
    *largest = m;
  });
}

extern "C" int32_t sphere_bench_chains(struct llama_sampler ** chains, int32_t n_chains, const float * logits,
                                       int32_t n_vocab, int32_t rows, int32_t * tokens) {
  return sphere::guarded([&] {
    check(chains && n_chains >= 1 && n_chains <= MOST_THREADS && logits && n_vocab >= 1 && rows >= 0 && tokens,
          "an array or a count");
    std::exception_ptr failure;
#pragma omp parallel for num_threads(n_chains) schedule(static, 1)
    for (int c = 0; c < n_chains; c++) {
      try {
        thread_local std::vector<llama_token_data> candidates;
        for (int row = c; row < rows; row += n_chains) {
          apply(chains[c], logits + static_cast<size_t>(row) * n_vocab, n_vocab, candidates, tokens[row]);
        }
      } catch (...) {
#pragma omp critical(sphere_bench_failure)
        failure = std::current_exception();
      }
    }
    if (failure) {
      std::rethrow_exception(failure);
    }
  });
}
