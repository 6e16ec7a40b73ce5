// One row of activations. ggml's tiled kernels (llamafile_sgemm) want two rows and sum in one vector a number; its
// kernels for one row sum in several. A lone sequence would then get other bits than the same sequence in company. Here
// one row is summed as the tiled kernels do. Q8_0 needs no help: ggml sums its blocks alike in both.
#include "one_row.hpp"

#include "ggml-cpu.h"

#include <algorithm>
#include <cstdint>

#if defined(__AVX512F__)
#include <immintrin.h>
#endif

namespace {

[[maybe_unused]] constexpr int ROWS = 8; // weight rows at once: their sums are independent, which hides the latency

#if defined(__AVX512F__)

struct Float32 {
  static constexpr int STEP = 16;
  using Element = float;
  using Vector = __m512;
  static Vector load(const Element * p) { return _mm512_loadu_ps(p); }
  static __m512 add(__m512 sum, Vector a, Vector b) { return _mm512_fmadd_ps(a, b, sum); }
};

struct Float16 {
  static constexpr int STEP = 16;
  using Element = ggml_fp16_t;
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
  using Vector = __m512;
  static Vector load(const Element * p) {
    return _mm512_castsi512_ps(
        _mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i *>(p))), 16));
  }
  static __m512 add(__m512 sum, Vector a, Vector b) { return _mm512_fmadd_ps(a, b, sum); }
};
#endif

template <typename T, int Rows>
void some_rows(const char * weights, size_t stride, const typename T::Element * x, int64_t k, float * out) {
  __m512 sum[Rows];
  for (int r = 0; r < Rows; r++) {
    sum[r] = _mm512_setzero_ps();
  }
  for (int64_t i = 0; i < k; i += T::STEP) {
    const typename T::Vector b = T::load(x + i);
    for (int r = 0; r < Rows; r++) {
      const auto * row = reinterpret_cast<const typename T::Element *>(weights + stride * static_cast<size_t>(r));
      sum[r] = T::add(sum[r], T::load(row + i), b);
    }
  }
  for (int r = 0; r < Rows; r++) {
    out[r] = _mm512_reduce_add_ps(sum[r]);
  }
}

template <typename T> void rows(const ggml_tensor * w, const void * x, int64_t from, int64_t to, float * out) {
  const auto * input = static_cast<const typename T::Element *>(x);
  const auto * data = static_cast<const char *>(w->data);
  int64_t r = from;
  for (; r + ROWS <= to; r += ROWS) {
    some_rows<T, ROWS>(data + w->nb[1] * static_cast<size_t>(r), w->nb[1], input, w->ne[0], out + r);
  }
  for (; r < to; r++) {
    some_rows<T, 1>(data + w->nb[1] * static_cast<size_t>(r), w->nb[1], input, w->ne[0], out + r);
  }
}

int step(ggml_type type) {
  switch (type) {
    case GGML_TYPE_F32: return Float32::STEP;
    case GGML_TYPE_F16: return Float16::STEP;
    case GGML_TYPE_BF16: return Brain16::STEP;
    default: return 0;
  }
}

#endif

} // namespace

#if defined(__AVX512F__)

bool sphere::one_row_known() { return true; }

bool sphere::one_row_takes(const ggml_tensor * op) {
  if (op->op != GGML_OP_MUL_MAT || ggml_nelements(op->src[1]) != op->src[1]->ne[0]) {
    return false;
  }
  const ggml_tensor *w = op->src[0], *x = op->src[1];
  const int n = step(w->type);
  return n > 0 && w->ne[2] == 1 && w->ne[3] == 1 && w->ne[0] % n == 0 && w->ne[1] % 4 == 0 &&
         w->nb[0] == ggml_type_size(w->type) && x->type == GGML_TYPE_F32 && x->nb[0] == sizeof(float) &&
         op->type == GGML_TYPE_F32 && op->nb[0] == sizeof(float);
}

size_t sphere::one_row_work_size(const ggml_tensor * op) {
  return (static_cast<size_t>(op->src[0]->ne[0]) * sizeof(float) + 63) / 64 * 64;
}

void sphere::one_row(ggml_tensor * op, int ith, int nth, void * work) {
  const ggml_tensor *w = op->src[0], *x = op->src[1];
  const auto * input = static_cast<const float *>(x->data);
  auto * out = static_cast<float *>(op->data);
  // Whole groups of rows for each thread.
  const int64_t groups = (w->ne[1] + ROWS - 1) / ROWS;
  const int64_t from = groups * ith / nth * ROWS;
  const int64_t to = std::min(groups * (ith + 1) / nth * ROWS, w->ne[1]);
  if (from >= to) {
    return;
  }
  switch (w->type) {
    case GGML_TYPE_F32: return rows<Float32>(w, input, from, to, out);
    case GGML_TYPE_F16:
      ggml_cpu_fp32_to_fp16(input, static_cast<ggml_fp16_t *>(work), x->ne[0]);
      return rows<Float16>(w, work, from, to, out);
    default:
      ggml_cpu_fp32_to_bf16(input, static_cast<ggml_bf16_t *>(work), x->ne[0]);
      return rows<Brain16>(w, work, from, to, out);
  }
}

#else

bool sphere::one_row_known() { return false; }
bool sphere::one_row_takes(const ggml_tensor *) { return false; }
size_t sphere::one_row_work_size(const ggml_tensor *) { return 0; }
void sphere::one_row(ggml_tensor *, int, int, void *) {}

#endif
