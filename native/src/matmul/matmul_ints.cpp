// Products with quantised weights as integers. A block of 32 weights is 16-bit integers q with a scale d, and for some
// types a minimum m: a weight is d q + m. Activations are rounded to 15-bit integers, in blocks of 32 that share a
// scale: more exact than BF16. The integers of a block are summed exactly; so it does not matter how, and an output
// adds its blocks in order, whatever the number of rows:
//   out = out + (d dx) sum(q qx), then out = out + m (dx sum(qx)), each rounded once.
// A multiply-add of integers is half an instruction or less where one in F32 is a whole one, and weights need no
// conversion to floats (matmul_sums.hpp). A lone row of activations takes the weights as they lie (on ARM64 two
// do), many take a panel whose lanes are outputs. This is for AVX2 and NEON; matmul_bytes.cpp gives the same bits
// with AVX-512.
#include "matmul/matmul_ints.hpp"

#if !defined(__AVX512F__)

#include "matmul/matmul_sums.hpp"

#include "ggml-cpu.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>
#include <type_traits>
#include <utility>

namespace sphere {
namespace {

using namespace blocks;

constexpr int MOST = 4;                            // rows of activations of a tile
constexpr int64_t STRAIGHT = HWY_ARCH_X86 ? 1 : 2; // so many rows of activations do not pay for a panel
constexpr int LARGEST = 16383; // of activations: 32 products with 4096, the most of a weight, do not overflow

// How activations of so many bytes are multiplied (matmul_sums.hpp).
#if SPHERE_PAIRS
template <typename B, int PLANES>
using Arithmetic = std::conditional_t<PLANES == 1 && B::BITS <= 6 && B::KIND != Kind::LEVELS, InPairs, InWords>;
#elif !SPHERE_DOTS
template <typename B, int PLANES> using Arithmetic = InWords;
#elif HWY_ARCH_ARM_A64
template <typename B, int PLANES> using Arithmetic = InBytes<PLANES>;
#else
template <typename B, int PLANES> using Arithmetic = std::conditional_t<PLANES == 1, InBytes<1>, InWords>;
#endif

// --- weights -------------------------------------------------------------------------------------------

// How many minima a block of 32 numbers has.
template <typename B> constexpr int MINIMA = B::KIND != Kind::MINIMUM ? 0 : 32 / B::GROUP;

// Block b of a row's piece.
template <typename B> INLINE const B & block_of(const char * piece, int b) {
  return reinterpret_cast<const B *>(piece)[B::NUMBERS == 256 ? 0 : b];
}

// Bytes of a row's piece.
template <typename B> constexpr int64_t PIECE_SIZE = PIECE / B::NUMBERS * static_cast<int64_t>(sizeof(B));

// Calls f(block, its step as a compile-time number) for so many blocks of a piece.
template <typename F, int... S> INLINE void each_step(F f, std::integer_sequence<int, S...>) {
  (f(S, std::integral_constant<int, S>()), ...);
}
template <typename B, typename F> INLINE void for_blocks(int count, F f) {
  if constexpr (B::NUMBERS == 256) {
    each_step(f, std::make_integer_sequence<int, GROUP>());
  } else {
    for (int b = 0; b < count; b++) {
      f(b, std::integral_constant<int, 0>());
    }
  }
}

// --- rows of activations -------------------------------------------------------------------------------

// n rows of k numbers: integers [n][blocks][A::SIZE]; of each block [n][blocks] its scale, and its sum and those of its
// halves, times the scale.
template <typename A> struct Inputs {
  char * q;
  float *scales, *sums, *half_sums;
  int64_t blocks;

  Inputs(void * at, int64_t k, int64_t n) : blocks(k / NUMBERS) {
    q = static_cast<char *>(at);
    scales = reinterpret_cast<float *>(q + whole_lines(n * blocks * A::SIZE));
    sums = scales + n * blocks;
    half_sums = sums + n * blocks;
  }
  static int64_t size(int64_t k, int64_t n) {
    return whole_lines(n * (k / NUMBERS) * A::SIZE) +
           whole_lines(n * (k / NUMBERS) * 4 * static_cast<int64_t>(sizeof(float)));
  }
  char * block(int64_t j, int64_t b) const { return q + (j * blocks + b) * A::SIZE; }

  // Of a block: its scale, with the sums of both halves' integers.
  INLINE void scale(int64_t at, float by, int32_t first, int32_t second) const {
    const float numbers[] = {static_cast<float>(first), static_cast<float>(second)};
    scales[at] = by;
    sums[at] = by * (numbers[0] + numbers[1]);
    half_sums[2 * at] = by * numbers[0];
    half_sums[2 * at + 1] = by * numbers[1];
  }

  // One with NaN or infinity makes all NaN.
  void spoil(int64_t at) const {
    scales[at] = sums[at] = half_sums[2 * at] = half_sums[2 * at + 1] = std::numeric_limits<float>::quiet_NaN();
    std::memset(q + at * A::SIZE, 0, A::SIZE);
  }
};

// A block of numbers has the largest one at LARGEST. What is smaller than 1e-30 is 0.
template <typename A> void round_row(const float * x, const Inputs<A> & in, int64_t j) {
  const hn::Rebind<int16_t, hn::ScalableTag<int32_t>> narrow;
  for (int64_t b = 0; b < in.blocks; b++, x += NUMBERS) {
    const int64_t at = j * in.blocks + b;
    if (!all_finite(x)) {
      in.spoil(at);
      continue;
    }
    alignas(64) int16_t q[NUMBERS];
    Vector most = hn::Zero(FLOATS);
    for (int i = 0; i < NUMBERS; i += LANES) {
      most = hn::Max(most, hn::Abs(hn::LoadU(FLOATS, x + i)));
    }
    const float largest = hn::ReduceMax(FLOATS, most);
    const Vector factor = hn::Set(FLOATS, largest < 1e-30f ? 0 : LARGEST / largest);
    int32_t part[2];
    for (int h = 0; h < 2; h++) {
      Ints all = hn::Zero(INTS);
      for (int i = h * NUMBERS / 2; i < (h + 1) * NUMBERS / 2; i += LANES) {
        const Ints v = hn::NearestInt(hn::Mul(hn::LoadU(FLOATS, x + i), factor));
        all = hn::Add(all, v);
        hn::StoreU(hn::DemoteTo(narrow, v), narrow, q + i);
      }
      part[h] = hn::ReduceSum(INTS, all);
    }
    A::put(q, part, in.q + at * A::SIZE);
    in.scale(at, largest < 1e-30f ? 0 : largest / LARGEST, part[0], part[1]);
  }
}

// 8 bits, as ggml rounds them; `blocks` is room for it.
template <typename A> void round_row_8(const float * x, const Inputs<A> & in, int64_t j, Q8_0 * blocks) {
  ggml_get_type_traits_cpu(GGML_TYPE_Q8_0)->from_float(x, blocks, in.blocks * NUMBERS);
  for (int64_t b = 0; b < in.blocks; b++, x += NUMBERS) {
    const int64_t at = j * in.blocks + b;
    if (!all_finite(x)) {
      in.spoil(at);
      continue;
    }
    alignas(64) int16_t q[NUMBERS];
    std::copy_n(blocks[b].q, NUMBERS, q);
    const int32_t sums[] = {std::accumulate(q, q + NUMBERS / 2, 0), std::accumulate(q + NUMBERS / 2, q + NUMBERS, 0)};
    A::put(q, sums, in.q + at * A::SIZE);
    in.scale(at, from_half(blocks[b].d), sums[0], sums[1]);
  }
}

const float * row_of(const ggml_tensor * x, int64_t j) {
  return reinterpret_cast<const float *>(static_cast<const char *>(x->data) + x->nb[1] * static_cast<size_t>(j));
}

template <typename A, int PLANES> void convert(const ggml_tensor * x, int ith, int nth, void * inputs, void * own) {
  const Inputs<A> in(inputs, x->ne[0], x->ne[1]);
  for (int64_t j = ith; j < x->ne[1]; j += nth) {
    if constexpr (PLANES == 1) {
      round_row_8(row_of(x, j), in, j, static_cast<Q8_0 *>(own));
    } else {
      round_row(row_of(x, j), in, j);
    }
  }
}

// --- panels --------------------------------------------------------------------------------------------

// Of a row's piece of 8 blocks: a scale each, then MINIMA each; whole vectors of them.
template <typename B> constexpr int COLUMNS = (GROUP + GROUP * MINIMA<B> + LANES - 1) / LANES * LANES;

// What belongs to a piece of a panel besides its integers.
template <typename B> struct Scaling {
  alignas(64) float of[COLUMNS<B>][PANEL]; // [scales of blocks, minima][row]
  int16_t factors[PANEL][B::GROUP == 16 ? 16 : 1];
};

// With the factors once more, [factors][row], for an arithmetic that does not have them in its weights.
template <typename A, typename B> struct PanelScaling : Scaling<B> {
  int32_t turned[A::template FACTORS<B> ? 16 : 1][PANEL];
};

// `count` rows of it. What the next panel has in that place is fetched: hardware does not follow so many streams.
template <typename B>
INLINE void scaling(const PanelRows & rows, int first, int count, int64_t piece, int blocks, Scaling<B> & to) {
  Scales each[PANEL];
  for (int i = first; i < first + count; i++) {
    const char * at = rows.rows[i] + piece * PIECE_SIZE<B>;
    for (int64_t line = 0; line < PIECE_SIZE<B>; line += 64) {
      __builtin_prefetch(at + rows.ahead + line, 0, 2);
    }
    const B * from = reinterpret_cast<const B *>(at);
    if constexpr (B::GROUP == 32) {
      make_scales(from, blocks, each[i]);
    } else {
      std::fill_n(each[i].of, GROUP, from_half(from->d));
      const hn::FixedTag<int16_t, 8> eight;
      hn::StoreU(hn::PromoteLowerTo(eight, from->factors()), eight, to.factors[i]);
      hn::StoreU(hn::PromoteUpperTo(eight, from->factors()), eight, to.factors[i] + 8);
      if constexpr (MINIMA<B> != 0) {
        from->offsets(each[i].of + GROUP);
      }
    }
  }
  for (int column = 0; column < COLUMNS<B>; column += LANES) {
    for (int from = first; from < first + count; from += LANES) {
      VecWords turned[LANES];
      for (int i = 0; i < LANES; i++) {
        turned[i] = hn::BitCast(Words(), hn::LoadU(FLOATS, each[from + i].of + column));
      }
      transpose(turned);
      for (int i = 0; i < LANES; i++) {
        hn::StoreU(hn::BitCast(FLOATS, turned[i]), FLOATS, to.of[column + i] + from);
      }
    }
  }
}

// What a thread works with: outputs of a panel that is not whole, then the panel: the scaling of its pieces, and
// its integers, block by block.
template <typename A, typename B> struct Own {
  static constexpr int64_t BLOCK = NUMBERS * PANEL * A::WIDTH; // bytes of one

  float * part;
  PanelScaling<A, B> * scaling;
  char * q;

  Own(void * at, int64_t k, int64_t n) {
    part = static_cast<float *>(at);
    scaling = reinterpret_cast<PanelScaling<A, B> *>(part + n * PANEL);
    q = reinterpret_cast<char *>(scaling + pieces_of(k));
  }
  static int64_t size(int64_t k, int64_t n) {
    const int64_t pieces = pieces_of(k) * static_cast<int64_t>(sizeof(PanelScaling<A, B>));
    const int64_t panel = n > STRAIGHT ? pieces + k / NUMBERS * BLOCK : 0;
    const int64_t rounding = k / NUMBERS * static_cast<int64_t>(sizeof(Q8_0));
    return whole_lines(std::max(n * PANEL * static_cast<int64_t>(sizeof(float)) + panel, rounding));
  }
};

// What a block adds to LANES outputs from `first` on; b is its number in the piece, `at` that of the activations'
// block.
template <typename A, typename B>
INLINE Vector add_block(Vector sum, Ints products, const Scaling<B> & scaling, int b, int first, const Inputs<A> & in,
                        int64_t at) {
  const Vector d = hn::Mul(hn::LoadU(FLOATS, scaling.of[b] + first), hn::Set(FLOATS, in.scales[at]));
  sum = hn::MulAdd(hn::ConvertTo(FLOATS, products), d, sum);
  for (int i = 0; i < MINIMA<B>; i++) {
    const float x = MINIMA<B> == 1 ? in.sums[at] : in.half_sums[2 * at + i];
    const float * m = scaling.of[GROUP + b * MINIMA<B> + i] + first;
    sum = hn::MulAdd(hn::LoadU(FLOATS, m), hn::Set(FLOATS, x), sum);
  }
  return sum;
}

// LANES weight rows from `first` on by row j of activations, from the blocks as they lie.
template <typename A, typename B>
void straight(const PanelRows & rows, int first, const Inputs<A> & in, int64_t j, float * out) {
  Scaling<B> piece;
  Vector sum = hn::Zero(FLOATS);
  for (int64_t from = 0; from < in.blocks; from += GROUP) {
    const int count = static_cast<int>(std::min<int64_t>(GROUP, in.blocks - from));
    scaling<B>(rows, first, LANES, from / GROUP, count, piece);
    for_blocks<B>(count, [&](int b, auto step) {
      const typename A::Loaded x(in.block(j, from + b));
      Ints products[LANES];
      HWY_UNROLL(8)
      for (int i = 0; i < LANES; i++) {
        products[i] = A::template row<decltype(step)::value>(
            block_of<B>(rows.rows[first + i] + from / GROUP * PIECE_SIZE<B>, b), piece.factors[first + i], x);
      }
      sum = add_block<A, B>(sum, lane_sums(products), piece, b, first, in, j * in.blocks + from + b);
    });
  }
  hn::StoreU(sum, FLOATS, out);
}

template <typename A, typename B> void unpack(const PanelRows & rows, int64_t blocks, const Own<A, B> & own) {
  for (int64_t from = 0; from < blocks; from += GROUP) {
    const int count = static_cast<int>(std::min<int64_t>(GROUP, blocks - from));
    PanelScaling<A, B> & piece = own.scaling[from / GROUP];
    scaling<B>(rows, 0, PANEL, from / GROUP, count, piece);
    if constexpr (A::template FACTORS<B>) {
      for (int f = 0; f < 16; f++) {
        for (int i = 0; i < PANEL; i++) {
          piece.turned[f][i] = piece.factors[i][f];
        }
      }
    }
    for_blocks<B>(count, [&](int b, auto step) {
      char * to = own.q + (from + b) * own.BLOCK;
      for (int first = 0; first < PANEL; first += LANES) {
        VecWords turned[A::VECTORS][LANES];
        HWY_UNROLL(8)
        for (int i = 0; i < LANES; i++) {
          hn::Vec<typename A::Numbers> w[A::VECTORS];
          A::template weights<decltype(step)::value>(
              block_of<B>(rows.rows[first + i] + from / GROUP * PIECE_SIZE<B>, b), piece.factors[first + i], w);
          for (int v = 0; v < A::VECTORS; v++) {
            turned[v][i] = hn::BitCast(Words(), w[v]);
          }
        }
        for (int v = 0; v < A::VECTORS; v++) {
          A::place(turned[v], v, first, to);
        }
      }
    });
  }
}

// A panel by N rows of activations from j on.
template <typename A, typename B, int N>
void tile(const Own<A, B> & own, const Inputs<A> & in, int64_t j, float * out, int64_t stride) {
  alignas(64) float sums[N][PANEL] = {}; // registers are for the integers
  for (int64_t b = 0; b < in.blocks; b++) {
    const PanelScaling<A, B> & piece = own.scaling[b / GROUP];
    const int at_piece = static_cast<int>(b % GROUP);
    Ints products[N * VECS];
    A::template sums<N, B>(own.q + b * own.BLOCK, in.block(j, b), in.blocks * A::SIZE,
                           piece.turned[A::template FACTORS<B> ? 2 * at_piece : 0], products);
    HWY_UNROLL(4)
    for (int c = 0; c < N; c++) {
      HWY_UNROLL(4)
      for (int v = 0; v < VECS; v++) {
        float * at = sums[c] + v * LANES;
        const Vector sum = add_block<A, B>(hn::Load(FLOATS, at), products[c * VECS + v], piece, at_piece, v * LANES, in,
                                           (j + c) * in.blocks + b);
        hn::Store(sum, FLOATS, at);
      }
    }
  }
  for (int c = 0; c < N; c++) {
    std::memcpy(out + stride * c, sums[c], sizeof sums[c]);
  }
}

// All n rows of activations by the panel.
template <typename A, typename B, int N = MOST>
void some(const Own<A, B> & own, const Inputs<A> & in, int64_t j, int64_t n, float * out, int64_t stride) {
  if constexpr (N > 1) {
    if (n < N) {
      return some<A, B, N - 1>(own, in, j, n, out, stride);
    }
  }
  tile<A, B, N>(own, in, j, out + stride * j, stride);
}
template <typename A, typename B>
void tiles(const Own<A, B> & own, const Inputs<A> & in, int64_t n, float * out, int64_t stride) {
  const int64_t count = (n + MOST - 1) / MOST;
  for (int64_t t = 0; t < count; t++) {
    const int64_t j = n * t / count;
    some<A, B>(own, in, j, n * (t + 1) / count - j, out, stride);
  }
}

template <typename A, typename B>
void panels(const ggml_tensor * op, int64_t from, int64_t to, const void * inputs, void * at) {
  const ggml_tensor * w = op->src[0];
  const int64_t k = w->ne[0], n = op->src[1]->ne[1];
  const Inputs<A> in(const_cast<void *>(inputs), k, n);
  const Own<A, B> own(at, k, n);
  const auto stride = static_cast<int64_t>(op->nb[1] / sizeof(float));
  for (int64_t p = from; p < to; p++) {
    const PanelRows rows(w, p);
    const int64_t height = std::min<int64_t>(PANEL, w->ne[1] - p * PANEL);
    float * all = static_cast<float *>(op->data) + p * PANEL;
    float * out = height == PANEL ? all : own.part;
    const int64_t out_stride = height == PANEL ? stride : PANEL;
    if (n <= STRAIGHT) {
      for (int64_t j = 0; j < n; j++) {
        for (int first = 0; first < PANEL; first += LANES) {
          straight<A, B>(rows, first, in, j, out + out_stride * j + first);
        }
      }
    } else {
      unpack<A, B>(rows, in.blocks, own);
      tiles<A, B>(own, in, n, out, out_stride);
    }
    for (int64_t j = 0; height < PANEL && j < n; j++) {
      std::memcpy(all + stride * j, own.part + j * PANEL, static_cast<size_t>(height) * sizeof(float));
    }
  }
}

template <typename B, int PLANES> const MatmulKernel * kernel() {
  using A = Arithmetic<B, PLANES>;
  static constexpr MatmulKernel KERNEL{Inputs<A>::size, Own<A, B>::size, convert<A, PLANES>, panels<A, B>};
  return &KERNEL;
}

} // namespace

const MatmulKernel * int_matmul(const ggml_tensor * w, int64_t) {
  switch (w->type) {
    SPHERE_INT_TYPES(SPHERE_INT_CASE, 2)
    default: return nullptr;
  }
}

const MatmulKernel * int8_product(const ggml_tensor * w, int64_t) {
  switch (w->type) {
    SPHERE_INT_TYPES(SPHERE_INT_CASE, 1)
    default: return nullptr;
  }
}

} // namespace sphere

#elif !SPHERE_INTS_IN_BYTES

const sphere::MatmulKernel * sphere::int_matmul(const ggml_tensor *, int64_t) { return nullptr; }
const sphere::MatmulKernel * sphere::int8_product(const ggml_tensor *, int64_t) { return nullptr; }

#endif
