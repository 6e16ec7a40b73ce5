// Norms, rotations, activations and sums of a decode step. See decode_pointwise.hpp.
#include "decode/decode_pointwise.hpp"

#include "common/simd.hpp"

#include "ggml-cpu.h"

#include <cmath>

// Internal to ggml, but exported (ggml/src/ggml-cpu/vec.h); weak, since another version may hide it.
extern "C" __attribute__((weak)) void ggml_vec_swiglu_f32(int n, float * y, const float * x, const float * g);

namespace sphere {
namespace {

// Squares are summed one after the other in double precision, as ggml does it; N rows at once, since each addition
// waits for the one before.
template <int N> void square_sums(const float * x, int64_t width, double * sums) {
  double s[N] = {};
  for (int64_t i = 0; i < width; i++) {
    for (int r = 0; r < N; r++) {
      const float v = x[r * width + i];
      s[r] += static_cast<double>(v * v);
    }
  }
  for (int r = 0; r < N; r++) {
    sums[r] = s[r];
  }
}

// The same for kWidth rows: lanes are rows.
void square_sums_of_lanes(const float * x, int64_t width, double * sums) {
  const hn::FixedTag<double, kWidth / 2> d;
  auto low = hn::Zero(d), high = low;
  for (int64_t i = 0; i < width; i += kWidth) {
    VecWords r[kWidth];
    for (int j = 0; j < kWidth; j++) {
      r[j] = hn::BitCast(Words(), load(x + j * width + i));
    }
    transpose(r);
    for (const VecWords & column : r) {
      const Vec v = hn::BitCast(Floats(), column);
      const Vec square = mul(v, v);
      low = hn::Add(low, hn::PromoteLowerTo(d, square));
      high = hn::Add(high, hn::PromoteUpperTo(d, square));
    }
  }
  hn::StoreU(low, d, sums);
  hn::StoreU(high, d, sums + kWidth / 2);
}

void scale_row(const float * x, const float * weight, int64_t width, float scale, float * y) {
  const Vec s = set1(scale);
  int64_t i = 0;
  for (; i + kWidth <= width; i += kWidth) {
    store(y + i, mul(mul(load(x + i), s), load(weight + i)));
  }
  for (; i < width; i++) {
    y[i] = x[i] * scale * weight[i];
  }
}

} // namespace

bool pointwise_known() { return &ggml_vec_swiglu_f32 != nullptr; }

void rms_norm(const float * x, const float * weight, int64_t width, int64_t n, float epsilon, float * y) {
  double sums[kWidth];
  for (int64_t done = 0; done < n;) {
    const float * rows = x + done * width;
    int64_t count = 1;
    if (n - done >= kWidth && width % kWidth == 0) {
      square_sums_of_lanes(rows, width, sums);
      count = kWidth;
    } else if (n - done >= 4) {
      square_sums<4>(rows, width, sums);
      count = 4;
    } else {
      square_sums<1>(rows, width, sums);
    }
    for (int64_t r = 0; r < count; r++) {
      const auto mean = static_cast<float>(sums[r] / static_cast<double>(width));
      scale_row(rows + r * width, weight, width, 1.0f / std::sqrt(mean + epsilon), y + (done + r) * width);
    }
    done += count;
  }
}

void add_bias(float * x, const float * bias, int64_t width, int64_t n) {
  for (int64_t r = 0; bias && r < n; r++) {
    add(x + r * width, bias, width);
  }
}

void add(float * x, const float * y, int64_t count) {
  for (int64_t i = 0; i < count; i++) {
    x[i] += y[i];
  }
}

void swiglu(float * gate, const float * up, int64_t count) {
  ggml_vec_swiglu_f32(static_cast<int>(count), gate, gate, up);
}

void rotate(float * x, const float * rope, int heads, int head, bool neox) {
  const int half = head / 2;
  const float *c = rope, *s = rope + half;
  for (int h = 0; h < heads; h++, x += head) {
    if (neox) {
      for (int i = 0; i < half; i++) {
        const float a = x[i], b = x[i + half];
        const float bs = b * s[i], bc = b * c[i];
        x[i] = std::fma(a, c[i], -bs);
        x[i + half] = std::fma(a, s[i], bc);
      }
    } else {
      for (int i = 0; i < half; i++) {
        const float a = x[2 * i], b = x[2 * i + 1];
        const float bs = b * s[i], bc = b * c[i];
        x[2 * i] = std::fma(a, c[i], -bs);
        x[2 * i + 1] = std::fma(a, s[i], bc);
      }
    }
  }
}

void rope_row(int32_t position, int head, float base, const float * factors, float * rope) {
  const float step = std::pow(base, -2.0f / static_cast<float>(head));
  const int half = head / 2;
  auto angle = static_cast<float>(position);
  for (int i = 0; i < half; i++) {
    const float a = factors ? angle / factors[i] : angle;
    rope[i] = std::cos(a);
    rope[half + i] = std::sin(a);
    angle *= step;
  }
}

void to_half(const float * x, uint16_t * y, int64_t count) { ggml_cpu_fp32_to_fp16(x, y, count); }

} // namespace sphere
