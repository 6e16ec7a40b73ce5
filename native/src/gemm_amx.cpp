// Products of numbers rounded to BF16 on Intel's matrix unit. A and B are packed as tiles of 1 KiB: 16 rows of 32
// numbers of A, 16 pairs of rows by 16 columns of B. Four products on two tiles of each take 64 cycles and read 64
// cache lines: so B's panel of 32 columns is packed where it is used, and A's block waits in the second-level cache.
#include "gemm.hpp"

#include "amx.hpp"
#include "bf16_pairs.hpp"

#include <algorithm>

namespace sphere {

#if SPHERE_AMX

namespace {

constexpr int64_t kTile = 512;        // numbers in a tile, 16 rows of 32
constexpr int64_t kPanel = 32;        // rows of A, columns of B in two tiles
constexpr int64_t kRows = 512;        // of A in a block
constexpr int64_t kWhole = 1024;      // a sum of up to so many products is made in one go
constexpr int64_t kDeep = 512;        // longer ones in parts of so many, C waiting in the cache
constexpr int64_t kWaiting = 1 << 18; // numbers of C that may wait there
constexpr int64_t kColumns = 128;     // of B that are packed at once where its rows are contiguous

// A step is 32 of the summed dimension.
int64_t steps_of(int64_t k) { return (k + 31) / 32; }
int64_t panels_of(int64_t n) { return (n + kPanel - 1) / kPanel; }

// Of one panel: step s's two tiles.
uint16_t * tiles_at(uint16_t * packed, int64_t panel, int64_t steps, int64_t s) {
  return packed + (panel * steps + s) * 2 * kTile;
}

// Rows of A as panels of 32, zeros beyond m and kc.
void pack_a(const MatrixA & a, int64_t m, int64_t kc, uint16_t * out) {
  const int64_t steps = steps_of(kc);
  for (int64_t i = 0; i < panels_of(m) * kPanel; i += 16) {
    for (int64_t s = 0; s < steps; s++) {
      uint16_t * tile = tiles_at(out, i / kPanel, steps, s) + i % kPanel / 16 * kTile;
      __m512i r[16];
      if (a.col == 1) {
        for (int64_t c = 0; c < 16; c++) {
          r[c] = i + c < m ? pairs_along(a.a + (i + c) * a.row, 32 * s, kc) : _mm512_setzero_si512();
        }
      } else {
        for (int64_t q = 0; q < 16; q++) {
          const int64_t p = 32 * s + 2 * q;
          const float * even = a.a + p * a.col + i;
          r[q] =
              p < kc ? pairs_across(even, p + 1 < kc ? even + a.col : nullptr, lanes(m - i)) : _mm512_setzero_si512();
        }
        transpose(r);
      }
      for (int64_t c = 0; c < 16; c++) {
        _mm512_store_si512(tile + 32 * c, r[c]);
      }
    }
  }
}

// Columns of B that are contiguous along the summed dimension.
template <typename T> void along(const T * b, int64_t ld, int64_t nc, int64_t kc, uint16_t * out) {
  const int64_t steps = steps_of(kc);
  for (int64_t j = 0; j < panels_of(nc) * kPanel; j += 16) {
    for (int64_t s = 0; s < steps; s++) {
      uint16_t * tile = tiles_at(out, j / kPanel, steps, s) + j % kPanel / 16 * kTile;
      __m512i r[16];
      for (int64_t c = 0; c < 16; c++) {
        r[c] = j + c < nc ? pairs_along(b + (j + c) * ld, 32 * s, kc) : _mm512_setzero_si512();
      }
      transpose(r);
      for (int64_t q = 0; q < 16; q++) {
        _mm512_store_si512(tile + 32 * q, r[q]);
      }
    }
  }
}

// The pair of rows 2 * q and 2 * q + 1 of B.
template <typename T> void across(const T * even, const T * odd, int64_t nc, int64_t steps, int64_t q, uint16_t * out) {
  for (int64_t j = 0; j < panels_of(nc) * kPanel; j += 16) {
    uint16_t * tile = tiles_at(out, j / kPanel, steps, q / 16) + j % kPanel / 16 * kTile;
    _mm512_store_si512(tile + q % 16 * 32, pairs_across(even + j, odd == nullptr ? nullptr : odd + j, lanes(nc - j)));
  }
}

void pack_b(const MatrixB & b, int64_t p0, int64_t kc, int64_t j0, int64_t nc, uint16_t * out, float * rows) {
  if (b.fill == nullptr && b.row == 1) {
    if (b.half != nullptr) {
      along(b.half + j0 * b.col + p0, b.col, nc, kc, out);
    } else {
      along(b.b + j0 * b.col + p0, b.col, nc, kc, out);
    }
    return;
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
      across(rows, two ? rows + nc : nullptr, nc, steps, q, out);
    } else if (b.half != nullptr) {
      const uint16_t * even = b.half + p * b.row + j0;
      across(even, two ? even + b.row : nullptr, nc, steps, q, out);
    } else {
      const float * even = b.b + p * b.row + j0;
      across(even, two ? even + b.row : nullptr, nc, steps, q, out);
    }
  }
  for (int64_t q = (kc + 1) / 2; q < 16 * steps; q++) {
    for (int64_t j = 0; j < panels_of(nc) * kPanel; j += 16) {
      _mm512_store_si512(tiles_at(out, j / kPanel, steps, q / 16) + j % kPanel / 16 * kTile + q % 16 * 32,
                         _mm512_setzero_si512());
    }
  }
}

// Tiles 0 to 3 are 32 x 32 of C, row by row.
void products(int64_t steps, const uint16_t * a, const uint16_t * b) {
  for (int64_t s = 0; s < steps; s++) {
    _tile_loadd(4, a, 64);
    _tile_loadd(6, b, 64);
    _tile_loadd(5, a + kTile, 64);
    _tile_loadd(7, b + kTile, 64);
    _tile_dpbf16ps(0, 4, 6);
    _tile_dpbf16ps(1, 4, 7);
    _tile_dpbf16ps(2, 5, 6);
    _tile_dpbf16ps(3, 5, 7);
    a += 2 * kTile;
    b += 2 * kTile;
  }
}

void begin(const float * c, int64_t ldc) {
  const auto stride = static_cast<size_t>(ldc) * sizeof(float);
  _tile_loadd(0, c, stride);
  _tile_loadd(1, c + 16, stride);
  _tile_loadd(2, c + 16 * ldc, stride);
  _tile_loadd(3, c + 16 * ldc + 16, stride);
}

void end(float * c, int64_t ldc) {
  const auto stride = static_cast<size_t>(ldc) * sizeof(float);
  _tile_stored(0, c, stride);
  _tile_stored(1, c + 16, stride);
  _tile_stored(2, c + 16 * ldc, stride);
  _tile_stored(3, c + 16 * ldc + 16, stride);
}

// What a sum starts from.
struct Start {
  bool keep;          // what is in C
  const float * bias; // else this, [32] padded; or zeros
};

// rows x columns (at most 32 each) of C.
void block(int64_t steps, const uint16_t * a, const uint16_t * b, float * c, int64_t ldc, int64_t rows, int64_t columns,
           const Start & start) {
  alignas(64) float edge[kPanel * kPanel];
  const bool whole = rows == kPanel && columns == kPanel;
  if (start.keep && whole) {
    begin(c, ldc);
  } else if (start.keep) {
    for (int64_t i = 0; i < rows; i++) {
      std::copy_n(c + i * ldc, columns, edge + i * kPanel);
    }
    begin(edge, kPanel);
  } else if (start.bias != nullptr) {
    begin(start.bias, 0);
  } else {
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
  }
  products(steps, a, b);
  if (whole) {
    end(c, ldc);
    return;
  }
  end(edge, kPanel);
  for (int64_t i = 0; i < rows; i++) {
    std::copy_n(edge + i * kPanel, columns, c + i * ldc);
  }
}

int64_t at_once(const MatrixB & b) {
  return b.fill != nullptr ? kColumnBlock : b.row == 1 ? kPanel : kColumns; // other types in whole blocks
}

} // namespace

