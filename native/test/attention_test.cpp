// Attention against plain sums in double precision, and its promise: a token's bits depend on its path alone, not on
// who else sees the same cells, on the order of tokens, or on threads. For each width of vectors.
#include "check.hpp"

#include "attention/attention.hpp"
#include "common/half.hpp"
#include "sphere_attention.h"

#include <algorithm>
#include <limits>
#include <numeric>

using namespace test;

namespace {

constexpr int BLOCK = sphere::ATTENTION_BLOCK;
constexpr uint16_t HIDDEN = 0xFC00;

// Numbers of F16 between 1/4 and 1, of either sign: no library's rounding is in them.
uint16_t half(Random & random) {
  const int sign = below(random, 2);
  return static_cast<uint16_t>(sign << 15 | (0x3400 + below(random, 0x0800)));
}

struct Shape {
  int k_size, v_size, heads, kv_heads;
};

// Tokens with their paths, over a cache of which each path is a list of cells.
struct Node {
  Shape shape;
  int cells;
  std::vector<std::vector<int32_t>> paths;
  std::vector<uint16_t> k, v;
  std::vector<float> q;
  std::vector<uint16_t> biases; // of all cells; empty: none

  Node(const Shape & shape, int cells, std::vector<std::vector<int32_t>> paths, uint64_t seed = 1)
      : shape(shape), cells(cells), paths(std::move(paths)) {
    Random random(seed);
    const auto count = [&](int size, int heads, int n) {
      return static_cast<size_t>(size) * static_cast<size_t>(heads) * static_cast<size_t>(n);
    };
    k.resize(count(shape.k_size, shape.kv_heads, cells));
    v.resize(count(shape.v_size, shape.kv_heads, cells));
    q.resize(count(shape.k_size, shape.heads, tokens()));
    for (uint16_t & x : k) {
      x = half(random);
    }
    for (uint16_t & x : v) {
      x = half(random);
    }
    for (float & x : q) {
      x = static_cast<float>(below(random, 2001) - 1000) * 0.003f;
    }
  }

  int tokens() const { return static_cast<int>(paths.size()); }
  size_t row() const { return static_cast<size_t>(shape.heads) * static_cast<size_t>(shape.v_size); }

  sphere::Attention described(float * out) const {
    sphere::Attention a{};
    const auto k_size = static_cast<size_t>(shape.k_size), v_size = static_cast<size_t>(shape.v_size),
               heads = static_cast<size_t>(shape.heads), kv = static_cast<size_t>(shape.kv_heads);
    a.q = reinterpret_cast<const char *>(q.data());
    a.q_token = k_size * heads * 4;
    a.q_head = k_size * 4;
    a.k = reinterpret_cast<const char *>(k.data());
    a.k_cell = k_size * kv * 2;
    a.k_head = k_size * 2;
    a.v = reinterpret_cast<const char *>(v.data());
    a.v_cell = v_size * kv * 2;
    a.v_head = v_size * 2;
    a.out = out;
    a.k_size = shape.k_size;
    a.v_size = shape.v_size;
    a.tokens = tokens();
    a.heads = shape.heads;
    a.kv_heads = shape.kv_heads;
    a.cells = cells;
    a.streams = 1;
    a.scale = 0.25f;
    return a;
  }

  // Of these tokens, in this order, by so many threads; other tokens' rows are left as NaN.
  std::vector<float> compute(const std::vector<int> & order, int threads = 1) const {
    std::vector<float> out(row() * paths.size(), std::numeric_limits<float>::quiet_NaN());
    const sphere::Attention a = described(out.data());
    std::vector<sphere::Path> seen;
    for (const int t : order) {
      const auto & path = paths[static_cast<size_t>(t)];
      seen.push_back({path.data(), static_cast<int>(path.size()), t, biases.empty() ? nullptr : biases.data(), 0});
    }
    sphere::sort_paths(seen.data(), static_cast<int>(seen.size()));
    std::vector<char> work(sphere::attend_work_size(shape.k_size, shape.v_size, shape.heads, shape.kv_heads));
    for (int i = 0; i < threads; i++) {
      sphere::attend(a, 0, seen.data(), static_cast<int>(seen.size()), i, threads, work.data());
    }
    return out;
  }

