// Matrices in BF16 as tiles of Intel's matrix unit: 1 KiB is 16 rows of 32 numbers of A, or 16 pairs of rows by 16
// columns of B. A panel is 32 rows of A or 32 columns of B; step s of a panel is its two tiles for numbers 32 s .. of
// the summed dimension. Tiles 0 to 3 of the unit hold 32 x 32 of C, 4 and 5 A, 6 and 7 B.
#pragma once

#include "amx.hpp"
#include "bf16_pairs.hpp"
#include "gemm.hpp"

#include <algorithm>

#if SPHERE_AMX

namespace sphere {

constexpr int64_t kTile = 512; // numbers in a tile
constexpr int64_t kPanel = 32;

// A step is 32 of the summed dimension.
inline int64_t steps_of(int64_t k) { return (k + 31) / 32; }
inline int64_t panels_of(int64_t n) { return (n + kPanel - 1) / kPanel; }

// Of one panel: step s's two tiles.
inline uint16_t * tiles_at(uint16_t * packed, int64_t panel, int64_t steps, int64_t s) {
  return packed + (panel * steps + s) * 2 * kTile;
}

// Rows of A as panels of 32, zeros beyond m and kc.
inline void pack_a(const MatrixA & a, int64_t m, int64_t kc, uint16_t * out) {
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
      if (sizeof(T) == 2 && j + 16 <= nc && 32 * s + 32 <= kc) {
        load_turned(b + j * ld + 32 * s, ld * static_cast<int64_t>(sizeof(T)), r);
      } else {
        for (int64_t c = 0; c < 16; c++) {
          r[c] = j + c < nc ? pairs_along(b + (j + c) * ld, 32 * s, kc) : _mm512_setzero_si512();
        }
        transpose(r);
      }
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

// The shapes of all this, in force from construction to destruction.
class FullTiles {
  Tiles tiles{{16, 16, 16, 16, 16, 16, 16, 16}, {64, 64, 64, 64, 64, 64, 64, 64}};
};

inline void clear() {
  _tile_zero(0);
  _tile_zero(1);
  _tile_zero(2);
  _tile_zero(3);
}

// Tiles 0 to 3 are 32 x 32 of C, row by row.
inline void products(int64_t steps, const uint16_t * a, const uint16_t * b) {
  for (int64_t s = 0; s < steps; s++) {
    _tile_loadd(6, b, 64);
    _tile_loadd(4, a, 64);
    _tile_dpbf16ps(0, 4, 6);
    _tile_loadd(7, b + kTile, 64);
    _tile_dpbf16ps(1, 4, 7);
    _tile_loadd(5, a + kTile, 64);
    _tile_dpbf16ps(2, 5, 6);
    _tile_dpbf16ps(3, 5, 7);
    a += 2 * kTile;
    b += 2 * kTile;
  }
}

inline void begin(const float * c, int64_t ldc) {
  const auto stride = static_cast<size_t>(ldc) * sizeof(float);
  _tile_loadd(0, c, stride);
  _tile_loadd(1, c + 16, stride);
  _tile_loadd(2, c + 16 * ldc, stride);
  _tile_loadd(3, c + 16 * ldc + 16, stride);
}

inline void end(float * c, int64_t ldc) {
  const auto stride = static_cast<size_t>(ldc) * sizeof(float);
  _tile_stored(0, c, stride);
  _tile_stored(1, c + 16, stride);
  _tile_stored(2, c + 16 * ldc, stride);
  _tile_stored(3, c + 16 * ldc + 16, stride);
}

} // namespace sphere

#endif