bool has_gemm_amx() { return amx_granted(); }

int64_t gemm_amx_scratch() { return (kRows + kColumnBlock) * kWhole / 2 + 2 * kColumnBlock; }

void gemm_amx(int64_t m, int64_t n, int64_t k, const MatrixA & a, const MatrixB & b, float * c, int64_t ldc,
              const float * bias, bool accumulate, int ith, int nth, float * scratch) noexcept {
  // Who shares out the rows packs all of B, who shares out the columns all of A.
  const int64_t unit = b.fill != nullptr ? kColumnBlock : kPanel;
  const bool by_columns = m < kRows / 2 * nth && n >= unit * 3 * nth;
  const Range columns = by_columns ? share(n, unit, ith, nth) : Range{0, n};
  const Range rows = by_columns ? Range{0, m} : share(m, kPanel, ith, nth);
  if (rows.from >= rows.to || columns.from >= columns.to) {
    return;
  }
  const Tiles tiles({16, 16, 16, 16, 16, 16, 16, 16}, {64, 64, 64, 64, 64, 64, 64, 64});
  auto * packed_a = reinterpret_cast<uint16_t *>(scratch);
  uint16_t * packed_b = packed_a + kRows * kWhole;
  auto * filled = reinterpret_cast<float *>(packed_b + kColumnBlock * kWhole);
  alignas(64) float biases[kPanel] = {};
  const int64_t parts = k <= kWhole ? 1 : (k + kDeep - 1) / kDeep;
  const int64_t depth = steps_of((k + parts - 1) / parts) * 32;
  const int64_t width = at_once(b);
  for (int64_t i0 = rows.from; i0 < rows.to; i0 += kRows) {
    const int64_t mc = std::min(kRows, rows.to - i0);
    const int64_t most = parts == 1 ? n : std::max<int64_t>(1, kWaiting / mc / unit) * unit;
    const int64_t strips = (columns.to - columns.from + most - 1) / most;
    for (int64_t strip = 0; strip < strips; strip++) {
      for (int64_t p0 = 0; p0 == 0 || p0 < k; p0 += depth) {
        const int64_t kc = std::min(depth, k - p0);
        const int64_t steps = steps_of(kc);
        const Range mine = share(columns.to - columns.from, unit, static_cast<int>(strip), static_cast<int>(strips));
        if (p0 > 0 || parts > 1 || strip == 0) {
          pack_a(MatrixA{a.a + i0 * a.row + p0 * a.col, a.row, a.col}, mc, kc, packed_a);
        }
        for (int64_t j0 = columns.from + mine.from; j0 < columns.from + mine.to; j0 += width) {
          const int64_t nc = std::min(width, columns.from + mine.to - j0);
          pack_b(b, p0, kc, j0, nc, packed_b, filled);
          for (int64_t j = 0; j < nc; j += kPanel) {
            const int64_t wide = std::min(kPanel, nc - j);
            Start start{accumulate || p0 > 0, nullptr};
            if (!start.keep && bias != nullptr) {
              std::copy_n(bias + j0 + j, wide, biases);
              start.bias = biases;
            }
            for (int64_t i = 0; i < mc; i += kPanel) {
              block(steps, tiles_at(packed_a, i / kPanel, steps, 0), tiles_at(packed_b, j / kPanel, steps, 0),
                    c + (i0 + i) * ldc + j0 + j, ldc, std::min(kPanel, mc - i), wide, start);
            }
          }
        }
      }
    }
  }
}

#else

bool has_gemm_amx() { return false; }

int64_t gemm_amx_scratch() { return 0; }

void gemm_amx(int64_t, int64_t, int64_t, const MatrixA &, const MatrixB &, float *, int64_t, const float *, bool, int,
              int, float *) noexcept {}

#endif

} // namespace sphere