  std::vector<int> all() const {
    std::vector<int> order(paths.size());
    std::iota(order.begin(), order.end(), 0);
    return order;
  }

  // What a mask gives; paths must be in the order of cells.
  std::vector<float> masked() const {
    std::vector<float> out(row() * paths.size());
    sphere::Attention a = described(out.data());
    std::vector<uint16_t> mask(static_cast<size_t>(cells) * paths.size(), HIDDEN);
    for (size_t t = 0; t < paths.size(); t++) {
      for (const int32_t c : paths[t]) {
        mask[t * static_cast<size_t>(cells) + static_cast<size_t>(c)] =
            biases.empty() ? 0 : biases[static_cast<size_t>(c)];
      }
    }
    a.mask = reinterpret_cast<const char *>(mask.data());
    a.mask_token = static_cast<size_t>(cells) * 2;
    std::vector<char> work(sphere::attention_work_size(a, 1));
    sphere::attention(a, 0, 1, nullptr, work.data());
    return out;
  }

  std::vector<double> reference() const {
    std::vector<double> out(row() * paths.size(), 0);
    const int group = shape.heads / shape.kv_heads;
    for (size_t t = 0; t < paths.size(); t++) {
      for (int h = 0; h < shape.heads; h++) {
        const float * query = q.data() + (t * static_cast<size_t>(shape.heads) + static_cast<size_t>(h)) *
                                             static_cast<size_t>(shape.k_size);
        double * to = out.data() + t * row() + static_cast<size_t>(h * shape.v_size);
        const auto cell = [&](const std::vector<uint16_t> & from, int32_t c, int size) {
          return from.data() +
                 (static_cast<size_t>(c) * static_cast<size_t>(shape.kv_heads) + static_cast<size_t>(h / group)) *
                     static_cast<size_t>(size);
        };
        std::vector<double> scores;
        double most = -std::numeric_limits<double>::infinity(), sum = 0;
        for (const int32_t c : paths[t]) {
          double s = biases.empty() ? 0 : static_cast<double>(sphere::half_to_float(biases[static_cast<size_t>(c)]));
          for (int d = 0; d < shape.k_size; d++) {
            s += 0.25 * static_cast<double>(query[d]) *
                 static_cast<double>(sphere::half_to_float(cell(k, c, shape.k_size)[d]));
          }
          scores.push_back(s);
          most = std::max(most, s);
        }
        for (size_t i = 0; i < scores.size(); i++) {
          const double w = std::exp(scores[i] - most);
          sum += w;
          for (int d = 0; d < shape.v_size; d++) {
            to[d] += w * static_cast<double>(sphere::half_to_float(cell(v, paths[t][i], shape.v_size)[d]));
          }
        }
        for (int d = 0; d < shape.v_size && sum > 0; d++) {
          to[d] /= sum;
        }
      }
    }
    return out;
  }

