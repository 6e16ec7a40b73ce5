// Products with quantised weights on CPUs without products of BF16 numbers (AVX2, NEON). A block of 32 weights is
// 16-bit integers q with a scale d, and for some types a minimum m: a weight is d q + m. Activations are rounded to
// 15-bit integers, in blocks of 32 that share a scale: more exact than BF16. A multiply-add of 16-bit integers is half
// an instruction where one in F32 is a whole one, and weights need no conversion to floats. The integers of a block are
// summed exactly; so it does not matter how, and an output adds its blocks in order, whatever the number of rows:
//   out = out + (d dx) sum(q qx), then out = out + m (dx sum(qx)), each rounded once.
// One or two rows of activations take the weights as they lie, many take a panel whose lanes are outputs.
#include "products/products_ints.hpp"

#if !defined(__AVX512F__)

#include "products/products_lanes.hpp"
#include "products/products_unpack.hpp"

#include "ggml-cpu.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

namespace sphere {
namespace {

constexpr int PANEL = static_cast<int>(PRODUCT_PANEL);
constexpr int NUMBERS = 32;                              // in a block
constexpr int GROUP = static_cast<int>(PIECE / NUMBERS); // blocks whose scales are computed at once
constexpr int MOST = 4;                                  // rows of activations of a tile
constexpr int VECS = PANEL / LANES;                      // of a panel's outputs
constexpr int64_t STRAIGHT = 2;                          // so many rows of activations do not pay for a panel
constexpr int LARGEST = 16383; // of activations: 32 products with 4096, the most of a weight, do not overflow

constexpr hn::ScalableTag<int16_t> SHORTS;
constexpr hn::ScalableTag<int32_t> INTS;
using Shorts = hn::Vec<hn::ScalableTag<int16_t>>;
using Ints = hn::Vec<hn::ScalableTag<int32_t>>;
constexpr int SHORT_LANES = 2 * LANES;
constexpr int VECTORS = NUMBERS / SHORT_LANES; // of a block
static_assert(VECTORS >= 2, "halves of a block are whole vectors");

// Adds to each lane the products of its two neighbours.
inline Ints multiply(Ints sum, Shorts a, Shorts b) {
#if defined(__AVXVNNI__)
  return Ints{_mm256_dpwssd_avx_epi32(sum.raw, a.raw, b.raw)}; // by hand: Highway takes it with AVX-512 alone
#else
  return hn::Add(sum, hn::WidenMulPairwiseAdd(INTS, a, b));
#endif
}

// --- types ---------------------------------------------------------------------------------------------
// Each has its block, how many minima (MINIMA) a block of 32 has, and two functions of a row's piece of 256 numbers:
// scales() of `count` blocks of 32 and their minima, and integers() of the b-th of them.

#define INLINE inline __attribute__((always_inline))

// F16 numbers that lie `step` bytes apart.
INLINE void halves(const char * from, size_t step, int count, float * to) {
  const hn::CappedTag<float, 4> four;
  const hn::Rebind<hwy::float16_t, hn::CappedTag<float, 4>> half;
  const hn::Repartition<uint64_t, decltype(half)> one;
  for (int b = 0; b < count; b += 4) {
    uint64_t bits = 0;
    for (int i = 0; i < std::min(4, count - b); i++) {
      uint16_t h;
      std::memcpy(&h, from + step * static_cast<size_t>(b + i), sizeof h);
      bits |= static_cast<uint64_t>(h) << (16 * i);
    }
    hn::StoreU(hn::PromoteTo(four, hn::BitCast(half, hn::Set(one, bits))), four, to + b);
  }
}

INLINE float half(const uint16_t & h) {
  float to[4];
  halves(reinterpret_cast<const char *>(&h), 0, 1, to);
  return to[0];
}

// Bytes as words, as many as there are vectors.
template <int Count> INLINE void words(const uint8_t * from, Shorts * to) {
  const hn::Rebind<uint8_t, hn::ScalableTag<int16_t>> bytes;
  for (int v = 0; v < Count; v++) {
    to[v] = hn::PromoteTo(SHORTS, hn::LoadU(bytes, from + v * SHORT_LANES));
  }
}

INLINE Shorts low_bits(Shorts v, int bits) {
  return hn::And(v, hn::Set(SHORTS, static_cast<int16_t>((1 << bits) - 1)));
}

// Lower halves of 16 bytes, then their upper halves.
INLINE void nibbles(const uint8_t * from, Shorts * to) {
  words<VECTORS / 2>(from, to);
  for (int v = 0; v < VECTORS / 2; v++) {
    to[v + VECTORS / 2] = hn::ShiftRight<4>(to[v]);
    to[v] = low_bits(to[v], 4);
  }
}

INLINE void add_all(Shorts * to, int16_t what) {
  for (int v = 0; v < VECTORS; v++) {
    to[v] = hn::Add(to[v], hn::Set(SHORTS, what));
  }
}

// Adds 16 where the bit of a number is set.
INLINE void fifth_bits(uint32_t bits, Shorts * to) {
  alignas(32) static constexpr uint16_t PLACES[16] = {1,      2,      4,      8,      0x10,   0x20,   0x40,   0x80,
                                                      0x0100, 0x0200, 0x0400, 0x0800, 0x1000, 0x2000, 0x4000, 0x8000};
  const hn::RebindToUnsigned<hn::ScalableTag<int16_t>> bit;
  const auto places = hn::Load(bit, PLACES);
  for (int v = 0; v < VECTORS; v++) {
    const auto here = hn::And(hn::Set(bit, static_cast<uint16_t>(bits >> (v * SHORT_LANES))), places);
    to[v] = hn::Or(to[v], hn::BitCast(SHORTS, hn::IfThenElseZero(hn::Eq(here, places), hn::Set(bit, uint16_t{16}))));
  }
}

// The halves of a block times a factor each.
INLINE void scale_halves(int first, int second, Shorts * to) {
  for (int v = 0; v < VECTORS; v++) {
    to[v] = hn::Mul(to[v], hn::Set(SHORTS, static_cast<int16_t>(v < VECTORS / 2 ? first : second)));
  }
}

alignas(16) constexpr int8_t IQ4_VALUES[16] = {-127, -104, -83, -65, -49, -35, -22, -10,
                                               1,    13,   25,  38,  53,  69,  89,  113};

INLINE void iq4(const uint8_t * from, Shorts * to) {
  const hn::Full128<uint8_t> bytes;
  const hn::Full128<int8_t> table;
  const auto q = hn::LoadU(bytes, from), values = hn::BitCast(bytes, hn::Load(table, IQ4_VALUES));
  alignas(16) int8_t all[NUMBERS];
  hn::Store(hn::BitCast(table, hn::TableLookupBytes(values, hn::And(q, hn::Set(bytes, 15)))), table, all);
  hn::Store(hn::BitCast(table, hn::TableLookupBytes(values, hn::ShiftRight<4>(q))), table, all + 16);
  const hn::Rebind<int8_t, hn::ScalableTag<int16_t>> part;
  for (int v = 0; v < VECTORS; v++) {
    to[v] = hn::PromoteTo(SHORTS, hn::LoadU(part, all + v * SHORT_LANES));
  }
}

// Blocks of 32 that begin with their scale in F16; with the minimum after it where there is one.
template <typename Block, int Minima> struct Plain {
  static constexpr int MINIMA = Minima;
  static constexpr int64_t BYTES = GROUP * static_cast<int64_t>(sizeof(Block)); // of a piece
  static INLINE void scales(const char * piece, int count, float * d, float * m) {
    halves(piece, sizeof(Block), count, d);
    if (MINIMA == 1) {
      halves(piece + 2, sizeof(Block), count, m);
    }
  }
  static INLINE const Block & block(const char * piece, int b) { return reinterpret_cast<const Block *>(piece)[b]; }
};

struct Block40 {
  uint16_t d;
  uint8_t q[16];
};
struct Q40 : Plain<Block40, 0> {
  static INLINE void integers(const char * piece, int b, Shorts * to) {
    nibbles(block(piece, b).q, to);
    add_all(to, -8);
  }
};

struct Block41 {
  uint16_t d, m;
  uint8_t q[16];
};
struct Q41 : Plain<Block41, 1> {
  static INLINE void integers(const char * piece, int b, Shorts * to) { nibbles(block(piece, b).q, to); }
};

struct Block50 {
  uint16_t d;
  uint8_t high[4], q[16];
};
struct Q50 : Plain<Block50, 0> {
  static INLINE void integers(const char * piece, int b, Shorts * to) {
    uint32_t high;
    std::memcpy(&high, block(piece, b).high, sizeof high);
    nibbles(block(piece, b).q, to);
    fifth_bits(high, to);
    add_all(to, -16);
  }
};

struct Block51 {
  uint16_t d, m;
  uint8_t high[4], q[16];
};
struct Q51 : Plain<Block51, 1> {
  static INLINE void integers(const char * piece, int b, Shorts * to) {
    uint32_t high;
    std::memcpy(&high, block(piece, b).high, sizeof high);
    nibbles(block(piece, b).q, to);
    fifth_bits(high, to);
  }
};

struct Block80 {
  uint16_t d;
  int8_t q[32];
};
struct Q80 : Plain<Block80, 0> {
  static INLINE void integers(const char * piece, int b, Shorts * to) {
    const hn::Rebind<int8_t, hn::ScalableTag<int16_t>> bytes;
    for (int v = 0; v < VECTORS; v++) {
      to[v] = hn::PromoteTo(SHORTS, hn::LoadU(bytes, block(piece, b).q + v * SHORT_LANES));
    }
  }
};

struct IQ4NL : Plain<Block40, 0> {
  static INLINE void integers(const char * piece, int b, Shorts * to) { iq4(block(piece, b).q, to); }
};
static_assert(sizeof(Block40) == 18 && sizeof(Block41) == 20 && sizeof(Block50) == 22 && sizeof(Block51) == 24 &&
                  sizeof(Block80) == 34,
              "ggml's blocks of 32");

// K-quants: one block of 256 is a piece. Types whose scales hold for 16 numbers have them in their integers.
struct BlockIQ4XS {
  uint16_t d, high;
  uint8_t low[4], q[128];
};
struct IQ4XS {
  static constexpr int MINIMA = 0;
  static constexpr int64_t BYTES = sizeof(BlockIQ4XS);
  static INLINE void scales(const char * piece, int, float * d, float *) {
    const auto & x = *reinterpret_cast<const BlockIQ4XS *>(piece);
    const float all = half(x.d);
    for (int b = 0; b < GROUP; b++) {
      const int scale = (x.low[b / 2] >> (4 * (b % 2)) & 15) | (x.high >> (2 * b) & 3) << 4;
      d[b] = all * static_cast<float>(scale - 32);
    }
  }
  static INLINE void integers(const char * piece, int b, Shorts * to) {
    iq4(reinterpret_cast<const BlockIQ4XS *>(piece)->q + 16 * b, to);
  }
};

struct Block4K {
  uint16_t d, m;
  uint8_t scales[12], q[128];
};
struct Block5K {
  uint16_t d, m;
  uint8_t scales[12], high[32], q[128];
};
// Q4_K and Q5_K: eight scales and eight minima of 6 bits.
template <typename Block> struct SixBits {
  static constexpr int MINIMA = 1;
  static constexpr int64_t BYTES = sizeof(Block);
  static INLINE void scales(const char * piece, int, float * d, float * m) {
    const auto & x = *reinterpret_cast<const Block *>(piece);
    uint32_t u[3];
    std::memcpy(u, x.scales, sizeof u);
    const uint32_t bits[4] = {u[0] & 0x3f3f3f3fu, (u[2] & 0x0f0f0f0fu) | ((u[0] >> 2) & 0x30303030u),
                              u[1] & 0x3f3f3f3fu, ((u[2] >> 4) & 0x0f0f0f0fu) | ((u[1] >> 2) & 0x30303030u)};
    float both[4];
    halves(reinterpret_cast<const char *>(&x.d), 2, 2, both);
    const hn::CappedTag<int32_t, 4> four;
    const hn::CappedTag<float, 4> floats;
    const hn::Rebind<uint8_t, hn::CappedTag<int32_t, 4>> bytes;
    for (int i = 0; i < 4; i++) {
      const auto scale =
          hn::ConvertTo(floats, hn::PromoteTo(four, hn::LoadU(bytes, reinterpret_cast<const uint8_t *>(bits + i))));
      hn::StoreU(hn::Mul(scale, hn::Set(floats, i < 2 ? both[0] : -both[1])), floats, (i < 2 ? d : m) + i % 2 * 4);
    }
  }
};
struct Q4K : SixBits<Block4K> {
  static INLINE void integers(const char * piece, int b, Shorts * to) {
    words<VECTORS>(reinterpret_cast<const Block4K *>(piece)->q + b / 2 * 32, to);
    for (int v = 0; v < VECTORS; v++) {
      to[v] = b % 2 == 0 ? low_bits(to[v], 4) : hn::ShiftRight<4>(to[v]);
    }
  }
};
struct Q5K : SixBits<Block5K> {
  static INLINE void integers(const char * piece, int b, Shorts * to) {
    const auto & x = *reinterpret_cast<const Block5K *>(piece);
    Shorts high[VECTORS];
    words<VECTORS>(x.q + b / 2 * 32, to);
    words<VECTORS>(x.high, high);
    for (int v = 0; v < VECTORS; v++) {
      const Shorts four = b % 2 == 0 ? low_bits(to[v], 4) : hn::ShiftRight<4>(to[v]);
      to[v] = hn::Or(four, hn::ShiftLeft<4>(low_bits(hn::ShiftRightSame(high[v], b), 1)));
    }
  }
};

struct Block6K {
  uint8_t q[128], high[64];
  int8_t scales[16];
  uint16_t d;
};
struct Q6K {
  static constexpr int MINIMA = 0;
  static constexpr int64_t BYTES = sizeof(Block6K);
  static INLINE void scales(const char * piece, int, float * d, float *) {
    std::fill_n(d, GROUP, half(reinterpret_cast<const Block6K *>(piece)->d));
  }
  static INLINE void integers(const char * piece, int b, Shorts * to) {
    const auto & x = *reinterpret_cast<const Block6K *>(piece);
    Shorts high[VECTORS];
    words<VECTORS>(x.q + b / 4 * 64 + b % 2 * 32, to);
    words<VECTORS>(x.high + b / 4 * 32, high);
    for (int v = 0; v < VECTORS; v++) {
      const Shorts four = low_bits(hn::ShiftRightSame(to[v], b % 4 / 2 * 4), 4);
      to[v] = hn::Or(four, hn::ShiftLeft<4>(low_bits(hn::ShiftRightSame(high[v], 2 * (b % 4)), 2)));
    }
    add_all(to, -32);
    scale_halves(x.scales[2 * b], x.scales[2 * b + 1], to);
  }
};

struct Block3K {
  uint8_t high[32], q[64], scales[12];
  uint16_t d;
};
struct Q3K {
  static constexpr int MINIMA = 0;
  static constexpr int64_t BYTES = sizeof(Block3K);
  static INLINE void scales(const char * piece, int, float * d, float *) {
    std::fill_n(d, GROUP, half(reinterpret_cast<const Block3K *>(piece)->d));
  }
  static INLINE int scale(const Block3K & x, int i) {
    const int low = x.scales[i % 8] >> (i / 8 * 4) & 15;
    return (low | (x.scales[8 + i % 4] >> (i / 4 * 2) & 3) << 4) - 32;
  }
  static INLINE void integers(const char * piece, int b, Shorts * to) {
    const auto & x = *reinterpret_cast<const Block3K *>(piece);
    Shorts high[VECTORS];
    words<VECTORS>(x.q + b / 4 * 32, to);
    words<VECTORS>(x.high, high);
    for (int v = 0; v < VECTORS; v++) {
      const Shorts two = low_bits(hn::ShiftRightSame(to[v], 2 * (b % 4)), 2);
      to[v] = hn::Or(two, hn::ShiftLeft<2>(low_bits(hn::ShiftRightSame(high[v], b), 1)));
    }
    add_all(to, -4);
    scale_halves(scale(x, 2 * b), scale(x, 2 * b + 1), to);
  }
};

struct Block2K {
  uint8_t scales[16], q[64];
  uint16_t d, m;
};
struct Q2K {
  static constexpr int MINIMA = 2;
  static constexpr int64_t BYTES = sizeof(Block2K);
  static INLINE void scales(const char * piece, int, float * d, float * m) {
    const auto & x = *reinterpret_cast<const Block2K *>(piece);
    std::fill_n(d, GROUP, half(x.d));
    const float least = half(x.m);
    for (int i = 0; i < 2 * GROUP; i++) {
      m[i] = -(least * static_cast<float>(x.scales[i] >> 4));
    }
  }
  static INLINE void integers(const char * piece, int b, Shorts * to) {
    const auto & x = *reinterpret_cast<const Block2K *>(piece);
    words<VECTORS>(x.q + b / 4 * 32, to);
    for (int v = 0; v < VECTORS; v++) {
      to[v] = low_bits(hn::ShiftRightSame(to[v], 2 * (b % 4)), 2);
    }
    scale_halves(x.scales[2 * b] & 15, x.scales[2 * b + 1] & 15, to);
  }
};
static_assert(sizeof(Block2K) == 84 && sizeof(Block3K) == 110 && sizeof(Block4K) == 144 && sizeof(Block5K) == 176 &&
                  sizeof(Block6K) == 210 && sizeof(BlockIQ4XS) == 136,
              "ggml's blocks of 256");

// --- rows of activations -------------------------------------------------------------------------------

// n rows of k numbers: integers [n][k]; of each block [n][blocks] its scale, and its sum and those of its halves, times
// the scale.
struct Inputs {
  int16_t * q;
  float *scales, *sums, *half_sums;
  int64_t k, blocks;

