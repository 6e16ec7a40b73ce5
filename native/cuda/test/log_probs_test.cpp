// Log-probabilities, forward and backward, against plain loops in double precision.
#include "check.hpp"

#include "sphere_sampling.h"

using namespace sphere::cuda;
using namespace test;

namespace {

constexpr float kInf = INFINITY;

// Conversions of the host's own, written differently from the kernels'.
uint16_t to_bf16(float x) {
  uint32_t bits;
  std::memcpy(&bits, &x, 4);
  return std::isnan(x) ? 0x7fc0 : static_cast<uint16_t>((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}
float from_bf16(uint16_t x) {
  const uint32_t bits = uint32_t{x} << 16;
  float value;
  std::memcpy(&value, &bits, 4);
  return value;
}
uint16_t to_f16(float x) {
  const _Float16 h = static_cast<_Float16>(x);
  uint16_t bits;
  std::memcpy(&bits, &h, 2);
  return bits;
}
float from_f16(uint16_t x) {
  _Float16 h;
  std::memcpy(&h, &x, 2);
  return static_cast<float>(h);
}

// Rows as bytes of a type, and what those bytes mean.
struct Rows {
  sphere_float_type type;
  int64_t vocabulary, rows;
  std::vector<uint8_t> bytes;
  std::vector<float> values;
};

Rows encode(sphere_float_type type, int64_t vocabulary, const std::vector<float> & x) {
  Rows r{type, vocabulary, static_cast<int64_t>(x.size()) / vocabulary, {}, x};
  if (type == SPHERE_F32) {
    r.bytes.resize(x.size() * 4);
    std::memcpy(r.bytes.data(), x.data(), r.bytes.size());
    return r;
  }
  std::vector<uint16_t> half(x.size());
  for (size_t i = 0; i < x.size(); i++) {
    half[i] = type == SPHERE_F16 ? to_f16(x[i]) : to_bf16(x[i]);
    r.values[i] = type == SPHERE_F16 ? from_f16(half[i]) : from_bf16(half[i]);
  }
  r.bytes.resize(half.size() * 2);
  std::memcpy(r.bytes.data(), half.data(), r.bytes.size());
  return r;
}

std::vector<float> decode(sphere_float_type type, const std::vector<uint8_t> & bytes) {
  std::vector<float> x(bytes.size() / (type == SPHERE_F32 ? 4 : 2));
  if (type == SPHERE_F32) {
    std::memcpy(x.data(), bytes.data(), bytes.size());
    return x;
  }
  for (size_t i = 0; i < x.size(); i++) {
    uint16_t half;
    std::memcpy(&half, bytes.data() + 2 * i, 2);
    x[i] = type == SPHERE_F16 ? from_f16(half) : from_bf16(half);
  }
  return x;
}

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
  Placed(const Rows & rows, size_t shift)
      : skip(shift * (rows.type == SPHERE_F32 ? 4 : 2)), memory(skip + rows.bytes.size()),
        logits{memory.get() + skip, rows.type, rows.vocabulary, rows.rows} {
    std::vector<uint8_t> all(skip);
    all.insert(all.end(), rows.bytes.begin(), rows.bytes.end());
    memory.write(all);
  }
  std::vector<uint8_t> read() const {
    const auto all = memory.read();
    return {all.begin() + static_cast<std::ptrdiff_t>(skip), all.end()};
  }
  size_t skip;
  Array<uint8_t> memory;
  Logits logits;
};

const sphere_float_type kTypes[] = {SPHERE_F32, SPHERE_F16, SPHERE_BF16};

void forward() {
  Random random(1);
  for (const int64_t vocabulary : {1, 2, 3, 31, 513, 1000, 4099}) {
    for (const sphere_float_type type : kTypes) {
      const int64_t rows = vocabulary < 600 ? 9 : 3;
      auto values = normals(random, static_cast<size_t>(rows * vocabulary), 4);
      for (int64_t i = 0; i < rows && vocabulary > 2;
           i++) { // in every other row the largest are equal, wherever they are
        for (int64_t j = 0; j < (i % 2 == 0 ? 3 : 0); j++) {
          values[static_cast<size_t>(i * vocabulary + below(random, static_cast<int>(vocabulary)))] = 24;
        }
      }
      const Rows x = encode(type, vocabulary, values);
      Targets t = targets(random, rows, vocabulary);
      for (int64_t r = 0; r < rows; r++) { // each row's first target is one of its largest
        const auto first = static_cast<size_t>(t.offsets[static_cast<size_t>(r)]);
        if (t.offsets[static_cast<size_t>(r) + 1] > t.offsets[static_cast<size_t>(r)]) {
          const float * row = x.values.data() + r * vocabulary;
          const float most = *std::max_element(row, row + vocabulary);
          int64_t at = std::max_element(row, row + vocabulary) - row;
          for (int64_t j = at; j < vocabulary; j++) {
            at = row[j] == most && below(random, 2) == 0 ? j : at;
          }
          t.tokens[first] = static_cast<int32_t>(at);
        }
      }
      const std::string name = "vocabulary " + std::to_string(vocabulary) + " type " + std::to_string(type);
      const Array<int32_t> offsets(t.offsets), tokens(t.tokens);
      const auto all = in_any_order<float>(name, [&] {
        const Placed logits(x, static_cast<size_t>(vocabulary % 4));
        const Array<float> out(t.tokens.size()), max(static_cast<size_t>(rows)), lse(static_cast<size_t>(rows)),
            entropy(static_cast<size_t>(rows)), each(t.tokens.size()), mean(t.tokens.size()), top(t.tokens.size());
        log_probs(logits.logits, offsets.get(), tokens.get(), out.get(), {max.get(), lse.get(), entropy.get()},
                  {each.get(), mean.get(), top.get()}, nullptr);
        std::vector<float> results = out.read();
        for (const auto * a : {&max, &lse, &entropy, &each, &mean, &top}) {
          const auto part = a->read();
          results.insert(results.end(), part.begin(), part.end());
        }
        return results;
      });
      const size_t n = t.tokens.size();
      for (int64_t r = 0; r < rows; r++) {
        const float * row = x.values.data() + r * vocabulary;
        const Plain p = plain(row, vocabulary);
        const auto at = n + static_cast<size_t>(r);
        near(all[at], p.max, 0, 0, name + " max");
        near(all[at + static_cast<size_t>(rows)], p.lse, 1e-5, 1e-6, name + " log sum exp");
        near(all[at + 2 * static_cast<size_t>(rows)], p.entropy, 2e-5, 1e-5, name + " entropy");
        for (int32_t i = t.offsets[static_cast<size_t>(r)]; i < t.offsets[static_cast<size_t>(r) + 1]; i++) {
          const auto k = static_cast<size_t>(i);
          near(all[k], row[t.tokens[k]] - p.lse, 1e-5, 1e-6, name);
          const size_t more = n + 3 * static_cast<size_t>(rows) + k;
          near(all[more], p.entropy, 2e-5, 1e-5, name + " entropy of a target");
          near(all[more + n], p.mean, 1e-5, 1e-5, name + " mean");
          near(all[more + 2 * n], t.tokens[k] == p.top ? 1 : 0, 0, 0, name + " arg max");
        }
      }
    }
  }
}

void backward() {
  Random random(2);
  for (const int64_t vocabulary : {1, 5, 515, 2051}) {
    for (const sphere_float_type type : kTypes) {
      const int64_t rows = 5;
      auto values = normals(random, static_cast<size_t>(rows * vocabulary), 3);
      if (vocabulary > 1) {
        values[1] = 40; // row 0: every other token is so unlikely that log sum exp must be computed again
      }
      const Rows x = encode(type, vocabulary, values);
      const Targets t = targets(random, rows, vocabulary);
      const std::string name = "vocabulary " + std::to_string(vocabulary) + " type " + std::to_string(type);
      const Array<int32_t> offsets(t.offsets), tokens(t.tokens);
      const Array<float> weights(t.weights);
      const auto bytes = in_any_order<uint8_t>(name, [&] {
        const Placed logits(x, static_cast<size_t>(vocabulary % 4));
        const Array<float> out(t.tokens.size());
        log_probs(logits.logits, offsets.get(), tokens.get(), out.get(), {}, {}, nullptr);
        log_probs_back(logits.logits, offsets.get(), tokens.get(), weights.get(), out.get(), nullptr);
        return logits.read();
      });
      const auto gradient = decode(type, bytes);
      const double rounding = type == SPHERE_F32 ? 2e-6 : type == SPHERE_F16 ? 2e-3 : 1.6e-2;
      for (int64_t r = 0; r < rows; r++) {
        const Plain p = plain(x.values.data() + r * vocabulary, vocabulary);
        std::vector<double> expected(static_cast<size_t>(vocabulary));
        for (int32_t i = t.offsets[static_cast<size_t>(r)]; i < t.offsets[static_cast<size_t>(r) + 1]; i++) {
          const double w = t.weights[static_cast<size_t>(i)];
          for (int64_t j = 0; j < vocabulary; j++) {
            expected[static_cast<size_t>(j)] -= w * std::exp(x.values[static_cast<size_t>(r * vocabulary + j)] - p.lse);
          }
          expected[static_cast<size_t>(t.tokens[static_cast<size_t>(i)])] += w;
        }
        for (int64_t j = 0; j < vocabulary; j++) {
          near(gradient[static_cast<size_t>(r * vocabulary + j)], expected[static_cast<size_t>(j)], 4 * rounding,
               2 * rounding, name + " gradient");
        }
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
  const Logits l{logits.get(), SPHERE_F32, n, 8};
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
