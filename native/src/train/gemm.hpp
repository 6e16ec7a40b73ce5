// Products for training: C = A B or C += A B, in all three layouts that a linear layer needs.
#pragma once

#include <cstdint>

namespace sphere {

// A [m, k]: element (i, p) stands at a[i * row + p * col]; one of row and col is 1.
struct MatrixA {
  const float * a;
  int64_t row;
  int64_t col;
};

// B [k, n]: floats in memory, element (p, j) at b[p * row + j * col]; one of row and col is 1.
struct MatrixB {
  const float * b;
  int64_t row;
  int64_t col;
  // For weights of other types, instead of `b`: row i of the source dequantised from number j0 on, nc numbers (whole
  // blocks, or up to the row's end). Its rows are those of B; where `row` is 1, they are B's columns.
  void (*fill)(const void * source, int64_t i, int64_t j0, int64_t nc, float * out);
  const void * source;
  // For products of BF16: BF16 numbers in memory, instead of floats.
  const uint16_t * half = nullptr;
};

// C [m, n] with row stride ldc. `bias` [n] may be null; with `accumulate` C is added to.
struct Gemm {
  int64_t m, n, k;
  MatrixA a;
  MatrixB b;
  float * c;
  int64_t ldc;
  const float * bias;
  bool accumulate;
};

// Columns are dealt to threads and dequantised in whole numbers of this.
constexpr int64_t kColumnBlock = 256;

// Floats of scratch memory that gemm() needs per thread, at an address that is a multiple of 64.
int64_t gemm_scratch(bool bf16, int64_t m, int64_t n, int64_t k);

// This thread's share (ith of nth) of a product. Sums run over k in an order that depends neither on the number of
// threads nor on the other rows or columns. With bf16 A and B are rounded to BF16; sums are F32.
void gemm(bool bf16, const Gemm & g, int ith, int nth, float * scratch) noexcept;

// Whether this CPU multiplies BF16 faster than F32, so that bf16 may be true.
bool has_gemm_bf16();

// Whether Intel's matrix unit is there and granted (amx.hpp); gemm() uses it then.
bool has_gemm_amx();

// Small matrices on one thread, B's rows contiguous with stride ldb: nothing is packed. Rows of B are read in whole
// vectors: kWidth - 1 floats behind its last one must be readable; what stands there does not matter.
void gemm_small(int64_t m, int64_t n, int64_t k, const MatrixA & a, const float * b, int64_t ldb, float * c,
                int64_t ldc, bool accumulate) noexcept;

} // namespace sphere
