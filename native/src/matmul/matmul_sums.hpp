// The exact sum of a block of 32 integer products, in three arithmetics. With words a weight and an activation are
// 16-bit integers. With bytes a weight is its code in 8 bits and an activation one byte or two, 256 high + low, which
// the CPU's dot products of bytes take in as many turns: four times and twice the multiply-adds of words, and nothing
// is widened. With pairs, AVX2 does so with activations of 8 bits and small codes. The sums are the same integers.
#pragma once

#include "matmul/matmul_lanes.hpp"
#include "matmul/matmul_types.hpp"

#include <cstring>
#include <utility>

// Dot products of bytes: sdot of ARM64, and of AVX-VNNI vpdpbusd, one of whose factors has no sign.
#if defined(__ARM_FEATURE_DOTPROD) || defined(__AVXVNNI__)
#define SPHERE_DOTS 1
#else
#define SPHERE_DOTS 0
#endif

// Without them, AVX2's products of pairs of bytes, one of whose factors has no sign.
#if defined(__AVX2__) && !SPHERE_DOTS
#define SPHERE_PAIRS 1
#else
#define SPHERE_PAIRS 0
#endif

namespace sphere {

constexpr int PANEL = static_cast<int>(MATMUL_PANEL);
constexpr int NUMBERS = 32;                              // in a block
constexpr int GROUP = static_cast<int>(PIECE / NUMBERS); // blocks whose scales are computed at once
constexpr int VECS = PANEL / LANES;                      // of a panel's outputs

constexpr hn::ScalableTag<int32_t> INTS;
using Ints = hn::Vec<hn::ScalableTag<int32_t>>;

// An arithmetic has: VECTORS of a block of weights, each WIDTH bytes a number, and SIZE bytes of a block of
// activations.
//   put       writes a block of activations, from 32 integers of 16 bits and the sums of both halves
//   Loaded    a block of activations in registers
//   weights   a block of 32, step S of a block of 256; scales that hold for 16 numbers, `factors`, are in words
//   row       lanes whose sum is the block's
//   place     turns one vector of LANES rows, from `first` on, and writes it where `sums` reads it
//   sums      of N rows of activations, `stride` bytes from one to the next, by a panel: [N][VECS], a lane an output;
//             `factors` [2][PANEL] as bytes need them

// The sums of a block's halves, times their factors.
template <int N> INLINE void weighted(const int32_t * factors, Ints * first, const Ints * second) {
  HWY_UNROLL(8)
  for (int i = 0; i < N * VECS; i++) {
    const int32_t * at = factors + i % VECS * LANES;
    first[i] = hn::Add(hn::Mul(first[i], hn::LoadU(INTS, at)), hn::Mul(second[i], hn::LoadU(INTS, at + PANEL)));
  }
}

struct InWords {
  using Numbers = hn::ScalableTag<int16_t>;
  using Vector16 = hn::Vec<Numbers>;
  static constexpr int WIDTH = 2, SIZE = NUMBERS * WIDTH;
  static constexpr int IN_VECTOR = 2 * LANES, VECTORS = NUMBERS / IN_VECTOR;
  static_assert(VECTORS >= 2, "halves of a block are whole vectors");
  template <typename B> static constexpr bool FACTORS = false; // they are in the words

  struct Loaded {
    Vector16 y[VECTORS];
    INLINE explicit Loaded(const char * x) {
      for (int v = 0; v < VECTORS; v++) {
        y[v] = hn::LoadU(Numbers(), reinterpret_cast<const int16_t *>(x) + v * IN_VECTOR);
      }
    }
  };

  static INLINE void put(const int16_t * q, const int32_t *, char * to) { std::memcpy(to, q, SIZE); }

  // Adds to each lane the products of its two neighbours.
  static INLINE Ints multiply(Ints sum, Vector16 a, Vector16 b) {
#if defined(__AVXVNNI__)
    return Ints{_mm256_dpwssd_avx_epi32(sum.raw, a.raw, b.raw)}; // by hand: Highway takes it with AVX-512 alone
#elif defined(__AVX2__)
    // By hand: GCC adds into the product's register and copies it back, a copy for each pair of instructions.
    const Ints products = hn::WidenMulPairwiseAdd(INTS, a, b);
    __asm__("vpaddd %1, %0, %0" : "+x"(sum.raw) : "x"(products.raw));
    return sum;
#else
    return hn::Add(sum, hn::WidenMulPairwiseAdd(INTS, a, b));
#endif
  }

