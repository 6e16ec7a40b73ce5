// Log-probabilities, forward and backward, against plain loops in double precision.
#include "check.hpp"

#include "sphere_sampling.h"

using namespace sphere::cuda;
using namespace test;

namespace {

constexpr float kInf = INFINITY;

struct Plain {
  double max, lse, entropy, mean;
  int64_t top; // the first of equal ones
};

Plain plain(const float * row, int64_t n) {
  Plain p{-kInf, 0, 0, 0, 0};
  for (int64_t i = 0; i < n; i++) {
    p.top = row[i] > p.max ? i : p.top;
    p.max = std::max<double>(p.max, row[i]);
    p.mean += row[i] / static_cast<double>(n);
  }
  double sum = 0, weighted = 0;
  for (int64_t i = 0; i < n; i++) {
    const double d = row[i] - p.max;
    sum += std::exp(d);
    weighted += row[i] == -kInf ? 0 : std::exp(d) * d;
  }
  p.lse = p.max + std::log(sum);
  p.entropy = std::log(sum) - weighted / sum;
  return p;
}

struct Targets {
  std::vector<int32_t> offsets, tokens;
  std::vector<float> weights;
};

// Some rows have none, some several, among them the same token twice.
Targets targets(Random & random, int64_t rows, int64_t vocabulary) {
  Targets t;
  t.offsets.push_back(0);
  for (int64_t r = 0; r < rows; r++) {
    const int count = r % 4 == 3 ? 0 : 1 + below(random, 3);
    for (int i = 0; i < count; i++) {
      const bool again = i > 0 && below(random, 3) == 0;
      t.tokens.push_back(again ? t.tokens.back() : below(random, static_cast<int>(vocabulary)));
      t.weights.push_back(normal(random));
    }
    t.offsets.push_back(static_cast<int32_t>(t.tokens.size()));
  }
  return t;
}

// Logits whose rows begin `shift` elements into an aligned block.
struct Placed {
  Placed(const std::vector<float> & rows, int64_t vocabulary, size_t shift)
      : skip(shift), memory(skip + rows.size()),
        logits{memory.get() + skip, vocabulary, static_cast<int64_t>(rows.size()) / vocabulary} {
    std::vector<float> all(skip);
    all.insert(all.end(), rows.begin(), rows.end());
    memory.write(all);
  }
  std::vector<float> read() const {
    const auto all = memory.read();
    return {all.begin() + static_cast<std::ptrdiff_t>(skip), all.end()};
  }
  size_t skip;
  Array<float> memory;
  Logits logits;
};

void forward() {
  Random random(1);
  for (const int64_t vocabulary : {1, 2, 3, 31, 513, 1000, 4099}) {
    const int64_t rows = vocabulary < 600 ? 9 : 3;
    auto values = normals(random, static_cast<size_t>(rows * vocabulary), 4);
    for (int64_t i = 0; i < rows && vocabulary > 2;
         i++) { // in every other row the largest are equal, wherever they are
      for (int64_t j = 0; j < (i % 2 == 0 ? 3 : 0); j++) {
        values[static_cast<size_t>(i * vocabulary + below(random, static_cast<int>(vocabulary)))] = 24;
      }
    }
    Targets t = targets(random, rows, vocabulary);
    for (int64_t r = 0; r < rows; r++) { // each row's first target is one of its largest
      const auto first = static_cast<size_t>(t.offsets[static_cast<size_t>(r)]);
      if (t.offsets[static_cast<size_t>(r) + 1] > t.offsets[static_cast<size_t>(r)]) {
        const float * row = values.data() + r * vocabulary;
        const float most = *std::max_element(row, row + vocabulary);
        int64_t at = std::max_element(row, row + vocabulary) - row;
        for (int64_t j = at; j < vocabulary; j++) {
          at = row[j] == most && below(random, 2) == 0 ? j : at;
        }
        t.tokens[first] = static_cast<int32_t>(at);
      }
    }
    const std::string name = "vocabulary " + std::to_string(vocabulary);
    const Array<int32_t> offsets(t.offsets), tokens(t.tokens);
    const auto all = in_any_order<float>(name, [&] {
      const Placed logits(values, vocabulary, static_cast<size_t>(vocabulary % 4));
      const Array<float> out(t.tokens.size()), each(t.tokens.size()), mean(t.tokens.size()), top(t.tokens.size());
      log_probs(logits.logits, offsets.get(), tokens.get(), out.get(), {each.get(), mean.get(), top.get()}, nullptr);
      std::vector<float> results = out.read();
      for (const auto * a : {&each, &mean, &top}) {
        const auto part = a->read();
        results.insert(results.end(), part.begin(), part.end());
      }
      return results;
    });
    const size_t n = t.tokens.size();
    for (int64_t r = 0; r < rows; r++) {
      const float * row = values.data() + r * vocabulary;
      const Plain p = plain(row, vocabulary);
      for (int32_t i = t.offsets[static_cast<size_t>(r)]; i < t.offsets[static_cast<size_t>(r) + 1]; i++) {
        const auto k = static_cast<size_t>(i);
        near(all[k], row[t.tokens[k]] - p.lse, 1e-5, 1e-6, name);
        const size_t more = n + k;
        near(all[more], p.entropy, 2e-5, 1e-5, name + " entropy of a target");
        near(all[more + n], p.mean, 1e-5, 1e-5, name + " mean");
        near(all[more + 2 * n], t.tokens[k] == p.top ? 1 : 0, 0, 0, name + " arg max");
      }
    }
  }
}

void backward() {
  Random random(2);
  for (const int64_t vocabulary : {1, 5, 515, 2051}) {
    const int64_t rows = 5;
    auto values = normals(random, static_cast<size_t>(rows * vocabulary), 3);
    if (vocabulary > 1) {
      values[1] = 40; // row 0: every other token is so unlikely that log sum exp must be computed again
    }
    const Targets t = targets(random, rows, vocabulary);
    const std::string name = "vocabulary " + std::to_string(vocabulary);
    const Array<int32_t> offsets(t.offsets), tokens(t.tokens);
    const Array<float> weights(t.weights);
    const auto gradient = in_any_order<float>(name, [&] {
      const Placed logits(values, vocabulary, static_cast<size_t>(vocabulary % 4));
      const Array<float> out(t.tokens.size());
      log_probs(logits.logits, offsets.get(), tokens.get(), out.get(), {}, nullptr);
      log_probs_back(logits.logits, offsets.get(), tokens.get(), weights.get(), out.get(), nullptr);
      return logits.read();
    });
    for (int64_t r = 0; r < rows; r++) {
      const Plain p = plain(values.data() + r * vocabulary, vocabulary);
      std::vector<double> expected(static_cast<size_t>(vocabulary));
      for (int32_t i = t.offsets[static_cast<size_t>(r)]; i < t.offsets[static_cast<size_t>(r) + 1]; i++) {
        const double w = t.weights[static_cast<size_t>(i)];
        for (int64_t j = 0; j < vocabulary; j++) {
          expected[static_cast<size_t>(j)] -= w * std::exp(values[static_cast<size_t>(r * vocabulary + j)] - p.lse);
        }
        expected[static_cast<size_t>(t.tokens[static_cast<size_t>(i)])] += w;
      }
      for (int64_t j = 0; j < vocabulary; j++) {
        near(gradient[static_cast<size_t>(r * vocabulary + j)], expected[static_cast<size_t>(j)], 8e-6, 4e-6,
             name + " gradient");
      }
    }
  }
}

// What rollouts and scoring use: the CPU's sphere_logprob_rows is the reference, extremes included.
void of_rows() {
  Random random(3);
  const int n = 1023;
  std::vector<float> x = normals(random, 8 * n, 5);
  std::fill_n(x.begin() + n, n, -kInf);    // row 1: nothing is possible
  std::fill_n(x.begin() + 2 * n, n, 3.0f); // row 2: all equal
  x[3 * n + 7] = kInf;                     // row 3: infinite ones share everything
  x[3 * n + 9] = kInf;
  x[4 * n + 1022] = NAN; // row 4
  x[5 * n] = 3e38f;      // row 5: overflow in the difference
  x[5 * n + 1] = -3e38f;
  std::fill_n(x.begin() + 6 * n, n, -kInf); // row 6: one possible token
  x[6 * n + 500] = -7;
  const std::vector<int32_t> rows = {0, 0, 2, 3, 3, 5, 5, 6, 6, 7}, tokens = {0, 1022, 5, 7, 8, 0, 1, 500, 501, 77};
  std::vector<float> expected(rows.size());
  expect(sphere_logprob_rows(x.data(), n, static_cast<int32_t>(rows.size()), rows.data(), tokens.data(),
                             expected.data(), 1) == 0,
         "the reference");
  const Array<float> logits(x);
  const Logits l{logits.get(), n, 8};
  const Array<int32_t> r(rows), t(tokens);
  const auto out = in_any_order<float>("of_rows", [&] {
    const Array<float> result(rows.size());
    const Array<int32_t> status(rows.size());
    log_probs_of_rows(l, r.get(), t.get(), static_cast<int64_t>(rows.size()), result.get(), status.get(), nullptr);
    for (const int32_t s : status.read()) {
      expect(s == kRowGood, "a good row's status");
    }
    return result.read();
  });
  for (size_t i = 0; i < rows.size(); i++) {
    near(out[i], expected[i], 1e-5, 1e-6, "row " + std::to_string(rows[i]) + " token " + std::to_string(tokens[i]));
  }
  const Array<int32_t> bad(std::vector<int32_t>{1, 4}), any(std::vector<int32_t>{0, 0}), status(2);
  const Array<float> result(2);
  log_probs_of_rows(l, bad.get(), any.get(), 2, result.get(), status.get(), nullptr);
  expect(status.read() == std::vector<int32_t>({kRowEmpty, kRowNan}), "bad rows' statuses");
}

} // namespace

int main(int argc, char ** argv) {
  return run({{"forward", forward}, {"backward", backward}, {"of_rows", of_rows}}, argc, argv);
}
