// Speed of the kernels on a device: GB/s against a copy on the same device, one JSON object a line. For gpu-check.sh;
// also an executable of the device tests (a bandwidth of zero would fail it).
#include "check.hpp"

#include <algorithm>

using namespace sphere::cuda;
using namespace test;

namespace {

double copy_gbs = 0;

// Median of 20 runs after 3, in seconds; the launches of one run take some hundred microseconds at least.
template <typename Body> double seconds(Body body) {
  cudaEvent_t start, stop;
  check(cudaEventCreate(&start), "event");
  check(cudaEventCreate(&stop), "event");
  std::vector<double> times;
  for (int i = 0; i < 23; i++) {
    check(cudaEventRecord(start), "event");
    body();
    check(cudaEventRecord(stop), "event");
    check(cudaEventSynchronize(stop), "event");
    float ms = 0;
    check(cudaEventElapsedTime(&ms, start, stop), "event");
    if (i >= 3) {
      times.push_back(ms / 1e3);
    }
  }
  cudaEventDestroy(start);
  cudaEventDestroy(stop);
  std::sort(times.begin(), times.end());
  return times[times.size() / 2];
}

template <typename Body> void report(const std::string & name, double bytes, Body body) {
  const double s = seconds(body);
  const double gbs = bytes / s / 1e9;
  std::printf("{\"kernel\":\"%s\",\"us\":%.1f,\"gb_per_s\":%.0f,\"of_copy\":%.3f}\n", name.c_str(), s * 1e6, gbs,
              copy_gbs > 0 ? gbs / copy_gbs : 1.0);
  std::fflush(stdout);
  expect(gbs > 0, name);
}

void all() {
  const int64_t n = int64_t{1} << 26; // floats: 256 MiB, beyond every L2
  const Array<float> a(static_cast<size_t>(n)), b(static_cast<size_t>(n)), c(static_cast<size_t>(n)),
      d(static_cast<size_t>(n));
  for (const Array<float> * x : {&a, &b, &c, &d}) {
    check(cudaMemset(x->get(), 0, static_cast<size_t>(n) * 4), "memset");
  }
  const auto bytes = static_cast<double>(n) * 4;
  const double s =
      seconds([&] { cudaMemcpyAsync(b.get(), a.get(), static_cast<size_t>(n) * 4, cudaMemcpyDefault, 0); });
  copy_gbs = 2 * bytes / s / 1e9;
  std::printf("{\"kernel\":\"copy\",\"us\":%.1f,\"gb_per_s\":%.0f,\"of_copy\":1}\n", s * 1e6, copy_gbs);

  const sphere_adamw_step step{1, 1, 1e-3f, 0.9f, 0.99f, 1, 1e-8f};
  report("adamw", 7 * bytes, [&] { adamw(a.get(), b.get(), c.get(), d.get(), n, step, false, nullptr); });
  report("adamw_clear", 8 * bytes, [&] { adamw(a.get(), b.get(), c.get(), d.get(), n, step, true, nullptr); });
  const Array<double> partial(static_cast<size_t>(n / kSumBlock + 1));
  report("sum_squares", bytes, [&] { sum_squares(a.get(), n, partial.get(), nullptr); });

  // The head at a vocabulary of 151936 (Qwen2), 440 rows: 256 MiB of F32.
  const int64_t vocabulary = 151936, rows = n / vocabulary;
  std::vector<int32_t> offsets, tokens;
  for (int64_t r = 0; r <= rows; r++) {
    offsets.push_back(static_cast<int32_t>(r));
    tokens.push_back(static_cast<int32_t>(r * 97 % vocabulary));
  }
  const Array<int32_t> there(offsets), targets(tokens);
  const Array<float> out(static_cast<size_t>(rows)), weights(static_cast<size_t>(rows));
  check(cudaMemset(weights.get(), 0, static_cast<size_t>(rows) * 4), "memset");
  const Logits logits{a.get(), vocabulary, rows};
  const double moved = static_cast<double>(rows * vocabulary * 4);
  report("log_probs_f32", moved, [&] { log_probs(logits, there.get(), targets.get(), out.get(), {}, nullptr); });
  report("log_probs_back_f32", 2 * moved,
         [&] { log_probs_back(logits, there.get(), targets.get(), weights.get(), out.get(), nullptr); });

  // Sampling 128 rows, logits as a model's: normal with a standard deviation of 3.
  Random random(1);
  const auto one = normals(random, static_cast<size_t>(vocabulary), 3);
  for (int r = 0; r < 128; r++) {
    check(cudaMemcpy(a.get() + r * vocabulary, one.data(), one.size() * 4, cudaMemcpyDefault), "copy");
  }
  struct Setting {
    const char * name;
    int32_t top_k;
    float temperature, top_p;
  };
  for (const Setting & set : {Setting{"sample_128_plain", 0, 0.8f, 1},
                              {"sample_128_top_k_40", 40, 0.8f, 1},
                              {"sample_128_top_p_0.95", 0, 0.8f, 0.95f}}) {
    std::vector<DeviceDraw> draws(128);
    for (int i = 0; i < 128; i++) {
      draws[static_cast<size_t>(i)].draw = {};
      draws[static_cast<size_t>(i)].draw.row = i;
      draws[static_cast<size_t>(i)].draw.top_k = set.top_k;
      draws[static_cast<size_t>(i)].draw.temperature = set.temperature;
      draws[static_cast<size_t>(i)].draw.top_p = set.top_p;
      draws[static_cast<size_t>(i)].min_log = -INFINITY;
    }
    const Array<DeviceDraw> device_draws(draws);
    report(set.name, 128.0 * static_cast<double>(vocabulary) * 4,
           [&] { sample({a.get(), vocabulary, 128}, device_draws.get(), 128, SamplePath::kAuto, nullptr); });
  }

  // Attention over a packed group of 1024 slots, chains of 64 off one prefix of 64: 12 heads of 128, 2 key-value heads.
  const int slots = 1024, heads = 12, kv = 2, size = 128;
  std::vector<int32_t> parents;
  for (int i = 0; i < slots; i++) {
    parents.push_back(i < 64 ? i - 1 : (i % 64 == 0 ? 63 : i - 1));
  }
  const Array<int32_t> tree(parents);
  sphere_tree_attention t{};
  t.q = a.get();
  t.k = b.get();
  t.v = c.get();
  t.dy = d.get();
  t.table = b.get();
  t.parents = tree.get();
  t.slots = slots;
  t.groups = 4;
  t.head_size = size;
  t.heads = heads;
  t.kv_heads = kv;
  t.rotated = size;
  t.neox = 1;
  const Array<int32_t> trees([&] {
    std::vector<int32_t> four;
    for (int g = 0; g < 4; g++) {
      four.insert(four.end(), parents.begin(), parents.end());
    }
    return four;
  }());
  t.parents = trees.get();
  const Array<float> y(static_cast<size_t>(slots) * 4 * size * (heads + 2 * kv));
  t.y = y.get();
  const Array<unsigned char> scratch(static_cast<size_t>(attention_scratch(t, true)));
  const double touched = 4.0 * slots * size * (2 * heads + 2 * kv) * 4;
  report("attention", touched, [&] { attention(t, scratch.get(), nullptr); });
  report("attention_back", 2 * touched, [&] { attention_back(t, scratch.get(), nullptr); });
}

} // namespace

int main(int argc, char ** argv) { return run({{"all", all}}, argc, argv); }
