// Drawn tokens against the CPU's sphere_sample_rows: the same key must give the same token, by both paths of the
// kernel.
#include "check.hpp"

using namespace sphere::cuda;
using namespace test;

namespace {

constexpr float kInf = INFINITY;

std::vector<DeviceDraw> by_device(const std::vector<float> & logits, int n, const std::vector<sphere_draw> & draws,
                                  SamplePath path) {
  std::vector<DeviceDraw> all;
  for (const sphere_draw & d : draws) {
    all.push_back({d, d.min_p > 0 ? std::log(d.min_p) : -kInf, -1});
  }
  const Array<float> x(logits);
  const Array<DeviceDraw> there(all);
  sample({x.get(), n, 0}, there.get(), static_cast<int64_t>(draws.size()), path, nullptr);
  return there.read();
}

struct Setting {
  int32_t top_k;
  float temperature, top_p, min_p;
};
const Setting kSettings[] = {
    {0, 1, 1, 0},        {0, 0.7f, 1, 0},         {0, 1.3f, 1, 0},        {0, 0, 1, 0},
    {1, 1, 1, 0},        {40, 1, 1, 0},           {40, 0.6f, 1, 0},       {0, 1, 0.9f, 0},
    {0, 0.8f, 0.95f, 0}, {0, 1, 0.01f, 0},        {0, 1, 1, 0.05f},       {0, 2, 1, 0.3f},
    {50, 1, 0.9f, 0},    {50, 0.7f, 0.5f, 0.02f}, {0, 1, 0.999f, 0.001f}, {3000, 1, 1, 0},
    {7, 1, 1, 1},        {2500, 1, 0.98f, 1e-6f},
};

sphere_draw draw_of(int row, uint64_t number, const Setting & s) {
  sphere_draw d{};
  d.seed = 5;
  d.problem = number % 7;
  d.node = number << 20;
  d.draw = static_cast<uint32_t>(number);
  d.index = static_cast<uint32_t>(number * 3);
  d.row = row;
  d.top_k = s.top_k;
  d.temperature = s.temperature;
  d.top_p = s.top_p;
  d.min_p = s.min_p;
  return d;
}

int compared = 0, differed = 0;

void compare(const std::vector<float> & logits, int n, const std::vector<sphere_draw> & draws,
             const std::string & name) {
  std::vector<sphere_draw> expected = draws;
  expect(sphere_sample_rows(logits.data(), n, expected.data(), static_cast<int32_t>(draws.size()), 1) == 0,
         name + ": the reference");
  for (const SamplePath path : {SamplePath::kAuto, SamplePath::kRadix}) {
    const auto found = by_device(logits, n, draws, path);
    for (size_t i = 0; i < draws.size(); i++) {
      const std::string which = name + (path == SamplePath::kAuto ? "" : " radix") + ", draw " + std::to_string(i);
      const sphere_draw & d = found[i].draw;
      expect(found[i].status == kRowGood, which + ": status " + std::to_string(found[i].status));
      compared++;
      if (d.token != expected[i].token) {
        differed++;
        continue;
      }
      near(d.logprob, expected[i].logprob, 2e-6, 1e-6, which + ": log-probability");
      near(d.sampling_logprob, expected[i].sampling_logprob, 4e-6, 2e-6, which + ": log-probability as drawn");
    }
  }
}

void against_cpu() {
  Random random(1);
  compared = differed = 0;
  for (const int n : {1, 2, 33, 511, 513, 3001, 5001}) {
    const int rows = n < 1000 ? 3 : 1;
    const auto logits = normals(random, static_cast<size_t>(rows) * static_cast<size_t>(n), n == 33 ? 0.5f : 3);
    std::vector<sphere_draw> draws;
    const uint64_t each = n < 600 ? 4 : 1;
    for (const Setting & s : kSettings) {
      for (uint64_t i = 0; i < each; i++) {
        draws.push_back(draw_of(static_cast<int>(i) % rows, i + 100 * static_cast<uint64_t>(n), s));
      }
    }
#if defined(SPHERE_EMULATE)
    emu::settings.seed = static_cast<uint64_t>(n);
#endif
    compare(logits, n, draws, "vocabulary " + std::to_string(n));
  }
  // A number within 1e-6 of a border may fall on its other side; among these draws none does.
  expect(differed == 0, std::to_string(differed) + " of " + std::to_string(compared) + " tokens differ");
  std::printf("       %d draws, %d tokens other than the CPU's\n", compared, differed);
}

// Equal logits, signed zeros, infinities, almost nothing possible.
void extremes() {
  compared = differed = 0;
  const int n = 700;
  std::vector<std::vector<float>> rows;
  rows.emplace_back(n, 2.5f);
  std::vector<float> zeros(n);
  for (int i = 0; i < n; i++) {
    zeros[static_cast<size_t>(i)] = i % 2 == 0 ? 0.0f : -0.0f;
  }
  rows.push_back(zeros);
  std::vector<float> infinite(n, 1.0f);
  infinite[3] = infinite[77] = infinite[699] = kInf;
  rows.push_back(infinite);
  std::vector<float> few(n, -kInf);
  few[10] = -3;
  few[20] = -3;
  few[600] = -4;
  rows.push_back(few);
  std::vector<float> steep(n, -300.0f);
  steep[699] = 500;
  rows.push_back(steep);
  std::vector<float> wide(n);
  for (int i = 0; i < n; i++) {
    wide[static_cast<size_t>(i)] = -0.2f * static_cast<float>((i * 37) % n);
  }
  rows.push_back(wide);
  std::vector<float> all;
  std::vector<sphere_draw> draws;
  for (size_t r = 0; r < rows.size(); r++) {
    all.insert(all.end(), rows[r].begin(), rows[r].end());
    for (const Setting & s : kSettings) {
      draws.push_back(draw_of(static_cast<int>(r), 1000 * r, s));
    }
    if (r + 2 < rows.size()) {
      continue;
    }
    for (const float cold : {1e-39f, 1e-45f}) { // 1 / temperature is infinite in F32
      for (const Setting & s : {Setting{0, cold, 1, 0}, Setting{40, cold, 1, 0}, Setting{0, cold, 0.9f, 0},
                                Setting{0, cold, 1, 0.05f}, Setting{3000, cold, 0.98f, 0}}) {
        draws.push_back(draw_of(static_cast<int>(r), 1000 * r + 7, s));
      }
    }
  }
  compare(all, n, draws, "extremes");
  expect(differed == 0, std::to_string(differed) + " of " + std::to_string(compared) + " tokens differ");
}

void bad_rows() {
  const int n = 600;
  std::vector<float> x(3 * n, 1.0f);
  x[577] = NAN;
  std::fill_n(x.begin() + n, n, -kInf);
  std::vector<sphere_draw> draws;
  for (const Setting & s : kSettings) {
    draws.push_back(draw_of(0, 1, s));
    draws.push_back(draw_of(1, 1, s));
    draws.push_back(draw_of(2, 1, s));
  }
  const auto found = by_device(x, n, draws, SamplePath::kAuto);
  for (size_t i = 0; i < found.size(); i++) {
    const int32_t expected[] = {kRowNan, kRowEmpty, kRowGood};
    expect(found[i].status == expected[i % 3], "status of draw " + std::to_string(i));
  }
}

// Both paths, every thread order: the same bits, since sums are of whole numbers.
void any_order() {
  Random random(4);
  const int n = 2100;
  const auto logits = normals(random, n, 2);
  std::vector<sphere_draw> draws;
  for (const Setting & s : kSettings) {
    draws.push_back(draw_of(0, 9, s));
  }
  std::vector<sphere_draw> first;
  for (const SamplePath path : {SamplePath::kAuto, SamplePath::kRadix}) {
    const auto all = in_any_order<sphere_draw>("any order", [&] {
      std::vector<sphere_draw> result;
      for (const DeviceDraw & d : by_device(logits, n, draws, path)) {
        result.push_back(d.draw);
      }
      return result;
    });
    if (first.empty()) {
      first = all;
    }
    same_bits(all, first, "the two paths");
  }
}

} // namespace

int main(int argc, char ** argv) {
  return run({{"against_cpu", against_cpu}, {"extremes", extremes}, {"bad_rows", bad_rows}, {"any_order", any_order}},
             argc, argv);
}
