// Token sampling and log-probabilities. See sphere_sampling.h.
#include "sphere_sampling.h"

#include "barrier.hpp"
#include "device.hpp"
#include "philox.hpp"
#include "simd.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

namespace {

using sphere::fma;
using sphere::kWidth;
using sphere::load;
using sphere::load_part;
using sphere::set1;
using sphere::sub;
using sphere::Vec;

constexpr int BLOCK = 512; // elements that are walked together: their weights are summed in F32 while they are in L1
constexpr int AHEAD = 4;   // blocks from memory while one is summed
constexpr float INF = std::numeric_limits<float>::infinity();
constexpr float LOG2_E = 1.44269504f;

// 2^((x - max) * c) for x <= max: c = log2(e) / temperature. 0 below 2^-126 (minus infinity too); NaN stays NaN.
// Relative error below 2e-7.
#if defined(__AVX512F__)
// 2^(j / 32)
alignas(64) constexpr float ROOTS[32] = {
    1.0f,        1.0218972f,  1.04427373f, 1.06714046f, 1.09050775f, 1.1143868f,  1.13878858f, 1.1637249f,
    1.18920708f, 1.21524739f, 1.24185777f, 1.26905096f, 1.29683959f, 1.32523668f, 1.35425556f, 1.38390994f,
    1.41421354f, 1.44518077f, 1.47682619f, 1.50916445f, 1.54221082f, 1.5759809f,  1.61049032f, 1.64575553f,
    1.68179286f, 1.71861935f, 1.75625217f, 1.79470909f, 1.8340081f,  1.87416768f, 1.91520655f, 1.95714414f};

// With 2^(k / 32) from a table in two registers, |r| <= 1/64 needs a polynomial of degree 2 only.
inline Vec weights(Vec x, Vec max, Vec c) {
  const Vec magic = set1(393216.0f); // 1.5 * 2^18: a sum with it is rounded to 1/32, and its last bits are k
  const Vec d = sub(x, max);
  const Vec z = fma(d, c, magic);
  const Vec n = sub(z, magic);
  const Vec r = _mm512_fmsub_ps(d, c, n);
  const Vec t = _mm512_permutex2var_ps(load(ROOTS), _mm512_castps_si512(z), load(ROOTS + 16));
  const Vec q = sphere::mul(fma(r, set1(0.240228268f), set1(0.693153956f)), r);
  return _mm512_maskz_scalef_ps(_mm512_cmp_ps_mask(n, set1(-126.0f), _CMP_NLT_UQ), fma(t, q, t), n);
}
#else
// Cephes' polynomial for 2^r, |r| <= 1/2.
inline Vec weights(Vec x, Vec max, Vec c) {
  const Vec low = set1(-126.0f), d = sub(x, max);
  const Vec y = sphere::mul(d, c);
  Vec n = sphere::round(y);
  const Vec r = fma(d, c, sub(sphere::zero(), n)); // rounded once
  Vec p = set1(1.535336188319500e-4f);
  p = fma(p, r, set1(1.339887440266574e-3f));
  p = fma(p, r, set1(9.618437357674640e-3f));
  p = fma(p, r, set1(5.550332471162809e-2f));
  p = fma(p, r, set1(2.402264791363012e-1f));
  p = fma(p, r, set1(6.931472028550421e-1f));
  p = fma(p, r, set1(1.0f));
  n = sphere::max(n, set1(-127.0f));
  const Vec scaled = sphere::scale2(p, n);
#if defined(__AVX2__) && defined(__FMA__)
  return _mm256_and_ps(scaled, _mm256_cmp_ps(y, low, _CMP_NLT_UQ));
#else
  return sphere::each([&](int i) { return y.v[i] < low.v[i] ? 0.0f : scaled.v[i]; });
#endif
}
#endif

float max_of(const float * x, int n) {
  Vec m0 = set1(-INF), m1 = m0, m2 = m0, m3 = m0; // max(x, m) is m where x is NaN
  int i = 0;
  for (; i + 4 * kWidth <= n; i += 4 * kWidth) {
    m0 = sphere::max(load(x + i), m0);
    m1 = sphere::max(load(x + i + kWidth), m1);
    m2 = sphere::max(load(x + i + 2 * kWidth), m2);
    m3 = sphere::max(load(x + i + 3 * kWidth), m3);
  }
  for (; i + kWidth <= n; i += kWidth) {
    m0 = sphere::max(load(x + i), m0);
  }
  if (i < n) {
    m1 = sphere::max(load_part(x + i, n - i, -INF), m1);
  }
  return sphere::largest(sphere::max(sphere::max(m0, m1), sphere::max(m2, m3)));
}

// Sums of 2^((x - max) * c) and, if TWO, of 2^((x - max) * c2) over one block.
template <bool TWO> void block_sums(const float * x, int n, float max, float c, float c2, float & sum, float & sum2) {
  const Vec m = set1(max), k = set1(c), k2 = set1(c2);
  Vec a = sphere::zero(), b = a, a2 = a, b2 = a;
  int i = 0;
  for (; i + 2 * kWidth <= n; i += 2 * kWidth) {
    const Vec u = load(x + i), v = load(x + i + kWidth);
    a = sphere::add(a, weights(u, m, k));
    b = sphere::add(b, weights(v, m, k));
    if (TWO) {
      a2 = sphere::add(a2, weights(u, m, k2));
      b2 = sphere::add(b2, weights(v, m, k2));
    }
  }
  for (; i < n; i += kWidth) {
    const Vec u = i + kWidth <= n ? load(x + i) : load_part(x + i, n - i, -INF);
    a = sphere::add(a, weights(u, m, k));
    if (TWO) {
      a2 = sphere::add(a2, weights(u, m, k2));
    }
  }
  sum = sphere::sum(sphere::add(a, b));
  sum2 = TWO ? sphere::sum(sphere::add(a2, b2)) : sum;
}

struct Candidate {
  float logit;
  int32_t id;
};

bool better(const Candidate & a, const Candidate & b) {
  return a.logit > b.logit || (a.logit == b.logit && a.id < b.id);
}

// What one walk over a row leaves behind: for each block its highest logit and its sums relative to that.
struct Blocks {
  std::vector<float> max;
  std::vector<float> sum;     // of the weights at temperature 1
  std::vector<float> drawn;   // of the weights at the temperature that is drawn with
  std::vector<float> factor;  // of the block's highest logit against the row's, at temperature 1
  std::vector<float> factor2; // the same at the temperature that is drawn with
  int n = 0;

