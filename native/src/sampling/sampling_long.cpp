// Filters and draws where many tokens are left: flat logits, a large top-k. See sampling.hpp.
#include "sampling/sampling.hpp"

#include "sampling/sampling_weights.hpp"

#include <algorithm>
#include <cmath>

namespace sphere::sampling {

namespace {

constexpr int FEW = 64;   // tokens that are sorted rather than split once more
constexpr int CHUNK = 64; // tokens that are looked at together
constexpr int SIZE = Histogram::SIZE;

// Which step a logit is in, with a fraction that is to be cut off. Monotone: no better logit is in a worse step.
// Quarters, since a difference of two logits may be too large for F32.
struct Scale {
  Vec high, unit;
  bool splits; // false: all are in step 0

  explicit Scale(const Histogram & h) {
    const float steps = (SIZE - 1) / (0.25f * h.high - 0.25f * h.low);
    splits = h.low < h.high && steps < INF;
    high = set1(0.25f * h.high);
    unit = set1(splits ? steps : 0.0f);
  }
  Vec operator()(Vec x) const {
    return min(mul(sub(high, mul(x, set1(0.25f))), unit), set1(static_cast<float>(SIZE - 1)));
  }
};

void set_range(const Tokens & t, Histogram & h) {
  Vec low = set1(INF), high = set1(-INF);
  int i = 0;
  for (; i + kWidth <= t.n; i += kWidth) {
    low = min(load(t.logits.data() + i), low);
    high = max(load(t.logits.data() + i), high);
  }
  h.low = -largest(sub(zero(), low));
  h.high = largest(high);
  for (; i < t.n; i++) {
    h.low = std::min(h.low, t.logits[static_cast<size_t>(i)]);
    h.high = std::max(h.high, t.logits[static_cast<size_t>(i)]);
  }
}

// Puts the tokens that `keep` names to the front.
template <typename Keep> void keep_only(Tokens & t, Keep keep) {
  int n = 0;
  for (int i = 0; i < t.n; i++) {
    if (keep(i)) {
      t.logits[static_cast<size_t>(n)] = t.logits[static_cast<size_t>(i)];
      t.ids[static_cast<size_t>(n++)] = t.ids[static_cast<size_t>(i)];
    }
  }
  t.n = n;
}

} // namespace

LongList::LongList(float max, float temperature, Scratch & s)
    : max(max), c(LOG2_E), c2(LOG2_E * inverse(temperature)), s(s), last{-INF, std::numeric_limits<int32_t>::max()} {
  fill(s.all, s.tokens);
}

float LongList::weight(float logit, Measure m) const {
  alignas(64) float lanes[kWidth];
  store(lanes, m == COUNT ? set1(1.0f) : weights(set1(logit - max), set1(m == DRAWN ? c2 : c)));
  return lanes[0];
}

// Sums tokens by step; false when steps do not tell them apart.
bool LongList::fill(Histogram & h, const Tokens & t) const {
  set_range(t, h);
  const Scale scale(h);
  h.sums.assign(SIZE, Histogram::Sums{});
  h.steps.resize(std::max(h.steps.size(), static_cast<size_t>(t.n + CHUNK))); // whole chunks
  if (h.low == h.high) {                                                      // each sum would wait for the one before
    for (const Measure m : {COUNT, WEIGHT, DRAWN}) {
      h.sums[0].of[m] = t.n * static_cast<double>(weight(h.low, m));
    }
    std::fill_n(h.steps.begin(), t.n, uint16_t{0});
    return false;
  }
  alignas(64) float at[CHUNK], one[CHUNK], drawn[CHUNK];
  for (int begin = 0; begin < t.n; begin += CHUNK) {
    const int length = std::min(CHUNK, t.n - begin);
    for (int i = 0; i < length; i += kWidth) {
      const Vec x = load(t.logits.data() + begin + i), d = sub(x, set1(max));
      store(at + i, scale(x));
      store(one + i, weights(d, set1(c)));
      store(drawn + i, c2 == c ? load(one + i) : weights(d, set1(c2)));
    }
    uint16_t * steps = h.steps.data() + begin;
    for (int i = 0; i < length; i++) {
      steps[i] = static_cast<uint16_t>(at[i]);
    }
    for (int i = 0; i < length; i++) {
      double * sums = h.sums[steps[i]].of;
      sums[COUNT] += 1;
      sums[WEIGHT] += one[i];
      sums[DRAWN] += drawn[i];
    }
  }
  return scale.splits;
}

double LongList::sum_of(Measure m) const {
  double sum = 0;
  for (int i = 0; i < end; i++) {
    sum += s.all.sums[static_cast<size_t>(i)].of[m];
  }
  return sum;
}

// The step in which the sum from the best one on reaches the target, or goes beyond it; otherwise the last one that
// adds to the sum.
LongList::Place LongList::find(const Histogram & h, int end, Measure m, double target, bool beyond) {
  Place place = {0, 0, false};
  double sum = 0;
  for (int i = 0; i < end && !place.reached; i++) {
    const double here = h.sums[static_cast<size_t>(i)].of[m];
    if (here > 0) {
      place = {i, sum, beyond ? sum + here > target : sum + here >= target};
      sum += here;
    }
  }
  return place;
}

// The same among the tokens of that step.
Candidate LongList::locate(Place place, Measure m, double target, bool beyond) const {
  Tokens & t = s.step;
  take(place.step);
  double sum = place.before;
  while (t.n > FEW && fill(s.part, t)) {
    place = find(s.part, SIZE, m, target - sum, beyond);
    sum += place.before;
    keep_only(t, [&](int i) { return s.part.steps[static_cast<size_t>(i)] == place.step; });
  }
  if (t.n > FEW && s.part.low == s.part.high) { // the first ones of equals
    const double more = (target - sum) / weight(s.part.low, m);
    const double before = std::max(0.0, beyond ? std::floor(more) : std::ceil(more) - 1);
    const auto i = static_cast<size_t>(std::min(before, t.n - 1.0));
    return {t.logits[i], t.ids[i]};
  }
  s.sorted.clear();
  for (int i = 0; i < t.n; i++) {
    s.sorted.push_back({t.logits[static_cast<size_t>(i)], t.ids[static_cast<size_t>(i)]});
  }
  std::sort(s.sorted.begin(), s.sorted.end(), better);
  Candidate found = s.sorted.front();
  for (const Candidate & token : s.sorted) {
    const float here = weight(token.logit, m);
    if (here > 0) {
      found = token;
      sum += here;
      if (beyond ? sum > target : sum >= target) {
        break;
      }
    }
  }
  return found;
}

// Scratch::step becomes the tokens of a step that are not dropped.
void LongList::take(int wanted) const {
  const auto step = static_cast<uint16_t>(wanted);
  const Tokens & from = s.tokens;
  Tokens & to = s.step;
  const auto most = static_cast<size_t>(s.all.sums[static_cast<size_t>(step)].of[COUNT]) + kWidth;
  to.logits.resize(std::max(to.logits.size(), most));
  to.ids.resize(std::max(to.ids.size(), most));
  to.n = 0;
  for (int begin = 0; begin < from.n; begin += CHUNK) {
    const uint16_t * steps = s.all.steps.data() + begin;
    uint16_t any = 0; // most chunks have none: this loop becomes a comparison of two vectors
    for (int i = 0; i < CHUNK; i++) {
      any |= static_cast<uint16_t>(steps[i] == step ? 1 : 0);
    }
    const int length = any != 0 ? std::min(CHUNK, from.n - begin) : 0;
    for (int i = 0; i < length; i++) {
      const auto at = static_cast<size_t>(begin + i);
      const Candidate token = {from.logits[at], from.ids[at]};
      if (steps[i] == step && !better(last, token)) {
        to.logits[static_cast<size_t>(to.n)] = token.logit;
        to.ids[static_cast<size_t>(to.n++)] = token.id;
      }
    }
  }
}

// Drops what is worse than `worst`, which is in that step or would be.
void LongList::cut(int step, Candidate worst) {
  last = worst;
  end = step + 1;
  take(step);
  fill(s.part, s.step);
  Histogram::Sums & sums = s.all.sums[static_cast<size_t>(step)];
  sums = {};
  for (const Histogram::Sums & part : s.part.sums) {
    for (const Measure m : {COUNT, WEIGHT, DRAWN}) {
      sums.of[m] += part.of[m];
    }
  }
}

void LongList::keep_first(int k) {
  const Place place = find(s.all, end, COUNT, k, false);
  if (place.reached) {
    cut(place.step, locate(place, COUNT, k, false));
  }
}

bool LongList::keep_share(double needed) {
  const Place place = find(s.all, end, WEIGHT, needed, false);
  if (place.reached) {
    cut(place.step, locate(place, WEIGHT, needed, false));
  }
  return place.reached;
}

void LongList::keep_at_least(float floor) {
  if (floor > s.all.low && floor > last.logit) {
    alignas(64) float at[kWidth];
    store(at, Scale(s.all)(set1(floor)));
    cut(static_cast<int>(at[0]), {floor, std::numeric_limits<int32_t>::max()});
  }
}

Drawn LongList::draw(double uniform) {
  const double total = sum_of(DRAWN), target = uniform * total;
  return {locate(find(s.all, end, DRAWN, target, true), DRAWN, target, true), total};
}

} // namespace sphere::sampling
