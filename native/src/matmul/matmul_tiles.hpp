// What products in tiles of the matrix unit share: how rows of activations are dealt to tiles, and how outputs leave.
#pragma once

#include "common/amx.hpp"
#include "matmul/matmul.hpp"

#if SPHERE_AMX

#include "common/simd.hpp"

#include <algorithm>

namespace sphere {

constexpr int TILE_PANEL = static_cast<int>(MATMUL_PANEL); // weight rows in a tile
constexpr int TILE_COLUMNS = 16;                           // rows of activations in a tile

// Rows of activations in tiles: one as wide as needed, or several full ones, the last with zeros in it.
struct TileSplit {
  int64_t width, count;
  explicit TileSplit(int64_t n)
      : width(std::min<int64_t>(n, TILE_COLUMNS)), count((n + TILE_COLUMNS - 1) / TILE_COLUMNS) {}
};

inline __mmask16 first_lanes(int64_t n) { return static_cast<__mmask16>(n >= 16 ? 0xFFFF : (1 << n) - 1); }

// Writes a tile whose rows are outputs and whose columns are rows of activations: turned, with as many of each as there
// are. `out` is the first row of activations and the first output.
inline void write_turned(__m512i * tile, float * out, size_t stride, int64_t outputs, int64_t columns) {
  transpose(tile);
  for (int64_t j = 0; j < columns; j++) {
    _mm512_mask_storeu_epi32(out + stride * static_cast<size_t>(j), first_lanes(outputs), tile[j]);
  }
}

// Calls compute(first panel, panel after the last, weight rows in each): whole panels, then the last one if it is not.
template <typename Compute> void by_height(int64_t m, int64_t from, int64_t to, Compute compute) {
  const int64_t whole = std::min(to, m / TILE_PANEL);
  if (from < whole) {
    compute(from, whole, TILE_PANEL);
  }
  if (whole < to) {
    compute(whole, to, m % TILE_PANEL);
  }
}

} // namespace sphere

#endif