  template <int S, typename B> static INLINE void weights(const B & block, const int16_t * factors, Vector16 * to) {
    if constexpr (B::BITS == 8) {
      const hn::Rebind<int8_t, Numbers> bytes;
      for (int v = 0; v < VECTORS; v++) {
        to[v] = hn::PromoteTo(Numbers(), hn::LoadU(bytes, block.q + v * IN_VECTOR));
      }
    } else {
      const blocks::Codes codes = blocks::masked<B::BITS>(block.template codes<S>());
      const hn::RebindToSigned<blocks::CodeTag> bytes;
      for (size_t p = 0; p < blocks::PARTS; p++) {
        auto part = hn::BitCast(bytes, codes.part[p]);
        if constexpr (B::KIND == blocks::Kind::LEVELS) {
          part = hn::TableLookupBytes(hn::LoadDup128(bytes, blocks::LEVELS), part);
        }
        to[2 * p] = hn::PromoteLowerTo(Numbers(), part);
        to[2 * p + 1] = hn::PromoteUpperTo(Numbers(), part);
      }
      for (int v = 0; v < VECTORS && B::ZERO != 0; v++) {
        to[v] = hn::Sub(to[v], hn::Set(Numbers(), B::ZERO));
      }
    }
    if constexpr (B::GROUP == 16) {
      const auto first = hn::Set(Numbers(), factors[2 * S]), second = hn::Set(Numbers(), factors[2 * S + 1]);
      for (int v = 0; v < VECTORS; v++) {
        to[v] = hn::Mul(to[v], v < VECTORS / 2 ? first : second);
      }
    }
  }

  template <int S, typename B> static INLINE Ints row(const B & block, const int16_t * factors, const Loaded & x) {
    Vector16 w[VECTORS];
    weights<S>(block, factors, w);
    Ints sum = hn::WidenMulPairwiseAdd(INTS, w[0], x.y[0]);
    HWY_UNROLL(4)
    for (int v = 1; v < VECTORS; v++) {
      sum = multiply(sum, w[v], x.y[v]);
    }
    return sum;
  }

  // [pairs of numbers][PANEL][2]
  static INLINE void place(VecWords * rows, int v, int first, char * to) {
    transpose(rows);
    HWY_UNROLL(8)
    for (int i = 0; i < LANES; i++) {
      hn::StoreU(rows[i], Words(), reinterpret_cast<uint32_t *>(to) + (v * LANES + i) * PANEL + first);
    }
  }

