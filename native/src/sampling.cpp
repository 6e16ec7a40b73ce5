// Token sampling and log-probabilities. See sphere_sampling.h.
#include "sphere_sampling.h"

#include "barrier.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

namespace {

constexpr int BLOCK = 512; // elements whose weights are summed in F32 before they go into a double
constexpr float INF = std::numeric_limits<float>::infinity();

// exp for x <= 0, written so that compilers vectorise it: 2^n * p(r), |r| <= ln2 / 2, relative error below 2e-7.
// Below -87 the result is 0.
inline float exp_negative(float x) {
  const float in = x < -87.0f ? -87.0f : x;                       // also catches -infinity
  const float n = (in * 1.44269504f + 12582912.0f) - 12582912.0f; // rounds to the nearest whole number
  const float r = (in - n * 0.693359375f) + n * 2.12194440e-4f;
  float p = 1.9875691500e-4f;
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * r * r + r + 1.0f;
  const int32_t bits = (static_cast<int32_t>(n) + 127) << 23;
  float scale;
  std::memcpy(&scale, &bits, 4);
  const float e = p * scale;
  // NaN must stay NaN: x + x keeps it.
  return x < -87.0f ? 0.0f : (x == x ? e : x + x);
}

float row_max(const float * x, int n) {
  float m = -INF;
#pragma omp simd reduction(max : m)
  for (int i = 0; i < n; i++) {
    m = x[i] > m ? x[i] : m;
  }
  return m;
}

// Sum over one block of exp((x - max) * inv_t); n <= BLOCK.
float block_sum(const float * x, int n, float max, float inv_t) {
  float s = 0;
#pragma omp simd reduction(+ : s)
  for (int i = 0; i < n; i++) {
    s += exp_negative((x[i] - max) * inv_t);
  }
  return s;
}

double row_sum(const float * x, int n, float max, float inv_t, double * blocks) {
  double total = 0;
  for (int b = 0, i = 0; i < n; b++, i += BLOCK) {
    const double s = block_sum(x + i, std::min(BLOCK, n - i), max, inv_t);
    if (blocks) {
      blocks[b] = s;
    }
    total += s;
  }
  return total;
}

uint64_t mix(uint64_t x) { // the finaliser of SplitMix64
  x += 0x9E3779B97F4A7C15ull;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9ull;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBull;
  return x ^ (x >> 31);
}

// Philox4x32-10; a double in [0, 1) from its first 53 bits.
double uniform(const sphere_draw & d) {
  const uint64_t key = mix(mix(d.seed) ^ d.problem);
  uint32_t k0 = static_cast<uint32_t>(key), k1 = static_cast<uint32_t>(key >> 32);
  uint32_t c0 = d.index, c1 = d.draw, c2 = static_cast<uint32_t>(d.node), c3 = static_cast<uint32_t>(d.node >> 32);
  for (int round = 0; round < 10; round++) {
    const uint64_t p0 = 0xD2511F53ull * c0, p1 = 0xCD9E8D57ull * c2;
    const uint32_t n0 = static_cast<uint32_t>(p1 >> 32) ^ c1 ^ k0, n2 = static_cast<uint32_t>(p0 >> 32) ^ c3 ^ k1;
    c1 = static_cast<uint32_t>(p1);
    c3 = static_cast<uint32_t>(p0);
    c0 = n0;
    c2 = n2;
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  const uint64_t bits = (static_cast<uint64_t>(c0 >> 5) << 26) | (c1 >> 6);
  return static_cast<double>(bits) * (1.0 / 9007199254740992.0);
}

struct Candidate {
  float logit;
  int32_t id;
};

bool better(const Candidate & a, const Candidate & b) {
  return a.logit > b.logit || (a.logit == b.logit && a.id < b.id);
}

struct Scratch {
  std::vector<double> blocks;
  std::vector<Candidate> candidates;
  std::vector<double> weights;
  std::vector<float> row; // a row with +infinity, rewritten
};

[[noreturn]] void bad_row(int row, const char * what) {
  throw std::invalid_argument("row " + std::to_string(row) + " of the logits " + what);
}

// The row itself, or, if it holds +infinity, its limit: those tokens equal, all others impossible.
const float * finite_row(const float * x, int n, int row, float & max, std::vector<float> & own) {
  max = row_max(x, n);
  if (max == -INF) {
    for (int i = 0; i < n; i++) {
      if (x[i] != x[i]) {
        bad_row(row, "holds NaN");
      }
    }
    bad_row(row, "gives no token any probability (all are -infinity)");
  }
  if (max == INF) {
    own.assign(x, x + n);
    for (float & v : own) {
      if (v != v) {
        bad_row(row, "holds NaN");
      }
      v = v == INF ? 0.0f : -INF;
    }
    max = 0;
    return own.data();
  }
  return x;
}

// The k best, best first. Later tokens with the same logit lose, so a strict comparison with the threshold is exact.
void keep_top_k(const float * x, int n, int k, std::vector<Candidate> & out) {
  const size_t room = static_cast<size_t>(k) * 2 + 64;
  out.reserve(room);
  float threshold = -INF;
  bool full = false;
  for (int i = 0; i < n; i++) {
    if (full ? x[i] > threshold : x[i] > -INF) {
      out.push_back({x[i], i});
      if (out.size() == room) {
        std::nth_element(out.begin(), out.begin() + (k - 1), out.end(), better);
        threshold = out[k - 1].logit;
        out.resize(k);
        full = true;
      }
    }
  }
  std::sort(out.begin(), out.end(), better);
  if (out.size() > static_cast<size_t>(k)) {
    out.resize(k);
  }
}

void keep_above(const float * x, int n, float threshold, std::vector<Candidate> & out) {
  out.clear();
  for (int i = 0; i < n; i++) {
    if (x[i] >= threshold && x[i] > -INF) {
      out.push_back({x[i], i});
    }
  }
  std::sort(out.begin(), out.end(), better);
}

// How many of the sorted candidates the smallest set of probability p holds; -1 when they do not reach it.
int64_t top_p_size(const std::vector<Candidate> & c, float max, double needed) {
  double sum = 0;
  for (size_t i = 0; i < c.size(); i++) {
    sum += std::exp(static_cast<double>(c[i].logit) - max);
    if (sum >= needed) {
      return static_cast<int64_t>(i) + 1;
    }
  }
  return -1;
}

void filter(const float * x, int n, const sphere_draw & d, float max, double sum, std::vector<Candidate> & c) {
  c.clear();
  const bool top_p = d.top_p < 1.0f;
  const float floor = d.min_p > 0 ? max + std::log(d.min_p) : -INF;
  if (d.top_k > 0 && d.top_k < n) {
    keep_top_k(x, n, d.top_k, c);
    if (top_p) {
      double total = 0;
      for (const Candidate & k : c) {
        total += std::exp(static_cast<double>(k.logit) - max);
      }
      const int64_t size = top_p_size(c, max, d.top_p * total);
      c.resize(size < 0 ? c.size() : static_cast<size_t>(size));
    }
  } else if (top_p) {
    // The set is nearly always among the tokens close to the best: look there first.
    for (const float reach : {10.0f, 25.0f, INF}) {
      keep_above(x, n, max - reach, c);
      const int64_t size = top_p_size(c, max, static_cast<double>(d.top_p) * sum);
      if (size > 0) {
        c.resize(static_cast<size_t>(size));
        break;
      }
    }
  } else {
    keep_above(x, n, floor, c);
  }
  while (c.size() > 1 && c.back().logit < floor) {
    c.pop_back();
  }
}

int draw_filtered(const sphere_draw & d, float max, Scratch & s, double & sampling_logprob) {
  double total = 0;
  s.weights.clear();
  for (const Candidate & c : s.candidates) {
    const double w = std::exp((static_cast<double>(c.logit) - max) / d.temperature);
    s.weights.push_back(w);
    total += w;
  }
  const double target = uniform(d) * total;
  double sum = 0;
  size_t chosen = 0;
  for (size_t i = 0; i < s.weights.size(); i++) {
    if (s.weights[i] > 0) {
      chosen = i;
      sum += s.weights[i];
      if (sum > target) {
        break;
      }
    }
  }
  sampling_logprob = (static_cast<double>(s.candidates[chosen].logit) - max) / d.temperature - std::log(total);
  return s.candidates[chosen].id;
}

int draw_all(const float * x, int n, const sphere_draw & d, float max, double total, const Scratch & s) {
  const float inv_t = 1.0f / d.temperature;
  const double target = uniform(d) * total;
  const int n_blocks = (n + BLOCK - 1) / BLOCK;
  double sum = 0;
  int block = -1;
  double before = 0;
  for (int b = 0; b < n_blocks; b++) {
    if (s.blocks[b] > 0) {
      block = b;
      before = sum;
      sum += s.blocks[b];
      if (sum > target) {
        break;
      }
    }
  }
  int chosen = block * BLOCK;
  sum = before;
  const int end = std::min(n, (block + 1) * BLOCK);
  for (int i = block * BLOCK; i < end; i++) {
    const float w = exp_negative((x[i] - max) * inv_t);
    if (w > 0) {
      chosen = i; // the last possible one if rounding keeps the sum below the target
      sum += w;
      if (sum > target) {
        break;
      }
    }
  }
  return chosen;
}

void sample(const float * logits, int n, sphere_draw & d, Scratch & s) {
  float max;
  const float * x = finite_row(logits + static_cast<size_t>(d.row) * n, n, d.row, max, s.row);
  const bool plain = d.temperature == 1.0f;
  const bool filtered = (d.top_k > 0 && d.top_k < n) || d.top_p < 1.0f || d.min_p > 0;
  const bool greedy = d.temperature == 0.0f;
  s.blocks.resize((static_cast<size_t>(n) + BLOCK - 1) / BLOCK);
  const double sum = row_sum(x, n, max, 1.0f, plain ? s.blocks.data() : nullptr);
  if (!(sum > 0)) {
    bad_row(d.row, "holds NaN");
  }
  double sampling = 0;
  if (greedy) {
    d.token = static_cast<int32_t>(std::find(x, x + n, max) - x);
  } else if (filtered) {
    filter(x, n, d, max, sum, s.candidates);
    d.token = draw_filtered(d, max, s, sampling);
  } else {
    const double total = plain ? sum : row_sum(x, n, max, 1.0f / d.temperature, s.blocks.data());
    d.token = draw_all(x, n, d, max, total, s);
    sampling = (static_cast<double>(x[d.token]) - max) / d.temperature - std::log(total);
  }
  d.logprob = static_cast<float>(static_cast<double>(x[d.token]) - max - std::log(sum));
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
  if (n_threads == 1 || n == 1) {
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
    over_rows(n, n_threads, [&](int i, Scratch & scratch) {
      if (rows[i] < 0 || targets[i] < 0 || targets[i] >= n_vocab) {
        throw std::invalid_argument("entry " + std::to_string(i) + " names a row or a token that does not exist");
      }
      float max;
      const float * x = finite_row(logits + static_cast<size_t>(rows[i]) * n_vocab, n_vocab, rows[i], max, scratch.row);
      const double sum = row_sum(x, n_vocab, max, 1.0f, nullptr);
      if (!(sum > 0)) {
        bad_row(rows[i], "holds NaN");
      }
      out[i] = static_cast<float>(static_cast<double>(x[targets[i]]) - max - std::log(sum));
    });
  });
}