  Inputs(void * at, int64_t k, int64_t n) : k(k), blocks(k / NUMBERS) {
    q = static_cast<int16_t *>(at);
    scales = reinterpret_cast<float *>(static_cast<char *>(at) + whole_lines(n * k * 2));
    sums = scales + n * blocks;
    half_sums = sums + n * blocks;
  }
  static int64_t size(int64_t k, int64_t n) {
    return whole_lines(n * k * 2) + whole_lines(n * (k / NUMBERS) * 4 * static_cast<int64_t>(sizeof(float)));
  }
};

// A block of numbers has the largest one at LARGEST; one with NaN or infinity makes all NaN.
// What is smaller than 1e-30 is 0.
void round_row(const float * x, const Inputs & in, int64_t j) {
  int16_t * q = in.q + j * in.k;
  float *scale = in.scales + j * in.blocks, *sum = in.sums + j * in.blocks,
        *half_sum = in.half_sums + j * 2 * in.blocks;
  const hn::Rebind<int16_t, hn::ScalableTag<int32_t>> narrow;
  for (int64_t b = 0; b < in.blocks; b++, x += NUMBERS, q += NUMBERS) {
    Vector most = hn::Zero(FLOATS), bad = hn::Zero(FLOATS);
    for (int i = 0; i < NUMBERS; i += LANES) {
      const Vector v = hn::LoadU(FLOATS, x + i);
      most = hn::Max(most, hn::Abs(v));
      bad = hn::Add(bad, hn::Sub(v, v)); // 0, or NaN
    }
    const float largest = hn::ReduceMax(FLOATS, most);
    if (hn::ReduceSum(FLOATS, bad) != 0) {
      scale[b] = sum[b] = half_sum[2 * b] = half_sum[2 * b + 1] = std::numeric_limits<float>::quiet_NaN();
      std::fill_n(q, NUMBERS, static_cast<int16_t>(0));
      continue;
    }
    const float step = largest < 1e-30f ? 0 : largest / LARGEST;
    const Vector factor = hn::Set(FLOATS, largest < 1e-30f ? 0 : LARGEST / largest);
    float part[2];
    for (int h = 0; h < 2; h++) {
      Ints all = hn::Zero(INTS);
      for (int i = h * NUMBERS / 2; i < (h + 1) * NUMBERS / 2; i += LANES) {
        const Ints v = hn::NearestInt(hn::Mul(hn::LoadU(FLOATS, x + i), factor));
        all = hn::Add(all, v);
        hn::StoreU(hn::DemoteTo(narrow, v), narrow, q + i);
      }
      part[h] = static_cast<float>(hn::ReduceSum(INTS, all));
    }
    scale[b] = step;
    sum[b] = step * (part[0] + part[1]);
    half_sum[2 * b] = step * part[0];
    half_sum[2 * b + 1] = step * part[1];
  }
}

// 8 bits, as ggml rounds them. Sums are not needed.
void round_row_8(const float * x, const Inputs & in, int64_t j, Block80 * blocks) {
  ggml_get_type_traits_cpu(GGML_TYPE_Q8_0)->from_float(x, blocks, in.k);
  for (int64_t b = 0; b < in.blocks; b++) {
    in.scales[j * in.blocks + b] = half(blocks[b].d);
    std::copy_n(blocks[b].q, NUMBERS, in.q + j * in.k + b * NUMBERS);
  }
}

const float * row_of(const ggml_tensor * x, int64_t j) {
  return reinterpret_cast<const float *>(static_cast<const char *>(x->data) + x->nb[1] * static_cast<size_t>(j));
}

void convert(const ggml_tensor * x, int ith, int nth, void * inputs, void *) {
  const Inputs in(inputs, x->ne[0], x->ne[1]);
  for (int64_t j = ith; j < x->ne[1]; j += nth) {
    round_row(row_of(x, j), in, j);
  }
}

void convert_8(const ggml_tensor * x, int ith, int nth, void * inputs, void * own) {
  const Inputs in(inputs, x->ne[0], x->ne[1]);
  for (int64_t j = ith; j < x->ne[1]; j += nth) {
    round_row_8(row_of(x, j), in, j, static_cast<Block80 *>(own));
  }
}

// --- panels --------------------------------------------------------------------------------------------

// What a thread works with: outputs of a panel that is not whole, then the panel: scales [blocks][PANEL], minima
// [blocks][MINIMA][PANEL], integers [blocks][pairs of numbers][PANEL][2].
struct Own {
  float *part, *scales, *minima;
  int16_t * q;
  static constexpr int64_t EACH = sizeof(float);

