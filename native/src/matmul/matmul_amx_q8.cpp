// Products with Q8_0 weights in tiles: the integers of a block of 16 weight rows are summed with those of up to 16 rows
// of activations by one instruction, then each output adds the block with one fused multiply-add, to the bits of
// matmul_bytes.cpp. Taking the integers out of the tiles and adding them costs more than summing them, so that few
// rows of activations are left to matmul_bytes.cpp.
#include "matmul/matmul_tiles.hpp"

#if SPHERE_AMX

#include "matmul/matmul_lanes.hpp"

#include "ggml-cpu.h"

#include <limits>

namespace sphere {
namespace {

constexpr int PANEL = TILE_PANEL;
constexpr int COLUMNS = TILE_COLUMNS;
constexpr int QUADS = 8;   // groups of four numbers in a block
constexpr int GROUP = 4;   // blocks that are in tiles at once
constexpr int64_t FEW = 8; // rows of activations that matmul_bytes.cpp multiplies as fast

struct Weights { // as ggml has a block
  uint16_t d;
  int8_t q[32];
};
static_assert(sizeof(Weights) == 34, "ggml's block_q8_0");
constexpr int64_t BLOCK = sizeof(Weights);

// A block of a tile's rows of activations: [QUADS][width] groups of four numbers, then their scales.
int64_t block_bytes(const TileSplit & split) { return (QUADS + 1) * split.width * 4; }

int64_t inputs_size(int64_t k, int64_t n) {
  const TileSplit split(n);
  return whole_lines(split.count * (k / 32) * block_bytes(split));
}

// A panel's scales, [blocks][PANEL].
int64_t own_size(int64_t k, int64_t) { return k / 32 * PANEL * 4; }

// A unit of work is two blocks of a tile's rows: quantised as ggml does it, then turned so that a group of four numbers
// has its rows as neighbours.
void convert(const ggml_tensor * x, int ith, int nth, void * inputs, void *) {
  const int64_t n = x->ne[1], blocks = x->ne[0] / 32, pairs = (blocks + 1) / 2;
  const TileSplit split(n);
  const __mmask16 lanes = first_lanes(split.width);
  const auto from_float = ggml_get_type_traits_cpu(GGML_TYPE_Q8_0)->from_float;
  for (int64_t unit = ith; unit < split.count * pairs; unit += nth) {
    const int64_t tile = unit / pairs, first = unit % pairs * 2, count = std::min<int64_t>(2, blocks - first);
    const int64_t rows = std::min<int64_t>(n - tile * COLUMNS, COLUMNS);
    alignas(64) int32_t quads[COLUMNS][2 * QUADS] = {};
    alignas(64) float d[2][COLUMNS] = {};
    for (int64_t j = 0; j < rows; j++) {
      const char * from = static_cast<const char *>(x->data) + x->nb[1] * static_cast<size_t>(tile * COLUMNS + j);
      Weights row[2];
      from_float(reinterpret_cast<const float *>(from) + first * 32, row, count * 32);
      for (int64_t b = 0; b < count; b++) {
        std::memcpy(quads[j] + b * QUADS, row[b].q, sizeof row[b].q);
        d[b][j] = all_finite(reinterpret_cast<const float *>(from) + (first + b) * 32)
                      ? _cvtsh_ss(row[b].d)
                      : std::numeric_limits<float>::quiet_NaN();
      }
    }
    __m512i turned[COLUMNS];
    for (int j = 0; j < COLUMNS; j++) {
      turned[j] = _mm512_load_si512(quads[j]);
    }
    transpose(turned);
    char * to = static_cast<char *>(inputs) + (tile * blocks + first) * block_bytes(split);
    for (int64_t b = 0; b < count; b++, to += block_bytes(split)) {
      for (int i = 0; i < QUADS; i++) {
        _mm512_mask_storeu_epi32(to + i * split.width * 4, lanes, turned[b * QUADS + i]);
      }
      _mm512_mask_storeu_ps(to + QUADS * split.width * 4, lanes, _mm512_load_ps(d[b]));
    }
  }
}

// A panel's weights.
struct Panel {
  const char * weights;
  int64_t row, blocks;
  __m512i offsets; // of rows; past the last they are the last row's
  float * scales;

  // The scales of blocks [from, to), while what comes after the panel is on its way to the cache.
  void gather(int64_t from, int64_t to) const {
    for (int64_t b = from; b < to; b++) {
      const char * block = weights + b * BLOCK;
      for (int64_t i = PANEL; i < 2 * PANEL; i++) { // hardware does not follow 16 streams
        _mm_prefetch(block + row * i, _MM_HINT_T1);
      }
      const __m512i scale = _mm512_i32gather_epi32(offsets, block, 1);
      _mm512_storeu_ps(scales + b * PANEL, _mm512_cvtph_ps(_mm512_cvtepi32_epi16(scale)));
    }
  }
};

// Block b's integers into a tile. Tiles by number, since GCC's intrinsics write it into the instruction's text: 0 to 3
// are sums, 4 and 5 weights, 6 and 7 activations, in turns.
#define SUM_BLOCK(SUMS, W, X, b)                                                                                       \
  _tile_loadd(W, panel.weights + (b) * BLOCK + 2, panel.row);                                                          \
  _tile_loadd(X, inputs + (b) * input_bytes, width * 4);                                                               \
  _tile_zero(SUMS);                                                                                                    \
  _tile_dpbssd(SUMS, W, X)

// One panel by one tile of activations.
struct Block {
  const Panel & panel;
  const char * inputs;
  int64_t input_bytes, width;

