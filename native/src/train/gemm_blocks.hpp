// The blocked product behind gemm(), for every kind of number and of unit. A Kernel says:
//   Word                   a packed panel's element, of kGroup numbers along the summed dimension
//   kPanel                 columns of a panel of B, which is multiplied with all rows of A's block
//   kRows, kDeep, kWide    the largest block: rows of A, numbers of a sum, columns of B
//   kDepthUnit             a block's depth is a multiple of it
//   kRowUnit, kColumnUnit  threads get whole numbers of them
//   kFilled                columns that are dequantised at once where B is filled by columns
//   kMost, at_once(b)      columns of B that are packed at once: at most, and of this B
//   a_floats(rows, depth), b_floats(columns, depth), kSums  floats of scratch memory
//   pack_a(a, rows, depth, out)     a block of A, packed, as panel() takes it
//   along(b, ld, nc, depth, out)    packs columns of B that are contiguous along the summed dimension
//   across(rows, nc, depth, p, out) packs rows p .. p + kGroup of B, nc columns; a row that is not there is null
//   at(out, j, depth)               where column j of the packed columns begins
//   panel(a, panel)                 multiplies
#pragma once

#include "train/gemm.hpp"

#include <algorithm>
#include <array>

namespace sphere {

constexpr int64_t kUnlimited = int64_t{1} << 40;

inline int64_t rounded_up(int64_t n, int64_t unit) { return (n + unit - 1) / unit * unit; }

struct Range {
  int64_t from;
  int64_t to;
};

// This thread's share of n in whole units.
inline Range share(int64_t n, int64_t unit, int ith, int nth) {
  const int64_t units = (n + unit - 1) / unit;
  const auto end = [&](int64_t i) { return std::min(n, units * i / nth * unit); };
  return {end(ith), end(ith + 1)};
}

inline bool filled_by_rows(const MatrixB & b) { return b.fill != nullptr && b.row != 1; }

// One panel of packed B, times all rows of A's block.
template <typename Word> struct Panel {
  const Word * b;
  int64_t depth;
  int64_t rows;
  int64_t columns;    // kPanel at most
  bool keep;          // sums are added to C,
  const float * bias; // else to this, or to zeros where it is null
  float * c;
  int64_t ldc;
  float * sums; // kSums floats
};

// Where a thread's scratch memory holds what, in floats.
template <typename Kernel> struct GemmScratch {
  int64_t depth, b, sums, filled, end;

  GemmScratch(int64_t m, int64_t n, int64_t k) {
    const int64_t blocks = std::max<int64_t>(1, (k + Kernel::kDeep - 1) / Kernel::kDeep);
    depth = rounded_up(std::max<int64_t>(1, (k + blocks - 1) / blocks), Kernel::kDepthUnit);
    const int64_t columns = rounded_up(std::min(n, Kernel::kMost), Kernel::kPanel);
    b = rounded_up(Kernel::a_floats(std::min(m, Kernel::kRows), depth), 16);
    sums = b + rounded_up(Kernel::b_floats(columns, depth), 16);
    filled = sums + Kernel::kSums;
    end = filled + std::max(Kernel::kGroup * columns, Kernel::kFilled * column_stride());
  }
  // Between columns that are dequantised, in whole blocks around `depth` numbers.
  int64_t column_stride() const { return (depth + 2 * kColumnBlock) / kColumnBlock * kColumnBlock; }
};

// Rows p0 .. p0 + kc of k of columns j0 .. j0 + nc of B.
template <typename Kernel>
void pack_b(const MatrixB & b, int64_t p0, int64_t kc, int64_t k, int64_t j0, int64_t nc, typename Kernel::Word * out,
            float * filled, int64_t stride) {
  if (b.fill != nullptr && b.row == 1) {
    const int64_t from = p0 - p0 % kColumnBlock;
    const int64_t to = std::min(k, rounded_up(p0 + kc, kColumnBlock));
    for (int64_t j = 0; j < nc; j += Kernel::kFilled) {
      const int64_t n = std::min(Kernel::kFilled, nc - j);
      for (int64_t c = 0; c < n; c++) {
        b.fill(b.source, j0 + j + c, from, to - from, filled + c * stride);
      }
      Kernel::along(filled + (p0 - from), stride, n, kc, Kernel::at(out, j, kc));
    }
    return;
  }
  const auto from_memory = [&](const auto * numbers) {
    if (b.row == 1) {
      return Kernel::along(numbers + j0 * b.col + p0, b.col, nc, kc, out);
    }
    for (int64_t p = 0; p < kc; p += Kernel::kGroup) {
      std::array<decltype(numbers), Kernel::kGroup> rows{};
      for (int64_t r = 0; r < std::min(Kernel::kGroup, kc - p); r++) {
        rows[r] = numbers + (p0 + p + r) * b.row + j0;
      }
      Kernel::across(rows, nc, kc, p, out);
    }
  };
  if (b.fill != nullptr) {
    for (int64_t p = 0; p < kc; p += Kernel::kGroup) {
      std::array<const float *, Kernel::kGroup> rows{};
      for (int64_t r = 0; r < std::min(Kernel::kGroup, kc - p); r++) {
        b.fill(b.source, p0 + p + r, j0, nc, filled + r * nc);
        rows[r] = filled + r * nc;
      }
      Kernel::across(rows, nc, kc, p, out);
    }
  } else if constexpr (Kernel::kTakesHalves) {
    b.half != nullptr ? from_memory(b.half) : from_memory(b.b);
  } else {
    from_memory(b.b);
  }
}

template <typename Kernel> void multiply(const Gemm & g, int ith, int nth, float * scratch) {
  // Threads share out the columns, so that nobody packs B twice; where those are too few, or so many the rows that
  // packing A costs more, the rows.
  const int64_t unit = filled_by_rows(g.b) ? kColumnBlock : Kernel::kColumnUnit;
  const bool by_columns = g.m < Kernel::kRows / 2 * nth && g.n >= unit * 3 * nth;
  const Range columns = by_columns ? share(g.n, unit, ith, nth) : Range{0, g.n};
  const Range rows = by_columns ? Range{0, g.m} : share(g.m, Kernel::kRowUnit, ith, nth);
  if (rows.from >= rows.to || columns.from >= columns.to) {
    return;
  }
  Kernel kernel;
  using Word = typename Kernel::Word;
  const GemmScratch<Kernel> at(g.m, g.n, g.k);
  auto * packed_a = reinterpret_cast<Word *>(scratch);
  auto * packed_b = reinterpret_cast<Word *>(scratch + at.b);
  const int64_t at_once = Kernel::at_once(g.b);
  for (int64_t i0 = rows.from; i0 < rows.to; i0 += Kernel::kRows) {
    const int64_t mc = std::min(Kernel::kRows, rows.to - i0);
    for (int64_t wide = columns.from; wide < columns.to; wide += Kernel::kWide) {
      const int64_t end = std::min(columns.to, wide + Kernel::kWide);
      for (int64_t p0 = 0; p0 == 0 || p0 < g.k; p0 += at.depth) {
        const int64_t kc = std::min(at.depth, g.k - p0);
        const auto a = Kernel::pack_a(MatrixA{g.a.a + i0 * g.a.row + p0 * g.a.col, g.a.row, g.a.col}, mc, kc, packed_a);
        for (int64_t j0 = wide; j0 < end; j0 += at_once) {
          const int64_t nc = std::min(at_once, end - j0);
          pack_b<Kernel>(g.b, p0, kc, g.k, j0, nc, packed_b, scratch + at.filled, at.column_stride());
          for (int64_t j = 0; j < nc; j += Kernel::kPanel) {
            kernel.panel(a, Panel<Word>{Kernel::at(packed_b, j, kc), kc, mc, std::min(Kernel::kPanel, nc - j),
                                        g.accumulate || p0 > 0, g.bias == nullptr ? nullptr : g.bias + j0 + j,
                                        g.c + i0 * g.ldc + j0 + j, g.ldc, scratch + at.sums});
          }
        }
      }
    }
  }
}

} // namespace sphere