  template <int N, typename B>
  static INLINE void sums(const char * w, const char * x, int64_t stride, const int32_t *, Ints * products) {
    HWY_UNROLL(8)
    for (int i = 0; i < N * VECS; i++) {
      products[i] = hn::Zero(INTS);
    }
    for (int pair = 0; pair < NUMBERS / 2; pair++) {
      Vector16 q[VECS];
      HWY_UNROLL(4)
      for (int v = 0; v < VECS; v++) {
        q[v] = hn::LoadU(Numbers(), reinterpret_cast<const int16_t *>(w) + (pair * PANEL + v * LANES) * 2);
      }
      HWY_UNROLL(4)
      for (int c = 0; c < N; c++) {
        int32_t both;
        std::memcpy(&both, x + c * stride + pair * 4, sizeof both);
        const Vector16 y = hn::BitCast(Numbers(), hn::Set(INTS, both));
        HWY_UNROLL(4)
        for (int v = 0; v < VECS; v++) {
          products[c * VECS + v] = multiply(products[c * VECS + v], q[v], y);
        }
      }
    }
  }
};

#if SPHERE_DOTS

// Activations of 8 bits (PLANES = 1), or of 15 bits and a sign (2): their high bytes, then their low ones.
template <int PLANES> struct InBytes {
  using Numbers = hn::ScalableTag<int8_t>;
  using Vector8 = hn::Vec<Numbers>;
  static constexpr bool OFFSET = HWY_ARCH_X86; // weights are 128 more than they are, and have no sign
  static constexpr int WIDTH = 1, SIZE = NUMBERS * PLANES + (OFFSET ? 8 : 0);
  static constexpr int IN_VECTOR = 4 * LANES, VECTORS = NUMBERS / IN_VECTOR;
  template <typename B> static constexpr bool FACTORS = B::GROUP == 16;
  static_assert(!OFFSET || PLANES == 1, "what a weight is too large by is taken off for one byte alone");

  // Adds to each lane the products of its four bytes.
  static INLINE Ints multiply(Ints sum, Vector8 w, Vector8 x) {
#if HWY_ARCH_X86
    return Ints{_mm256_dpbusd_avx_epi32(sum.raw, w.raw, x.raw)}; // by hand, as with words
#else
    return Ints{vdotq_s32(sum.raw, w.raw, x.raw)}; // by hand: Highway 1.2 takes it beside BF16 alone
#endif
  }

  struct Loaded {
    Vector8 y[PLANES][VECTORS];
    Ints start;
    INLINE explicit Loaded(const char * x) : start(hn::Zero(INTS)) {
      for (int p = 0; p < PLANES; p++) {
        for (int v = 0; v < VECTORS; v++) {
          y[p][v] = hn::LoadU(Numbers(), reinterpret_cast<const int8_t *>(x) + p * NUMBERS + v * IN_VECTOR);
        }
      }
      if constexpr (OFFSET) {
        start = hn::Sub(start, multiply(start, hn::Set(Numbers(), -128), y[0][0]));
      }
    }
  };

  static INLINE void put(const int16_t * q, const int32_t * sums, char * to) {
    for (int i = 0; i < NUMBERS; i++) {
      if constexpr (PLANES == 2) {
        to[i] = static_cast<char>((q[i] + 128) >> 8);
      }
      to[(PLANES - 1) * NUMBERS + i] = static_cast<char>(q[i]);
    }
    if constexpr (OFFSET) {
      const int32_t starts[] = {-128 * sums[0], -128 * sums[1]};
      std::memcpy(to + NUMBERS, starts, sizeof starts);
    }
  }

  template <int S, typename B> static INLINE void weights(const B & block, const int16_t *, Vector8 * to) {
    if constexpr (B::BITS == 8) {
      for (int v = 0; v < VECTORS; v++) {
        to[v] = hn::LoadU(Numbers(), block.q + v * IN_VECTOR);
      }
    } else {
      const blocks::Codes codes = blocks::masked<B::BITS>(block.template codes<S>());
      for (int v = 0; v < VECTORS; v++) {
        to[v] = hn::BitCast(Numbers(), codes.part[v]);
        if constexpr (B::KIND == blocks::Kind::LEVELS) {
          to[v] = hn::TableLookupBytes(hn::LoadDup128(Numbers(), blocks::LEVELS), to[v]);
        } else if constexpr (B::ZERO != 0) {
          to[v] = hn::Sub(to[v], hn::Set(Numbers(), B::ZERO));
        }
      }
    }
    for (int v = 0; v < VECTORS && OFFSET; v++) {
      to[v] = hn::Xor(to[v], hn::Set(Numbers(), -128));
    }
  }

  template <int S, typename B> static INLINE Ints row(const B & block, const int16_t * factors, const Loaded & x) {
    Vector8 w[VECTORS];
    weights<S>(block, factors, w);
    Ints all = x.start;
    if constexpr (B::GROUP == 16 && VECTORS == 1) {
      static_assert(PLANES == 1, "of x86");
      all = hn::Mul(multiply(all, w[0], x.y[0][0]),
                    hn::IfThenElse(hn::FirstN(INTS, LANES / 2), hn::Set(INTS, factors[2 * S]),
                                   hn::Set(INTS, factors[2 * S + 1])));
    } else if constexpr (B::GROUP == 16) {
      for (int v = 0; v < VECTORS; v++) {
        Ints sum = hn::Zero(INTS);
        for (int p = 0; p < PLANES; p++) {
          sum = multiply(p == 0 ? sum : hn::ShiftLeft<8>(sum), w[v], x.y[p][v]);
        }
        all = hn::Add(all, hn::Mul(sum, hn::Set(INTS, factors[2 * S + v])));
      }
    } else {
      for (int p = 0; p < PLANES; p++) {
        all = p == 0 ? all : hn::ShiftLeft<8>(all);
        for (int v = 0; v < VECTORS; v++) {
          all = multiply(all, w[v], x.y[p][v]);
        }
      }
    }
    return all;
  }

#if defined(__ARM_FEATURE_MATMUL_INT8)
  // smmla multiplies 8 numbers of two rows with those of two others: twice what sdot does.
  // [eights of numbers][pairs of rows][2][8]
  static INLINE void place(VecWords * rows, int v, int first, char * to) {
    const hn::Repartition<uint64_t, Numbers> eights;
    for (int i = 0; i < LANES; i += 2) {
      const auto a = hn::BitCast(eights, rows[i]), b = hn::BitCast(eights, rows[i + 1]);
      auto * at = reinterpret_cast<uint64_t *>(to) + 2 * v * PANEL + first + i;
      hn::StoreU(hn::InterleaveLower(eights, a, b), eights, at);
      hn::StoreU(hn::InterleaveUpper(eights, a, b), eights, at + PANEL);
    }
  }

  // Of halves [FROM, TO) of a block.
  template <int N, int FROM, int TO>
  static INLINE void range(const char * w, const char * x, int64_t stride, Ints * products) {
    constexpr int TWOS = (N + 1) / 2; // a row without another is taken twice
    Ints sum[TWOS][PANEL / 2];        // lanes: of two rows of activations, two outputs each
    HWY_UNROLL(16)
    for (auto & row : sum) {
      clear_ints(row);
    }
    for (int p = 0; p < PLANES; p++) {
      HWY_UNROLL(1) // sums stay in registers, unrolled they do not
      for (int eight = 2 * FROM; eight < 2 * TO; eight++) {
        int8x16_t y[TWOS];
        HWY_UNROLL(4)
        for (int c = 0; c < TWOS; c++) {
          const auto at = [&](int row) {
            return vld1_s8(reinterpret_cast<const int8_t *>(x + row * stride) + p * NUMBERS + eight * 8);
          };
          y[c] = vcombine_s8(at(2 * c), at(2 * c + 1 < N ? 2 * c + 1 : 2 * c));
        }
        HWY_UNROLL(8)
        for (int i = 0; i < PANEL / 2; i++) {
          const int8x16_t q = vld1q_s8(reinterpret_cast<const int8_t *>(w) + (eight * PANEL / 2 + i) * 16);
          HWY_UNROLL(4)
          for (int c = 0; c < TWOS; c++) {
            sum[c][i].raw = vmmlaq_s32(sum[c][i].raw, y[c], q);
          }
        }
      }
      for (int c = 0; c < TWOS && p + 1 < PLANES; c++) {
        HWY_UNROLL(8)
        for (auto & s : sum[c]) {
          s = hn::ShiftLeft<8>(s);
        }
      }
    }
    HWY_UNROLL(4)
    for (int c = 0; c < N; c++) {
      HWY_UNROLL(4)
      for (int v = 0; v < VECS; v++) {
        const Ints a = sum[c / 2][2 * v], b = sum[c / 2][2 * v + 1];
        products[c * VECS + v] = c % 2 == 0 ? hn::ConcatLowerLower(INTS, b, a) : hn::ConcatUpperUpper(INTS, b, a);
      }
    }
  }
#else
  // [fours of numbers][PANEL][4]
  static INLINE void place(VecWords * rows, int v, int first, char * to) { InWords::place(rows, v, first, to); }

  // Of halves [FROM, TO) of a block.
  template <int N, int FROM, int TO>
  static INLINE void range(const char * w, const char * x, int64_t stride, Ints * products) {
    HWY_UNROLL(4)
    for (int c = 0; c < N; c++) {
      int32_t start = 0;
      if constexpr (OFFSET) {
        int32_t starts[2];
        std::memcpy(starts, x + c * stride + NUMBERS, sizeof starts);
        start = (FROM == 0 ? starts[0] : 0) + (TO == 2 ? starts[1] : 0);
      }
      HWY_UNROLL(4)
      for (int v = 0; v < VECS; v++) {
        products[c * VECS + v] = hn::Set(INTS, start);
      }
    }
    for (int p = 0; p < PLANES; p++) {
      HWY_UNROLL(2)
      for (int half = FROM; half < TO; half++) {
        by_fours<N>(w + half * NUMBERS / 2 * PANEL, x + p * NUMBERS + half * NUMBERS / 2, stride, products,
                    std::make_integer_sequence<int, 4>());
      }
      for (int i = 0; i < N * VECS && p + 1 < PLANES; i++) {
        products[i] = hn::ShiftLeft<8>(products[i]);
      }
    }
  }

  template <int N, int... FOUR>
  static INLINE void by_fours(const char * w, const char * x, int64_t stride, Ints * products,
                              std::integer_sequence<int, FOUR...>) {
#if !HWY_ARCH_X86
    Vector8 y[N];
    HWY_UNROLL(4)
    for (int c = 0; c < N; c++) {
      y[c] = hn::LoadU(Numbers(), reinterpret_cast<const int8_t *>(x + c * stride));
    }
#endif
    const auto four = [&](auto number) {
      constexpr int AT = decltype(number)::value;
      Vector8 q[VECS];
      HWY_UNROLL(4)
      for (int v = 0; v < VECS; v++) {
        q[v] = hn::LoadU(Numbers(), reinterpret_cast<const int8_t *>(w) + (AT * VECS + v) * IN_VECTOR);
      }
      HWY_UNROLL(4)
      for (int c = 0; c < N; c++) {
        HWY_UNROLL(4)
        for (int v = 0; v < VECS; v++) {
          Ints & sum = products[c * VECS + v];
#if HWY_ARCH_X86 // filled from memory: within a register it would be a shuffle
          int32_t same;
          std::memcpy(&same, x + c * stride + AT * 4, sizeof same);
          sum = multiply(sum, q[v], hn::BitCast(Numbers(), hn::Set(INTS, same)));
#else
          sum.raw = vdotq_laneq_s32(sum.raw, q[v].raw, y[c].raw, AT);
#endif
        }
      }
    };
    (four(std::integral_constant<int, FOUR>()), ...);
  }
#endif

  template <int N, typename B>
  static INLINE void sums(const char * w, const char * x, int64_t stride, const int32_t * factors, Ints * products) {
    if constexpr (B::GROUP == 32) {
      range<N, 0, 2>(w, x, stride, products);
    } else {
      Ints second[N * VECS];
      range<N, 0, 1>(w, x, stride, products);
      range<N, 1, 2>(w, x, stride, second);
      weighted<N>(factors, products, second);
    }
  }

  template <int N> static INLINE void clear_ints(Ints (&sum)[N]) {
    HWY_UNROLL(16)
    for (int i = 0; i < N; i++) {
      sum[i] = hn::Zero(INTS);
    }
  }
};

#endif

#if SPHERE_PAIRS

// Activations of 8 bits by codes of at most six, without a sign: vpmaddubsw adds the products of two neighbours in 16
// bits, and so do some of these, before they are widened. What a code of zero stands for is taken off in the end.
struct InPairs {
  using Numbers = hn::ScalableTag<int8_t>;
  using Vector8 = hn::Vec<Numbers>;
  static constexpr hn::ScalableTag<int16_t> PAIRS{};
  static constexpr int WIDTH = 1, SIZE = NUMBERS + 8; // behind them the sums of both halves
  static constexpr int IN_VECTOR = 4 * LANES, VECTORS = NUMBERS / IN_VECTOR;
  static_assert(VECTORS == 1, "a vector a block");
  template <typename B> static constexpr bool FACTORS = B::GROUP == 16;

