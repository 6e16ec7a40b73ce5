// Quantised weights as BF16, a panel of 16 rows by a piece of 256 numbers at a time: what the kernels of
// products_rows.cpp and products_amx_bf16.cpp multiply with, from a scratch that stays in the nearest caches.
#pragma once

#include "products/products.hpp"

#include <algorithm>

namespace sphere {

// A piece lies as [PIECE / UNPACK_STEP][PRODUCT_PANEL][UNPACK_STEP] numbers in BF16.
constexpr int64_t PIECE = 256;
constexpr int64_t UNPACK_STEP = 32;
constexpr int64_t UNPACK_ROW_BYTES = UNPACK_STEP * 2;
constexpr int64_t UNPACK_STEP_BYTES = UNPACK_ROW_BYTES * PRODUCT_PANEL;
constexpr int64_t PIECE_BYTES = PIECE / UNPACK_STEP * UNPACK_STEP_BYTES;

constexpr int64_t pieces_of(int64_t k) { return (k + PIECE - 1) / PIECE; }

// A panel's rows; past the matrix' last row they are the last one.
struct PanelRows {
  const char * rows[PRODUCT_PANEL];
  int64_t ahead; // bytes from a row to the same of the next panel
  ggml_type type;
  PanelRows(const ggml_tensor * w, int64_t panel)
      : ahead(static_cast<int64_t>(w->nb[1]) * PRODUCT_PANEL), type(w->type) {
    for (int64_t i = 0; i < PRODUCT_PANEL; i++) {
      const int64_t row = std::min(panel * PRODUCT_PANEL + i, w->ne[1] - 1);
      rows[i] = static_cast<const char *>(w->data) + static_cast<size_t>(row) * w->nb[1];
    }
  }
};

// Unpacks rows [from, to) of the piece that begins with number `first` of rows of k numbers; past k it writes nothing.
// What the next panel has in that place is fetched ahead.
using Unpack = void (*)(const PanelRows & panel, int64_t first, int64_t k, int from, int to, char * out);

// nullptr: these weights are not unpacked here.
Unpack unpacker(const ggml_tensor * weights);

} // namespace sphere
