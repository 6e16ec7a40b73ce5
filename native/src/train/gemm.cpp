// Register-tiled products. B is packed into panels of three vectors' width. F32's A is read where it lies, one
// broadcast a row and step, so activations are never copied or transposed. Numbers rounded to BF16 are multiplied in
// pairs of neighbours along the summed dimension (vdpbf16ps, bfdot: twice the rate of F32 on the CPUs that have one);
// their sums are F32.
#include "train/gemm.hpp"

#include "train/bf16_pairs.hpp"
#include "train/gemm_amx.hpp"
#include "train/gemm_blocks.hpp"

namespace sphere {
namespace {

template <typename Word> struct RowsOfA {
  const Word * a;
  int64_t ld;
  bool row_major;

  const Word * row(int64_t i) const { return row_major ? a + i * ld : a + i; }
};

// A word is a number. 160 x 48 floats of a panel are 30 KiB and stay in the first-level cache.
struct F32 {
  using Word = float;
  static constexpr int64_t kGroup = 1, kDeep = 160, kWide = 1536, kMost = kWide, kFilledVectors = 3;
  static constexpr bool kTakesHalves = false;

  static int64_t at_once(const MatrixB &) { return kWide; }
  static int64_t a_floats(int64_t, int64_t) { return 0; }
  static RowsOfA<float> pack_a(const MatrixA & a, int64_t, int64_t, float *) {
    return {a.a, a.col == 1 ? a.row : a.col, a.col == 1};
  }
  static VecWords along(const float * x) { return hn::BitCast(Words(), load(x)); }
  static VecWords along(const float * x, int64_t p, int64_t k) {
    return hn::BitCast(Words(), load_first(x + p, k - p));
  }
  static Vec across(const std::array<const float *, 1> & rows, int64_t j, int64_t n) {
    return n >= kWidth ? load(rows[0] + j) : load_first(rows[0] + j, n);
  }
  static Vec vector(const float * p) { return load(p); }
  static Vec all(float x) { return set1(x); }
  static Vec sum(Vec a, Vec b, Vec before) { return fma(a, b, before); }
  static void put(float * p, VecWords v) { store(p, hn::BitCast(Floats(), v)); }
  static void put(float * p, Vec v) { store(p, v); }
};

#if SPHERE_BF16_PAIRS

// A word is a pair. A panel's 640 pairs are read from the second-level cache, 16 bytes a cycle; no more columns are
// packed at once than stay there.
struct Bf16 {
  using Word = uint32_t;
  static constexpr int64_t kGroup = 2, kDeep = 1280, kWide = kUnlimited, kMost = 3 * kColumnBlock, kFilledVectors = 1;
  static constexpr bool kTakesHalves = true;