  static INLINE hn::Vec<hn::ScalableTag<int16_t>> multiply(Vector8 codes, Vector8 x) {
    return hn::SatWidenMulPairwiseAdd(PAIRS, hn::BitCast(hn::ScalableTag<uint8_t>(), codes), x);
  }
  static INLINE Ints widened(hn::Vec<hn::ScalableTag<int16_t>> pairs) {
    return hn::WidenMulPairwiseAdd(INTS, pairs, hn::Set(PAIRS, 1));
  }

  struct Loaded {
    Vector8 y;
    Ints sums; // of fours
    INLINE explicit Loaded(const char * x)
        : y(hn::LoadU(Numbers(), reinterpret_cast<const int8_t *>(x))),
          sums(widened(multiply(hn::Set(Numbers(), 1), y))) {}
  };

  static INLINE void put(const int16_t * q, const int32_t * sums, char * to) {
    for (int i = 0; i < NUMBERS; i++) {
      to[i] = static_cast<char>(q[i]);
    }
    std::memcpy(to + NUMBERS, sums, 8);
  }

  template <int S, typename B> static INLINE void weights(const B & block, const int16_t *, Vector8 * to) {
    static_assert(B::BITS <= 6 && B::KIND != blocks::Kind::LEVELS, "two products of such codes fit into 16 bits");
    *to = hn::BitCast(Numbers(), blocks::masked<B::BITS>(block.template codes<S>()).part[0]);
  }

