// Products on Intel's matrix unit: of numbers rounded to BF16, or of numbers in F32, each the sum of three in BF16, by
// the six of nine products that reach 24 bits. A and B are packed as tiles of 1 KiB: 16 rows of 32 numbers of A, 16
// pairs of rows by 16 columns of B. Four products on two tiles of each take 64 cycles and read 64 cache lines: so B's
// panel of 32 columns is packed where it is used, and A's block waits in the second-level cache.
#include "train/gemm_amx.hpp"

#include "train/amx_tiles.hpp"
#include "train/gemm_blocks.hpp"

namespace sphere {

#if SPHERE_AMX

namespace {

// Numbers of P parts. A step is 32 of the summed dimension.
template <int P> class TileKernel {
public:
  using Word = uint16_t;
  static constexpr int64_t kPanel = sphere::kPanel, kGroup = 2, kRows = 512, kDeep = P == 1 ? 1024 : 320,
                           kWide = kUnlimited, kDepthUnit = 32, kRowUnit = kPanel, kColumnUnit = kPanel,
                           kFilled = kPanel, kMost = kColumnBlock, kSums = kRows * kPanel;
  static constexpr bool kTakesHalves = P == 1;

  // Other types in whole blocks; a panel where columns are contiguous, some where rows are.
  static int64_t at_once(const MatrixB & b) { return filled_by_rows(b) ? kColumnBlock : b.row == 1 ? kPanel : 128; }
  static int64_t a_floats(int64_t rows, int64_t depth) { return b_floats(rounded_up(rows, kPanel), depth); }
  static int64_t b_floats(int64_t columns, int64_t depth) { return columns * rounded_up(depth, 32) * P / 2; }
  static const uint16_t * pack_a(const MatrixA & a, int64_t m, int64_t kc, uint16_t * out) {
    sphere::pack_a<P>(a, m, kc, out);
    return out;
  }
  static uint16_t * at(uint16_t * out, int64_t j, int64_t depth) {
    return tiles_at<P>(out, j / kPanel, steps_of(depth), 0);
  }
  static void along(const float * b, int64_t ld, int64_t nc, int64_t depth, uint16_t * out) {
    sphere::along<P>(b, ld, nc, depth, out);
  }
  static void along(const uint16_t * b, int64_t ld, int64_t nc, int64_t depth, uint16_t * out) {
    sphere::along(b, ld, nc, depth, out);
  }
  static void across(const std::array<const float *, 2> & rows, int64_t nc, int64_t depth, int64_t p, uint16_t * out) {
    sphere::across<P>(rows[0], rows[1], nc, steps_of(depth), p / 2, out);
    blank_rest(nc, depth, p, out);
  }
  static void across(const std::array<const uint16_t *, 2> & rows, int64_t nc, int64_t depth, int64_t p,
                     uint16_t * out) {
    sphere::across(rows[0], rows[1], nc, steps_of(depth), p / 2, out);
    blank_rest(nc, depth, p, out);
  }

  // In short pieces that stay in the first-level cache beside A's while all rows of A pass by. `sums` holds what
  // becomes of C in between, 32 x 32 after 32 x 32.
  void panel(const uint16_t * a, const Panel<uint16_t> & p) {
    if (p.bias != nullptr && !p.keep) {
      std::copy_n(p.bias, p.columns, biases);
    }
    const int64_t steps = steps_of(p.depth);
    const int64_t pieces = std::max<int64_t>(1, (steps + kPiece - 1) / kPiece);
    for (int64_t q = 0; q < pieces; q++) {
      const int64_t from = steps * q / pieces;
      const int64_t count = steps * (q + 1) / pieces - from;
      for (int64_t i = 0; i < p.rows; i += kPanel) {
        float * here = p.sums + i * kPanel;
        float * there = p.c + i * p.ldc;
        const bool whole = p.rows - i >= kPanel && p.columns == kPanel && !apart(p);
        if (q > 0) {
          begin(here, kPanel);
        } else {
          first(p, i, here, there, whole);
        }
        products<P>(count, a + (i / kPanel * steps + from) * 2 * P * kTile, p.b + from * 2 * P * kTile);
        if (q < pieces - 1 || !whole) {
          end(here, kPanel);
        } else {
          end(there, p.ldc);
        }
        if (q == pieces - 1 && !whole) {
          finish(p, i, here, there);
        }
      }
    }
  }

private:
  static constexpr int64_t kPiece = P == 1 ? 10 : 3; // steps

  FullTiles tiles;
  alignas(64) float biases[kPanel] = {};

  // Behind the last rows, up to a whole step.
  static void blank_rest(int64_t nc, int64_t depth, int64_t p, uint16_t * out) {
    if (p + 2 >= depth) {
      for (int64_t q = p / 2 + 1; q < 16 * steps_of(depth); q++) {
        blank<P>(nc, steps_of(depth), q, out);
      }
    }
  }

  // Sums in F32 are made apart, so that the error of a long one does not grow with each of its products.
  static bool apart(const Panel<uint16_t> & p) { return P > 1 && p.keep; }

  void first(const Panel<uint16_t> & p, int64_t i, float * here, const float * there, bool whole) const {
    if (p.keep && whole) {
      begin(there, p.ldc);
    } else if (p.keep && !apart(p)) {
      for (int64_t r = 0; r < std::min(kPanel, p.rows - i); r++) {
        std::copy_n(there + r * p.ldc, p.columns, here + r * kPanel);
      }
      begin(here, kPanel);
    } else if (p.keep) {
      clear();
    } else {
      begin(biases, 0);
    }
  }

  static void finish(const Panel<uint16_t> & p, int64_t i, const float * here, float * there) {
    for (int64_t r = 0; r < std::min(kPanel, p.rows - i); r++) {
      for (int64_t j = 0; j < p.columns; j += kWidth) {
        const __mmask16 mask = lanes(p.columns - j);
        Vec sum = load(here + r * kPanel + j);
        if (apart(p)) {
          sum = add(Vec{_mm512_maskz_loadu_ps(mask, there + r * p.ldc + j)}, sum);
        }
        _mm512_mask_storeu_ps(there + r * p.ldc + j, mask, sum.raw);
      }
    }
  }
};

} // namespace

bool has_gemm_amx() { return amx_granted(); }

int64_t gemm_amx_scratch(bool bf16, int64_t m, int64_t n, int64_t k) {
  return bf16 ? GemmScratch<TileKernel<1>>(m, n, k).end : GemmScratch<TileKernel<3>>(m, n, k).end;
}

void gemm_amx(bool bf16, const Gemm & g, int ith, int nth, float * scratch) noexcept {
  if (bf16) {
    multiply<TileKernel<1>>(g, ith, nth, scratch);
  } else {
    multiply<TileKernel<3>>(g, ith, nth, scratch);
  }
}

#else

bool has_gemm_amx() { return false; }

int64_t gemm_amx_scratch(bool, int64_t, int64_t, int64_t) { return 0; }

void gemm_amx(bool, const Gemm &, int, int, float *) noexcept {}

#endif

} // namespace sphere
