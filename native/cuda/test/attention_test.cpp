// Tree attention, forward and backward, against plain loops in double precision that walk each slot's path.
#include "check.hpp"

using namespace sphere::cuda;
using namespace test;

namespace {

struct Problem {
  int slots, groups, d, heads, kv, rotated;
  bool neox;
  std::vector<float> q, k, v, table, dy;
  std::vector<int32_t> parents;
  int n() const { return slots * groups; }
};

enum class Tree { kChain, kStar, kRandom, kForest };

Problem problem(Random & random, Tree tree, int slots, int groups, int d, int heads, int kv, int rotated, bool neox) {
  Problem p{slots, groups, d, heads, kv, rotated, neox, {}, {}, {}, {}, {}, {}};
  const auto n = static_cast<size_t>(p.n());
  p.q = normals(random, n * static_cast<size_t>(heads * d), 2);
  p.k = normals(random, n * static_cast<size_t>(kv * d), 1);
  p.v = normals(random, n * static_cast<size_t>(kv * d), 1);
  p.dy = normals(random, n * static_cast<size_t>(heads * d), 1);
  for (size_t i = 0; i < n; i++) {
    for (int part = 0; part < 2; part++) {
      for (int j = 0; j < rotated / 2; j++) {
        const double angle = static_cast<double>(i % 13) * std::pow(100.0, -2.0 * j / std::max(1, rotated));
        p.table.push_back(static_cast<float>(part == 0 ? std::cos(angle) : std::sin(angle)));
      }
    }
    const int at = static_cast<int>(i) % slots;
    switch (tree) {
      case Tree::kChain: p.parents.push_back(at - 1); break;
      case Tree::kStar: p.parents.push_back(at == 0 ? -1 : 0); break;
      case Tree::kRandom: p.parents.push_back(at == 0 ? -1 : below(random, at)); break;
      case Tree::kForest: p.parents.push_back(at % 5 == 0 ? -1 : at - 1 - below(random, at % 5)); break;
    }
  }
  if (p.table.empty()) {
    p.table.push_back(0);
  }
  return p;
}

std::vector<double> turned(const Problem & p, const float * x, int slot) {
  std::vector<double> y(x, x + p.d);
  const int half = p.rotated / 2;
  for (int i = 0; i < half; i++) {
    const double c = p.table[static_cast<size_t>(slot * p.rotated + i)];
    const double s = p.table[static_cast<size_t>(slot * p.rotated + half + i)];
    const auto a = static_cast<size_t>(p.neox ? i : 2 * i), b = static_cast<size_t>(p.neox ? i + half : 2 * i + 1);
    y[a] = x[a] * c - x[b] * s;
    y[b] = x[a] * s + x[b] * c;
  }
  return y;
}

void turn_back(const Problem & p, std::vector<double> & x, int slot) {
  const int half = p.rotated / 2;
  for (int i = 0; i < half; i++) {
    const double c = p.table[static_cast<size_t>(slot * p.rotated + i)];
    const double s = p.table[static_cast<size_t>(slot * p.rotated + half + i)];
    const auto a = static_cast<size_t>(p.neox ? i : 2 * i), b = static_cast<size_t>(p.neox ? i + half : 2 * i + 1);
    const double first = x[a], second = x[b];
    x[a] = first * c + second * s;
    x[b] = second * c - first * s;
  }
}

// y, dq, dk, dv
struct Result {
  std::vector<double> y, dq, dk, dv;
};

Result plain(const Problem & p) {
  const auto n = static_cast<size_t>(p.n()), d = static_cast<size_t>(p.d);
  const auto heads = static_cast<size_t>(p.heads), kv = static_cast<size_t>(p.kv);
  Result r{std::vector<double>(n * heads * d), std::vector<double>(n * heads * d), std::vector<double>(n * kv * d),
           std::vector<double>(n * kv * d)};
  std::vector<std::vector<double>> keys(n * kv), dkeys(n * kv, std::vector<double>(d));
  for (size_t i = 0; i < n * kv; i++) {
    keys[i] = turned(p, p.k.data() + i * d, static_cast<int>(i / kv));
  }
  const double scale = 1 / std::sqrt(static_cast<double>(p.d));
  for (size_t i = 0; i < n; i++) {
    const size_t group = i / static_cast<size_t>(p.slots) * static_cast<size_t>(p.slots);
    std::vector<size_t> path;
    for (int j = static_cast<int>(i - group); j >= 0; j = p.parents[group + static_cast<size_t>(j)]) {
      path.push_back(group + static_cast<size_t>(j));
    }
    for (size_t h = 0; h < heads; h++) {
      const size_t g = h / (heads / kv);
      const auto query = turned(p, p.q.data() + (i * heads + h) * d, static_cast<int>(i));
      const float * dy = p.dy.data() + (i * heads + h) * d;
      std::vector<double> score(path.size()), dp(path.size());
      double max = -INFINITY, sum = 0, mean = 0;
      for (size_t t = 0; t < path.size(); t++) {
        for (size_t c = 0; c < d; c++) {
          score[t] += query[c] * keys[path[t] * kv + g][c] * scale;
          dp[t] += dy[c] * static_cast<double>(p.v[(path[t] * kv + g) * d + c]);
        }
        max = std::max(max, score[t]);
      }
      for (double & s : score) {
        sum += s = std::exp(s - max);
      }
      for (size_t t = 0; t < path.size(); t++) {
        score[t] /= sum;
        mean += score[t] * dp[t];
      }
      std::vector<double> dquery(d);
      for (size_t t = 0; t < path.size(); t++) {
        const double ds = score[t] * (dp[t] - mean) * scale;
        for (size_t c = 0; c < d; c++) {
          r.y[(i * heads + h) * d + c] += score[t] * static_cast<double>(p.v[(path[t] * kv + g) * d + c]);
          r.dv[(path[t] * kv + g) * d + c] += score[t] * static_cast<double>(dy[c]);
          dquery[c] += ds * keys[path[t] * kv + g][c];
          dkeys[path[t] * kv + g][c] += ds * query[c];
        }
      }
      turn_back(p, dquery, static_cast<int>(i));
      std::copy(dquery.begin(), dquery.end(), r.dq.begin() + static_cast<std::ptrdiff_t>((i * heads + h) * d));
    }
  }
  for (size_t i = 0; i < n * kv; i++) {
    turn_back(p, dkeys[i], static_cast<int>(i / kv));
    std::copy(dkeys[i].begin(), dkeys[i].end(), r.dk.begin() + static_cast<std::ptrdiff_t>(i * d));
  }
  return r;
}

std::vector<float> by_device(const Problem & p, bool back) {
  const Array<float> q(p.q), k(p.k), v(p.v), table(p.table), dy(p.dy);
  const Array<int32_t> parents(p.parents);
  const Array<float> y(p.q.size() + (back ? 2 * p.k.size() : 0));
  sphere_tree_attention a{};
  a.q = q.get();
  a.k = k.get();
  a.v = v.get();
  a.table = table.get();
  a.parents = parents.get();
  a.dy = dy.get();
  a.y = y.get();
  a.slots = p.slots;
  a.groups = p.groups;
  a.head_size = p.d;
  a.heads = p.heads;
  a.kv_heads = p.kv;
  a.rotated = p.rotated;
  a.neox = p.neox;
  const Array<unsigned char> scratch(static_cast<size_t>(attention_scratch(a, back)));
  back ? attention_back(a, scratch.get(), nullptr) : attention(a, scratch.get(), nullptr);
  return y.read();
}

void compare(const Problem & p, const std::string & name) {
  const Result r = plain(p);
  const auto y = in_any_order<float>(name, [&] { return by_device(p, false); });
  const auto gradients = in_any_order<float>(name + " backward", [&] { return by_device(p, true); });
  for (size_t i = 0; i < y.size(); i++) {
    near(y[i], r.y[i], 2e-5, 2e-5, name + " y");
  }
  const size_t nq = p.q.size(), nk = p.k.size();
  for (size_t i = 0; i < gradients.size(); i++) {
    const bool is_q = i < nq, is_k = !is_q && i < nq + nk;
    const double expected = is_q ? r.dq[i] : is_k ? r.dk[i - nq] : r.dv[i - nq - nk];
    near(gradients[i], expected, 5e-5, 5e-5, name + (is_q ? " dq" : is_k ? " dk" : " dv"));
  }
}

void chains() {
  Random random(1);
  compare(problem(random, Tree::kChain, 1, 1, 4, 1, 1, 4, true), "one slot");
  compare(problem(random, Tree::kChain, 33, 2, 16, 2, 1, 16, true), "chain of 33");
}
void trees() {
  Random random(2);
  compare(problem(random, Tree::kStar, 40, 1, 12, 2, 2, 8, false), "star");
  compare(problem(random, Tree::kRandom, 70, 1, 20, 4, 2, 20, true), "random tree");
  compare(problem(random, Tree::kForest, 67, 2, 8, 2, 1, 0, false), "forest");
}
void wide_heads() {
  Random random(3);
  compare(problem(random, Tree::kRandom, 35, 1, 64, 2, 1, 64, true), "heads of 64");
  compare(problem(random, Tree::kForest, 34, 1, 128, 1, 1, 128, true), "heads of 128");
  compare(problem(random, Tree::kRandom, 20, 1, 100, 1, 1, 64, false), "heads of 100");
}

} // namespace

int main(int argc, char ** argv) {
  return run({{"chains", chains}, {"trees", trees}, {"wide_heads", wide_heads}}, argc, argv);
}
