// Products with BF16 weights in tiles: 16 weight rows times 32 numbers are loaded as they lie in memory, and multiply
// up to 16 rows of activations at once, whose pairs of neighbours are interleaved beforehand. An output adds its pairs
// of numbers in the order of the row, whatever the number of rows and threads. Quantised weights are unpacked to BF16
// piece by piece, one ahead of the tiles, and kept for as long as rows of activations are left.
#include "matmul/matmul_tiles.hpp"
#include "matmul/matmul_unpack.hpp"

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

// Tiles of activations, and panels, that are multiplied at once.
constexpr int PAIR = 2;

// Rows of activations that want a panel's weights only once.
constexpr int64_t ONCE = PAIR * COLUMNS;

// Unpacked weights: of one panel a piece and the next one, or of two panels all pieces.
int64_t unpacked_size(int64_t k, int64_t n) { return PAIR * PIECE_BYTES * (n > ONCE ? pieces_of(k) : 1); }

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

// One or two panels of weights by one or two tiles of activations. A panel's rows are `row` bytes apart, its steps
// `step`, the panels `panel`.
struct Block {
  size_t row, panel;
  int64_t step;
  size_t input_row;
  int64_t input_step, input_tile;

  static void begin() {
    _tile_zero(C00);
    _tile_zero(C01);
    _tile_zero(C10);
    _tile_zero(C11);
  }

  // Adds so many steps, which begin at w and x.
  template <int PANELS, int TILES, bool FETCH> void add(const char * w, const char * x, int64_t steps) const {
    for (int64_t s = 0; s < steps; s++, w += step, x += input_step) {
      _tile_loadd(W0, w, row);
      _tile_loadd(X0, x, input_row);
      if (PANELS == 1 && FETCH) { // the next panel: with one panel at a time hardware does not keep up
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
        _tile_loadd(W1, w + panel, row);
        _tile_dpbf16ps(C10, W1, X0);
      }
      if (PANELS > 1 && TILES > 1) {
        _tile_dpbf16ps(C11, W1, X1);
      }
    }
  }

  template <bool FETCH> void add(bool pair, bool both, const char * w, const char * x, int64_t steps) const {
    if (pair) {
      both ? add<2, 2, FETCH>(w, x, steps) : add<2, 1, FETCH>(w, x, steps);
    } else {
      both ? add<1, 2, FETCH>(w, x, steps) : add<1, 1, FETCH>(w, x, steps);
    }
  }
};

// The weights of one or two panels, where they lie and as they are.
struct AsTheyAre {
  const ggml_tensor * w;
  int64_t most(int64_t n) const { return n > COLUMNS ? PAIR : 1; } // one tile: a panel at a time is as fast as memory
  size_t row() const { return w->nb[1]; }
  size_t panel() const { return w->nb[1] * PANEL; }
  int64_t step() const { return STEP * 2; }

  void sums(const Block & block, int64_t p, bool pair, bool both, bool, const char * x) const {
    block.add<true>(pair, both, static_cast<const char *>(w->data) + panel() * static_cast<size_t>(p), x,
                    w->ne[0] / STEP);
  }
};

// The same of quantised weights, unpacked as the first rows of activations want them.
struct Unpacked {
  const ggml_tensor * w;
  Unpack unpack;
  bool once; // nobody will want them again
  char * own;
  int64_t most(int64_t) const { return once ? 1 : PAIR; }
  size_t row() const { return UNPACK_ROW_BYTES; }
  size_t panel() const { return PIECE_BYTES; }
  int64_t step() const { return UNPACK_STEP_BYTES; }

  char * at(int64_t piece) const { return own + (once ? piece % 2 : piece * PAIR) * PIECE_BYTES; }

