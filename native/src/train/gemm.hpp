// Single-precision products for training: C = A B or C += A B, in all three layouts that a linear layer needs.
#pragma once

#include <cstdint>

namespace sphere {

// A [m, k]: element (i, p) stands at a[i * row + p * col]; one of row and col is 1.
struct MatrixA {
  const float * a;
  int64_t row;
  int64_t col;
};

// Where B [k, n] comes from: fill(p0, kc, j0, nc, out) writes rows p0.. of columns j0.. into out[p * nc + j] -- or, for
// floats in memory, `b` with element (p, j) at b[p * row + j * col].
struct MatrixB {
  const float * b;
  int64_t row;
  int64_t col;
  // For weights of other types: row i of the source dequantised from number j0 on, nc numbers (whole blocks, or up to
  // the row's end). Its rows are those of B; where `row` is 1, they are B's columns.
  void (*fill)(const void * source, int64_t i, int64_t j0, int64_t nc, float * out);
  const void * source;
  // For gemm_bf16: BF16 numbers in memory, instead of floats.
  const uint16_t * half = nullptr;
};

struct Range {
  int64_t from;
  int64_t to;
};

// This thread's share of n in whole units.
inline Range share(int64_t n, int64_t unit, int ith, int nth) {
  const int64_t units = (n + unit - 1) / unit;
  const auto end = [&](int64_t i) { return units * i / nth * unit < n ? units * i / nth * unit : n; };
  return {end(ith), end(ith + 1)};
}

// Columns are dealt to threads and dequantised in whole numbers of this.
constexpr int64_t kColumnBlock = 256;

inline bool filled_by_rows(const MatrixB & b) { return b.fill != nullptr && b.row != 1; }
inline bool filled_by_columns(const MatrixB & b) { return b.fill != nullptr && b.row == 1; }

// Some of B's columns, dequantised: from number p0 on, `kc` of k numbers, whole blocks around them.
struct FilledColumns {
  // Floats of a column.
  static int64_t stride(int64_t kc) { return (kc + 2 * kColumnBlock) / kColumnBlock * kColumnBlock; }

  const float * at;
  int64_t ld;
  FilledColumns(const MatrixB & b, int64_t p0, int64_t kc, int64_t k, int64_t j, int64_t n, float * memory)
      : at(memory + p0 % kColumnBlock), ld(stride(kc)) {
    const int64_t from = p0 - p0 % kColumnBlock;
    const int64_t to = (p0 + kc + kColumnBlock - 1) / kColumnBlock * kColumnBlock;
    for (int64_t c = 0; c < n; c++) {
      b.fill(b.source, j + c, from, (to < k ? to : k) - from, memory + c * ld);
    }
  }
};

// Floats of scratch memory that gemm() needs per thread.
int64_t gemm_scratch(int64_t n, int64_t k);

// C [m, n] with row stride ldc, this thread's share (ith of nth). Sums run over k in an order that depends neither on
// the number of threads nor on the other rows or columns. `bias` [n] may be null; with `accumulate` C is added to.
void gemm(int64_t m, int64_t n, int64_t k, const MatrixA & a, const MatrixB & b, float * c, int64_t ldc,
          const float * bias, bool accumulate, int ith, int nth, float * scratch) noexcept;

// Whether this CPU multiplies BF16 faster than F32, so that gemm_bf16 exists.
bool has_gemm_bf16();

// The same as gemm() with A and B rounded to BF16, sums in F32.
int64_t gemm_bf16_scratch(int64_t m, int64_t n);
void gemm_bf16(int64_t m, int64_t n, int64_t k, const MatrixA & a, const MatrixB & b, float * c, int64_t ldc,
               const float * bias, bool accumulate, int ith, int nth, float * scratch) noexcept;

// What gemm_bf16 does where Intel's matrix unit is there and granted (amx.hpp).
bool has_gemm_amx();
int64_t gemm_amx_scratch();
void gemm_amx(int64_t m, int64_t n, int64_t k, const MatrixA & a, const MatrixB & b, float * c, int64_t ldc,
              const float * bias, bool accumulate, int ith, int nth, float * scratch) noexcept;

// What gemm does there where n and k are large enough.
void gemm_amx_f32(int64_t m, int64_t n, int64_t k, const MatrixA & a, const MatrixB & b, float * c, int64_t ldc,
                  const float * bias, bool accumulate, int ith, int nth, float * scratch) noexcept;

// The same for small matrices on one thread, B's rows contiguous with stride ldb: nothing is packed. Rows of B are read
// in whole vectors: kWidth - 1 floats behind its last one must be readable; what stands there does not matter.
void gemm_small(int64_t m, int64_t n, int64_t k, const MatrixA & a, const float * b, int64_t ldb, float * c,
                int64_t ldc, bool accumulate) noexcept;

} // namespace sphere
