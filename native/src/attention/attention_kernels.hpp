// What attention computes of some cells for some queries of one key-value head. Every sum is made in the same order,
// whichever of these functions makes it, on every CPU whose vectors are of 4, 8 or 16 numbers.
#pragma once

#include "common/simd.hpp"

#include <cstddef>
#include <cstdint>

namespace sphere {

// A score is the sum of so many partial sums, a weight's total too: element i goes into number i modulo this.
constexpr int PARTS = 16;
// Cells whose scores are computed together; what is stored of scores is a multiple.
constexpr int CELLS_AT_ONCE = 16;

// Keys or values of one key-value head: cell c at data + c * cell.
struct Cells16 {
  const char * data;
  size_t cell; // bytes
  const int32_t * cells;
  int n;
};

// scores[g * stride + c] of n cells for `count` queries [size] each; up to CELLS_AT_ONCE - 1 numbers more are written.
void scores_of_cells(const Cells16 & k, const float * queries, int count, int size, float * scores, size_t stride);

// Whether many queries are computed as tiles. Not measured with vectors of four numbers.
constexpr bool TILES = kWidth > 4;

// The same as scores_of_cells() for many queries: keys are converted, and turned, once for all of them.
// keys: room for CELLS_AT_ONCE x size floats.
void scores_of_tile(const Cells16 & k, const float * queries, int count, int size, float * keys, float * scores,
                    size_t stride);

// Turns n scores into weights, e^(score + bias - most); the largest, and the weights' sum, which is NaN if a score is
// no finite number. Numbers up to the next multiple of CELLS_AT_ONCE are written. bias: may be nullptr.
struct Weights {
  float most, sum;
};
Weights weights_of(float * scores, int n, const float * bias);

// out[g * size + d] += weights[g * stride + c] * value c [d], cell by cell, for `count` heads.
void mix_cells(const Cells16 & v, const float * weights, size_t stride, int count, int size, float * out);
// The same with values in F32, [n x size].
void mix_values(const float * values, int n, const float * weights, size_t stride, int count, int size, float * out);

// Values of cells in F32, [n x size].
void widen(const Cells16 & v, int size, float * out);

} // namespace sphere
