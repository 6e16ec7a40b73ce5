// Products with weights of every type on this kind of CPU: against sums in double precision, and to the bit whatever
// shares the product and however threads divide it.
#include "check.hpp"

#include "matmul/matmul.hpp"
#include "sphere_attention.h"

#include "ggml-cpu.h"
#include "ggml.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>

using namespace test;

namespace {

constexpr ggml_type TYPES[] = {GGML_TYPE_F32,  GGML_TYPE_F16,  GGML_TYPE_BF16, GGML_TYPE_Q4_0,   GGML_TYPE_Q4_1,
                               GGML_TYPE_Q5_0, GGML_TYPE_Q5_1, GGML_TYPE_Q8_0, GGML_TYPE_Q2_K,   GGML_TYPE_Q3_K,
                               GGML_TYPE_Q4_K, GGML_TYPE_Q5_K, GGML_TYPE_Q6_K, GGML_TYPE_IQ4_NL, GGML_TYPE_IQ4_XS};
enum Rounding { BF16 = 0, INT8 = 1, F32 = 2, INT16 = 3 };

struct Weights {
  ggml_tensor tensor{};
  std::vector<char> data;
  std::vector<float> numbers; // as ggml reads them

  Weights(ggml_type type, int64_t k, int64_t m, uint64_t seed) {
    Random random(seed);
    const auto size = static_cast<size_t>(k * m);
    const auto x = normals(random, size);
    data.resize(ggml_row_size(type, k) * static_cast<size_t>(m));
    ggml_quantize_chunk(type, x.data(), data.data(), 0, m, k, nullptr);
    numbers.resize(size);
    if (type == GGML_TYPE_F32) {
      numbers = x;
    } else {
      for (int64_t i = 0; i < m; i++) {
        ggml_get_type_traits(type)->to_float(data.data() + ggml_row_size(type, k) * static_cast<size_t>(i),
                                             numbers.data() + i * k, k);
      }
    }
    tensor.type = type;
    tensor.data = data.data();
    tensor.ne[0] = k;
    tensor.ne[1] = m;
    tensor.ne[2] = tensor.ne[3] = 1;
    tensor.nb[0] = ggml_type_size(type);
    tensor.nb[1] = ggml_row_size(type, k);
  }
};

// The product with rows [from, from + n) of x; panels in `parts` turns, the last first.
std::vector<float> multiply(const Weights & w, const std::vector<float> & x, int64_t from, int64_t n, int parts) {
  const int64_t k = w.tensor.ne[0], m = w.tensor.ne[1];
  const sphere::MatmulKernel * kernel = sphere::matmul_kernel(&w.tensor, n);
  std::vector<float> out(static_cast<size_t>(m * n), -1);
  if (kernel == nullptr) {
    return {};
  }
  ggml_tensor in{}, op{};
  in.type = op.type = GGML_TYPE_F32;
  in.data = const_cast<float *>(x.data() + from * k);
  in.ne[0] = k;
  in.ne[1] = op.ne[1] = n;
  in.nb[0] = op.nb[0] = 4;
  in.nb[1] = static_cast<size_t>(k) * 4;
  op.data = out.data();
  op.ne[0] = m;
  op.nb[1] = static_cast<size_t>(m) * 4;
  op.src[0] = const_cast<ggml_tensor *>(&w.tensor);
  op.src[1] = &in;
  // Exactly as many bytes as it asks for: the sanitizer sees what lies behind them.
  const auto memory = [](int64_t bytes) { return std::aligned_alloc(64, static_cast<size_t>(bytes + 63) / 64 * 64); };
  void * inputs = memory(kernel->inputs_size(k, n));
  void * own = memory(kernel->own_size(k, n));
  for (int part = parts; part-- > 0;) {
    kernel->convert(&in, part, parts, inputs, own);
  }
  const int64_t panels = (m + sphere::MATMUL_PANEL - 1) / sphere::MATMUL_PANEL;
  for (int part = parts; part-- > 0;) {
    kernel->panels(&op, panels * part / parts, panels * (part + 1) / parts, inputs, own);
  }
  std::free(inputs);
  std::free(own);
  return out;
}

std::string name(ggml_type type, Rounding rounding, int64_t k, int64_t m, int64_t n) {
  const char * rounded[] = {" bf16 ", " int8 ", " f32 ", " int16 "};
  return ggml_type_name(type) + std::string(rounded[rounding]) + std::to_string(k) + " x " + std::to_string(m) +
         " by " + std::to_string(n);
}

// Of a product with unit normal numbers, relative to the root of the sum of squares: half a unit of BF16, of 8 bits.
// 15 bits round a number to 3e-5 of the largest in its block.
double tolerance(ggml_type type, Rounding rounding) {
  return rounding == INT16 && ggml_is_quantized(type) ? 2e-4
         : rounding == BF16 || rounding == INT16      ? 0.006
         : rounding == INT8                           ? 0.02
                                                      : 2e-6;
}

void check(ggml_type type, Rounding rounding, int64_t k, int64_t m, int64_t n, uint64_t seed) {
  if (k % ggml_blck_size(type) != 0) {
    return;
  }
  const Weights w(type, k, m, seed);
  Random random(seed + 1);
  auto x = normals(random, static_cast<size_t>(k * n));
  x[static_cast<size_t>(k * n / 2)] *= 100; // one far out, as models have them
  const auto y = multiply(w, x, 0, n, 1);
  const std::string what = name(type, rounding, k, m, n);
  if (y.empty()) {
    return;
  }
  for (int64_t j = 0; j < n; j++) {
    double squares = 0;
    for (int64_t l = 0; l < k; l++) {
      squares += static_cast<double>(x[static_cast<size_t>(j * k + l)]) * x[static_cast<size_t>(j * k + l)];
    }
    for (int64_t i = 0; i < m; i++) {
      double sum = 0;
      for (int64_t l = 0; l < k; l++) {
        sum += static_cast<double>(w.numbers[static_cast<size_t>(i * k + l)]) * x[static_cast<size_t>(j * k + l)];
      }
      near(y[static_cast<size_t>(j * m + i)], sum, tolerance(type, rounding) * std::sqrt(squares) * 3, 0, what);
    }
  }
  same_bits(y, multiply(w, x, 0, n, 3), what + " in three parts");
  for (const int64_t company : {int64_t{1}, int64_t{2}, int64_t{3}, int64_t{5}, int64_t{7}, int64_t{8}}) {
    for (int64_t from = 0; from + company <= n; from += company + 2) {
      const auto some = multiply(w, x, from, company, 1);
      const std::vector<float> there(y.begin() + from * m, y.begin() + (from + company) * m);
      same_bits(some, there,
                what + ", rows from " + std::to_string(from) + " in company of " + std::to_string(company));
    }
  }
}

void all(Rounding rounding) {
  sphere_activations(rounding);
  uint64_t seed = 1;
  for (const ggml_type type : TYPES) {
    for (const int64_t k : {32, 64, 96, 224, 256, 544, 768}) {
      for (const int64_t m : {1, 4, 16, 20, 37}) {
        check(type, rounding, k, m, seed % 3 == 0 ? 9 : seed % 3 == 1 ? 6 : 19, seed);
        seed++;
      }
    }
  }
  sphere_activations(BF16);
}

void bf16() { all(BF16); }
void int8() { all(INT8); }
void f32() { all(F32); }
void int16() { all(INT16); }

// Numbers that share a scale: d x factor x code + minimum.
struct Group {
  float d;
  int64_t factor;
  float minimum;
};

int64_t group_size(ggml_type type) {
  return type == GGML_TYPE_Q2_K || type == GGML_TYPE_Q3_K || type == GGML_TYPE_Q6_K ? 16 : 32;
}

// Group g of a block, read plainly.
Group group(ggml_type type, const char * block, int g) {
  const auto * b = reinterpret_cast<const uint8_t *>(block);
  const auto half = [&](int at) {
    uint16_t h;
    std::memcpy(&h, b + at, sizeof h);
    return ggml_fp16_to_fp32(h);
  };
  switch (type) {
    case GGML_TYPE_Q4_1:
    case GGML_TYPE_Q5_1: return {half(0), 1, half(2)};
    case GGML_TYPE_Q2_K: return {half(80), b[g] & 15, -(half(82) * static_cast<float>(b[g] >> 4))};
    case GGML_TYPE_Q3_K: {
      const int low = g < 8 ? b[96 + g] & 15 : b[96 + g - 8] >> 4, high = b[104 + g % 4] >> (2 * (g / 4)) & 3;
      return {half(108), (low | high << 4) - 32, 0};
    }
    case GGML_TYPE_Q6_K: return {half(208), static_cast<int8_t>(b[192 + g]), 0};
    case GGML_TYPE_Q4_K:
    case GGML_TYPE_Q5_K: {
      const uint8_t * s = b + 4;
      const int scale = g < 4 ? s[g] & 63 : (s[g + 4] & 15) | (s[g - 4] >> 6) << 4;
      const int minimum = g < 4 ? s[g + 4] & 63 : s[g + 4] >> 4 | (s[g] >> 6) << 4;
      return {half(0) * static_cast<float>(scale), 1, -(half(2) * static_cast<float>(minimum))};
    }
    case GGML_TYPE_IQ4_XS: {
      const int low = b[4 + g / 2] >> (4 * (g % 2)) & 15, high = (b[2] | b[3] << 8) >> (2 * g) & 3;
      return {half(0) * static_cast<float>((low | high << 4) - 32), 1, 0};
    }
    default: return {half(0), 1, 0};
  }
}

// 32 activations that share a scale, as the kernels' comments say: 8 bits as ggml rounds them, or 15 bits and a sign.
void round(Rounding rounding, const float * x, int64_t k, std::vector<int64_t> & q, std::vector<float> & scales) {
  for (int64_t b = 0; b < k / 32; b++, x += 32) {
    auto * to = q.data() + b * 32;
    if (rounding == INT8) {
      struct {
        uint16_t d;
        int8_t q[32];
      } bytes;
      ggml_get_type_traits_cpu(GGML_TYPE_Q8_0)->from_float(x, &bytes, 32);
      scales[static_cast<size_t>(b)] = ggml_fp16_to_fp32(bytes.d);
      std::copy_n(bytes.q, 32, to);
      continue;
    }
    float largest = 0;
    for (int i = 0; i < 32; i++) {
      largest = std::max(largest, std::fabs(x[i]));
    }
    scales[static_cast<size_t>(b)] = largest / 16383;
    const float factor = largest == 0 ? 0 : 16383 / largest;
    for (int i = 0; i < 32; i++) {
      to[i] = std::lrint(x[i] * factor);
    }
  }
}

// One output of them: a block of 32 is summed exactly, blocks are added in order.
float plain(const Weights & w, int64_t i, const int64_t * q, const float * scales) {
  const ggml_type type = w.tensor.type;
  const int64_t k = w.tensor.ne[0], block = ggml_blck_size(type), size = group_size(type);
  float sum = 0;
  for (int64_t b = 0; b < k / 32; b++) {
    const char * at = w.data.data() + static_cast<size_t>(i) * w.tensor.nb[1] +
                      static_cast<size_t>(b * 32 / block) * ggml_type_size(type);
    int64_t products = 0;
    float d = 0, minima[2], numbers[2];
    for (int64_t part = 0; part < 32 / size; part++) {
      const int64_t first = b * 32 + part * size;
      const Group g = group(type, at, static_cast<int>(first % block / size));
      int64_t here = 0, of_activations = 0;
      for (int64_t l = first; l < first + size; l++) {
        const float code =
            (w.numbers[static_cast<size_t>(i * k + l)] - g.minimum) / (g.d * static_cast<float>(g.factor));
        here += g.factor == 0 ? 0 : std::lround(code) * q[l];
        of_activations += q[l];
      }
      products += g.factor * here;
      d = g.d;
      minima[part] = g.minimum;
      numbers[part] = scales[b] * static_cast<float>(of_activations);
    }
    sum = std::fma(static_cast<float>(products), d * scales[b], sum);
    for (int64_t part = 0; part < 32 / size; part++) {
      sum = minima[part] == 0 ? sum : std::fma(minima[part], numbers[part], sum);
    }
  }
  return sum;
}

// Products of integers of every type against the plain version, to the bit.
void plain() {
  for (const Rounding rounding : {INT8, INT16}) {
    sphere_activations(rounding);
    for (const ggml_type type : TYPES) {
      const int64_t k = 768, m = 37, n = 19;
      const Weights w(type, k, m, 11);
      Random random(13);
      auto x = normals(random, static_cast<size_t>(k * n));
      x[100] *= 100;
      std::fill_n(x.begin() + 3 * k + 64, 32, 0.0f);
      const auto y = multiply(w, x, 0, n, 1);
      if (y.empty() || !ggml_is_quantized(type)) {
        continue; // not by integers here
      }
      std::vector<float> expected(y.size());
      for (int64_t j = 0; j < n; j++) {
        std::vector<int64_t> q(static_cast<size_t>(k));
        std::vector<float> scales(static_cast<size_t>(k / 32));
        round(rounding, x.data() + j * k, k, q, scales);
        for (int64_t i = 0; i < m; i++) {
          expected[static_cast<size_t>(j * m + i)] = plain(w, i, q.data(), scales.data());
        }
      }
      same_bits(y, expected, name(type, rounding, k, m, n) + " and the plain version");
    }
  }
  sphere_activations(BF16);
}

// What every type is promised: a kernel for a lone row and for many.
void every_type() {
  for (const Rounding rounding : {BF16, INT8, F32, INT16}) {
    sphere_activations(rounding);
    for (const ggml_type type : TYPES) {
      const Weights w(type, 256, 16, 1);
      for (const int64_t n : {1, 2, 40}) {
        expect(sphere::matmul_kernel(&w.tensor, n) != nullptr, name(type, rounding, 256, 16, n));
      }
    }
  }
  sphere_activations(BF16);
}

// A number that is none stays in its row, and reaches each output of it.
void no_numbers(Rounding rounding) {
  sphere_activations(rounding);
  for (const ggml_type type : TYPES) {
    const Weights w(type, 256, 20, 3);
    Random random(5);
    for (const float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
      auto x = normals(random, 256 * 5);
      const auto before = multiply(w, x, 0, 5, 1);
      x[256 * 2 + 77] = bad;
      const auto after = multiply(w, x, 0, 5, 1);
      for (size_t i = 0; i < after.size(); i++) {
        if (i / 20 == 2) {
          expect(!std::isfinite(after[i]), std::string("what is no number, with ") + ggml_type_name(type));
        } else {
          expect(after[i] == before[i], std::string("beside what is no number, with ") + ggml_type_name(type));
        }
      }
    }
    // Zeros, and numbers so small that they may become zeros.
    for (const float small : {0.0f, 1e-40f, 1e-31f}) {
      for (const float v : multiply(w, std::vector<float>(256 * 3, small), 0, 3, 1)) {
        expect(std::fabs(v) <= 1e-27f, std::string("nearly nothing, with ") + ggml_type_name(type));
      }
    }
  }
  sphere_activations(BF16);
}

void no_numbers() {
  for (const Rounding rounding : {BF16, INT8, INT16}) {
    no_numbers(rounding);
  }
}

// The largest weights by the largest activations: sums of a block stay within 32 bits.
void largest(Rounding rounding) {
  sphere_activations(rounding);
  const double rounded = rounding == INT8 ? 0x1p-11 : 1e-6; // the scale of 8 bits is a half
  for (const ggml_type type : TYPES) {
    Weights w(type, 256, 16, 7);
    if (type == GGML_TYPE_Q6_K || type == GGML_TYPE_Q3_K || type == GGML_TYPE_Q2_K) {
      // All codes and scales as they are largest, by bytes: 0 is -32 or -4 in Q6_K and Q3_K, -128 the least factor.
      const size_t row = w.tensor.nb[1];
      for (int64_t i = 0; i < 16; i++) {
        char * at = w.data.data() + row * static_cast<size_t>(i);
        const bool two = type == GGML_TYPE_Q2_K;
        std::memset(at, two ? 0xff : 0, row);
        if (type == GGML_TYPE_Q6_K) {
          std::memset(at + 192, 0x80, 16);
        }
        const uint16_t one = 0x3c00;
        std::memcpy(at + row - (two ? 4 : 2), &one, 2);
        std::memcpy(at + row - 2, &one, 2);
        ggml_get_type_traits(type)->to_float(at, w.numbers.data() + i * 256, 256);
      }
    }
    for (const float sign : {1.0f, -1.0f}) {
      const std::vector<float> x(256 * 3, sign * 3);
      const auto y = multiply(w, x, 0, 3, 1);
      for (size_t i = 0; i < y.size(); i++) {
        double sum = 0, most = 0;
        for (size_t l = 0; l < 256; l++) {
          sum += static_cast<double>(w.numbers[i % 16 * 256 + l]) * x[l];
          most += std::fabs(static_cast<double>(w.numbers[i % 16 * 256 + l]) * x[l]);
        }
        near(y[i], sum, rounded * most, 0, std::string("the largest, with ") + ggml_type_name(type));
      }
    }
  }
  sphere_activations(BF16);
}

void largest() {
  for (const Rounding rounding : {INT8, INT16}) {
    largest(rounding);
  }
}

} // namespace

int main(int argc, char ** argv) {
#if defined(__x86_64__)
  if (!sphere::matmul_known()) {
    return 77;
  }
#endif
  return run({{"activations in bf16", bf16},
              {"activations in int8", int8},
              {"activations in f32", f32},
              {"activations in int16", int16},
              {"integers, to the bit", plain},
              {"every type", every_type},
              {"what is no number", no_numbers},
              {"the largest numbers", largest}},
             argc, argv);
}
