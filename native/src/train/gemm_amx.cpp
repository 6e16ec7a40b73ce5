// Products on Intel's matrix unit: of numbers rounded to BF16, or of numbers in F32, each the sum of three in BF16, by
// the six of nine products that reach 24 bits. A and B are packed as tiles of 1 KiB: 16 rows of 32 numbers of A, 16
// pairs of rows by 16 columns of B. Four products on two tiles of each take 64 cycles and read 64 cache lines: so B's
// panel of 32 columns is packed where it is used, and A's block waits in the second-level cache.
#include "train/gemm.hpp"

#include "train/amx_tiles.hpp"

namespace sphere {

#if SPHERE_AMX

namespace {

constexpr int64_t kRows = 512;    // of A in a block
constexpr int64_t kColumns = 128; // of B that are packed at once where its rows are contiguous

// Of P parts: how much of a sum is made before C is written, and how many steps of a panel of B stay in the first-level
// cache beside A's.
template <int P> constexpr int64_t kDeep = P == 1 ? 1024 : 320;
template <int P> constexpr int64_t kPiece = P == 1 ? 10 : 3;

template <int P>
void pack_b(const MatrixB & b, int64_t p0, int64_t kc, int64_t k, int64_t j0, int64_t nc, uint16_t * out,
            float * rows) {
  if (filled_by_columns(b)) { // a panel, as at_once() says
    const FilledColumns columns(b, p0, kc, k, j0, nc, rows);
    return along<P>(columns.at, columns.ld, nc, kc, out);
  }
  const bool turned = b.fill == nullptr && b.row == 1;
  if (turned && b.half != nullptr) {
    return along(b.half + j0 * b.col + p0, b.col, nc, kc, out);
  }
  if (turned) {
    return along<P>(b.b + j0 * b.col + p0, b.col, nc, kc, out);
  }
  const int64_t steps = steps_of(kc);
  for (int64_t q = 0; 2 * q < kc; q++) {
    const int64_t p = p0 + 2 * q;
    const bool two = 2 * q + 1 < kc;
    if (b.fill != nullptr) {
      b.fill(b.source, p, j0, nc, rows);
      if (two) {
        b.fill(b.source, p + 1, j0, nc, rows + nc);
      }
      across<P>(rows, two ? rows + nc : nullptr, nc, steps, q, out);
    } else if (b.half != nullptr) {
      const uint16_t * even = b.half + p * b.row + j0;
      across(even, two ? even + b.row : nullptr, nc, steps, q, out);
    } else {
      const float * even = b.b + p * b.row + j0;
      across<P>(even, two ? even + b.row : nullptr, nc, steps, q, out);
    }
  }
  for (int64_t q = (kc + 1) / 2; q < 16 * steps; q++) {
    blank<P>(nc, steps, q, out);
  }
}

// One panel of B, in short pieces that stay in the first-level cache while all rows of A pass by. `sums` holds what
// becomes of C in between, 32 x 32 after 32 x 32.
template <int P> struct Column {
  const uint16_t * a;
  const uint16_t * b;
  int64_t steps;
  int64_t rows;
  int64_t columns;    // 32 at most
  bool keep;          // sums start from what is in C,
  const float * bias; // else from this, [32]
  float * sums;

  void add_to(float * c, int64_t ldc) const {
    const int64_t pieces = std::max<int64_t>(1, (steps + kPiece<P> - 1) / kPiece<P>);
    for (int64_t q = 0; q < pieces; q++) {
      const int64_t from = steps * q / pieces;
      const int64_t count = steps * (q + 1) / pieces - from;
      for (int64_t i = 0; i < rows; i += kPanel) {
        float * here = sums + i * kPanel;
        float * there = c + i * ldc;
        const bool whole = rows - i >= kPanel && columns == kPanel && !apart();
        if (q > 0) {
          begin(here, kPanel);
        } else {
          first(i, here, there, ldc, whole);
        }
        products<P>(count, a + (i / kPanel * steps + from) * 2 * P * kTile, b + from * 2 * P * kTile);
        if (q < pieces - 1 || !whole) {
          end(here, kPanel);
        } else {
          end(there, ldc);
        }
        if (q == pieces - 1 && !whole) {
          finish(i, here, there, ldc);
        }
      }
    }
  }

private:
  // Sums in F32 are made apart, so that the error of a long one does not grow with each of its products.
  bool apart() const { return P > 1 && keep; }

  void first(int64_t i, float * here, const float * there, int64_t ldc, bool whole) const {
    if (keep && whole) {
      begin(there, ldc);
    } else if (keep && !apart()) {
      for (int64_t r = 0; r < std::min(kPanel, rows - i); r++) {
        std::copy_n(there + r * ldc, columns, here + r * kPanel);
      }
      begin(here, kPanel);
    } else if (keep) {
      clear();
    } else {
      begin(bias, 0);
    }
  }

  void finish(int64_t i, const float * here, float * there, int64_t ldc) const {
    for (int64_t r = 0; r < std::min(kPanel, rows - i); r++) {
      for (int64_t j = 0; j < columns; j += kWidth) {
        const __mmask16 mask = lanes(columns - j);
        Vec sum = load(here + r * kPanel + j);
        if (apart()) {
          sum = add(Vec{_mm512_maskz_loadu_ps(mask, there + r * ldc + j)}, sum);
        }
        _mm512_mask_storeu_ps(there + r * ldc + j, mask, sum.raw);
      }
    }
  }
};

// How many columns of B are packed at once.
int64_t at_once(const MatrixB & b) {
  return filled_by_rows(b) ? kColumnBlock : b.row == 1 ? kPanel : kColumns; // other types in whole blocks
}

template <int P>
void multiply(int64_t m, int64_t n, int64_t k, const MatrixA & a, const MatrixB & b, float * c, int64_t ldc,
              const float * bias, bool accumulate, int ith, int nth, float * scratch) {
  // Who shares out the rows packs all of B, who shares out the columns all of A.
  const int64_t unit = filled_by_rows(b) ? kColumnBlock : kPanel;
  const bool by_columns = m < kRows / 2 * nth && n >= unit * 3 * nth;
  const Range columns = by_columns ? share(n, unit, ith, nth) : Range{0, n};
  const Range rows = by_columns ? Range{0, m} : share(m, kPanel, ith, nth);
  if (rows.from >= rows.to || columns.from >= columns.to) {
    return;
  }
  const FullTiles tiles;
  auto * packed_a = reinterpret_cast<uint16_t *>(scratch);
  uint16_t * packed_b = packed_a + kRows * kDeep<1>;
  auto * sums = reinterpret_cast<float *>(packed_b + kColumnBlock * kDeep<1>);
  float * filled = sums + kRows * kPanel;
  alignas(64) float biases[kPanel] = {};
  const int64_t parts = std::max<int64_t>(1, (k + kDeep<P> - 1) / kDeep<P>);
  const int64_t depth = std::max<int64_t>(1, steps_of((k + parts - 1) / parts)) * 32;
  const int64_t width = at_once(b);
  for (int64_t i0 = rows.from; i0 < rows.to; i0 += kRows) {
    const int64_t mc = std::min(kRows, rows.to - i0);
    for (int64_t p0 = 0; p0 == 0 || p0 < k; p0 += depth) {
      const int64_t kc = std::min(depth, k - p0);
      const int64_t steps = steps_of(kc);
      pack_a<P>(MatrixA{a.a + i0 * a.row + p0 * a.col, a.row, a.col}, mc, kc, packed_a);
      for (int64_t j0 = columns.from; j0 < columns.to; j0 += width) {
        const int64_t nc = std::min(width, columns.to - j0);
        pack_b<P>(b, p0, kc, k, j0, nc, packed_b, filled);
        for (int64_t j = 0; j < nc; j += kPanel) {
          const int64_t wide = std::min(kPanel, nc - j);
          const bool keep = accumulate || p0 > 0;
          if (bias != nullptr && !keep) {
            std::copy_n(bias + j0 + j, wide, biases);
          }
          const Column<P> column{packed_a, tiles_at<P>(packed_b, j / kPanel, steps, 0), steps, mc, wide, keep, biases,
                                 sums};
          column.add_to(c + i0 * ldc + j0 + j, ldc);
        }
      }
    }
  }
}

} // namespace

bool has_gemm_amx() { return amx_granted(); }

int64_t gemm_amx_scratch() {
  return (kRows + kColumnBlock) * kDeep<1> / 2 + kRows * kPanel +
         std::max(2 * kColumnBlock, kPanel * FilledColumns::stride(kDeep<1>));
}

void gemm_amx(int64_t m, int64_t n, int64_t k, const MatrixA & a, const MatrixB & b, float * c, int64_t ldc,
              const float * bias, bool accumulate, int ith, int nth, float * scratch) noexcept {
  multiply<1>(m, n, k, a, b, c, ldc, bias, accumulate, ith, nth, scratch);
}

void gemm_amx_f32(int64_t m, int64_t n, int64_t k, const MatrixA & a, const MatrixB & b, float * c, int64_t ldc,
                  const float * bias, bool accumulate, int ith, int nth, float * scratch) noexcept {
  multiply<3>(m, n, k, a, b, c, ldc, bias, accumulate, ith, nth, scratch);
}

#else

bool has_gemm_amx() { return false; }

int64_t gemm_amx_scratch() { return 0; }

void gemm_amx(int64_t, int64_t, int64_t, const MatrixA &, const MatrixB &, float *, int64_t, const float *, bool, int,
              int, float *) noexcept {}

void gemm_amx_f32(int64_t, int64_t, int64_t, const MatrixA &, const MatrixB &, float *, int64_t, const float *, bool,
                  int, int, float *) noexcept {}

#endif

} // namespace sphere
