// Products with BF16 weights in tiles: 16 weight rows times 32 numbers are loaded as they lie in memory, and multiply
// up to 16 rows of activations at once, whose pairs of neighbours are interleaved beforehand. An output adds its pairs
// of numbers in the order of the row, whatever the number of rows and threads.
#include "products_tiles.hpp"

#if SPHERE_AMX

namespace sphere {
namespace {

constexpr int PANEL = TILE_PANEL;
constexpr int COLUMNS = TILE_COLUMNS;
constexpr int STEP = 32; // numbers of a row in a tile

int64_t step_bytes(const TileSplit & split) { return STEP * split.width * 2; }

int64_t inputs_size(int64_t k, int64_t n) {
  const TileSplit split(n);
  return whole_lines(split.count * (k / STEP) * step_bytes(split));
}

int64_t own_size(int64_t, int64_t) { return 0; }

// A unit of work is a tile of one step: 16 pairs of each of its rows, turned so that a pair's rows are neighbours.
void convert(const ggml_tensor * x, int ith, int nth, void * inputs, void *) {
  const int64_t n = x->ne[1], steps = x->ne[0] / STEP;
  const TileSplit split(n);
  for (int64_t unit = ith; unit < split.count * steps; unit += nth) {
    const int64_t first = unit / steps * COLUMNS, rows = std::min<int64_t>(n - first, COLUMNS);
    const char * from = static_cast<const char *>(x->data) + x->nb[1] * static_cast<size_t>(first) +
                        unit % steps * static_cast<int64_t>(STEP * sizeof(float));
    __m512i pairs[COLUMNS];
    for (int64_t j = 0; j < COLUMNS; j++, from += x->nb[1]) {
      pairs[j] = j < rows
                     ? reinterpret_cast<__m512i>(_mm512_cvtne2ps_pbh(_mm512_loadu_ps(from + 64), _mm512_loadu_ps(from)))
                     : _mm512_setzero_si512();
    }
    char * to = static_cast<char *>(inputs) + unit * step_bytes(split);
    if (split.width == 1) {
      _mm512_storeu_si512(to, pairs[0]);
      continue;
    }
    transpose(pairs);
    for (int p = 0; p < STEP / 2; p++) {
      _mm512_mask_storeu_epi32(to + p * split.width * 4, first_lanes(split.width), pairs[p]);
    }
  }
}

// Tiles by number, since GCC's intrinsics write it into the instruction's text: outputs, weights, activations.
#define C00 0
#define C01 1
#define C10 2
#define C11 3
#define W0 4
#define W1 5
#define X0 6
#define X1 7

// One or two panels of weights by one or two tiles of activations, which are `input_tile` bytes apart.
struct Block {
  const char *weights, *inputs;
  size_t row, input_row;
  int64_t steps, input_step, input_tile;

  template <int PANELS, int TILES> void sums() const {
    _tile_zero(C00);
    _tile_zero(C01);
    _tile_zero(C10);
    _tile_zero(C11);
    const char *w = weights, *x = inputs;
    for (int64_t s = 0; s < steps; s++, w += STEP * 2, x += input_step) {
      _tile_loadd(W0, w, row);
      _tile_loadd(X0, x, input_row);
      if (PANELS == 1) { // the next panel: with one panel at a time hardware does not keep up
        for (size_t i = PANEL; i < 2 * PANEL; i++) {
          _mm_prefetch(w + row * i, _MM_HINT_T0);
        }
      }
      _tile_dpbf16ps(C00, W0, X0);
      if (TILES > 1) {
        _tile_loadd(X1, x + input_tile, input_row);
        _tile_dpbf16ps(C01, W0, X1);
      }
      if (PANELS > 1) {
        _tile_loadd(W1, w + row * PANEL, row);
        _tile_dpbf16ps(C10, W1, X0);
      }
      if (PANELS > 1 && TILES > 1) {
        _tile_dpbf16ps(C11, W1, X1);
      }
    }
  }
};

struct Outputs {
  float * out; // of the block's first row of activations and first weight row
  size_t stride;
  int64_t outputs, n; // weight rows in a panel, rows of activations from the block's first on
  bool lone;          // a single row of activations: a tile's column fills one vector
  alignas(64) float all[PANEL * COLUMNS];

