// Products of numbers rounded to BF16 whose sums are kept in F32 (vdpbf16ps, bfdot: twice the rate of F32 on the CPUs
// that have one). The same blocking as in gemm.cpp; a panel's element is a pair of neighbours along the summed
// dimension.
#include "train/gemm.hpp"

#include "train/bf16_pairs.hpp"

#include <algorithm>

namespace sphere {

#if SPHERE_BF16_PAIRS

namespace {

constexpr int64_t kPanel = 3 * kWidth; // columns: three vectors of pairs
constexpr int64_t kPairs = 640;   // pairs of rows of B in a panel, read from the second-level cache: 16 bytes a cycle
constexpr int64_t kColumns = 192; // columns of B that are packed at once, so that they stay there
constexpr int64_t kRowPad = 16;   // pairs between rows of A, so that they don't share cache sets

// Other types' rows are turned into floats in whole blocks.
inline int64_t columns_at_once(const MatrixB & b) { return filled_by_rows(b) ? 3 * kColumnBlock : kColumns; }

// ROWS x (V * kWidth) of C over `pairs` pairs. A: pairs of row i at a[i * row + p * col].
template <int ROWS, int V, bool ROW_MAJOR>
inline __attribute__((always_inline)) void tile(int64_t pairs, const uint32_t * a, int64_t lda, const uint32_t * b,
                                                float * c, int64_t ldc, bool keep, const float * bias, int last) {
  Vec acc[ROWS][V];
  for (int i = 0; i < ROWS; i++) {
    for (int v = 0; v < V; v++) {
      acc[i][v] = zero();
    }
  }
  for (int64_t p = 0; p < pairs; p++) {
    hn::Vec<Bf16s> bv[V];
    for (int v = 0; v < V; v++) {
      bv[v] = hn::BitCast(Bf16s(), hn::LoadU(Words(), b + v * kWidth));
    }
    b += kPanel;
    for (int i = 0; i < ROWS; i++) {
      const auto ai = hn::BitCast(Bf16s(), hn::Set(Words(), ROW_MAJOR ? a[i * lda + p] : a[p * lda + i]));
      for (int v = 0; v < V; v++) {
        Vec unused = zero(); // of CPUs without such an instruction
        acc[i][v] = hn::ReorderWidenMulAccumulate(Floats(), ai, bv[v], acc[i][v], unused);
      }
    }
  }
  for (int i = 0; i < ROWS; i++) {
    for (int v = 0; v < V; v++) {
      const bool part = v == V - 1 && last < kWidth;
      float * at = c + i * ldc + v * kWidth;
      Vec before = zero();
      if (keep) {
        before = part ? load_first(at, last) : load(at);
      } else if (bias != nullptr) {
        before = part ? load_first(bias + v * kWidth, last) : load(bias + v * kWidth);
      }
      const Vec result = add(before, acc[i][v]);
      if (part) {
        store_part(at, result, last);
      } else {
        store(at, result);
      }
    }
  }
}

struct Tile {
  int64_t pairs;
  const uint32_t * b;
  bool keep;
  const float * bias;
  int last; // valid lanes of the last vector
};

struct PackedA {
  const uint32_t * a;
  int64_t lda;
  bool row_major;