  Own(void * at, int64_t k, int64_t n) {
    part = static_cast<float *>(at);
    scales = part + n * PANEL;
    minima = scales + k / NUMBERS * PANEL;
    q = reinterpret_cast<int16_t *>(minima + k / NUMBERS * 2 * PANEL);
  }
  static int64_t size(int64_t k, int64_t n) {
    const int64_t panel = n > STRAIGHT ? k / NUMBERS * 3 * PANEL * EACH + k * PANEL * 2 : 0;
    const int64_t rounding = k / NUMBERS * static_cast<int64_t>(sizeof(Block80));
    return whole_lines(std::max(n * PANEL * EACH + panel, rounding));
  }
};

// Scales and minima of a piece of `count` rows: [block][PANEL] and [block][MINIMA][PANEL]. What the next panel has in
// that place is fetched: hardware does not follow so many streams.
template <typename T>
INLINE void piece_scales(const PanelRows & rows, int first, int count, int64_t piece, int blocks, float * scales,
                         float * minima) {
  float d[GROUP], m[2 * GROUP];
  for (int i = first; i < first + count; i++) {
    const char * at = rows.rows[i] + piece * T::BYTES;
    for (int64_t line = 0; line < T::BYTES; line += 64) {
      __builtin_prefetch(at + rows.ahead + line, 0, 2);
    }
    T::scales(at, blocks, d, m);
    for (int b = 0; b < blocks; b++) {
      scales[b * PANEL + i] = d[b];
    }
    for (int b = 0; b < blocks * T::MINIMA; b++) {
      minima[b * PANEL + i] = m[b];
    }
  }
}

// What a block adds to LANES outputs.
template <typename T>
INLINE Vector add_block(Vector sum, Ints products, const float * scales, const float * minima, const Inputs & in,
                        int64_t at) {
  const Vector d = hn::Mul(hn::LoadU(FLOATS, scales), hn::Set(FLOATS, in.scales[at]));
  sum = hn::MulAdd(hn::ConvertTo(FLOATS, products), d, sum);
  for (int i = 0; i < T::MINIMA; i++) {
    const float x = T::MINIMA == 1 ? in.sums[at] : in.half_sums[2 * at + i];
    sum = hn::MulAdd(hn::LoadU(FLOATS, minima + i * PANEL), hn::Set(FLOATS, x), sum);
  }
  return sum;
}

// LANES weight rows from `first` on by row j of activations, from the blocks as they lie.
template <typename T> void straight(const PanelRows & rows, int first, const Inputs & in, int64_t j, float * out) {
  alignas(64) float scales[GROUP * PANEL], minima[2 * GROUP * PANEL];
  const int16_t * x = in.q + j * in.k;
  Vector sum = hn::Zero(FLOATS);
  for (int64_t from = 0; from < in.blocks; from += GROUP) {
    const int count = static_cast<int>(std::min<int64_t>(GROUP, in.blocks - from));
    piece_scales<T>(rows, first, LANES, from / GROUP, count, scales, minima);
    for (int b = 0; b < count; b++, x += NUMBERS) {
      Ints products[LANES];
      HWY_UNROLL(8)
      for (int i = 0; i < LANES; i++) {
        Shorts w[VECTORS];
        T::integers(rows.rows[first + i] + from / GROUP * T::BYTES, b, w);
        products[i] = hn::WidenMulPairwiseAdd(INTS, w[0], hn::LoadU(SHORTS, x));
        HWY_UNROLL(4)
        for (int v = 1; v < VECTORS; v++) {
          products[i] = multiply(products[i], w[v], hn::LoadU(SHORTS, x + v * SHORT_LANES));
        }
      }
      sum = add_block<T>(sum, lane_sums(products), scales + b * PANEL + first, minima + b * T::MINIMA * PANEL + first,
                         in, j * in.blocks + from + b);
    }
  }
  hn::StoreU(sum, FLOATS, out);
}

template <typename T> void unpack(const PanelRows & rows, int64_t blocks, const Own & own) {
  for (int64_t from = 0; from < blocks; from += GROUP) {
    const int count = static_cast<int>(std::min<int64_t>(GROUP, blocks - from));
    piece_scales<T>(rows, 0, PANEL, from / GROUP, count, own.scales + from * PANEL,
                    own.minima + from * T::MINIMA * PANEL);
    for (int b = 0; b < count; b++) {
      int16_t * to = own.q + (from + b) * NUMBERS * PANEL;
      for (int first = 0; first < PANEL; first += LANES) {
        Shorts w[LANES][VECTORS];
        for (int i = 0; i < LANES; i++) {
          T::integers(rows.rows[first + i] + from / GROUP * T::BYTES, b, w[i]);
        }
        for (int v = 0; v < VECTORS; v++) {
          VecWords pairs[LANES];
          for (int i = 0; i < LANES; i++) {
            pairs[i] = hn::BitCast(Words(), w[i][v]);
          }
          transpose(pairs);
          for (int i = 0; i < LANES; i++) {
            hn::StoreU(hn::BitCast(SHORTS, pairs[i]), SHORTS, to + ((v * LANES + i) * PANEL + first) * 2);
          }
        }
      }
    }
  }
}

// A panel by N rows of activations from j on.
template <typename T, int N> void tile(const Own & own, const Inputs & in, int64_t j, float * out, int64_t stride) {
  alignas(64) float sums[N][PANEL] = {}; // registers are for the integers
  const hn::ScalableTag<int32_t> ints;
  for (int64_t b = 0; b < in.blocks; b++) {
    const int16_t *q = own.q + b * NUMBERS * PANEL, *x = in.q + j * in.k + b * NUMBERS;
    Ints products[N * VECS];
    HWY_UNROLL(16)
    for (int i = 0; i < N * VECS; i++) {
      products[i] = hn::Zero(INTS);
    }
    for (int pair = 0; pair < NUMBERS / 2; pair++) {
      Shorts w[VECS];
      HWY_UNROLL(4)
      for (int v = 0; v < VECS; v++) {
        w[v] = hn::LoadU(SHORTS, q + (pair * PANEL + v * LANES) * 2);
      }
      HWY_UNROLL(4)
      for (int c = 0; c < N; c++) {
        int32_t both;
        std::memcpy(&both, x + c * in.k + 2 * pair, sizeof both);
        const Shorts y = hn::BitCast(SHORTS, hn::Set(ints, both));
        HWY_UNROLL(4)
        for (int v = 0; v < VECS; v++) {
          products[c * VECS + v] = multiply(products[c * VECS + v], w[v], y);
        }
      }
    }
    HWY_UNROLL(4)
    for (int c = 0; c < N; c++) {
      HWY_UNROLL(4)
      for (int v = 0; v < VECS; v++) {
        float * at = sums[c] + v * LANES;
        const Vector sum =
            add_block<T>(hn::Load(FLOATS, at), products[c * VECS + v], own.scales + b * PANEL + v * LANES,
                         own.minima + b * T::MINIMA * PANEL + v * LANES, in, (j + c) * in.blocks + b);
        hn::Store(sum, FLOATS, at);
      }
    }
  }
  for (int c = 0; c < N; c++) {
    std::memcpy(out + stride * c, sums[c], sizeof sums[c]);
  }
}

// All n rows of activations by the panel.
template <typename T> void tiles(const Own & own, const Inputs & in, int64_t n, float * out, int64_t stride) {
  const int64_t count = (n + MOST - 1) / MOST;
  for (int64_t t = 0; t < count; t++) {
    const int64_t j = n * t / count;
    switch (n * (t + 1) / count - j) {
      case 1: tile<T, 1>(own, in, j, out + stride * j, stride); break;
      case 2: tile<T, 2>(own, in, j, out + stride * j, stride); break;
      case 3: tile<T, 3>(own, in, j, out + stride * j, stride); break;
      default: tile<T, MOST>(own, in, j, out + stride * j, stride); break;
    }
  }
}

template <typename T> void panels(const ggml_tensor * op, int64_t from, int64_t to, const void * inputs, void * at) {
  const ggml_tensor * w = op->src[0];
  const int64_t k = w->ne[0], n = op->src[1]->ne[1];
  const Inputs in(const_cast<void *>(inputs), k, n);
  const Own own(at, k, n);
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
          straight<T>(rows, first, in, j, out + out_stride * j + first);
        }
      }
    } else {
      unpack<T>(rows, in.blocks, own);
      tiles<T>(own, in, n, out, out_stride);
    }
    for (int64_t j = 0; height < PANEL && j < n; j++) {
      std::memcpy(all + stride * j, own.part + j * PANEL, static_cast<size_t>(height) * sizeof(float));
    }
  }
}

