// The optimizer's kernels against the CPU's, bit by bit, and the pointwise training kernels against plain loops.
#include "check.hpp"

#include "sphere_optim.h"

#include <algorithm>

using namespace sphere::cuda;
using namespace test;

namespace {

// Values with extremes among them.
std::vector<float> values(Random & random, int64_t n, float scale) {
  auto x = normals(random, static_cast<size_t>(n), scale);
  const float extremes[] = {0.0f, -0.0f, 1e-38f, -1e-42f, 3e38f, INFINITY, NAN, 1e20f};
  for (size_t i = 0; i + 11 < x.size(); i += 97) {
    x[i + 3] = extremes[i / 97 % 8];
  }
  return x;
}

// NaN compares as one value: its sign and payload are the machine's.
std::vector<float> plain_nan(std::vector<float> x) {
  for (float & v : x) {
    v = std::isnan(v) ? NAN : v;
  }
  return x;
}

const int64_t kSizes[] = {0, 1, 3, 4, 5, 255, 1027, 4096, 9001};

void adamw_bits() {
  Random random(1);
  for (const int64_t n : kSizes) {
    for (const int shift : {0, 1}) {
      for (const bool clear : {false, true}) {
        const auto p = values(random, n + shift, 1), g = values(random, n + shift, 0.1f),
                   m = values(random, n + shift, 0.1f);
        auto v = values(random, n + shift, 0.01f);
        for (float & x : v) {
          x = std::fabs(x);
        }
        const sphere_adamw_step s{0.5f, 0.999f, 1e-3f, 0.9f, 0.95f, 1.4f, 1e-8f};
        auto ep = p, eg = g, em = m, ev = v;
        sphere_adamw(ep.data() + shift, eg.data() + shift, em.data() + shift, ev.data() + shift, n, s.grad_scale,
                     s.keep, s.step_size, s.beta1, s.beta2, s.root_scale, s.epsilon, clear, 1);
        const Array<float> dp(p), dg(g), dm(m), dv(v);
        adamw(dp.get() + shift, dg.get() + shift, dm.get() + shift, dv.get() + shift, n, s, clear, nullptr);
        const std::string name = "adamw of " + std::to_string(n) + " from " + std::to_string(shift);
        same_bits(plain_nan(dp.read()), plain_nan(ep), name + " value");
        same_bits(plain_nan(dg.read()), plain_nan(eg), name + " gradient");
        same_bits(plain_nan(dm.read()), plain_nan(em), name + " m");
        same_bits(plain_nan(dv.read()), plain_nan(ev), name + " v");
      }
    }
  }
}

void others_bits() {
  Random random(2);
  for (const int64_t n : kSizes) {
    const auto p = values(random, n, 1), g = values(random, n, 1), v = values(random, n, 1);
    const std::string name = " of " + std::to_string(n);
    for (const bool momentum : {false, true}) {
      auto ep = p, eg = g, ev = v;
      sphere_sgd(ep.data(), eg.data(), momentum ? ev.data() : nullptr, n, 0.7f, 0.99f, 0.1f, 0.9f, 1, 1);
      const Array<float> dp(p), dg(g), dv(v);
      sgd(dp.get(), dg.get(), momentum ? dv.get() : nullptr, n, 0.7f, 0.99f, 0.1f, 0.9f, true, nullptr);
      same_bits(plain_nan(dp.read()), plain_nan(ep), "sgd" + name);
      same_bits(plain_nan(dv.read()), plain_nan(ev), "velocity" + name);
      expect(dg.read() == std::vector<float>(static_cast<size_t>(n)), "cleared gradient" + name);
    }
  }
}

void sum_squares_bits() {
  Random random(3);
  for (const int64_t n : {1, 7, 8, 9, 4095, 4096, 4097, 20011}) {
    const auto x = normals(random, static_cast<size_t>(n), 3);
    double expected = 0;
    sphere_sum_squares(x.data(), n, 1, &expected);
    const Array<float> dx(x);
    const size_t blocks = static_cast<size_t>((n + kSumBlock - 1) / kSumBlock);
    const auto partial = in_any_order<double>("sum_squares", [&] {
      const Array<double> out(blocks);
      sum_squares(dx.get(), n, out.get(), nullptr);
      return out.read();
    });
    double total = 0;
    for (const double s : partial) {
      total += s;
    }
    same_bits(std::vector<double>{total}, std::vector<double>{expected}, "sum of " + std::to_string(n) + " squares");
  }
}

double dot(const float * a, const float * b, int64_t n) {
  double sum = 0;
  for (int64_t i = 0; i < n; i++) {
    sum += static_cast<double>(a[i]) * b[i];
  }
  return sum;
}

void norms() {
  Random random(4);
  const float eps = 1e-5f;
  for (const int64_t width : {1, 31, 64, 301}) {
    const int64_t rows = 11;
    const auto all = static_cast<size_t>(width * rows);
    const auto x = normals(random, all), w = normals(random, static_cast<size_t>(width)), dy = normals(random, all),
               before = normals(random, all);
    const Array<float> dx_(x), dw_(w), ddy(dy);
    const auto y = in_any_order<float>("rms_norm", [&] {
      const Array<float> out(all);
      rms_norm(dx_.get(), dw_.get(), out.get(), width, rows, eps, nullptr);
      return out.read();
    });
    const Array<float> fresh(all), added(before), gw(w), scratch(static_cast<size_t>(rows));
    rms_norm_dx(dx_.get(), dw_.get(), ddy.get(), fresh.get(), width, rows, eps, false, nullptr);
    rms_norm_dx(dx_.get(), dw_.get(), ddy.get(), added.get(), width, rows, eps, true, nullptr);
    rms_norm_dw(dx_.get(), ddy.get(), gw.get(), width, rows, eps, scratch.get(), nullptr);
    const auto f = fresh.read(), a = added.read(), dw = gw.read();
    std::vector<double> edw(w.begin(), w.end());
    for (int64_t r = 0; r < rows; r++) {
      const float * row = x.data() + r * width;
      const double inverse = 1 / std::sqrt(dot(row, row, width) / static_cast<double>(width) + eps);
      double mean = 0;
      for (int64_t i = 0; i < width; i++) {
        mean += static_cast<double>(dy[static_cast<size_t>(r * width + i)]) * w[static_cast<size_t>(i)] * row[i];
      }
      mean /= static_cast<double>(width);
      for (int64_t i = 0; i < width; i++) {
        const auto at = static_cast<size_t>(r * width + i);
        const double g = static_cast<double>(dy[at]) * w[static_cast<size_t>(i)];
        const double e = inverse * (g - row[i] * inverse * inverse * mean);
        near(y[at], row[i] * inverse * w[static_cast<size_t>(i)], 1e-5, 1e-5, "rms_norm");
        near(f[at], e, 2e-5, 2e-5, "rms_norm_dx");
        near(a[at], before[at] + e, 2e-5, 2e-5, "rms_norm_dx added");
        edw[static_cast<size_t>(i)] += static_cast<double>(dy[at]) * row[i] * inverse;
      }
    }
    for (int64_t i = 0; i < width; i++) {
      near(dw[static_cast<size_t>(i)], edw[static_cast<size_t>(i)], 2e-5, 2e-5, "rms_norm_dw");
    }
  }
}

void elements_and_rows() {
  Random random(5);
  const int64_t n = 1003;
  auto gate = normals(random, static_cast<size_t>(n), 4);
  gate[0] = 100;
  gate[1] = -100;
  const auto up = normals(random, static_cast<size_t>(n)), dy = normals(random, static_cast<size_t>(n));
  const Array<float> g(gate), u(up), d(dy), y(static_cast<size_t>(n)), dg(static_cast<size_t>(n)),
      du(static_cast<size_t>(n));
  swiglu(g.get(), u.get(), y.get(), n, nullptr);
  swiglu_back(g.get(), u.get(), d.get(), dg.get(), du.get(), n, nullptr);
  const auto yy = y.read(), gg = dg.read(), uu = du.read();
  for (size_t i = 0; i < static_cast<size_t>(n); i++) {
    const double s = 1 / (1 + std::exp(-static_cast<double>(gate[i])));
    near(yy[i], gate[i] * s * up[i], 1e-6, 2e-6, "swiglu");
    near(uu[i], dy[i] * gate[i] * s, 1e-6, 2e-6, "swiglu dup");
    near(gg[i], dy[i] * up[i] * s * (1 + gate[i] * (1 - s)), 2e-6, 4e-6, "swiglu dgate");
  }
  const int64_t width = 37, count = 9, rows = 5;
  const auto x = normals(random, static_cast<size_t>(width * count)),
             into = normals(random, static_cast<size_t>(width * rows));
  const std::vector<int32_t> where = {4, 0, 4, 4, 1, 0, 3, 4, 1};
  const Array<float> dx(x), added(into), fresh(into), sums(into);
  const Array<int32_t> dwhere(where);
  scatter(dx.get(), dwhere.get(), count, added.get(), width, rows, false, nullptr);
  scatter(dx.get(), dwhere.get(), count, fresh.get(), width, rows, true, nullptr);
  sum_rows(dx.get(), sums.get(), width, count, nullptr);
  auto eadded = into;
  std::vector<float> efresh(into.size());
  std::vector<double> esums(into.begin(), into.end());
  for (size_t i = 0; i < where.size(); i++) {
    for (size_t c = 0; c < static_cast<size_t>(width); c++) {
      eadded[static_cast<size_t>(where[i]) * width + c] += x[i * width + c];
      efresh[static_cast<size_t>(where[i]) * width + c] += x[i * width + c];
      esums[c] += x[i * width + c];
    }
  }
  same_bits(added.read(), eadded, "scatter");
  same_bits(fresh.read(), efresh, "scatter into zeros");
  const auto s = sums.read();
  for (size_t c = 0; c < static_cast<size_t>(width); c++) {
    near(s[c], esums[c], 1e-5, 1e-5, "sum_rows");
  }
  const std::vector<int32_t> positions = {0, 1, 17, 4095, 131071};
  const std::vector<float> factors = {1, 2, 0.5f, 8};
  const Array<int32_t> dpositions(positions);
  const Array<float> dfactors(factors), table(8 * positions.size()), plain(8 * positions.size());
  rope_table(dpositions.get(), dfactors.get(), table.get(), 8, 5, {10000, 0.5f, 1, 0, 0, 0}, nullptr);
  rope_table(dpositions.get(), nullptr, plain.get(), 8, 5, {10000, 1, 1, 0, 0, 0}, nullptr);
  // YaRN: dimensions 1 to 3 pass from their own frequency to the scaled one.
  const Array<float> yarn(8 * positions.size());
  rope_table(dpositions.get(), nullptr, yarn.get(), 8, 5, {10000, 0.25f, 1.5f, 1, 1, 3}, nullptr);
  const auto t = table.read(), pl = plain.read(), ya = yarn.read();
  for (size_t r = 0; r < positions.size(); r++) {
    for (size_t i = 0; i < 4; i++) {
      const double angle = positions[r] * std::pow(10000.0, -static_cast<double>(i) / 4);
      near(t[r * 8 + i], std::cos(angle * 0.5 / factors[i]), 1e-6, 0, "rope cosine");
      near(t[r * 8 + 4 + i], std::sin(angle * 0.5 / factors[i]), 1e-6, 0, "rope sine");
      near(pl[r * 8 + i], std::cos(angle), 1e-6, 0, "rope cosine");
      const double own[] = {1, 1, 0.5, 0};
      const double length = 1.5 * (1 + 0.1 * std::log(4.0));
      near(ya[r * 8 + i], length * std::cos(angle * (0.25 * (1 - own[i]) + own[i])), 4e-6, 0, "yarn cosine");
    }
  }
}

} // namespace

int main(int argc, char ** argv) {
  return run({{"adamw_bits", adamw_bits},
              {"others_bits", others_bits},
              {"sum_squares_bits", sum_squares_bits},
              {"norms", norms},
              {"elements_and_rows", elements_and_rows}},
             argc, argv);
}
