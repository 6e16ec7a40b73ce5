// Products with F32, F16 and BF16 weights, to the bits of ggml's tiled kernels (llamafile_sgemm), which want two rows
// and more: each output is summed in one vector along the row, whose lanes are then added by halves. Here 16 outputs
// add their lanes together, which is most of the work where rows are short.
#include "products.hpp"

#if defined(__AVX512F__)

#include "ggml-cpu.h"

#include <algorithm>
#include <cstring>
#include <immintrin.h>

namespace sphere {
namespace {

constexpr int PANEL = static_cast<int>(PRODUCT_PANEL);
constexpr int64_t LONG = 2048; // numbers in a row of weights from which on they are not read from the nearest cache

struct Float32 {
  static constexpr int STEP = 16;
  using Element = float;
  static constexpr void (*CONVERT)(const float *, Element *, int64_t) = nullptr;
  using Vector = __m512;
  static Vector load(const Element * p) { return _mm512_loadu_ps(p); }
  static __m512 add(__m512 sum, Vector a, Vector b) { return _mm512_fmadd_ps(a, b, sum); }
};

struct Float16 {
  static constexpr int STEP = 16;
  using Element = ggml_fp16_t;
  static constexpr void (*CONVERT)(const float *, Element *, int64_t) = ggml_cpu_fp32_to_fp16;
  using Vector = __m512;
  static Vector load(const Element * p) {
    return _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i *>(p)));
  }
  static __m512 add(__m512 sum, Vector a, Vector b) { return _mm512_fmadd_ps(a, b, sum); }
};

#if defined(__AVX512BF16__)
struct Brain16 {
  static constexpr int STEP = 32;
  using Element = ggml_bf16_t;
  static constexpr void (*CONVERT)(const float *, Element *, int64_t) = ggml_cpu_fp32_to_bf16;
  using Vector = __m512bh;
  static Vector load(const Element * p) {
    return reinterpret_cast<__m512bh>(_mm512_loadu_ps(reinterpret_cast<const float *>(p)));
  }
  static __m512 add(__m512 sum, Vector a, Vector b) { return _mm512_dpbf16_ps(sum, a, b); }
};
#else
struct Brain16 {
  static constexpr int STEP = 16;
  using Element = ggml_bf16_t;
  static constexpr void (*CONVERT)(const float *, Element *, int64_t) = ggml_cpu_fp32_to_bf16;
  using Vector = __m512;
  static Vector load(const Element * p) {
    return _mm512_castsi512_ps(
        _mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i *>(p))), 16));
  }
  static __m512 add(__m512 sum, Vector a, Vector b) { return _mm512_fmadd_ps(a, b, sum); }
};
#endif

// The sums of 16 vectors: lanes x and x + 8 are added, then x and x + 4, x + 2, x + 1, as _mm512_reduce_add_ps does.
inline __m512 sums(__m512 * r) {
  for (int i = 0; i < 8; i++) {
    r[i] = _mm512_add_ps(_mm512_shuffle_f32x4(r[i], r[i + 8], 0x44), _mm512_shuffle_f32x4(r[i], r[i + 8], 0xEE));
  }
  for (int i = 0; i < 4; i++) {
    r[i] = _mm512_add_ps(_mm512_shuffle_f32x4(r[i], r[i + 4], 0x88), _mm512_shuffle_f32x4(r[i], r[i + 4], 0xDD));
  }
  for (int i = 0; i < 2; i++) {
    r[i] = _mm512_add_ps(_mm512_unpacklo_ps(r[i], r[i + 2]), _mm512_unpackhi_ps(r[i], r[i + 2]));
  }
  const __m512 sum = _mm512_add_ps(_mm512_unpacklo_ps(r[0], r[1]), _mm512_unpackhi_ps(r[0], r[1]));
  // Lane 4 a + b holds vector (a's of 0, 8, 4, 12) + (b's of 0, 1, 2, 3).
  return _mm512_shuffle_f32x4(sum, sum, 0xD8);
}

// W weight rows by N rows of activations. What `ahead` bytes further on will be weights is fetched: hardware does not
// follow so many streams.
template <typename T, int W, int N>
void tile(const char * weights, size_t w_row, size_t ahead, const char * x, size_t x_row, int64_t k, float * out,
          size_t stride) {
  using Element = typename T::Element;
  constexpr int GROUPS = (W * N + 15) / 16;
  __m512 sum[GROUPS * 16];
  for (__m512 & s : sum) {
    s = _mm512_setzero_ps();
  }
  for (int64_t l = 0; l < k; l += T::STEP) {
    typename T::Vector a[N];
    for (int j = 0; j < N; j++) {
      a[j] = T::load(reinterpret_cast<const Element *>(x + x_row * static_cast<size_t>(j)) + l);
    }
    for (int i = 0; i < W; i++) {
      const auto * row = reinterpret_cast<const Element *>(weights + w_row * static_cast<size_t>(i)) + l;
      const typename T::Vector w = T::load(row);
      _mm_prefetch(reinterpret_cast<const char *>(row) + ahead, _MM_HINT_T0);
      for (int j = 0; j < N; j++) {
        sum[j * W + i] = T::add(sum[j * W + i], w, a[j]);
      }
    }
  }
  alignas(64) float all[GROUPS * 16];
  for (int g = 0; g < GROUPS; g++) {
    _mm512_store_ps(all + g * 16, sums(sum + g * 16));
  }
  for (int j = 0; j < N; j++) {
    std::memcpy(out + stride * static_cast<size_t>(j), all + j * W, W * sizeof(float));
  }
}

