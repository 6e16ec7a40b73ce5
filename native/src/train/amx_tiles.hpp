// Matrices in BF16 as tiles of Intel's matrix unit: 1 KiB is 16 rows of 32 numbers of A, or 16 pairs of rows by 16
// columns of B. A panel is 32 rows of A or 32 columns of B; step s of a panel is its two tiles for numbers 32 s .. of
// the summed dimension; of numbers in F32 two tiles for each of their three parts. Tiles 0 to 3 of the unit hold 32 x
// 32 of C, 4 and 5 A, 6 and 7 B.
#pragma once

#include "common/amx.hpp"
#include "train/bf16_pairs.hpp"
#include "train/gemm.hpp"

#include <algorithm>

#if SPHERE_AMX

namespace sphere {

constexpr int64_t kTile = 512; // numbers in a tile
constexpr int64_t kPanel = 32;

// A step is 32 of the summed dimension.
inline int64_t steps_of(int64_t k) { return (k + 31) / 32; }
inline int64_t panels_of(int64_t n) { return (n + kPanel - 1) / kPanel; }

// Of one panel: step s's two tiles, of each of P parts.
template <int P = 1> inline uint16_t * tiles_at(uint16_t * packed, int64_t panel, int64_t steps, int64_t s) {
  return packed + (panel * steps + s) * 2 * P * kTile;
}

// Rows of A as panels of 32, zeros beyond m and kc. Of contiguous rows half a kilobyte at a time, which the memory
// likes.
template <int P> void pack_rows(const MatrixA & a, int64_t m, int64_t kc, uint16_t * out) {
  constexpr int64_t some = 4;
  const int64_t steps = steps_of(kc);
  for (int64_t i = 0; i < panels_of(m) * kPanel; i += 16) {
    for (int64_t from = 0; from < steps; from += some) {
      const int64_t to = std::min(steps, from + some);
      const int64_t whole = std::max(from, std::min(to, kc / 32));
      for (int64_t c = 0; c < 16; c++) {
        uint16_t * tile = tiles_at<P>(out, i / kPanel, steps, 0) + i % kPanel / 16 * kTile + 32 * c;
        const float * row = a.a + (i + c) * a.row;
        const auto put = [&](int64_t s, const Parts<P> & parts) {
          for (int64_t q = 0; q < P; q++) {
            _mm512_store_si512(tile + (s * P + q) * 2 * kTile, parts.part[q]);
          }
        };
        int64_t s = from;
        for (; i + c < m && s < whole; s++) {
          put(s, parts_along<P>(_mm512_loadu_ps(row + 32 * s), _mm512_loadu_ps(row + 32 * s + 16)));
        }
        for (; s < to; s++) {
          const int64_t end = i + c < m ? kc : 0;
          put(s, parts_along<P>(numbers(row, 32 * s, end), numbers(row, 32 * s + 16, end)));
        }
      }
    }
  }
}

template <int P = 1> void pack_a(const MatrixA & a, int64_t m, int64_t kc, uint16_t * out) {
  if (a.col == 1) {
    return pack_rows<P>(a, m, kc, out);
  }
  const int64_t steps = steps_of(kc);
  for (int64_t i = 0; i < panels_of(m) * kPanel; i += 16) {
    for (int64_t s = 0; s < steps; s++) {
      uint16_t * tile = tiles_at<P>(out, i / kPanel, steps, s) + i % kPanel / 16 * kTile;
      __m512i r[P][16];
      const auto row = [&](int64_t p) { return p < kc ? numbers(a.a + p * a.col, i, m) : _mm512_setzero_ps(); };
      for (int64_t q = 0; q < 16; q++) {
        const Parts<P> parts = parts_across<P>(row(32 * s + 2 * q), row(32 * s + 2 * q + 1));
        for (int64_t t = 0; t < P; t++) {
          r[t][q] = parts.part[t];
        }
      }
      for (int64_t t = 0; t < P; t++) {
        transpose(r[t]);
        for (int64_t c = 0; c < 16; c++) {
          _mm512_store_si512(tile + t * 2 * kTile + 32 * c, r[t][c]);
        }
      }
    }
  }
}

// Columns of B that are contiguous along the summed dimension.
template <int P = 1> void along(const float * b, int64_t ld, int64_t nc, int64_t kc, uint16_t * out) {
  const int64_t steps = steps_of(kc);
  for (int64_t j = 0; j < panels_of(nc) * kPanel; j += 16) {
    for (int64_t s = 0; s < steps; s++) {
      uint16_t * tile = tiles_at<P>(out, j / kPanel, steps, s) + j % kPanel / 16 * kTile;
      __m512i r[P][16];
      for (int64_t c = 0; c < 16; c++) {
        const float * from = b + (j + c) * ld;
        const int64_t end = j + c < nc ? kc : 0;
        const Parts<P> parts = parts_along<P>(numbers(from, 32 * s, end), numbers(from, 32 * s + 16, end));
        for (int64_t t = 0; t < P; t++) {
          r[t][c] = parts.part[t];
        }
      }
      for (int64_t t = 0; t < P; t++) {
        transpose(r[t]);
        for (int64_t q = 0; q < 16; q++) {
          _mm512_store_si512(tile + t * 2 * kTile + 32 * q, r[t][q]);
        }
      }
    }
  }
}
inline void along(const uint16_t * b, int64_t ld, int64_t nc, int64_t kc, uint16_t * out) {
  const int64_t steps = steps_of(kc);
  for (int64_t j = 0; j < panels_of(nc) * kPanel; j += 16) {
    for (int64_t s = 0; s < steps; s++) {
      uint16_t * tile = tiles_at(out, j / kPanel, steps, s) + j % kPanel / 16 * kTile;
      __m512i r[16];
      if (j + 16 <= nc && 32 * s + 32 <= kc) {
        load_turned(b + j * ld + 32 * s, 2 * ld, r);
      } else {
        for (int64_t c = 0; c < 16; c++) {
          r[c] = j + c < nc ? pairs_along(b + (j + c) * ld, 32 * s, kc).raw : _mm512_setzero_si512();
        }
        transpose(r);
      }
      for (int64_t q = 0; q < 16; q++) {
        _mm512_store_si512(tile + 32 * q, r[q]);
      }
    }
  }
}

// The pair of rows 2 * q and 2 * q + 1 of B; a missing odd row is zeros.
template <int P = 1>
void across(const float * even, const float * odd, int64_t nc, int64_t steps, int64_t q, uint16_t * out) {
  for (int64_t j = 0; j < panels_of(nc) * kPanel; j += 16) {
    uint16_t * tile = tiles_at<P>(out, j / kPanel, steps, q / 16) + j % kPanel / 16 * kTile + q % 16 * 32;
    const auto parts =
        parts_across<P>(numbers(even, j, nc), odd == nullptr ? _mm512_setzero_ps() : numbers(odd, j, nc));
    for (int64_t t = 0; t < P; t++) {
      _mm512_store_si512(tile + t * 2 * kTile, parts.part[t]);
    }
  }
}
inline void across(const uint16_t * even, const uint16_t * odd, int64_t nc, int64_t steps, int64_t q, uint16_t * out) {
  uint16_t * tile = tiles_at(out, 0, steps, q / 16) + q % 16 * 32;
  int64_t j = 0;
  for (; odd != nullptr && j + kPanel <= nc; j += kPanel, tile += steps * 2 * kTile) {
    _mm512_store_si512(tile, pairs_across(even + j, odd + j, 16).raw);
    _mm512_store_si512(tile + kTile, pairs_across(even + j + 16, odd + j + 16, 16).raw);
  }
  for (; j < nc; j += kPanel, tile += steps * 2 * kTile) {
    for (int64_t half = 0; half < kPanel; half += 16) {
      _mm512_store_si512(tile + half / 16 * kTile,
                         pairs_across(even + j + half, odd == nullptr ? nullptr : odd + j + half, nc - j - half).raw);
    }
  }
}

// The same for a pair of rows that is not there.
template <int P = 1> void blank(int64_t nc, int64_t steps, int64_t q, uint16_t * out) {
  for (int64_t j = 0; j < panels_of(nc) * kPanel; j += 16) {
    uint16_t * tile = tiles_at<P>(out, j / kPanel, steps, q / 16) + j % kPanel / 16 * kTile + q % 16 * 32;
    for (int64_t t = 0; t < P; t++) {
      _mm512_store_si512(tile + t * 2 * kTile, _mm512_setzero_si512());
    }
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

// Tiles 0 to 3 are 32 x 32 of C, row by row. Of three parts those products that reach 24 bits, the small ones first.
template <int P = 1> void products(int64_t steps, const uint16_t * a, const uint16_t * b) {
  for (int64_t s = 0; s < steps; s++) {
    for (int64_t i = P - 1; i >= 0; i--) {
      const uint16_t * rows = a + i * 2 * kTile;
      _tile_loadd(4, rows, 64);
      _tile_loadd(5, rows + kTile, 64);
      for (int64_t j = P - 1 - i; j >= 0; j--) {
        const uint16_t * columns = b + j * 2 * kTile;
        _tile_loadd(6, columns, 64);
        _tile_dpbf16ps(0, 4, 6);
        _tile_loadd(7, columns + kTile, 64);
        _tile_dpbf16ps(1, 4, 7);
        _tile_dpbf16ps(2, 5, 6);
        _tile_dpbf16ps(3, 5, 7);
      }
    }
    a += 2 * P * kTile;
    b += 2 * P * kTile;
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
