// What is no number must not become one: NaN and infinities in logits and scores, whatever the width of vectors. And
// the lone row of every type of weights on this kind of CPU.
#include "check.hpp"

#include "attention/attention.hpp"
#include "common/half.hpp"
#include "common/simd.hpp"
#include "matmul/matmul_unpack.hpp"
#include "sphere_attention.h"
#include "sphere_device.h"
#include "sphere_sampling.h"
#include "sphere_train.h"

#include "ggml-backend.h"
#include "ggml-cpu.h"

#include <algorithm>
#include <limits>
#include <tuple>

using namespace test;

namespace {

constexpr float NAN_F = std::numeric_limits<float>::quiet_NaN(), INF_F = std::numeric_limits<float>::infinity();

void exponential() {
  for (int lane = 0; lane < sphere::kWidth; lane++) {
    float x[sphere::kWidth] = {}, y[sphere::kWidth];
    x[lane] = NAN_F;
    sphere::store(y, sphere::exp(sphere::load(x)));
    for (int i = 0; i < sphere::kWidth; i++) {
      expect(i == lane ? std::isnan(y[i]) : y[i] == 1, "exp of NaN in lane " + std::to_string(lane));
    }
  }
  for (const float v : {-INF_F, -1000.0f, -88.0f}) {
    float y[sphere::kWidth];
    sphere::store(y, sphere::exp(sphere::set1(v)));
    expect(y[0] == 0, "exp of " + std::to_string(v));
  }
  for (float v = -87; v < 88; v += 0.37f) {
    float y[sphere::kWidth];
    sphere::store(y, sphere::exp(sphere::set1(v)));
    near(y[0], std::exp(static_cast<double>(v)), 0, 3e-7, "exp of " + std::to_string(v));
  }
}

// Each operation on vectors against what it says, lane by lane.
void vectors() {
  using namespace sphere;
  Random random(3);
  const auto lanes = [](Vec v) {
    std::vector<float> x(kWidth);
    store(x.data(), v);
    return x;
  };
  const auto a = normals(random, kWidth), b = normals(random, kWidth);
  for (int lane = 0; lane < kWidth; lane++) {
    auto x = a;
    x[static_cast<size_t>(lane)] = NAN_F;
    const auto at = static_cast<size_t>(lane);
    const std::string where = " with NaN in lane " + std::to_string(lane);
    const Vec v = load(x.data()), w = load(b.data());
    for (const auto & [first, second, name] :
         {std::tuple{max(v, w), max(w, v), "max"}, std::tuple{min(v, w), min(w, v), "min"}}) {
      expect(lanes(first)[at] == b[at] && std::isnan(lanes(second)[at]), name + where);
    }
    expect((at_least(v, v) ^ 1u << lane) == (1u << (kWidth - 1) << 1) - 1u, "at_least" + where);
  }
  for (int n = 0; n <= kWidth; n++) {
    std::vector<float> to(kWidth, 7);
    store_part(to.data(), load(a.data()), n);
    const auto some = lanes(load_part(a.data(), n, 5)), first = lanes(load_first(a.data(), n));
    for (int i = 0; i < kWidth; i++) {
      const auto at = static_cast<size_t>(i);
      expect(some[at] == (i < n ? a[at] : 5) && first[at] == (i < n ? a[at] : 0) && to[at] == (i < n ? a[at] : 7),
             "lane " + std::to_string(i) + " of a part of " + std::to_string(n));
    }
  }
  for (int trial = 0; trial < 300; trial++) {
    const uint32_t bits = static_cast<uint32_t>(random()) & ((2u << (kWidth - 1)) - 1);
    std::vector<float> to(kWidth);
    std::vector<int32_t> numbers(kWidth);
    compress(load(a.data()), bits, 40, to.data(), numbers.data());
    size_t n = 0;
    for (int i = 0; i < kWidth; i++) {
      if ((bits >> i & 1) != 0) {
        expect(to[n] == a[static_cast<size_t>(i)] && numbers[n] == 40 + i, "compress " + std::to_string(bits));
        n++;
      }
    }
  }
  auto halves = a;
  for (int n = kWidth / 2; n > 0; n /= 2) { // the order that sum() promises
    for (int i = 0; i < n; i++) {
      halves[static_cast<size_t>(i)] += halves[static_cast<size_t>(i + n)];
    }
  }
  expect(sum(load(a.data())) == halves[0], "the order of a sum");
  expect(largest(load(a.data())) == *std::max_element(a.begin(), a.end()), "the largest lane");
  std::vector<uint32_t> square(kWidth * kWidth);
  VecWords rows[kWidth];
  for (int i = 0; i < kWidth; i++) {
    for (int j = 0; j < kWidth; j++) {
      square[static_cast<size_t>(j)] = static_cast<uint32_t>(100 * i + j);
    }
    rows[i] = hn::LoadU(Words(), square.data());
  }
  transpose(rows);
  for (int i = 0; i < kWidth; i++) {
    hn::StoreU(rows[i], Words(), square.data());
    for (int j = 0; j < kWidth; j++) {
      expect(square[static_cast<size_t>(j)] == static_cast<uint32_t>(100 * j + i),
             "row " + std::to_string(i) + " turned");
    }
  }
}

// All 65536 numbers of each of both types, as the plain functions read them.
void halves() {
  for (uint32_t from = 0; from < 0x10000; from += sphere::kWidth) {
    uint16_t in[sphere::kWidth];
    float f16[sphere::kWidth], bf16[sphere::kWidth];
    for (int i = 0; i < sphere::kWidth; i++) {
      in[i] = static_cast<uint16_t>(from + static_cast<uint32_t>(i));
    }
    sphere::store(f16, sphere::load_half(in));
    sphere::store(bf16, sphere::load_bf16(in));
    for (int i = 0; i < sphere::kWidth; i++) {
      near(f16[i], sphere::half_to_float(in[i]), 0, 0, "F16 " + std::to_string(in[i]));
      near(bf16[i], sphere::bf16_to_float(in[i]), 0, 0, "BF16 " + std::to_string(in[i]));
    }
  }
}

// Log-probabilities, what the row says besides (in numbers of its own), and the gradient, by the training kernels.
struct Head {
  std::vector<float> log_probs, gradient;
  float entropy, mean, top; // of the first token's row
  int32_t status;