template <typename T> struct Panel {
  const char * weights;
  size_t row;
  int64_t k, rows; // rows: a multiple of 4
  float * out;
  size_t stride;

  template <int W, int N> void tiles(const char * x, size_t x_row, int64_t j) const {
    for (int64_t i = 0; i < rows; i += W) {
      tile<T, W, N>(weights + row * static_cast<size_t>(i), row, row * PANEL, x + x_row * static_cast<size_t>(j), x_row,
                    k, out + stride * static_cast<size_t>(j) + i, stride);
    }
  }

  // N rows of activations from j on: 16 sums at once, or 24.
  void compute(int64_t n, const char * x, size_t x_row, int64_t j) const {
    switch (rows == PANEL || n > 2 ? n : n + 6) {
      case 1: return tiles<16, 1>(x, x_row, j);
      case 2: return tiles<8, 2>(x, x_row, j);
      case 3: return tiles<4, 3>(x, x_row, j);
      case 4: return tiles<4, 4>(x, x_row, j);
      case 5: return tiles<4, 5>(x, x_row, j);
      case 6: return tiles<4, 6>(x, x_row, j);
      case 7: return tiles<4, 1>(x, x_row, j);
      default: return tiles<4, 2>(x, x_row, j);
    }
  }
};

template <typename T> int64_t inputs_size(int64_t k, int64_t n) {
  return T::CONVERT == nullptr ? 0 : whole_lines(k * n * static_cast<int64_t>(sizeof(typename T::Element)));
}

int64_t own_size(int64_t, int64_t) { return 0; }

template <typename T> void convert(const ggml_tensor * x, int ith, int nth, void * inputs, void *) {
  if constexpr (T::CONVERT != nullptr) {
    for (int64_t j = ith; j < x->ne[1]; j += nth) {
      const char * row = static_cast<const char *>(x->data) + x->nb[1] * static_cast<size_t>(j);
      T::CONVERT(reinterpret_cast<const float *>(row), static_cast<typename T::Element *>(inputs) + x->ne[0] * j,
                 x->ne[0]);
    }
  }
}

template <typename T> void panels(const ggml_tensor * op, int64_t from, int64_t to, const void * inputs, void *) {
  const ggml_tensor *w = op->src[0], *x = op->src[1];
  const int64_t k = w->ne[0], n = x->ne[1], most = k < LONG ? 4 : 6, count = (n + most - 1) / most;
  const auto * rows = static_cast<const char *>(T::CONVERT == nullptr ? x->data : inputs);
  const size_t row = T::CONVERT == nullptr ? x->nb[1] : static_cast<size_t>(k) * sizeof(typename T::Element);
  for (int64_t p = from; p < to; p++) {
    const int64_t first = p * PANEL;
    const Panel<T> panel{static_cast<const char *>(w->data) + w->nb[1] * static_cast<size_t>(first),
                         w->nb[1],
                         k,
                         std::min<int64_t>(PANEL, w->ne[1] - first),
                         static_cast<float *>(op->data) + first,
                         op->nb[1] / sizeof(float)};
    for (int64_t t = 0; t < count; t++) {
      const int64_t j = n * t / count;
      panel.compute(n * (t + 1) / count - j, rows, row, j);
    }
  }
}

template <typename T> const ProductKernel * kernel(const ggml_tensor * w) {
  static constexpr ProductKernel KERNEL{inputs_size<T>, own_size, convert<T>, panels<T>};
  return w->ne[0] % T::STEP == 0 && w->ne[1] % 4 == 0 ? &KERNEL : nullptr;
}

} // namespace

const ProductKernel * row_product(const ggml_tensor * w, int64_t) {
  switch (w->type) {
    case GGML_TYPE_F32: return kernel<Float32>(w);
    case GGML_TYPE_F16: return kernel<Float16>(w);
    case GGML_TYPE_BF16: return kernel<Brain16>(w);
    default: return nullptr;
  }
}

} // namespace sphere

#else

const sphere::ProductKernel * sphere::row_product(const ggml_tensor *, int64_t) { return nullptr; }

#endif