  // Other types' rows are turned into floats in whole blocks.
  static int64_t at_once(const MatrixB & b) { return filled_by_rows(b) ? kMost : 192; }
  // Pairs between rows of A, 16 more so that they don't share cache sets.
  static int64_t stride(int64_t depth) { return rounded_up((depth + 1) / 2, 16) + 16; }
  static int64_t a_floats(int64_t rows, int64_t depth) { return rows * stride(depth); }
  // [rows][stride] where A's rows are contiguous, else [pairs][rows].
  static RowsOfA<uint32_t> pack_a(const MatrixA & a, int64_t m, int64_t kc, uint32_t * out) {
    if (a.col == 1) {
      const int64_t ld = stride(kc);
      for (int64_t i = 0; i < m; i++) {
        for (int64_t p = 0; p < kc; p += 2 * kWidth) {
          put(out + i * ld + p / 2, pairs_along(a.a + i * a.row, p, kc));
        }
      }
      return {out, ld, true};
    }
    for (int64_t p = 0; p < kc; p += 2) {
      const float * even = a.a + p * a.col;
      const float * odd = p + 1 < kc ? even + a.col : nullptr;
      for (int64_t i = 0; i < m; i += kWidth) {
        const VecWords both = pairs_across(even + i, odd == nullptr ? nullptr : odd + i, m - i);
        hn::StoreN(both, Words(), out + p / 2 * m + i, first_of(m - i, kWidth));
      }
    }
    return {out, m, false};
  }
  template <typename T> static VecWords along(const T * x) { return pairs_along(x); }
  template <typename T> static VecWords along(const T * x, int64_t p, int64_t k) { return pairs_along(x, p, k); }
  template <typename T> static VecWords across(const std::array<const T *, 2> & rows, int64_t j, int64_t n) {
    return pairs_across(rows[0] + j, rows[1] == nullptr ? nullptr : rows[1] + j, n);
  }
  static hn::Vec<Bf16s> vector(const uint32_t * p) { return hn::BitCast(Bf16s(), hn::LoadU(Words(), p)); }
  static hn::Vec<Bf16s> all(uint32_t x) { return hn::BitCast(Bf16s(), hn::Set(Words(), x)); }
  static Vec sum(hn::Vec<Bf16s> a, hn::Vec<Bf16s> b, Vec before) {
    Vec unused = zero(); // of CPUs without such an instruction
    return hn::ReorderWidenMulAccumulate(Floats(), a, b, before, unused);
  }
  static void put(uint32_t * p, VecWords v) { hn::StoreU(v, Words(), p); }
};

#endif

// A panel is [words][kPanel].
template <typename Number> struct Vectors : Number {
  using Word = typename Number::Word;
  using A = RowsOfA<Word>;
  static constexpr int64_t kPanel = 3 * kWidth, kRows = kUnlimited, kDepthUnit = Number::kGroup, kRowUnit = kTileRows,
                           kColumnUnit = kWidth, kFilled = Number::kFilledVectors * kWidth, kSums = 0;

  static int64_t words(int64_t depth) { return (depth + Number::kGroup - 1) / Number::kGroup; }
  static int64_t b_floats(int64_t columns, int64_t depth) { return columns * words(depth); }
  static Word * at(Word * out, int64_t j, int64_t depth) {
    return out + j / kPanel * words(depth) * kPanel + j % kPanel;
  }

  template <typename T>
  static void across(const std::array<const T *, Number::kGroup> & rows, int64_t nc, int64_t depth, int64_t p,
                     Word * out) {
    for (int64_t j = 0; j < nc; j += kWidth) {
      Number::put(at(out, j, depth) + p / Number::kGroup * kPanel, Number::across(rows, j, nc - j));
    }
  }

  // kWidth columns at a time, kWidth words deep, turned in registers.
  template <typename T> static void along(const T * b, int64_t ld, int64_t nc, int64_t depth, Word * out) {
    const int64_t deep = words(depth);
    for (int64_t j = 0; j < nc; j += kWidth) {
      Word * to = at(out, j, depth);
      for (int64_t w = 0; w < deep; w += kWidth) {
        const int64_t p = w * Number::kGroup;
        VecWords r[kWidth];
        if (p + Number::kGroup * kWidth <= depth && j + kWidth <= nc) {
          for (int64_t c = 0; c < kWidth; c++) {
            r[c] = Number::along(b + (j + c) * ld + p);
          }
        } else {
          for (int64_t c = 0; c < kWidth; c++) {
            r[c] = j + c < nc ? Number::along(b + (j + c) * ld, p, depth) : hn::Zero(Words());
          }
        }
        transpose(r);
        for (int64_t c = 0; c < std::min<int64_t>(kWidth, deep - w); c++) {
          Number::put(to + (w + c) * kPanel, r[c]);
        }
      }
    }
  }

  void panel(const A & a, const Panel<Word> & p) const { multiply(a, p, words(p.depth), kPanel); }

  // Rows of B are `ldb` words apart.
  static void multiply(const A & a, const Panel<Word> & p, int64_t deep, int64_t ldb) {
    switch ((p.columns + kWidth - 1) / kWidth) {
      case 1: column<1>(a, p, deep, ldb); break;
      case 2: column<2>(a, p, deep, ldb); break;
      default: column<3>(a, p, deep, ldb); break;
    }
  }

private:
  // All rows of one panel of V vectors.
  template <int V> static void column(const A & a, const Panel<Word> & p, int64_t deep, int64_t ldb) {
    int64_t i = 0;
    for (; i + kTileRows <= p.rows; i += kTileRows) {
      tile<kTileRows, V>(a, p, i, deep, ldb);
    }
    remainder<kTileRows - 1, V>(a, p, i, deep, ldb);
  }

  // Fewer rows than a tile has.
  template <int MOST, int V>
  static void remainder(const A & a, const Panel<Word> & p, int64_t i, int64_t deep, int64_t ldb) {
    if constexpr (MOST > 0) {
      if (p.rows - i == MOST) {
        tile<MOST, V>(a, p, i, deep, ldb);
      } else {
        remainder<MOST - 1, V>(a, p, i, deep, ldb);
      }
    }
  }

  template <int ROWS, int V>
  static void tile(const A & a, const Panel<Word> & p, int64_t i, int64_t deep, int64_t ldb) {
    if (a.row_major) {
      sums<ROWS, V, true>(a, p, i, deep, ldb);
    } else {
      sums<ROWS, V, false>(a, p, i, deep, ldb);
    }
  }

  // ROWS x (V * kWidth) of C.
  template <int ROWS, int V, bool ROW_MAJOR>
  static void sums(const A & rows, const Panel<Word> & panel, int64_t first, int64_t deep, int64_t ldb) {
    const Word * a = rows.row(first);
    const Word * b = panel.b;
    const int64_t lda = rows.ld;
    Vec acc[ROWS][V];
    for (int i = 0; i < ROWS; i++) {
      for (int v = 0; v < V; v++) {
        acc[i][v] = zero();
      }
    }
    for (int64_t p = 0; p < deep; p++) {
      decltype(Number::vector(b)) bv[V];
      for (int v = 0; v < V; v++) {
        bv[v] = Number::vector(b + v * kWidth);
      }
      b += ldb;
      for (int i = 0; i < ROWS; i++) {
        const auto ai = Number::all(ROW_MAJOR ? a[i * lda + p] : a[p * lda + i]);
        for (int v = 0; v < V; v++) {
          acc[i][v] = Number::sum(ai, bv[v], acc[i][v]);
        }
      }
    }
    const auto last = static_cast<int>(panel.columns - (V - 1) * kWidth); // valid lanes of the last vector
    const float * bias = panel.bias;
    for (int i = 0; i < ROWS; i++) {
      for (int v = 0; v < V; v++) {
        const bool part = v == V - 1 && last < kWidth;
        float * at = panel.c + (first + i) * panel.ldc + v * kWidth;
        Vec before = zero();
        if (panel.keep) {
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
};

// Whether the matrix unit multiplies: never by the rows of A, whose sums must not depend on their number.
bool in_tiles(bool bf16, int64_t n, int64_t k) { return (bf16 || (n >= 48 && k >= 48)) && has_gemm_amx(); }

} // namespace

bool has_gemm_bf16() { return SPHERE_BF16_PAIRS; }

int64_t gemm_scratch(bool bf16, int64_t m, int64_t n, int64_t k) {
  if (in_tiles(bf16, n, k)) {
    return gemm_amx_scratch(bf16, m, n, k);
  }
#if SPHERE_BF16_PAIRS
  if (bf16) {
    return GemmScratch<Vectors<Bf16>>(m, n, k).end;
  }
#endif
  return GemmScratch<Vectors<F32>>(m, n, k).end;
}

void gemm(bool bf16, const Gemm & g, int ith, int nth, float * scratch) noexcept {
  if (in_tiles(bf16, g.n, g.k)) {
    return gemm_amx(bf16, g, ith, nth, scratch);
  }
#if SPHERE_BF16_PAIRS
  if (bf16) {
    return multiply<Vectors<Bf16>>(g, ith, nth, scratch);
  }
#endif
  multiply<Vectors<F32>>(g, ith, nth, scratch);
}

void gemm_small(int64_t m, int64_t n, int64_t k, const MatrixA & a, const float * b, int64_t ldb, float * c,
                int64_t ldc, bool accumulate) noexcept {
  using Kernel = Vectors<F32>;
  const auto rows = F32::pack_a(a, m, k, nullptr);
  for (int64_t q = 0; q < n; q += Kernel::kPanel) {
    Kernel::multiply(rows, {b + q, k, m, std::min(Kernel::kPanel, n - q), accumulate, nullptr, c + q, ldc, nullptr}, k,
                     ldb);
  }
}

} // namespace sphere