  size_t row() const { return lone ? sizeof(float) : COLUMNS * sizeof(float); }

  void write(int64_t panel, int64_t tile) {
    float * to = out + panel * PANEL + stride * static_cast<size_t>(tile * COLUMNS);
    if (lone) {
      _mm512_mask_storeu_ps(to, first_lanes(outputs), _mm512_load_ps(all));
      return;
    }
    __m512i rows[PANEL];
    for (int i = 0; i < PANEL; i++) {
      rows[i] = _mm512_load_si512(all + i * COLUMNS);
    }
    write_turned(rows, to, stride, outputs, std::min<int64_t>(n - tile * COLUMNS, COLUMNS));
  }
};

// Panels [from, to), all of `height` weight rows.
void panels_of(const ggml_tensor * op, int64_t from, int64_t to, int64_t height, const char * inputs) {
  const ggml_tensor * w = op->src[0];
  const int64_t n = op->src[1]->ne[1], steps = w->ne[0] / STEP;
  const TileSplit split(n);
  const auto high = static_cast<uint8_t>(height);
  const auto wide = static_cast<uint16_t>(split.width * 4);
  const Tiles shapes({high, high, high, high, high, high, 16, 16}, {wide, wide, wide, wide, 64, 64, wide, wide});
  const int64_t tile_bytes = steps * step_bytes(split);
  const size_t stride = op->nb[1] / sizeof(float);
  const int64_t most = n > COLUMNS ? 2 : 1; // for one tile of activations, a panel at a time is as fast as memory
  for (int64_t p = from; p < to; p += most) {
    const bool pair = most == 2 && p + 1 < to;
    for (int64_t t = 0; t < split.count; t += 2) {
      const bool both = t + 1 < split.count;
      const Block block{static_cast<const char *>(w->data) + w->nb[1] * static_cast<size_t>(p * PANEL),
                        inputs + t * tile_bytes,
                        w->nb[1],
                        wide,
                        steps,
                        step_bytes(split),
                        tile_bytes};
      if (pair) {
        both ? block.sums<2, 2>() : block.sums<2, 1>();
      } else {
        both ? block.sums<1, 2>() : block.sums<1, 1>();
      }
      Outputs o;
      o.out = static_cast<float *>(op->data) + p * PANEL + stride * static_cast<size_t>(t * COLUMNS);
      o.stride = stride;
      o.outputs = height;
      o.n = n - t * COLUMNS;
      o.lone = n == 1;
      _tile_stored(C00, o.all, o.row());
      o.write(0, 0);
      if (both) {
        _tile_stored(C01, o.all, o.row());
        o.write(0, 1);
      }
      if (pair) {
        _tile_stored(C10, o.all, o.row());
        o.write(1, 0);
      }
      if (pair && both) {
        _tile_stored(C11, o.all, o.row());
        o.write(1, 1);
      }
    }
  }
}

void panels(const ggml_tensor * op, int64_t from, int64_t to, const void * inputs, void *) {
  by_height(op->src[0]->ne[1], from, to, [&](int64_t first, int64_t last, int64_t height) {
    panels_of(op, first, last, height, static_cast<const char *>(inputs));
  });
}

constexpr ProductKernel KERNEL{inputs_size, own_size, convert, panels};

} // namespace

const ProductKernel * bf16_tile_product(const ggml_tensor * w, int64_t) {
  return w->type == GGML_TYPE_BF16 && w->ne[0] % STEP == 0 && amx_granted() ? &KERNEL : nullptr;
}

} // namespace sphere

#else

const sphere::ProductKernel * sphere::bf16_tile_product(const ggml_tensor *, int64_t) { return nullptr; }

#endif