template <typename T> const ProductKernel * kernel() {
  static constexpr ProductKernel KERNEL{Inputs::size, Own::size, convert, panels<T>};
  return &KERNEL;
}

} // namespace

const ProductKernel * int_product(const ggml_tensor * w, int64_t) {
  switch (w->type) {
    case GGML_TYPE_Q4_0: return kernel<Q40>();
    case GGML_TYPE_Q4_1: return kernel<Q41>();
    case GGML_TYPE_Q5_0: return kernel<Q50>();
    case GGML_TYPE_Q5_1: return kernel<Q51>();
    case GGML_TYPE_Q8_0: return kernel<Q80>();
    case GGML_TYPE_IQ4_NL: return kernel<IQ4NL>();
    case GGML_TYPE_IQ4_XS: return kernel<IQ4XS>();
    case GGML_TYPE_Q2_K: return kernel<Q2K>();
    case GGML_TYPE_Q3_K: return kernel<Q3K>();
    case GGML_TYPE_Q4_K: return kernel<Q4K>();
    case GGML_TYPE_Q5_K: return kernel<Q5K>();
    case GGML_TYPE_Q6_K: return kernel<Q6K>();
    default: return nullptr;
  }
}

const ProductKernel * int8_product(const ggml_tensor * w, int64_t) {
  static constexpr ProductKernel KERNEL{Inputs::size, Own::size, convert_8, panels<Q80>};
  return w->type == GGML_TYPE_Q8_0 ? &KERNEL : nullptr;
}

} // namespace sphere

#endif