  void sums(const Block & block, int64_t p, bool pair, bool both, bool first, const char * x) const {
    const PanelRows panels[PAIR] = {{w, p}, {w, pair ? p + 1 : p}};
    const int64_t k = w->ne[0], pieces = pieces_of(k);
    const auto prepare = [&](int64_t piece, int from, int to) {
      for (int i = 0; piece < pieces && i <= pair; i++) {
        unpack(panels[i], piece * PIECE, k, from, to, at(piece) + i * PIECE_BYTES);
      }
    };
    if (first) {
      prepare(0, 0, PANEL);
    }
    for (int64_t piece = 0; piece < pieces; piece++) {
      const char * from = at(piece);
      const int steps = static_cast<int>(std::min<int64_t>(STEPS, k / STEP - piece * STEPS));
      if (!first) {
        block.add<false>(pair, both, from, x + piece * STEPS * block.input_step, steps);
        continue;
      }
      // A step's product waits for the last one's, which takes long; meanwhile some rows of the next piece.
      for (int s = 0; s < STEPS; s += TURN) {
        prepare(piece + 1, s * ROWS, (s + TURN) * ROWS);
        block.add<false>(pair, both, from + s * UNPACK_STEP_BYTES, x + (piece * STEPS + s) * block.input_step,
                         std::min<int64_t>(TURN, steps - s));
      }
    }
  }

private:
  static constexpr int STEPS = PIECE / STEP, ROWS = PANEL / STEPS, TURN = 4;
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
template <typename Weights>
void panels_of(const ggml_tensor * op, const Weights & weights, int64_t from, int64_t to, int64_t height,
               const char * inputs) {
  const int64_t n = op->src[1]->ne[1], steps = op->src[0]->ne[0] / STEP;
  const TileSplit split(n);
  const auto high = static_cast<uint8_t>(height);
  const auto wide = static_cast<uint16_t>(split.width * 4);
  const Tiles shapes({high, high, high, high, high, high, 16, 16}, {wide, wide, wide, wide, 64, 64, wide, wide});
  const int64_t tile_bytes = steps * step_bytes(split);
  const Block block{weights.row(), weights.panel(), weights.step(), wide, step_bytes(split), tile_bytes};
  const size_t stride = op->nb[1] / sizeof(float);
  const int64_t most = weights.most(n);
  for (int64_t p = from; p < to; p += most) {
    const bool pair = most == PAIR && p + 1 < to;
    for (int64_t t = 0; t < split.count; t += PAIR) {
      const bool both = t + 1 < split.count;
      Block::begin();
      weights.sums(block, p, pair, both, t == 0, inputs + t * tile_bytes);
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
  const ggml_tensor * w = op->src[0];
  by_height(w->ne[1], from, to, [&](int64_t first, int64_t last, int64_t height) {
    panels_of(op, AsTheyAre{w}, first, last, height, static_cast<const char *>(inputs));
  });
}

void unpacked_panels(const ggml_tensor * op, int64_t from, int64_t to, const void * inputs, void * own) {
  const ggml_tensor * w = op->src[0];
  const Unpacked weights{w, unpacker(w), op->src[1]->ne[1] <= ONCE, static_cast<char *>(own)};
  by_height(w->ne[1], from, to, [&](int64_t first, int64_t last, int64_t height) {
    panels_of(op, weights, first, last, height, static_cast<const char *>(inputs));
  });
}

constexpr MatmulKernel KERNEL{inputs_size, own_size, convert, panels};
constexpr MatmulKernel UNPACKED{inputs_size, unpacked_size, convert, unpacked_panels};

} // namespace

const MatmulKernel * bf16_tile_product(const ggml_tensor * w, int64_t) {
  if (w->ne[0] % STEP != 0 || !amx_granted()) {
    return nullptr;
  }
  return w->type == GGML_TYPE_BF16 ? &KERNEL : unpacker(w) ? &UNPACKED : nullptr;
}

} // namespace sphere

#else

const sphere::MatmulKernel * sphere::bf16_tile_product(const ggml_tensor *, int64_t) { return nullptr; }

#endif
