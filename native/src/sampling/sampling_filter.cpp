// Top-k, top-p, min-p. See sampling.hpp.
#include "sampling/sampling.hpp"

#include "common/simd.hpp"
#include "sampling/philox.hpp"

#include <algorithm>
#include <cmath>

namespace sphere::sampling {

namespace {

constexpr int SHORT = 512; // tokens that are sorted as they are

// Gathers every token whose logit reaches `least`; blocks without one are not read again.
void gather(const float * x, int n, const Blocks & s, float least, Tokens & t) {
  least = std::max(least, std::numeric_limits<float>::lowest()); // minus infinity is impossible
  size_t most = kWidth;
  for (int b = 0; b < s.n; b++) {
    most += s.max[static_cast<size_t>(b)] >= least ? BLOCK : 0;
  }
  t.logits.resize(std::max(t.logits.size(), most));
  t.ids.resize(std::max(t.ids.size(), most));
  t.n = 0;
  const Vec limit = set1(least);
  for (int b = 0; b < s.n; b++) {
    if (s.max[static_cast<size_t>(b)] >= least) {
      const int end = std::min(n, (b + 1) * BLOCK);
      for (int i = b * BLOCK; i < end; i += kWidth) {
        const Vec v = i + kWidth <= end ? load(x + i) : load_part(x + i, end - i, NAN);
        const uint32_t bits = at_least(v, limit);
        if (bits != 0) {
          compress(v, bits, i, t.logits.data() + t.n, t.ids.data() + t.n);
          t.n += __builtin_popcount(bits);
        }
      }
    }
  }
}

// A bound that at least k tokens reach: the k-th best maximum of a block.
float reached_by(int k, Blocks & s) {
  if (k >= s.n) {
    return -INF;
  }
  std::vector<float> & best = s.drawn; // free here: a filtered row is not drawn by blocks
  std::copy_n(s.max.begin(), s.n, best.begin());
  std::nth_element(best.begin(), best.begin() + (k - 1), best.begin() + s.n, [](float a, float b) { return a > b; });
  return best[static_cast<size_t>(k - 1)];
}

// Filters and a draw over few tokens: they are sorted, and weighed in double precision.
class ShortList {
public:
  ShortList(float max, const sphere_draw & d, Scratch & s)
      : max(max), temperature(d.temperature), c(s.sorted), w(s.weights) {
    c.resize(static_cast<size_t>(s.tokens.n));
    for (size_t i = 0; i < c.size(); i++) {
      c[i] = {s.tokens.logits[i], s.tokens.ids[i]};
    }
    const auto most = static_cast<size_t>(d.top_k);
    if (most > 0 && most < c.size()) { // no need to sort what top-k drops
      std::nth_element(c.begin(), c.begin() + d.top_k, c.end(), better);
      c.resize(most);
    }
    std::sort(c.begin(), c.end(), better);
  }

  double sum() const {
    double sum = 0;
    for (const Candidate & k : c) {
      sum += weight(k, 1);
    }
    return sum;
  }

  void keep_first(int k) { c.resize(std::min(c.size(), static_cast<size_t>(k))); }

  // False, and nothing is dropped, when all do not reach it.
  bool keep_share(double needed) {
    double sum = 0;
    for (size_t i = 0; i < c.size(); i++) {
      sum += weight(c[i], 1);
      if (sum >= needed) {
        c.resize(i + 1);
        return true;
      }
    }
    return false;
  }

  void keep_at_least(float floor) {
    while (c.size() > 1 && c.back().logit < floor) {
      c.pop_back();
    }
  }

  Drawn draw(double uniform) {
    double total = 0;
    w.clear();
    for (const Candidate & k : c) {
      w.push_back(weight(k, temperature));
      total += w.back();
    }
    const double target = uniform * total;
    double sum = 0;
    size_t chosen = 0;
    for (size_t i = 0; i < w.size(); i++) {
      if (w[i] > 0) {
        chosen = i;
        sum += w[i];
        if (sum > target) {
          break;
        }
      }
    }
    return {c[chosen], total};
  }

private:
  float max, temperature;
  std::vector<Candidate> & c;
  std::vector<double> & w;

  double weight(const Candidate & k, double t) const { return std::exp((static_cast<double>(k.logit) - max) / t); }
};

// False when the nucleus may hold more than was gathered.
template <typename List>
bool draw_from(List list, const Row & row, const sphere_draw & d, bool top_k, float floor, bool whole, Drawn & drawn) {
  if (top_k) {
    list.keep_first(d.top_k);
  }
  if (d.top_p < 1.0f && !list.keep_share(d.top_p * (top_k ? list.sum() : row.sum)) && !whole) {
    return false;
  }
  list.keep_at_least(floor);
  drawn = list.draw(uniform(d));
  return true;
}

} // namespace

Drawn draw_filtered(const Row & row, int n, const sphere_draw & d, Scratch & s) {
  const bool top_k = d.top_k > 0 && d.top_k < n;
  const float floor = d.min_p > 0 ? row.max + std::log(d.min_p) : -INF;
  Drawn drawn;
  // Gathers what the first filter may leave, then draws; true when that was enough.
  const auto among = [&](float least, bool whole) {
    gather(row.x, n, s.blocks, least, s.tokens);
    return s.tokens.n > SHORT ? draw_from(LongList(row.max, d.temperature, s), row, d, top_k, floor, whole, drawn)
                              : draw_from(ShortList(row.max, d, s), row, d, top_k, floor, whole, drawn);
  };
  if (top_k) {
    among(reached_by(d.top_k, s.blocks), true);
  } else if (d.top_p < 1.0f) {
    // The nucleus is nearly always among the tokens close to the best: look there first. What min-p drops in the end
    // need not be found.
    for (const float reach : {5.0f, 10.0f, 25.0f, INF}) {
      const float least = std::max(row.max - reach, floor);
      if (among(least, least == floor)) {
        break;
      }
    }
  } else {
    among(floor, true);
  }
  return drawn;
}

} // namespace sphere::sampling
