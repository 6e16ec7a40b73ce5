// One walk over a row of logits. See sampling.hpp.
#include "sampling/sampling.hpp"

#include "sampling/philox.hpp"
#include "sampling/sampling_weights.hpp"

#include <algorithm>
#include <stdexcept>
#include <string>

namespace sphere::sampling {

namespace {

constexpr int LOOK = 2;  // a block's maximum is taken while this many blocks before it are summed
constexpr int AHEAD = 5; // blocks from memory while one is summed

float max_of(const float * x, int n) {
  Vec m0 = set1(-INF), m1 = m0, m2 = m0, m3 = m0; // max(x, m) is m where x is NaN
  int i = 0;
  for (; i + 4 * kWidth <= n; i += 4 * kWidth) {
    m0 = max(load(x + i), m0);
    m1 = max(load(x + i + kWidth), m1);
    m2 = max(load(x + i + 2 * kWidth), m2);
    m3 = max(load(x + i + 3 * kWidth), m3);
  }
  for (; i + kWidth <= n; i += kWidth) {
    m0 = max(load(x + i), m0);
  }
  if (i < n) {
    m1 = max(load_part(x + i, n - i, -INF), m1);
  }
  return largest(max(max(m0, m1), max(m2, m3)));
}

// The sums of a block's weights relative to its highest logit; at both temperatures if TWO.
template <bool TWO> class BlockSums {
public:
  BlockSums(float max, float c2)
      : max(set1(max == -INF ? 0.0f : max)), c(set1(LOG2_E)), c2(set1(c2)), low(set1(-126.0f / LOG2_E)),
        low2(set1(std::max(-126.0f / c2, std::numeric_limits<float>::lowest()))) {}

  void add(Vec x, int part) {
    // What is below 2^-126 counts as that much: in a sum of at least 1 it is lost. At each temperature by itself: what
    // is lost at a low one counts at 1. The order keeps NaN.
    const Vec d = sub(x, max);
    at_1[part] = plus_weights(at_1[part], sphere::max(low, d), c);
    if (TWO) {
      at_t[part] = plus_weights(at_t[part], sphere::max(low2, d), c2);
    }
  }

  void store(float & sum, float & drawn) const {
    sum = sphere::sum(sphere::add(at_1[0], at_1[1]));
    drawn = TWO ? sphere::sum(sphere::add(at_t[0], at_t[1])) : sum;
  }

private:
  Vec max, c, c2, low, low2;
  Vec at_1[2] = {zero(), zero()}, at_t[2] = {zero(), zero()};
};

// A whole block, together with the maximum of the whole block LOOK further on and what comes AHEAD: one loop, so that
// memory and arithmetic never wait for each other. Gives that maximum.
template <bool TWO> float whole_block(const float * x, BlockSums<TWO> & sums) {
  const float * later = x + LOOK * BLOCK;
  const float * ahead = x + AHEAD * BLOCK;
  Vec m0 = set1(-INF), m1 = m0;
  for (int i = 0; i < BLOCK; i += 2 * kWidth) {
    for (int line = 0; line < 2 * kWidth; line += 16) {
      __builtin_prefetch(ahead + i + line); // hardware stops at the end of each page
    }
    m0 = max(load(later + i), m0);
    m1 = max(load(later + i + kWidth), m1);
    sums.add(load(x + i), 0);
    sums.add(load(x + i + kWidth), 1);
  }
  return largest(max(m0, m1));
}

template <bool TWO> void part_of_block(const float * x, int n, BlockSums<TWO> & sums) {
  int i = 0;
  for (; i + 2 * kWidth <= n; i += 2 * kWidth) {
    sums.add(load(x + i), 0);
    sums.add(load(x + i + kWidth), 1);
  }
  for (; i < n; i += kWidth) {
    sums.add(i + kWidth <= n ? load(x + i) : load_part(x + i, n - i, -INF), 0);
  }
}

template <bool TWO> void walk(const float * x, int n, float inv_t, Blocks & s) {
  s.n = (n + BLOCK - 1) / BLOCK;
  const size_t padded = static_cast<size_t>(s.n + kWidth); // whole vectors
  for (std::vector<float> * v : {&s.max, &s.sum, &s.drawn, &s.factor, &s.factor2}) {
    v->resize(padded);
  }
  const auto block = [&](int b) { return x + static_cast<size_t>(b) * BLOCK; };
  const auto length = [&](int b) { return std::min(BLOCK, n - b * BLOCK); };
  for (int b = 0; b < std::min(LOOK, s.n); b++) {
    s.max[b] = max_of(block(b), length(b));
  }
  for (int b = 0; b < s.n; b++) {
    BlockSums<TWO> sums(s.max[b], LOG2_E * inv_t);
    const int later = b + LOOK;
    if (later < s.n && length(later) == BLOCK) {
      s.max[later] = whole_block(block(b), sums);
    } else {
      if (later < s.n) {
        s.max[later] = max_of(block(later), length(later));
      }
      part_of_block(block(b), length(b), sums);
    }
    sums.store(s.sum[b], s.drawn[b]);
  }
}

double total(const Blocks & s, const std::vector<float> & sums, std::vector<float> & factors, float max, float c) {
  const Vec m = set1(max), k = set1(c);
  for (int b = 0; b < s.n; b += kWidth) {
    store(factors.data() + b, weights(sub(load(s.max.data() + b), m), k));
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

} // namespace

Row read_row(const float * x, int n, int row, float temperature, Scratch & s) {
  const bool two = temperature > 0 && temperature != 1.0f;
  const float inv_t = two ? inverse(temperature) : 1.0f;
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

int draw_all(const Row & row, int n, const sphere_draw & d, const Blocks & s) {
  const bool two = d.temperature != 1.0f;
  const std::vector<float> & factors = two ? s.factor2 : s.factor;
  const double target = uniform(d) * row.drawn;
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
  const Vec m = set1(s.max[block]), k = set1(two ? LOG2_E * inverse(d.temperature) : LOG2_E);
  for (int i = 0; i < length; i += kWidth) {
    const float * x = row.x + begin + i;
    store(w + i, weights(sub(i + kWidth <= length ? load(x) : load_part(x, length - i, -INF), m), k));
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

int first_best(const Row & row, const Blocks & s) {
  int block = 0;
  while (s.max[block] != row.max) {
    block++;
  }
  const float * x = row.x + static_cast<size_t>(block) * BLOCK;
  return block * BLOCK + static_cast<int>(std::find(x, x + BLOCK, row.max) - x);
}

} // namespace sphere::sampling
