// Register-tiled products. B is packed into panels of three vectors' width that stay in the first-level cache; A is
// read where it lies, one broadcast a row and step, so activations are never copied or transposed.
#include "train/gemm.hpp"

#include "common/simd.hpp"

#include <algorithm>

namespace sphere {
namespace {

constexpr int kPanelVectors = 3;
constexpr int64_t kPanel = kPanelVectors * kWidth;
constexpr int64_t kDepth = 160;    // rows of B in a panel: 160 x 48 floats are 30 KiB
constexpr int64_t kColumns = 1536; // columns of B that are packed at once

// ROWS x (V * kWidth) of C. B: rows of V vectors, `ldb` apart. KEEP adds to what is in C, else it is overwritten.
template <int ROWS, int V, bool ROW_MAJOR>
inline __attribute__((always_inline)) void tile(int64_t k, const float * a, int64_t lda, const float * b, int64_t ldb,
                                                float * c, int64_t ldc, bool keep, const float * bias, int last) {
  Vec acc[ROWS][V];
  for (int i = 0; i < ROWS; i++) {
    for (int v = 0; v < V; v++) {
      acc[i][v] = zero();
    }
  }
  for (int64_t p = 0; p < k; p++) {
    Vec bv[V];
    for (int v = 0; v < V; v++) {
      bv[v] = load(b + v * kWidth);
    }
    b += ldb;
    for (int i = 0; i < ROWS; i++) {
      const Vec ai = set1(ROW_MAJOR ? a[i * lda + p] : a[p * lda + i]);
      for (int v = 0; v < V; v++) {
        acc[i][v] = fma(ai, bv[v], acc[i][v]);
      }
    }
  }
  for (int i = 0; i < ROWS; i++) {
    float * row = c + i * ldc;
    for (int v = 0; v < V; v++) {
      const bool part = v == V - 1 && last < kWidth;
      float * at = row + v * kWidth;
      Vec before = zero();
      if (keep) {
        before = part ? load_part(at, last, 0) : load(at);
      } else if (bias != nullptr) {
        before = part ? load_part(bias + v * kWidth, last, 0) : load(bias + v * kWidth);
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
  int64_t k;
  const float * b;
  int64_t ldb;
  bool keep;
  const float * bias;
  int last; // valid lanes of the last vector
};

template <int ROWS, int V> void run(const Tile & t, const float * a, const MatrixA & layout, float * c, int64_t ldc) {
  if (layout.col == 1) {
    tile<ROWS, V, true>(t.k, a, layout.row, t.b, t.ldb, c, ldc, t.keep, t.bias, t.last);
  } else {
    tile<ROWS, V, false>(t.k, a, layout.col, t.b, t.ldb, c, ldc, t.keep, t.bias, t.last);
  }
}

// Fewer rows than a tile has.
template <int MOST, int V>
void remainder(int64_t rows, const Tile & t, const float * a, const MatrixA & l, float * c, int64_t ldc) {
  if constexpr (MOST > 0) {
    if (rows == MOST) {
      run<MOST, V>(t, a, l, c, ldc);
    } else {
      remainder<MOST - 1, V>(rows, t, a, l, c, ldc);
    }
  }
}

// All rows of one panel of V vectors.
template <int V> void column(int64_t m, const Tile & t, const float * a, const MatrixA & l, float * c, int64_t ldc) {
  int64_t i = 0;
  for (; i + kTileRows <= m; i += kTileRows) {
    run<kTileRows, V>(t, a + i * l.row, l, c + i * ldc, ldc);
  }
  remainder<kTileRows - 1, V>(m - i, t, a + i * l.row, l, c + i * ldc, ldc);
}

void panel(int64_t m, int64_t width, Tile t, const float * a, const MatrixA & l, float * c, int64_t ldc) {
  const int vectors = static_cast<int>((width + kWidth - 1) / kWidth);
  t.last = static_cast<int>(width - (vectors - 1) * kWidth);
  switch (vectors) {
    case 1: column<1>(m, t, a, l, c, ldc); break;
    case 2: column<2>(m, t, a, l, c, ldc); break;
    default: column<3>(m, t, a, l, c, ldc); break;
  }
}

// Rows p0 .. p0 + kc of B, columns j0 .. j0 + nc, into panels of [kc][kPanel], zeros beyond the edge.
void pack(const MatrixB & b, int64_t p0, int64_t kc, int64_t k, int64_t j0, int64_t nc, float * out, float * row) {
  const int64_t panels = (nc + kPanel - 1) / kPanel;
  if (filled_by_columns(b)) { // like the columns in memory below, some at a time
    for (int64_t j = 0; j < nc; j += kPanel) {
      const int64_t n = std::min(kPanel, nc - j);
      const FilledColumns columns(b, p0, kc, k, j0 + j, n, row);
      pack(MatrixB{columns.at - p0, 1, columns.ld, nullptr, nullptr}, p0, kc, k, 0, n, out + j * kc, nullptr);
    }
    return;
  }
  if (b.fill != nullptr || b.col == 1) {
    for (int64_t p = 0; p < kc; p++) {
      const float * source = row;
      if (b.fill != nullptr) {
        b.fill(b.source, p0 + p, j0, nc, row);
      } else {
        source = b.b + (p0 + p) * b.row + j0;
      }
      for (int64_t q = 0; q < panels; q++) {
        float * to = out + (q * kc + p) * kPanel;
        const int64_t width = std::min(kPanel, nc - q * kPanel);
        std::memcpy(to, source + q * kPanel, sizeof(float) * static_cast<size_t>(width));
        std::fill(to + width, to + kPanel, 0.0f);
      }
    }
    return;
  }
  // Columns of B are contiguous: kWidth of them at a time, kWidth rows deep, turned in registers.
  const Words words;
  for (int64_t j = 0; j < panels * kPanel; j += kWidth) {
    float * to = out + j / kPanel * kc * kPanel + j % kPanel;
    for (int64_t p = 0; p < kc; p += kWidth) {
      const int64_t deep = std::min<int64_t>(kWidth, kc - p);
      VecWords r[kWidth];
      const float * from = b.b + (j0 + j) * b.col + p0 + p;
      if (deep == kWidth && j + kWidth <= nc) {
        for (int64_t c = 0; c < kWidth; c++) {
          r[c] = hn::BitCast(words, load(from + c * b.col));
        }
      } else {
        for (int64_t c = 0; c < kWidth; c++) {
          r[c] = j + c < nc ? hn::BitCast(words, load_first(from + c * b.col, deep)) : hn::Zero(words);
        }
      }
      transpose(r);
      for (int64_t c = 0; c < deep; c++) {
        store(to + (p + c) * kPanel, hn::BitCast(Floats(), r[c]));
      }
    }
  }
}

} // namespace

// Whether tiles multiply: never by the rows of A, whose sums must not depend on their number.
static bool in_tiles(int64_t n, int64_t k) { return n >= 48 && k >= 48 && has_gemm_amx(); }

int64_t gemm_scratch(int64_t n, int64_t k) {
  if (in_tiles(n, k)) {
    return gemm_amx_scratch();
  }
  const int64_t columns = std::min(n, kColumns) + kPanel;
  const int64_t filled = std::max(columns + kColumnBlock, kPanel * FilledColumns::stride(kDepth));
  return columns * std::min(k, kDepth) + filled;
}

void gemm(int64_t m, int64_t n, int64_t k, const MatrixA & a, const MatrixB & b, float * c, int64_t ldc,
          const float * bias, bool accumulate, int ith, int nth, float * scratch) noexcept {
  if (in_tiles(n, k)) {
    return gemm_amx_f32(m, n, k, a, b, c, ldc, bias, accumulate, ith, nth, scratch);
  }
  // Threads share out the columns, so that nobody packs twice; where those are too few, the rows.
  const int64_t unit = filled_by_rows(b) ? kColumnBlock : kWidth;
  const bool by_columns = n >= unit * 3 * nth;
  const Range columns = by_columns ? share(n, unit, ith, nth) : Range{0, n};
  const Range rows = by_columns ? Range{0, m} : share(m, kTileRows, ith, nth);
  const int64_t blocks = (k + kDepth - 1) / kDepth;
  const int64_t depth = blocks == 0 ? 0 : (k + blocks - 1) / blocks;
  if (rows.from >= rows.to) {
    return;
  }
  for (int64_t j0 = columns.from; j0 < columns.to; j0 += kColumns) {
    const int64_t nc = std::min(kColumns, columns.to - j0);
    for (int64_t p0 = 0; p0 < k; p0 += depth) {
      const int64_t kc = std::min(depth, k - p0);
      float * packed = scratch;
      pack(b, p0, kc, k, j0, nc, packed, scratch + (nc + kPanel) * kc);
      for (int64_t q = 0; q < nc; q += kPanel) {
        Tile t{kc, packed + q * kc, kPanel, accumulate || p0 > 0, bias == nullptr ? nullptr : bias + j0 + q, 0};
        panel(rows.to - rows.from, std::min(kPanel, nc - q), t, a.a + rows.from * a.row + p0 * a.col, a,
              c + rows.from * ldc + j0 + q, ldc);
      }
    }
  }
}

void gemm_small(int64_t m, int64_t n, int64_t k, const MatrixA & a, const float * b, int64_t ldb, float * c,
                int64_t ldc, bool accumulate) noexcept {
  for (int64_t q = 0; q < n; q += kPanel) {
    Tile t{k, b + q, ldb, accumulate, nullptr, 0};
    panel(m, std::min(kPanel, n - q), t, a.a, a, c + q, ldc);
  }
}

} // namespace sphere