  using Sums = int32_t[GROUP][PANEL * COLUMNS];

  void multiply(int64_t first, int64_t n) const {
    SUM_BLOCK(0, 4, 6, first);
    if (n > 1) {
      SUM_BLOCK(1, 5, 7, first + 1);
    }
    if (n > 2) {
      SUM_BLOCK(2, 4, 6, first + 2);
    }
    if (n > 3) {
      SUM_BLOCK(3, 5, 7, first + 3);
    }
  }

  static void store(Sums & to) {
    _tile_stored(0, to[0], COLUMNS * 4);
    _tile_stored(1, to[1], COLUMNS * 4);
    _tile_stored(2, to[2], COLUMNS * 4);
    _tile_stored(3, to[3], COLUMNS * 4);
  }

  // A vector is an output, a lane a row of activations.
  inline __attribute__((always_inline)) void add(int64_t first, int64_t n, const Sums & from, __m512 * sum) const {
    for (int64_t i = 0; i < n; i++) {
      const char * d = inputs + (first + i) * input_bytes + QUADS * width * 4;
      const __m512 input_scale = _mm512_maskz_loadu_ps(first_lanes(width), d);
      const float * scale = panel.scales + (first + i) * PANEL;
      for (int o = 0; o < PANEL; o++) {
        const __m512 s = _mm512_cvtepi32_ps(_mm512_load_si512(from[i] + o * COLUMNS));
        sum[o] = _mm512_fmadd_ps(s, _mm512_mul_ps(_mm512_set1_ps(scale[o]), input_scale), sum[o]);
      }
    }
  }

  // While a group's integers are summed, the former group's, which are in memory by then, are added.
  template <bool FIRST> void compute(__m512 * out) const {
    const int64_t blocks = panel.blocks;
    __m512 sum[PANEL];
    for (__m512 & s : sum) {
      s = _mm512_setzero_ps();
    }
    alignas(64) Sums sums;
    int64_t before = 0;
    for (int64_t b = 0; b < blocks; b += GROUP) {
      const int64_t n = std::min<int64_t>(GROUP, blocks - b);
      if (FIRST) {
        panel.gather(b, b + n);
      }
      multiply(b, n);
      if (b > 0) {
        add(before, GROUP, sums, sum);
      }
      store(sums);
      before = b;
    }
    add(before, blocks - before, sums, sum);
    for (int o = 0; o < PANEL; o++) {
      out[o] = sum[o];
    }
  }
};

// Panels [from, to), all of `height` weight rows.
void panels_of(const ggml_tensor * op, int64_t from, int64_t to, int64_t height, const char * inputs, void * own) {
  const ggml_tensor * w = op->src[0];
  const int64_t n = op->src[1]->ne[1], blocks = w->ne[0] / 32;
  const TileSplit split(n);
  const auto high = static_cast<uint8_t>(height);
  const auto wide = static_cast<uint16_t>(split.width * 4);
  const Tiles shapes({high, high, high, high, high, high, QUADS, QUADS}, {wide, wide, wide, wide, 32, 32, wide, wide});
  const size_t stride = op->nb[1] / sizeof(float);
  alignas(64) int32_t offsets[PANEL];
  for (int64_t i = 0; i < PANEL; i++) {
    offsets[i] = static_cast<int32_t>(std::min(i, height - 1) * static_cast<int64_t>(w->nb[1]));
  }
  for (int64_t p = from; p < to; p++) {
    const Panel panel{static_cast<const char *>(w->data) + w->nb[1] * static_cast<size_t>(p * PANEL),
                      static_cast<int64_t>(w->nb[1]), blocks, _mm512_load_si512(offsets), static_cast<float *>(own)};
    for (int64_t t = 0; t < split.count; t++) {
      const Block block{panel, inputs + t * blocks * block_bytes(split), block_bytes(split), split.width};
      __m512 sums[PANEL];
      t == 0 ? block.compute<true>(sums) : block.compute<false>(sums);
      __m512i tile[PANEL];
      for (int i = 0; i < PANEL; i++) {
        tile[i] = _mm512_castps_si512(sums[i]);
      }
      write_turned(tile, static_cast<float *>(op->data) + p * PANEL + stride * static_cast<size_t>(t * COLUMNS), stride,
                   height, std::min<int64_t>(n - t * COLUMNS, COLUMNS));
    }
  }
}

void panels(const ggml_tensor * op, int64_t from, int64_t to, const void * inputs, void * own) {
  by_height(op->src[0]->ne[1], from, to, [&](int64_t first, int64_t last, int64_t height) {
    panels_of(op, first, last, height, static_cast<const char *>(inputs), own);
  });
}

constexpr MatmulKernel KERNEL{inputs_size, own_size, convert, panels};

} // namespace

const MatmulKernel * q8_tile_product(const ggml_tensor * w, int64_t n) {
  return w->type == GGML_TYPE_Q8_0 && n > FEW && amx_granted() ? &KERNEL : nullptr;
}

} // namespace sphere

#else

const sphere::MatmulKernel * sphere::q8_tile_product(const ggml_tensor *, int64_t) { return nullptr; }

#endif
