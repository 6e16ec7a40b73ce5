// Products with Q8_0 weights. 16 weight rows are interleaved in registers, so that a lane is an output: the integers of
// a block are summed exactly, and each output adds its blocks in order with one fused multiply-add each, whatever the
// number of rows. Activations are quantised as ggml does it, so that only the order of additions differs from ggml's.
#include "products/products.hpp"
#include "products/products_ints.hpp"

#if defined(__AVX512F__) && defined(__AVX512BW__) && defined(__AVX512VL__) && defined(__AVX512VNNI__)

#include "ggml-cpu.h"

#include <algorithm>
#include <immintrin.h>

namespace sphere {
namespace {

constexpr int PANEL = static_cast<int>(PRODUCT_PANEL);
constexpr int MOST = 16; // rows of activations whose sums are in registers at once
constexpr int QUADS = 8; // groups of four numbers in a block

struct Block { // of weights, as ggml has it
  uint16_t d;
  int8_t q[32];
};
static_assert(sizeof(Block) == 34, "ggml's block_q8_0");

struct Input { // a block of activations
  int32_t q[QUADS];
  int32_t start; // -128 x their sum: weights are multiplied as unsigned numbers, 128 more than they are
  float d;
};

struct Packed { // a block of 16 weight rows
  __m512i q[QUADS];
  __m512 d;
};

inline __m512i two(const char * low, const char * high) {
  const __m256i a = _mm256_loadu_si256(reinterpret_cast<const __m256i *>(low + 2));
  const __m256i b = _mm256_loadu_si256(reinterpret_cast<const __m256i *>(high + 2));
  return _mm512_inserti64x4(_mm512_castsi256_si512(a), b, 1);
}

// Register i of the result: the i-th four numbers of all 16 rows, from one block. What the next panel has in that place
// is fetched ahead, to the second cache, which holds whole panels: hardware does not follow 16 streams.
inline __attribute__((always_inline)) void pack(const char * const * rows, int64_t offset, Packed & out) {
  const int64_t ahead = PANEL * (rows[1] - rows[0]) + offset;
  for (int i = 0; i < PANEL; i++) {
    _mm_prefetch(rows[i] + ahead, _MM_HINT_T1);
  }
  const __m512i flip = _mm512_set1_epi8(static_cast<char>(0x80));
  __m512i quads[2][QUADS]; // of rows 0 to 7 and 8 to 15, in lanes (i, i + 4) x (first four rows, last four rows)
  for (int half = 0; half < 2; half++) {
    const char * const * r = rows + half * 8;
    __m512i a[4], b[4];
    for (int i = 0; i < 4; i++) {
      a[i] = _mm512_xor_si512(two(r[i] + offset, r[i + 4] + offset), flip);
    }
    b[0] = _mm512_unpacklo_epi32(a[0], a[1]);
    b[1] = _mm512_unpackhi_epi32(a[0], a[1]);
    b[2] = _mm512_unpacklo_epi32(a[2], a[3]);
    b[3] = _mm512_unpackhi_epi32(a[2], a[3]);
    quads[half][0] = _mm512_unpacklo_epi64(b[0], b[2]);
    quads[half][1] = _mm512_unpackhi_epi64(b[0], b[2]);
    quads[half][2] = _mm512_unpacklo_epi64(b[1], b[3]);
    quads[half][3] = _mm512_unpackhi_epi64(b[1], b[3]);
  }
  for (int i = 0; i < 4; i++) {
    out.q[i] = _mm512_shuffle_i32x4(quads[0][i], quads[1][i], 0x88);
    out.q[i + 4] = _mm512_shuffle_i32x4(quads[0][i], quads[1][i], 0xDD);
  }
  alignas(32) uint16_t d[PANEL];
  for (int i = 0; i < PANEL; i++) {
    d[i] = reinterpret_cast<const Block *>(rows[i] + offset)->d;
  }
  out.d = _mm512_cvtph_ps(_mm256_load_si256(reinterpret_cast<const __m256i *>(d)));
}

// N rows of activations by 16 rows of weights. The weights come from `rows`, and are left in `packed` if there is one;
// or, without rows, they come from `packed`.
template <int N>
void tile(const char * const * rows, Packed * packed, const Input * x, int64_t blocks, float * out, int64_t stride,
          __mmask16 lanes) {
  __m512 sum[N];
  for (int j = 0; j < N; j++) {
    sum[j] = _mm512_setzero_ps();
  }
  for (int64_t b = 0; b < blocks; b++) {
    Packed w;
    if (rows) {
      pack(rows, b * static_cast<int64_t>(sizeof(Block)), w);
      if (packed) {
        packed[b] = w;
      }
    } else {
      w = packed[b];
    }
    for (int j = 0; j < N; j++, x++) {
      __m512i s = _mm512_set1_epi32(x->start);
      for (int i = 0; i < QUADS; i++) {
        s = _mm512_dpbusd_epi32(s, w.q[i], _mm512_set1_epi32(x->q[i]));
      }
      sum[j] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(s), _mm512_mul_ps(w.d, _mm512_set1_ps(x->d)), sum[j]);
    }
  }
  for (int j = 0; j < N; j++) {
    _mm512_mask_storeu_ps(out + j * stride, lanes, sum[j]);
  }
}

using Tile = void (*)(const char * const *, Packed *, const Input *, int64_t, float *, int64_t, __mmask16);
constexpr Tile TILES[MOST + 1] = {nullptr, tile<1>,  tile<2>,  tile<3>,  tile<4>,  tile<5>,  tile<6>,  tile<7>, tile<8>,
                                  tile<9>, tile<10>, tile<11>, tile<12>, tile<13>, tile<14>, tile<15>, tile<16>};

// Rows of activations lie in tiles of nearly equal size, block by block.
struct Split {
  int64_t count, n;
  explicit Split(int64_t n) : count((n + MOST - 1) / MOST), n(n) {}
  int64_t begin(int64_t t) const { return n * t / count; }
};

int64_t row_size(int64_t k) { return whole_lines(k / 32 * static_cast<int64_t>(sizeof(Block))); }

int64_t inputs_size(int64_t k, int64_t n) { return whole_lines(k / 32 * n * static_cast<int64_t>(sizeof(Input))); }

// A row in ggml's form, then a packed panel if it is used more than once.
int64_t own_size(int64_t k, int64_t n) {
  return row_size(k) + (n > MOST ? k / 32 * static_cast<int64_t>(sizeof(Packed)) : 0);
}

void convert(const ggml_tensor * x, int ith, int nth, void * inputs, void * own) {
  auto * row = static_cast<Block *>(own);
  const int64_t k = x->ne[0], n = x->ne[1], blocks = k / 32;
  const Split tiles(n);
  const auto from_float = ggml_get_type_traits_cpu(GGML_TYPE_Q8_0)->from_float;
  for (int64_t t = 0; t < tiles.count; t++) {
    const int64_t first = tiles.begin(t), size = tiles.begin(t + 1) - first;
    for (int64_t j = 0; j < size; j++) {
      if ((first + j) % nth != ith) {
        continue;
      }
      const char * from = static_cast<const char *>(x->data) + static_cast<size_t>(first + j) * x->nb[1];
      from_float(reinterpret_cast<const float *>(from), row, k);
      for (int64_t b = 0; b < blocks; b++) {
        Input & in = static_cast<Input *>(inputs)[first * blocks + b * size + j];
        const __m256i q = _mm256_loadu_si256(reinterpret_cast<const __m256i *>(row[b].q));
        _mm256_storeu_si256(reinterpret_cast<__m256i *>(in.q), q);
        const __m256i sums = _mm256_dpbusd_epi32(_mm256_setzero_si256(), _mm256_set1_epi8(1), q);
        const __m128i four = _mm_add_epi32(_mm256_castsi256_si128(sums), _mm256_extracti128_si256(sums, 1));
        const __m128i pair = _mm_add_epi32(four, _mm_shuffle_epi32(four, 0x4E));
        in.start = -128 * (_mm_cvtsi128_si32(pair) + _mm_extract_epi32(pair, 1));
        in.d = _cvtsh_ss(row[b].d);
      }
    }
  }
}

void panels(const ggml_tensor * op, int64_t from, int64_t to, const void * inputs, void * own) {
  const ggml_tensor *w = op->src[0], *x = op->src[1];
  const int64_t blocks = w->ne[0] / 32;
  const Split tiles(x->ne[1]);
  auto * packed = reinterpret_cast<Packed *>(static_cast<char *>(own) + row_size(w->ne[0]));
  const auto stride = static_cast<int64_t>(op->nb[1] / sizeof(float));
  for (int64_t panel = from; panel < to; panel++) {
    const int64_t first = panel * PANEL, left = w->ne[1] - first;
    const char * rows[PANEL];
    for (int64_t i = 0; i < PANEL; i++) {
      rows[i] = static_cast<const char *>(w->data) + static_cast<size_t>(first + std::min(i, left - 1)) * w->nb[1];
    }
    const auto lanes = static_cast<__mmask16>(left >= PANEL ? 0xFFFF : (1 << left) - 1);
    for (int64_t t = 0; t < tiles.count; t++) {
      const int64_t j = tiles.begin(t);
      TILES[tiles.begin(t + 1) - j](t == 0 ? rows : nullptr, tiles.count > 1 ? packed : nullptr,
                                    static_cast<const Input *>(inputs) + j * blocks, blocks,
                                    static_cast<float *>(op->data) + j * stride + first, stride, lanes);
    }
  }
}

constexpr ProductKernel KERNEL{inputs_size, own_size, convert, panels};

} // namespace

const ProductKernel * q8_product(const ggml_tensor * w, int64_t) {
  return w->type == GGML_TYPE_Q8_0 ? &KERNEL : nullptr;
}

} // namespace sphere

#elif defined(__AVX512F__)

const sphere::ProductKernel * sphere::q8_product(const ggml_tensor *, int64_t) { return nullptr; }

#else

const sphere::ProductKernel * sphere::q8_product(const ggml_tensor * w, int64_t n) { return int8_product(w, n); }

#endif