  const uint32_t * row(int64_t i) const { return row_major ? a + i * lda : a + i; }
};

template <int ROWS, int V> void run(const Tile & t, const PackedA & a, int64_t i, float * c, int64_t ldc) {
  if (a.row_major) {
    tile<ROWS, V, true>(t.pairs, a.row(i), a.lda, t.b, c + i * ldc, ldc, t.keep, t.bias, t.last);
  } else {
    tile<ROWS, V, false>(t.pairs, a.row(i), a.lda, t.b, c + i * ldc, ldc, t.keep, t.bias, t.last);
  }
}

// Fewer rows than a tile has.
template <int MOST, int V>
void remainder(int64_t rows, const Tile & t, const PackedA & a, int64_t i, float * c, int64_t ldc) {
  if constexpr (MOST > 0) {
    if (rows == MOST) {
      run<MOST, V>(t, a, i, c, ldc);
    } else {
      remainder<MOST - 1, V>(rows, t, a, i, c, ldc);
    }
  }
}

template <int V> void column(int64_t m, const Tile & t, const PackedA & a, float * c, int64_t ldc) {
  int64_t i = 0;
  for (; i + kTileRows <= m; i += kTileRows) {
    run<kTileRows, V>(t, a, i, c, ldc);
  }
  remainder<kTileRows - 1, V>(m - i, t, a, i, c, ldc);
}

// Rows of A, p0 .. p0 + kc, as pairs: [m][pairs + pad] where A's rows are contiguous, else [pairs][m].
PackedA pack_a(const MatrixA & a, int64_t m, int64_t p0, int64_t kc, uint32_t * out) {
  const int64_t pairs = (kc + 1) / 2;
  if (a.col == 1) {
    const int64_t lda = (pairs + 15) / 16 * 16 + kRowPad;
    for (int64_t i = 0; i < m; i++) {
      const float * row = a.a + i * a.row + p0;
      for (int64_t p = 0; p < kc; p += 2 * kWidth) {
        hn::StoreU(pairs_along(row, p, kc), Words(), out + i * lda + p / 2);
      }
    }
    return {out, lda, true};
  }
  for (int64_t q = 0; q < pairs; q++) {
    const float * even = a.a + (p0 + 2 * q) * a.col;
    const float * odd = 2 * q + 1 < kc ? even + a.col : nullptr;
    for (int64_t i = 0; i < m; i += kWidth) {
      const VecWords both = pairs_across(even + i, odd == nullptr ? nullptr : odd + i, m - i);
      hn::StoreN(both, Words(), out + q * m + i, first_of(m - i, kWidth));
    }
  }
  return {out, m, false};
}

// Two rows of B next to each other, nc columns, into the panels' pair q.
template <typename T> void across(const T * even, const T * odd, int64_t nc, int64_t pairs, int64_t q, uint32_t * out) {
  for (int64_t j = 0; j < nc; j += kWidth) {
    const VecWords both = pairs_across(even + j, odd == nullptr ? nullptr : odd + j, nc - j);
    hn::StoreU(both, Words(), out + (j / kPanel * pairs + q) * kPanel + j % kPanel);
  }
}

// Columns of B that are contiguous along the summed dimension, kWidth at a time.
template <typename T> void along(const T * b, int64_t ld, int64_t nc, int64_t kc, uint32_t * out) {
  const int64_t pairs = (kc + 1) / 2;
  for (int64_t j = 0; j < nc; j += kWidth) {
    uint32_t * panel = out + j / kPanel * pairs * kPanel + j % kPanel;
    for (int64_t q = 0; q < pairs; q += kWidth) {
      VecWords r[kWidth];
      if (2 * (q + kWidth) <= kc && j + kWidth <= nc) {
        for (int64_t c = 0; c < kWidth; c++) {
          r[c] = pairs_along(b + (j + c) * ld + 2 * q);
        }
      } else {
        for (int64_t c = 0; c < kWidth; c++) {
          r[c] = j + c < nc ? pairs_along(b + (j + c) * ld, 2 * q, kc) : hn::Zero(Words());
        }
      }
      transpose(r);
      for (int64_t c = 0; c < std::min<int64_t>(kWidth, pairs - q); c++) {
        hn::StoreU(r[c], Words(), panel + (q + c) * kPanel);
      }
    }
  }
}

void pack_b(const MatrixB & b, int64_t p0, int64_t kc, int64_t k, int64_t j0, int64_t nc, uint32_t * out,
            float * rows) {
  const int64_t pairs = (kc + 1) / 2;
  if (filled_by_columns(b)) {
    for (int64_t j = 0; j < nc; j += kWidth) {
      const int64_t n = std::min<int64_t>(kWidth, nc - j);
      const FilledColumns columns(b, p0, kc, k, j0 + j, n, rows);
      along(columns.at, columns.ld, n, kc, out + j / kPanel * pairs * kPanel + j % kPanel);
    }
    return;
  }
  if (b.fill == nullptr && b.row == 1) {
    if (b.half != nullptr) {
      along(b.half + j0 * b.col + p0, b.col, nc, kc, out);
    } else {
      along(b.b + j0 * b.col + p0, b.col, nc, kc, out);
    }
    return;
  }
  for (int64_t q = 0; q < pairs; q++) {
    const int64_t p = p0 + 2 * q;
    const bool two = 2 * q + 1 < kc;
    if (b.fill != nullptr) {
      b.fill(b.source, p, j0, nc, rows);
      if (two) {
        b.fill(b.source, p + 1, j0, nc, rows + nc);
      }
      across(rows, two ? rows + nc : nullptr, nc, pairs, q, out);
    } else if (b.half != nullptr) {
      const uint16_t * even = b.half + p * b.row + j0;
      across(even, two ? even + b.row : nullptr, nc, pairs, q, out);
    } else {
      const float * even = b.b + p * b.row + j0;
      across(even, two ? even + b.row : nullptr, nc, pairs, q, out);
    }
  }
}

} // namespace

bool has_gemm_bf16() { return true; }

int64_t gemm_bf16_scratch(int64_t m, int64_t n) {
  if (has_gemm_amx()) {
    return gemm_amx_scratch();
  }
  const int64_t columns = std::min(n, 3 * kColumnBlock) + kPanel;
  const int64_t filled = std::max(2 * (columns + kColumnBlock), 16 * FilledColumns::stride(2 * kPairs));
  return (m + 16) * (kPairs + 16 + kRowPad) + columns * kPairs + filled;
}

void gemm_bf16(int64_t m, int64_t n, int64_t k, const MatrixA & a, const MatrixB & b, float * c, int64_t ldc,
               const float * bias, bool accumulate, int ith, int nth, float * scratch) noexcept {
  if (has_gemm_amx()) {
    return gemm_amx(m, n, k, a, b, c, ldc, bias, accumulate, ith, nth, scratch);
  }
  const int64_t unit = filled_by_rows(b) ? kColumnBlock : kWidth;
  const bool by_columns = n >= unit * 3 * nth;
  const Range columns = by_columns ? share(n, unit, ith, nth) : Range{0, n};
  const Range rows = by_columns ? Range{0, m} : share(m, kTileRows, ith, nth);
  const int64_t count = rows.to - rows.from;
  if (count <= 0) {
    return;
  }
  auto * packed_a = reinterpret_cast<uint32_t *>(scratch);
  auto * packed_b = packed_a + (count + 16) * (kPairs + 16 + kRowPad);
  auto * filled = reinterpret_cast<float *>(packed_b + (std::min(n, 3 * kColumnBlock) + kPanel) * kPairs);
  const int64_t blocks = (k + 2 * kPairs - 1) / (2 * kPairs);
  const int64_t depth = blocks == 0 ? 0 : ((k + blocks - 1) / blocks + 1) / 2 * 2;
  const int64_t at_once = columns_at_once(b);
  const MatrixA mine{a.a + rows.from * a.row, a.row, a.col};
  for (int64_t p0 = 0; p0 < k; p0 += depth) {
    const int64_t kc = std::min(depth, k - p0);
    const int64_t pairs = (kc + 1) / 2;
    const PackedA pa = pack_a(mine, count, p0, kc, packed_a);
    for (int64_t j0 = columns.from; j0 < columns.to; j0 += at_once) {
      const int64_t nc = std::min(at_once, columns.to - j0);
      pack_b(b, p0, kc, k, j0, nc, packed_b, filled);
      for (int64_t q = 0; q < nc; q += kPanel) {
        const int64_t width = std::min(kPanel, nc - q);
        const int vectors = static_cast<int>((width + kWidth - 1) / kWidth);
        const Tile t{pairs, packed_b + q * pairs, accumulate || p0 > 0, bias == nullptr ? nullptr : bias + j0 + q,
                     static_cast<int>(width - (vectors - 1) * kWidth)};
        float * to = c + rows.from * ldc + j0 + q;
        switch (vectors) {
          case 1: column<1>(count, t, pa, to, ldc); break;
          case 2: column<2>(count, t, pa, to, ldc); break;
          default: column<3>(count, t, pa, to, ldc); break;
        }
      }
    }
  }
}

#else

bool has_gemm_bf16() { return false; }

int64_t gemm_bf16_scratch(int64_t, int64_t) { return 0; }

void gemm_bf16(int64_t, int64_t, int64_t, const MatrixA &, const MatrixB &, float *, int64_t, const float *, bool, int,
               int, float *) noexcept {}

#endif

} // namespace sphere