  void resize(int blocks) {
    n = blocks;
    const size_t padded = static_cast<size_t>(blocks + kWidth); // whole vectors
    for (std::vector<float> * v : {&max, &sum, &drawn, &factor, &factor2}) {
      v->resize(padded);
    }
  }
};

struct Scratch {
  Blocks blocks;
  std::vector<Candidate> candidates;
  std::vector<double> weights;
  std::vector<float> row; // a row with +infinity, rewritten
};

// Walks a row once: each block's maximum is found when the block arrives, one block before its weights are summed, so
// that the two overlap.
template <bool TWO> void walk(const float * x, int n, float inv_t, Blocks & s) {
  s.resize((n + BLOCK - 1) / BLOCK);
  const float c2 = LOG2_E * inv_t;
  s.max[0] = max_of(x, std::min(BLOCK, n));
  for (int b = 0; b < s.n; b++) {
    const float * block = x + static_cast<size_t>(b) * BLOCK;
    const int left = n - b * BLOCK;
    for (int i = 0; i < BLOCK; i += 16) { // hardware stops at the end of each page
      __builtin_prefetch(block + AHEAD * BLOCK + i);
    }
    if (left > BLOCK) {
      s.max[b + 1] = max_of(block + BLOCK, std::min(BLOCK, left - BLOCK));
    }
    const float max = s.max[b];
    block_sums<TWO>(block, std::min(BLOCK, left), max == -INF ? 0.0f : max, LOG2_E, c2, s.sum[b], s.drawn[b]);
  }
}

struct Row {
  const float * x;
  float max;
  double sum;   // of exp(x - max)
  double drawn; // of exp((x - max) / temperature)
};

double total(const Blocks & s, const std::vector<float> & sums, std::vector<float> & factors, float max, float c) {
  const Vec m = set1(max), k = set1(c);
  for (int b = 0; b < s.n; b += kWidth) {
    sphere::store(factors.data() + b, weights(load(s.max.data() + b), m, k));
  }
  double sum = 0;
  for (int b = 0; b < s.n; b++) {
    sum += static_cast<double>(sums[b]) * factors[b];
  }
  return sum;
}

[[noreturn]] void bad_row(int row, const char * what) {
  throw std::invalid_argument("row " + std::to_string(row) + " of the logits " + what);
}

// Walks a row; one with +infinity becomes its limit first: those tokens equal, all others impossible.
Row read_row(const float * x, int n, int row, float temperature, Scratch & s) {
  const bool two = temperature > 0 && temperature != 1.0f;
  const float inv_t = two ? 1.0f / temperature : 1.0f;
  const auto once = [&](const float * y) { two ? walk<true>(y, n, inv_t, s.blocks) : walk<false>(y, n, 1, s.blocks); };
  once(x);
  Blocks & blocks = s.blocks;
  float max = max_of(blocks.max.data(), blocks.n);
  if (max == INF) {
    s.row.assign(x, x + n);
    for (float & v : s.row) {
      if (v != v) {
        bad_row(row, "holds NaN");
      }
      v = v == INF ? 0.0f : -INF;
    }
    max = 0;
    x = s.row.data();
    once(x);
  }
  const double sum = total(blocks, blocks.sum, blocks.factor, max, LOG2_E);
  if (max == -INF) {
    const bool nan = std::any_of(x, x + n, [](float v) { return v != v; });
    bad_row(row, nan ? "holds NaN" : "gives no token any probability (all are -infinity)");
  }
  if (!(sum > 0)) {
    bad_row(row, "holds NaN");
  }
  return {x, max, sum, two ? total(blocks, blocks.drawn, blocks.factor2, max, LOG2_E * inv_t) : sum};
}

// Hands every token whose logit reaches `least` to keep, in order; blocks without one are not read again.
template <typename Keep> void each_block(const float * x, int n, const Blocks & s, float least, Keep keep) {
  const Vec limit = set1(least);
  for (int b = 0; b < s.n; b++) {
    if (s.max[b] >= least && s.max[b] > -INF) {
      const int end = std::min(n, (b + 1) * BLOCK);
      for (int i = b * BLOCK; i < end; i += kWidth) {
        uint32_t bits = sphere::at_least(i + kWidth <= end ? load(x + i) : load_part(x + i, end - i, NAN), limit);
        for (; bits != 0; bits &= bits - 1) {
          keep(i + __builtin_ctz(bits));
        }
      }
    }
  }
}

// The k best, best first. At least k logits reach the k-th best maximum of a block, so only blocks that reach it are
// looked at. Later tokens with the same logit lose, so a strict comparison with the threshold is exact.
void keep_top_k(const float * x, int n, int k, Scratch & s) {
  std::vector<Candidate> & out = s.candidates;
  float least = -INF;
  if (k < s.blocks.n) {
    std::vector<float> & best = s.blocks.drawn; // free here: a filtered row is not drawn by blocks
    best.assign(s.blocks.max.begin(), s.blocks.max.begin() + s.blocks.n);
    std::nth_element(best.begin(), best.begin() + (k - 1), best.end(), [](float a, float b) { return a > b; });
    least = best[k - 1];
  }
  const size_t room = static_cast<size_t>(k) * 2 + 64;
  out.reserve(room);
  float threshold = -INF;
  bool full = false;
  each_block(x, n, s.blocks, least, [&](int i) {
    if (full ? x[i] > threshold : x[i] > -INF) {
      out.push_back({x[i], i});
      if (out.size() == room) {
        std::nth_element(out.begin(), out.begin() + (k - 1), out.end(), better);
        threshold = out[k - 1].logit;
        out.resize(k);
        full = true;
      }
    }
  });
  std::sort(out.begin(), out.end(), better);
  if (out.size() > static_cast<size_t>(k)) {
    out.resize(k);
  }
}

void keep_above(const float * x, int n, float threshold, Scratch & s) {
  s.candidates.clear();
  each_block(x, n, s.blocks, threshold, [&](int i) {
    if (x[i] > -INF) {
      s.candidates.push_back({x[i], i});
    }
  });
  std::sort(s.candidates.begin(), s.candidates.end(), better);
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

void filter(const Row & row, int n, const sphere_draw & d, Scratch & s) {
  const float * x = row.x;
  const float max = row.max;
  std::vector<Candidate> & c = s.candidates;
  c.clear();
  const bool top_p = d.top_p < 1.0f;
  const float floor = d.min_p > 0 ? max + std::log(d.min_p) : -INF;
  if (d.top_k > 0 && d.top_k < n) {
    keep_top_k(x, n, d.top_k, s);
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
    for (const float reach : {5.0f, 10.0f, 25.0f, INF}) {
      keep_above(x, n, max - reach, s);
      const int64_t size = top_p_size(c, max, static_cast<double>(d.top_p) * row.sum);
      if (size > 0) {
        c.resize(static_cast<size_t>(size));
        break;
      }
    }
  } else {
    keep_above(x, n, floor, s);
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
  const double target = sphere::uniform(d) * total;
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

// One token of the whole row: first its block, then its place in the block.
int draw_all(const Row & row, int n, const sphere_draw & d, const Blocks & s) {
  const bool two = d.temperature != 1.0f;
  const std::vector<float> & factors = two ? s.factor2 : s.factor;
  const double target = sphere::uniform(d) * row.drawn;
  double sum = 0;
  int block = -1;
  double before = 0;
  for (int b = 0; b < s.n; b++) {
    const double weight = static_cast<double>(s.drawn[b]) * factors[b];
    if (weight > 0) {
      block = b;
      before = sum;
      sum += weight;
      if (sum > target) {
        break;
      }
    }
  }
  const int begin = block * BLOCK, length = std::min(BLOCK, n - begin);
  alignas(64) float w[BLOCK];
  const Vec m = set1(s.max[block]), k = set1(two ? LOG2_E * (1.0f / d.temperature) : LOG2_E);
  for (int i = 0; i < length; i += kWidth) {
    const float * x = row.x + begin + i;
    sphere::store(w + i, weights(i + kWidth <= length ? load(x) : load_part(x, length - i, -INF), m, k));
  }
  const double rest = (target - before) / factors[block];
  int chosen = 0;
  sum = 0;
  for (int i = 0; i < length; i++) {
    if (w[i] > 0) {
      chosen = i; // the last possible one if rounding keeps the sum below the target
      sum += w[i];
      if (sum > rest) {
        break;
      }
    }
  }
  return begin + chosen;
}

// The lowest token among those with the highest logit.
int first_best(const Row & row, const Blocks & s) {
  int block = 0;
  while (s.max[block] != row.max) {
    block++;
  }
  const float * x = row.x + static_cast<size_t>(block) * BLOCK;
  return block * BLOCK + static_cast<int>(std::find(x, x + BLOCK, row.max) - x);
}

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
    filter(row, n, d, s);
    d.token = draw_filtered(d, row.max, s, sampling);
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
    if (const auto * device = sphere::device_of(logits)) {
      return sphere::device_check(device, device->sample_rows(logits, SPHERE_F32, n_vocab, draws, n_draws));
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
      return sphere::device_check(device, device->logprob_rows(logits, SPHERE_F32, n_vocab, n, rows, targets, out));
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
