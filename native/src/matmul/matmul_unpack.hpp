// Quantised weights as numbers that kernels multiply with: a panel of 16 rows by a piece of 256 numbers at a time, from
// a scratch that stays in the nearest caches (matmul_rows.cpp, matmul_amx_bf16.cpp); or rows of floats (training).
#pragma once

#include "common/simd.hpp"
#include "matmul/matmul.hpp"

#include <algorithm>

namespace sphere {

// What pieces hold: BF16 with AVX-512, where it is multiplied at twice the rate; elsewhere F32, the weights as they
// are.
#if defined(__AVX512F__) && defined(__AVX512BW__) && defined(__AVX512VL__) && defined(__AVX512DQ__)
constexpr bool UNPACKS_BF16 = true;
using UnpackElement = uint16_t;
#else
constexpr bool UNPACKS_BF16 = false;
using UnpackElement = float;
#endif

// A piece lies as [PIECE / UNPACK_STEP][MATMUL_PANEL][UNPACK_STEP] elements.
constexpr int64_t PIECE = 256;
constexpr int64_t UNPACK_STEP = 32;
constexpr int64_t UNPACK_ROW_BYTES = UNPACK_STEP * static_cast<int64_t>(sizeof(UnpackElement));
constexpr int64_t UNPACK_STEP_BYTES = UNPACK_ROW_BYTES * MATMUL_PANEL;
constexpr int64_t PIECE_BYTES = PIECE / UNPACK_STEP * UNPACK_STEP_BYTES;

constexpr int64_t pieces_of(int64_t k) { return (k + PIECE - 1) / PIECE; }

// A panel's rows; past the matrix' last row they are the last one.
struct PanelRows {
  const char * rows[MATMUL_PANEL];
  int64_t ahead; // bytes from a row to the same of the next panel
  ggml_type type;
  PanelRows(const ggml_tensor * w, int64_t panel)
      : ahead(static_cast<int64_t>(w->nb[1]) * MATMUL_PANEL), type(w->type) {
    for (int64_t i = 0; i < MATMUL_PANEL; i++) {
      const int64_t row = std::min(panel * MATMUL_PANEL + i, w->ne[1] - 1);
      rows[i] = static_cast<const char *>(w->data) + static_cast<size_t>(row) * w->nb[1];
    }
  }
};

// Unpacks rows [from, to) of the piece that begins with number `first` of rows of k numbers; past k it writes nothing.
// What the next panel has in that place is fetched ahead. `out` is aligned to 64 bytes.
using Unpack = void (*)(const PanelRows & panel, int64_t first, int64_t k, int from, int to, char * out);

// nullptr: these weights are not unpacked here.
Unpack unpacker(const ggml_tensor * weights);

// Rows of activations in BF16, `stride` bytes from one to the next.
struct BrainRows {
  const char * first;
  size_t stride;
};

// A panel times n <= MULTIPLIED rows of activations: a weight is multiplied by all of them out of the register that it
// is unpacked into. Writes 16 outputs for each of them, the first to `out`, the next `stride` floats further on. The
// bits are those of the panel's numbers, multiplied 32 at a time; these are left in `keep`, unless that is null. If n
// is odd and not 1, there must be one row more to read. false, with nothing done: with n > 1 these weights are to be
// unpacked first.
using Multiply = bool (*)(const PanelRows & panel, int64_t k, const BrainRows & x, int64_t n, char * keep, float * out,
                          size_t stride);
constexpr int64_t MULTIPLIED = 8;

// nullptr: these weights are always to be unpacked first.
Multiply multiplier(const ggml_tensor * weights);

// Whole blocks of a type as floats, to ggml's own bits: by the same unpackers where there is one, else ggml's function.
// nullptr: F32, and types that ggml turns into no floats.
ggml_to_float_t floats_of(ggml_type type);

} // namespace sphere