  template <int S, typename B> static INLINE Ints row(const B & block, const int16_t * factors, const Loaded & x) {
    Vector8 w;
    weights<S>(block, factors, &w);
    Ints all = widened(multiply(w, x.y));
    if constexpr (B::ZERO != 0) {
      all = hn::Sub(all, hn::Mul(x.sums, hn::Set(INTS, B::ZERO)));
    }
    if constexpr (B::GROUP == 16) {
      all = hn::Mul(all, hn::IfThenElse(hn::FirstN(INTS, LANES / 2), hn::Set(INTS, factors[2 * S]),
                                        hn::Set(INTS, factors[2 * S + 1])));
    }
    return all;
  }

  // [fours of numbers][PANEL][4]
  static INLINE void place(VecWords * rows, int v, int first, char * to) { InWords::place(rows, v, first, to); }

  // Of halves [FROM, TO) of a block.
  template <int N, typename B, int FROM, int TO>
  static INLINE void range(const char * w, const char * x, int64_t stride, Ints * products) {
    constexpr int RUN = B::BITS <= 5 ? 4 : 2; // so many fours are added in 16 bits: 4 x 2 x 31 x 127 fits
    HWY_UNROLL(4)
    for (int c = 0; c < N; c++) {
      int32_t sums[2];
      std::memcpy(sums, x + c * stride + NUMBERS, sizeof sums);
      const int32_t start = -B::ZERO * ((FROM == 0 ? sums[0] : 0) + (TO == 2 ? sums[1] : 0));
      HWY_UNROLL(4)
      for (int v = 0; v < VECS; v++) {
        products[c * VECS + v] = hn::Set(INTS, start);
      }
    }
    HWY_UNROLL(4)
    for (int first = FROM * 4; first < TO * 4; first += RUN) {
      Vector8 q[RUN][VECS];
      HWY_UNROLL(4)
      for (int i = 0; i < RUN; i++) {
        HWY_UNROLL(4)
        for (int v = 0; v < VECS; v++) {
          q[i][v] = hn::LoadU(Numbers(), reinterpret_cast<const int8_t *>(w) + ((first + i) * VECS + v) * IN_VECTOR);
        }
      }
      HWY_UNROLL(4)
      for (int c = 0; c < N; c++) {
        hn::Vec<hn::ScalableTag<int16_t>> pairs[VECS];
        HWY_UNROLL(4)
        for (int i = 0; i < RUN; i++) {
          int32_t same;
          std::memcpy(&same, x + c * stride + (first + i) * 4, sizeof same);
          const Vector8 y = hn::BitCast(Numbers(), hn::Set(INTS, same));
          HWY_UNROLL(4)
          for (int v = 0; v < VECS; v++) {
            pairs[v] = i == 0 ? multiply(q[i][v], y) : hn::Add(pairs[v], multiply(q[i][v], y));
          }
        }
        HWY_UNROLL(4)
        for (int v = 0; v < VECS; v++) {
          products[c * VECS + v] = hn::Add(products[c * VECS + v], widened(pairs[v]));
        }
      }
    }
  }

  template <int N, typename B>
  static INLINE void sums(const char * w, const char * x, int64_t stride, const int32_t * factors, Ints * products) {
    if constexpr (B::GROUP == 32) {
      range<N, B, 0, 2>(w, x, stride, products);
    } else {
      Ints second[N * VECS];
      range<N, B, 0, 1>(w, x, stride, products);
      range<N, B, 1, 2>(w, x, stride, second);
      weighted<N>(factors, products, second);
    }
  }
};

#endif

} // namespace sphere