  Head(const std::vector<float> & logits, const std::vector<int32_t> & tokens, std::vector<int32_t> offsets) {
    const auto n = static_cast<int64_t>(logits.size()), count = static_cast<int64_t>(tokens.size());
    ggml_context * c = ggml_init({32 * ggml_tensor_overhead() + ggml_graph_overhead(), nullptr, true});
    ggml_backend_t backend = ggml_backend_cpu_init();
    ggml_tensor * x = ggml_new_tensor_2d(c, GGML_TYPE_F32, n, static_cast<int64_t>(offsets.size()) - 1);
    ggml_tensor * o = ggml_new_tensor_1d(c, GGML_TYPE_I32, static_cast<int64_t>(offsets.size()));
    ggml_tensor * t = ggml_new_tensor_1d(c, GGML_TYPE_I32, count);
    ggml_tensor * w = ggml_new_tensor_1d(c, GGML_TYPE_F32, count);
    ggml_cgraph * graph = ggml_new_graph(c);
    ggml_tensor * p = sphere_op_log_probs(c, x, o, t);
    ggml_build_forward_expand(graph, p);
    ggml_tensor * back = sphere_op_log_probs_back(c, x, o, t, w, p);
    ggml_build_forward_expand(graph, back);
    ggml_backend_buffer_t buffer = ggml_backend_alloc_ctx_tensors(c, backend);
    ggml_backend_tensor_set(x, logits.data(), 0, ggml_nbytes(x));
    ggml_backend_tensor_set(o, offsets.data(), 0, ggml_nbytes(o));
    ggml_backend_tensor_set(t, tokens.data(), 0, ggml_nbytes(t));
    const std::vector<float> ones(tokens.size(), 1);
    ggml_backend_tensor_set(w, ones.data(), 0, ggml_nbytes(w));
    status = sphere_graph_compute(backend, graph);
    log_probs.resize(4 * tokens.size());
    gradient.resize(logits.size());
    ggml_backend_tensor_get(p, log_probs.data(), 0, ggml_nbytes(p));
    ggml_backend_tensor_get(x, gradient.data(), 0, ggml_nbytes(x));
    entropy = log_probs[tokens.size()];
    mean = log_probs[2 * tokens.size()];
    top = log_probs[3 * tokens.size()];
    log_probs.resize(tokens.size());
    ggml_backend_buffer_free(buffer);
    ggml_backend_free(backend);
    ggml_free(c);
  }
};

// NaN at every place: whole vectors and the tail, target or not.
void training_head() {
  Random random(1);
  for (const int n : {1, 3, 17, 33, 4099}) {
    for (int at = 0; at < n; at += n < 100 ? 1 : 511) {
      for (const float bad : {NAN_F, INF_F}) {
        auto logits = normals(random, static_cast<size_t>(n));
        logits[static_cast<size_t>(at)] = bad;
        const Head head(logits, {n - 1}, {0, 1});
        const std::string where = std::to_string(bad) + " at " + std::to_string(at) + " of " + std::to_string(n);
        expect(std::isnan(head.log_probs[0]), "log-probability with " + where);
        expect(std::isnan(head.gradient[0]) && std::isnan(head.gradient.back()), "gradient with " + where);
      }
    }
    const auto logits = normals(random, static_cast<size_t>(n));
    const Head head(logits, {n - 1}, {0, 1});
    double sum = 0, total = 0;
    for (const float v : logits) {
      sum += std::exp(static_cast<double>(v));
    }
    for (const float g : head.gradient) {
      total += static_cast<double>(g);
    }
    near(head.log_probs[0], logits.back() - std::log(sum), 1e-5, 1e-6, "log-probability of " + std::to_string(n));
    near(total, 0, 1e-5, 0, "the gradient's sum of " + std::to_string(n));
  }
}

// Entropy, mean and arg max against double precision: sizes around vectors and blocks, far logits, equal maxima.
void distributions() {
  Random random(4);
  for (const int n : {1, 2, 3, 5, 15, 17, 33, 4095, 4097, 8200}) {
    for (const float scale : {0.0f, 1.0f, 20.0f, 1e4f}) {
      auto logits = normals(random, static_cast<size_t>(n));
      for (float & v : logits) {
        v *= scale;
      }
      const int first = n / 3;
      const float most = scale == 1e4f ? 6e4f : 7 * scale;
      logits[static_cast<size_t>(first)] = logits.back() = most;
      double sum = 0, weighted = 0, mean = 0;
      for (const float v : logits) {
        const double d = static_cast<double>(v) - static_cast<double>(most);
        sum += std::exp(d);
        weighted += std::exp(d) * d;
        mean += static_cast<double>(v) / n;
      }
      const std::string name = std::to_string(n) + " logits of " + std::to_string(scale);
      for (const int token : {0, first, n - 1}) {
        const Head head(logits, {token}, {0, 1});
        near(head.entropy, std::log(sum) - weighted / sum, 3e-6, 1e-6, "entropy of " + name);
        near(head.mean, mean, 1e-6 * (1 + static_cast<double>(most)), 1e-6, "mean of " + name);
        // With scale 0 all are equal, and the first of all is the arg max.
        near(head.top, token == (scale == 0 ? 0 : first) ? 1 : 0, 0, 0, "arg max of " + name);
      }
    }
  }
}

void sampling() {
  Random random(2);
  const sphere_draw settings[] = {
      {1, 2, 3, 4, 5, 0, 0, 1, 1, 0, 0, 0, 0},    {1, 2, 3, 4, 5, 0, 0, 0.7f, 1, 0, 0, 0, 0},
      {1, 2, 3, 4, 5, 0, 0, 0, 1, 0, 0, 0, 0},    {1, 2, 3, 4, 5, 0, 2, 1, 1, 0, 0, 0, 0},
      {1, 2, 3, 4, 5, 0, 0, 1, 0.5f, 0, 0, 0, 0}, {1, 2, 3, 4, 5, 0, 0, 1, 1, 0.5f, 0, 0, 0},
  };
  for (const int n : {1, 5, 767, 769, 3000}) {
    for (int at = 0; at < n; at += n < 100 ? 1 : 97) {
      auto logits = normals(random, static_cast<size_t>(n));
      logits[static_cast<size_t>(at)] = NAN_F;
      const std::string where = "NaN at " + std::to_string(at) + " of " + std::to_string(n);
      for (sphere_draw d : settings) {
        expect(sphere_sample_rows(logits.data(), n, &d, 1, 1) == SPHERE_INVALID_ARGUMENT, "a draw with " + where);
      }
      const int32_t row = 0, target = n / 2;
      float p = 0;
      expect(sphere_logprob_rows(logits.data(), n, 1, &row, &target, &p, 1) == SPHERE_INVALID_ARGUMENT,
             "a log-probability with " + where);
    }
  }
  // The coldest temperatures: the best token, no NaN.
  for (const float t : {1e-38f, 1e-39f, 1e-45f}) {
    for (sphere_draw d : settings) {
      auto logits = normals(random, 1000);
      logits[123] = 50;
      d.temperature = t;
      expect(sphere_sample_rows(logits.data(), 1000, &d, 1, 1) == 0 && d.token == 123 && d.sampling_logprob == 0,
             "temperature " + std::to_string(t) + " gives " + std::to_string(d.token));
    }
  }
}

// Both log-probabilities against sums in double precision, from the coldest temperature to the hottest.
void temperatures() {
  Random random(8);
  const int n = 3000;
  auto logits = normals(random, static_cast<size_t>(n), 9);
  for (int i = 0; i < n; i += 5) {
    logits[static_cast<size_t>(i)] = i % 2 == 0 ? -INF_F : -300.0f;
  }
  for (const float t : {0.01f, 0.03f, 0.1f, 0.2f, 0.5f, 0.9f, 1.0f, 1.1f, 2.0f, 10.0f, 100.0f, 1e4f, 1e20f}) {
    for (uint32_t number = 0; number < 4; number++) {
      sphere_draw d{1, 2, 3, number, 5, 0, 0, t, 1, 0, 0, 0, 0};
      expect(sphere_sample_rows(logits.data(), n, &d, 1, 1) == 0, "a draw");
      const auto expected = [&](double temperature) {
        double sum = 0;
        for (const float v : logits) {
          sum += std::exp((static_cast<double>(v) - logits[static_cast<size_t>(d.token)]) / temperature);
        }
        return -std::log(sum);
      };
      const std::string where = " at temperature " + std::to_string(t);
      near(d.logprob, expected(1), 2e-5, 2e-6, "log-probability of a token drawn" + where);
      near(d.sampling_logprob, expected(static_cast<double>(t)), 2e-5, 2e-6, "log-probability as drawn" + where);
    }
  }
}

void scores() {
  constexpr int HEAD = 16, CELLS = 19;
  for (int at = 0; at < CELLS; at++) {
    std::vector<float> q(HEAD, 1), out(HEAD);
    std::vector<uint16_t> k(HEAD * CELLS, 0x3C00), v(HEAD * CELLS, 0x3C00), mask(CELLS, 0);
    k[static_cast<size_t>(at * HEAD + 3)] = 0x7E00;
    expect(sphere_attention(q.data(), k.data(), v.data(), mask.data(), HEAD, 1, 1, 1, CELLS, 1, out.data()) == 0,
           "attention");
    expect(std::isnan(out[0]) && std::isnan(out[HEAD - 1]), "NaN in the key of cell " + std::to_string(at));
    mask[static_cast<size_t>(at)] = 0xFC00;
    sphere_attention(q.data(), k.data(), v.data(), mask.data(), HEAD, 1, 1, 1, CELLS, 1, out.data());
    near(out[0], 1, 0, 1e-6, "the same key, not visible");
  }
}

// Weights of every type as floats: ggml's to the bit, whole rows and rows that end within a piece; and in panels.
void unpacked() {
  Random random(6);
  for (const ggml_type type : {GGML_TYPE_F16, GGML_TYPE_BF16, GGML_TYPE_Q4_0, GGML_TYPE_Q4_1, GGML_TYPE_Q5_0,
                               GGML_TYPE_Q5_1, GGML_TYPE_Q8_0, GGML_TYPE_IQ4_NL, GGML_TYPE_IQ4_XS, GGML_TYPE_Q2_K,
                               GGML_TYPE_Q3_K, GGML_TYPE_Q4_K, GGML_TYPE_Q5_K, GGML_TYPE_Q6_K}) {
    const std::string name = ggml_type_name(type);
    const int64_t block = ggml_blck_size(type);
    expect(sphere::floats_of(type) != ggml_get_type_traits(type)->to_float, name + " has an unpacker");
    for (const int64_t blocks : {1, 3, 8, 9, 17}) {
      const int64_t k = blocks * block, m = 19;
      const auto numbers = normals(random, static_cast<size_t>(k * m));
      std::vector<char> bytes(ggml_row_size(type, k * m));
      ggml_quantize_chunk(type, numbers.data(), bytes.data(), 0, m, k, nullptr);
      std::vector<float> expected(numbers.size()), actual(numbers.size());
      ggml_get_type_traits(type)->to_float(bytes.data(), expected.data(), k * m);
      const size_t row = ggml_row_size(type, k);
      for (int64_t i = 0; i < m; i++) {
        sphere::floats_of(type)(bytes.data() + static_cast<size_t>(i) * row, actual.data() + i * k, k);
      }
      expect(actual == expected, name + " as floats, rows of " + std::to_string(k));
      ggml_tensor w{};
      w.type = type;
      w.ne[0] = k;
      w.ne[1] = m;
      w.nb[1] = row;
      w.data = bytes.data();
      const sphere::Unpack unpack = sphere::unpacker(&w);
      expect((unpack == nullptr) == (block == 1), name + " in panels");
      for (int64_t first = 0; unpack != nullptr && first < k; first += sphere::PIECE) {
        alignas(64) static sphere::UnpackElement piece[sphere::PIECE_BYTES / sizeof(sphere::UnpackElement)];
        unpack(sphere::PanelRows(&w, 1), first, k, 0, 16, reinterpret_cast<char *>(piece));
        for (int64_t l = first; l < std::min(k, first + sphere::PIECE); l++) {
          for (int64_t i = 0; i < 16; i++) { // past the last row stands the last one
            const auto number = piece[(l - first) / 32 * 32 * 16 + i * 32 + l % 32];
            const float was = expected[static_cast<size_t>(std::min<int64_t>(16 + i, m - 1) * k + l)];
            if constexpr (sphere::UNPACKS_BF16) {
              near(sphere::bf16_to_float(static_cast<uint16_t>(number)), was, 0, 0x1p-8, name + " in BF16");
            } else {
              expect(static_cast<float>(number) == was, name + " in F32");
            }
          }
        }
      }
    }
  }
}

// What matmul_known() promises: each of these types has a kernel for a lone row.
void lone_row() {
  if (!sphere::matmul_known()) {
    std::printf("       no products of our own for this CPU\n");
    return;
  }
  for (const ggml_type type : {GGML_TYPE_F32, GGML_TYPE_F16, GGML_TYPE_BF16, GGML_TYPE_Q8_0}) {
    ggml_tensor w{};
    w.type = type;
    w.ne[0] = 256;
    w.ne[1] = 16;
    expect(sphere::matmul_kernel(&w, 1) != nullptr, std::string("a lone row with weights in ") + ggml_type_name(type));
  }
}

} // namespace

int main(int argc, char ** argv) {
  return run({{"exp", exponential},
              {"vectors", vectors},
              {"halves", halves},
              {"training head", training_head},
              {"distributions", distributions},
              {"sampling", sampling},
              {"temperatures", temperatures},
              {"scores of attention", scores},
              {"weights of every type", unpacked},
              {"a lone row", lone_row}},
             argc, argv);
}