  std::vector<float> of(const std::vector<float> & out, int token) const {
    const auto from = out.begin() + static_cast<std::ptrdiff_t>(row() * static_cast<size_t>(token));
    return {from, from + static_cast<std::ptrdiff_t>(row())};
  }
};

std::vector<int32_t> range(int from, int to) {
  std::vector<int32_t> cells(static_cast<size_t>(to - from));
  std::iota(cells.begin(), cells.end(), from);
  return cells;
}

std::vector<int32_t> joined(std::vector<int32_t> a, const std::vector<int32_t> & b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

// A tree: a prompt that all share, questions that some share, own cells that stand between each other's; tokens of one
// sequence that is computed, each seeing one cell more; twins, one that sees nothing, one that shares nothing.
std::vector<std::vector<int32_t>> tree(int prompt, int question, int own, int * cells) {
  std::vector<std::vector<int32_t>> paths;
  int next = prompt;
  for (int q = 0; q < 3; q++) {
    const auto asked = joined(range(0, prompt), range(next, next + question));
    next += question;
    for (int i = 0; i < 3 + q; i++) {
      auto path = asked;
      for (int j = 0; j < own + i; j++) {
        path.push_back(next + j * 7 + i);
      }
      paths.push_back(path);
    }
    next += 7 * (own + 7);
    if (q == 1) {
      for (int i = 1; i <= 5; i++) {
        paths.push_back(joined(asked, range(next, next + i)));
      }
      next += 5;
      paths.push_back(asked);
      paths.push_back(asked);
    }
  }
  paths.push_back({});
  paths.push_back(range(next, next + own + 1));
  *cells = next + own + 1;
  return paths;
}

void reference() {
  for (const Shape & shape :
       {Shape{16, 16, 1, 1}, Shape{64, 64, 14, 2}, Shape{64, 48, 6, 2}, Shape{48, 96, 3, 3}, Shape{128, 128, 8, 1},
        Shape{32, 16, 15, 3}, Shape{80, 80, 4, 1}, Shape{16, 64, 71, 1}, Shape{96, 32, 10, 2}}) {
    for (const int prompt : {0, 17, BLOCK - 5, BLOCK + 3}) {
      int cells = 0;
      const auto paths = tree(prompt, prompt % 2 * 30 + 1, 11, &cells);
      Node node(shape, cells, paths, static_cast<uint64_t>(prompt));
      for (const bool biased : {false, true}) {
        if (biased) {
          Random random(9);
          for (int i = 0; i < cells; i++) {
            node.biases.push_back(half(random));
          }
        }
        const std::string name =
            std::to_string(shape.k_size) + " x " + std::to_string(shape.heads) + " after " + std::to_string(prompt);
        const auto out = node.compute(node.all());
        const auto expected = node.reference();
        for (size_t i = 0; i < out.size(); i++) {
          near(out[i], expected[i], 3e-6, 0, name + ", number " + std::to_string(i));
        }
        same_bits(node.masked(), out, name + ", by a mask");
      }
    }
  }
}

void company() {
  Random random(5);
  for (const Shape & shape : {Shape{64, 64, 14, 2}, Shape{64, 64, 2, 2}, Shape{128, 32, 4, 1}, Shape{16, 16, 16, 2}}) {
    for (const int prompt : {3, 100, BLOCK - 2, 2 * BLOCK}) {
      int cells = 0;
      const auto paths = tree(prompt, 20, 9, &cells);
      const Node node(shape, cells, paths);
      const std::string name = std::to_string(shape.heads) + " heads after " + std::to_string(prompt);
      const auto out = node.compute(node.all());
      for (int t = 0; t < node.tokens(); t++) {
        same_bits(node.of(node.compute({t}), t), node.of(out, t), name + ", token " + std::to_string(t) + " alone");
      }
      for (int i = 0; i < 4; i++) {
        auto some = node.all();
        std::shuffle(some.begin(), some.end(), random);
        some.resize(static_cast<size_t>(1 + below(random, node.tokens())));
        const auto found = node.compute(some, 1 + i);
        for (const int t : some) {
          same_bits(node.of(found, t), node.of(out, t), name + ", token " + std::to_string(t) + " in other company");
        }
      }
    }
  }
}

// The cells stand elsewhere: the same numbers in other places, and NaN everywhere else.
void places() {
  const Shape shape{64, 64, 6, 2};
  int cells = 0;
  auto paths = tree(BLOCK + 7, 20, 9, &cells);
  const Node node(shape, cells, paths);
  Node moved(shape, cells + 100, paths);
  std::fill(moved.k.begin(), moved.k.end(), 0x7E00);
  std::fill(moved.v.begin(), moved.v.end(), 0x7E00);
  moved.q = node.q;
  const size_t width = 64 * 2;
  for (auto & path : moved.paths) {
    for (int32_t & c : path) {
      const auto from = static_cast<size_t>(c), to = from + (from > 40 ? 60 : 3) + (from > 300 ? 40 : 0);
      std::copy_n(node.k.begin() + static_cast<std::ptrdiff_t>(from * width), width,
                  moved.k.begin() + static_cast<std::ptrdiff_t>(to * width));
      std::copy_n(node.v.begin() + static_cast<std::ptrdiff_t>(from * width), width,
                  moved.v.begin() + static_cast<std::ptrdiff_t>(to * width));
      c = static_cast<int32_t>(to);
    }
  }
  same_bits(moved.compute(moved.all()), node.compute(node.all()), "cells that moved");
}

// NaN and infinities in a cell are in the result of those that see it, and of nobody else.
void not_numbers() {
  const Shape shape{64, 64, 14, 2};
  for (const uint16_t bad : {uint16_t{0x7E00}, uint16_t{0x7C00}}) {
    for (const int at : {0, 50, BLOCK, BLOCK + 39}) {
      for (const bool key : {true, false}) {
        std::vector<std::vector<int32_t>> paths;
        for (int i = 0; i < 12; i++) {
          paths.push_back(range(0, BLOCK + 30 + i)); // one sequence: the last ones see the cell
        }
        paths.push_back(range(BLOCK + 45, BLOCK + 50));
        Node node(shape, BLOCK + 50, paths);
        const auto clean = node.compute(node.all());
        auto & numbers = key ? node.k : node.v;
        for (int head = 0; head < 2; head++) {
          numbers[static_cast<size_t>(at * 128 + head * 64 + 5)] = bad;
        }
        const auto out = node.compute(node.all());
        for (int t = 0; t < node.tokens(); t++) {
          const auto & path = paths[static_cast<size_t>(t)];
          const bool sees = std::find(path.begin(), path.end(), at) != path.end();
          const auto found = node.of(out, t);
          const std::string name = "token " + std::to_string(t) + " with cell " + std::to_string(at);
          if (!sees) {
            same_bits(found, node.of(clean, t), name + ", which it does not see");
          } else if (key) {
            expect(std::all_of(found.begin(), found.end(), [](float x) { return std::isnan(x); }), name + ": a key");
          } else {
            expect(!std::isfinite(found[5]) && std::isfinite(found[4]), name + ": a value");
          }
        }
      }
    }
  }
}

// Scores so far apart that blocks weigh nothing beside each other, whichever is the heavier.
void extremes() {
  for (const bool last : {false, true}) {
    Node node({16, 16, 2, 1}, 2 * BLOCK, {range(0, 2 * BLOCK), range(0, 2 * BLOCK - 1)});
    for (int c = 0; c < 2 * BLOCK; c++) {
      for (int d = 0; d < 16; d++) {
        node.k[static_cast<size_t>(c * 16 + d)] = (c >= BLOCK) == last ? 0x7000 : 0xF000; // 8192, -8192
      }
    }
    std::fill(node.q.begin(), node.q.end(), 1.0f);
    const auto out = node.compute(node.all());
    const auto expected = node.reference();
    for (size_t i = 0; i < out.size(); i++) {
      near(out[i], expected[i], 3e-6, 0, "far apart, number " + std::to_string(i));
    }
  }
}

// With fused products the bits are the same on every CPU: these are AVX-512's.
void every_cpu() {
#if defined(__FMA__) || defined(__aarch64__)
  int cells = 0;
  const auto paths = tree(BLOCK + 11, 33, 9, &cells);
  const Node node({64, 48, 14, 2}, cells, paths);
  uint64_t hash = 1469598103934665603u;
  for (const float x : node.compute(node.all())) {
    uint32_t bits;
    std::memcpy(&bits, &x, 4);
    hash = (hash ^ bits) * 1099511628211u;
  }
  expect(hash == 10327243841937461052u, "the hash of all bits is " + std::to_string(hash));
#else
  std::printf("       products and sums are rounded apart here\n");
#endif
}

} // namespace

int main(int argc, char ** argv) {
  return run({{"reference", reference},
              {"company", company},
              {"places", places},
              {"not numbers", not_numbers},
              {"extremes", extremes},
              {"every CPU", every_cpu}},
             argc, argv);
}
