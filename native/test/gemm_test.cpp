// The trainer's products against sums in double precision, on odd sizes and in all layouts; the same bits whatever the
// number of threads and of other rows. No ggml: it also runs where that was not built.
#include "check.hpp"

#include "common/half.hpp"
#include "train/gemm.hpp"

#include <limits>

using namespace test;
using sphere::MatrixA;
using sphere::MatrixB;

namespace {

// To the nearest BF16, ties to even.
uint16_t to_bf16(float x) {
  uint32_t bits;
  std::memcpy(&bits, &x, 4);
  return static_cast<uint16_t>((bits + 0x7FFF + (bits >> 16 & 1)) >> 16);
}

// Rows of `from` that are not in memory as floats: [..][stride]
struct Source {
  const float * at;
  int64_t stride;
};
void fill(const void * source, int64_t i, int64_t j0, int64_t nc, float * out) {
  const auto * s = static_cast<const Source *>(source);
  std::memcpy(out, s->at + i * s->stride + j0, static_cast<size_t>(nc) * sizeof(float));
}

enum class From { FLOATS, FILLED, HALVES };

struct Shape {
  int64_t m, n, k;
  bool a_rows, b_rows;
  From from;

  std::string name() const {
    return std::to_string(m) + " x " + std::to_string(n) + " x " + std::to_string(k) +
           (a_rows ? "" : ", A by columns") + (b_rows ? "" : ", B by columns") +
           (from == From::FILLED   ? ", filled"
            : from == From::HALVES ? ", BF16 in memory"
                                   : "");
  }
};

void product(bool bf16, const Shape & s, Random & random) {
  const auto at = [](int64_t i) { return static_cast<size_t>(i); };
  const auto a = normals(random, at(s.m * s.k)), b = normals(random, at(s.k * s.n)), bias = normals(random, at(s.n));
  std::vector<uint16_t> half(b.size());
  for (size_t i = 0; i < b.size(); i++) {
    half[i] = to_bf16(b[i]);
  }
  const MatrixA ma{a.data(), s.a_rows ? s.k : 1, s.a_rows ? 1 : s.m};
  const Source source{b.data(), s.b_rows ? s.n : s.k};
  const MatrixB mb{b.data(),
                   s.b_rows ? s.n : 1,
                   s.b_rows ? 1 : s.k,
                   s.from == From::FILLED ? fill : nullptr,
                   &source,
                   s.from == From::HALVES ? half.data() : nullptr};
  const auto run = [&](const MatrixA & x, int64_t m, std::vector<float> & c, const float * with, bool accumulate,
                       int threads) {
    std::vector<float> scratch(at(sphere::gemm_scratch(bf16, m, s.n, s.k)));
    for (int t = 0; t < threads; t++) {
      sphere::gemm(bf16, {m, s.n, s.k, x, mb, c.data(), s.n, with, accumulate}, t, threads, scratch.data());
    }
  };
  const std::string name = (bf16 ? "BF16 " : "F32 ") + s.name();
  std::vector<float> plain(at(s.m * s.n)), biased = plain, added = bias, threads = plain;
  run(ma, s.m, plain, nullptr, false, 1);
  run(ma, s.m, biased, bias.data(), false, 1);
  run(ma, s.m, threads, nullptr, false, 3);
  same_bits(plain, threads, name + " by three threads");
  added.assign(plain.size(), 3);
  run(ma, s.m, added, nullptr, true, 2);
  for (int64_t i = 0; i < s.m; i++) {
    for (int64_t j = 0; j < s.n; j++) {
      double sum = 0, size = 0;
      for (int64_t p = 0; p < s.k; p++) {
        float x = a[at(i * ma.row + p * ma.col)], y = b[at(p * mb.row + j * mb.col)];
        if (bf16) {
          x = sphere::bf16_to_float(to_bf16(x));
          y = sphere::bf16_to_float(to_bf16(y));
        }
        sum += static_cast<double>(x) * static_cast<double>(y);
        size += std::fabs(static_cast<double>(x) * static_cast<double>(y));
      }
      const double error = 1e-6 + 1e-6 * size;
      near(plain[at(i * s.n + j)], sum, error, 0, name);
      near(biased[at(i * s.n + j)], sum + static_cast<double>(bias[at(j)]), error, 1e-6, name + " with a bias");
      near(added[at(i * s.n + j)], sum + 3, error, 1e-6, name + " added to 3");
    }
    std::vector<float> alone(at(s.n));
    run(MatrixA{a.data() + i * ma.row, ma.row, ma.col}, 1, alone, nullptr, false, 1);
    same_bits(alone, std::vector<float>(plain.begin() + i * s.n, plain.begin() + (i + 1) * s.n),
              name + ", a row alone");
  }
}

void products(bool bf16) {
  Random random(5);
  for (const int64_t m : {1, 3, 7, 8, 13}) {
    for (const int64_t n : {1, 5, 16, 47, 49, 130}) {
      for (const int64_t k : {1, 2, 15, 33, 161}) {
        for (int layout = 0; layout < 4; layout++) {
          for (const From from : {From::FLOATS, From::FILLED, From::HALVES}) {
            if (bf16 || from != From::HALVES) {
              product(bf16, {m, n, k, (layout & 1) == 0, (layout & 2) == 0, from}, random);
            }
          }
        }
      }
    }
  }
  // Beyond a panel's depth and the columns that are packed at once.
  for (int layout = 0; layout < 4; layout++) {
    product(bf16, {9, 1601, 3, (layout & 1) == 0, (layout & 2) == 0, From::FLOATS}, random);
    product(bf16, {9, 50, 1403, (layout & 1) == 0, (layout & 2) == 0, From::FILLED}, random);
  }
}

void f32() { products(false); }

void bf16() {
  if (!sphere::has_gemm_bf16()) {
    std::printf("       no products of BF16 for this CPU\n");
    return;
  }
  products(true);
}

void small() {
  Random random(6);
  for (const int64_t m : {1, 5, 12}) {
    for (const int64_t n : {1, 17, 60}) {
      const int64_t k = 21;
      const auto a = normals(random, static_cast<size_t>(m * k));
      auto b = normals(random, static_cast<size_t>(k * n));
      b.resize(b.size() + sphere::kWidth - 1, std::numeric_limits<float>::quiet_NaN()); // read, never used
      std::vector<float> c(static_cast<size_t>(m * n), 2);
      sphere::gemm_small(m, n, k, MatrixA{a.data(), k, 1}, b.data(), n, c.data(), n, true);
      for (int64_t i = 0; i < m * n; i++) {
        double sum = 2;
        for (int64_t p = 0; p < k; p++) {
          sum += static_cast<double>(a[static_cast<size_t>(i / n * k + p)]) *
                 static_cast<double>(b[static_cast<size_t>(p * n + i % n)]);
        }
        near(c[static_cast<size_t>(i)], sum, 2e-5, 1e-5, std::to_string(m) + " x " + std::to_string(n) + ", small");
      }
    }
  }
}

} // namespace

int main(int argc, char ** argv) {
  return run({{"products of F32", f32}, {"products of BF16", bf16}, {"small products", small}}, argc, argv);
}
