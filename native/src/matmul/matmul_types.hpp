// ggml's quantised blocks: one struct a type, which says where a block has its codes and scales. A number is
// code x scale + offset, or level[code] x scale. Codes are small integers without a sign, 32 of them at a time in
// registers; scales and offsets are floats in memory, of a row's piece of 256 numbers at a time.
#pragma once

#include "common/simd.hpp"
#include "matmul/matmul_unpack.hpp"

#include <cstring>
#include <type_traits>
#include <utility>

#define INLINE inline __attribute__((always_inline))

namespace sphere {
namespace blocks {

// --- codes: those of a step of 32 numbers ----------------------------------------------------------------

// With AVX-512 each in a word, since its permutations of 32 entries move words; elsewhere in bytes.
#if defined(__AVX512F__) && defined(__AVX512BW__) && defined(__AVX512VL__) && defined(__AVX512DQ__)
#define SPHERE_CODE_WORDS 1
using CodeTag = hn::FixedTag<uint16_t, 32>;
#else
#define SPHERE_CODE_WORDS 0
using CodeTag = hn::CappedTag<uint8_t, 32>;
#endif
constexpr size_t PARTS = 32 / hn::MaxLanes(CodeTag());

struct Codes {
  hn::Vec<CodeTag> part[PARTS];
};

// What follows takes codes of a row, as above, or of several: whatever has parts.
template <typename C> using TagOf = hn::DFromV<std::remove_all_extents_t<decltype(C::part)>>;

template <typename C, typename F> INLINE C each(F f) {
  C r;
  for (size_t i = 0; i < sizeof r.part / sizeof r.part[0]; i++) {
    r.part[i] = f(i);
  }
  return r;
}

// Shifts within words. What comes in from a neighbour lies where `joined` or the last mask takes it away.
template <int N, typename C> INLINE C down(const C & c) {
  const TagOf<C> t;
  const hn::Repartition<uint16_t, TagOf<C>> w;
  return each<C>(
      [&](size_t i) { return N == 0 ? c.part[i] : hn::BitCast(t, hn::ShiftRight<N>(hn::BitCast(w, c.part[i]))); });
}

template <int N, typename C> INLINE C up(const C & c) {
  const TagOf<C> t;
  const hn::Repartition<uint16_t, TagOf<C>> w;
  return each<C>([&](size_t i) { return hn::BitCast(t, hn::ShiftLeft<N>(hn::BitCast(w, c.part[i]))); });
}

// Bit FROM of each goes to TO.
template <int FROM, int TO, typename C> INLINE C moved(const C & c) {
  if constexpr (FROM < TO) {
    return up<TO - FROM>(c);
  } else {
    return down<FROM - TO>(c);
  }
}

// The lower BITS bits of a, the others of b.
template <int BITS, typename C> INLINE C joined(const C & a, const C & b) {
  const auto mask = hn::Set(TagOf<C>(), (1 << BITS) - 1);
  return each<C>([&](size_t i) { return hn::BitwiseIfThenElse(mask, a.part[i], b.part[i]); });
}

template <int BITS, typename C> INLINE C masked(const C & c) {
  const auto mask = hn::Set(TagOf<C>(), (1 << BITS) - 1);
  return each<C>([&](size_t i) { return hn::And(c.part[i], mask); });
}

// How the codes of one row are loaded.
struct OneRow {
  // 32 bytes, a code each.
  INLINE Codes bytes(const uint8_t * p) const {
#if SPHERE_CODE_WORDS
    return {{hn::PromoteTo(CodeTag(), hn::LoadU(hn::FixedTag<uint8_t, 32>(), p))}};
#else
    return each<Codes>([&](size_t i) { return hn::LoadU(CodeTag(), p + i * hn::MaxLanes(CodeTag())); });
#endif
  }

  // 16 bytes: their lower four bits, then their upper ones.
  INLINE Codes halves(const uint8_t * p) const {
#if HWY_MAX_BYTES >= 32 // both from one load, by a shift that differs by lane
#if SPHERE_CODE_WORDS
    const CodeTag t;
    const auto both = hn::PromoteTo(t, hn::LoadDup128(hn::FixedTag<uint8_t, 32>(), p));
#else
    const hn::Repartition<uint32_t, CodeTag> t; // AVX2 has none for words
    const auto both = hn::BitCast(t, hn::LoadDup128(CodeTag(), p));
#endif
    const auto by = hn::IfThenZeroElse(hn::FirstN(t, hn::MaxLanes(t) / 2), hn::Set(t, 4));
    return {{hn::BitCast(CodeTag(), hn::Shr(both, by))}};
#else
    const auto both = hn::LoadU(CodeTag(), p);
    return {{both, hn::ShiftRight<4>(both)}};
#endif
  }

  // The same with a fifth bit, from 32 of them.
  INLINE Codes halves(const uint8_t * p, const uint8_t * fifth) const {
    return joined<4>(halves(p), each<Codes>([&](size_t i) {
                       const auto set = hn::LoadMaskBits(CodeTag(), fifth + i * hn::MaxLanes(CodeTag()) / 8);
                       return hn::IfThenElseZero(set, hn::Set(CodeTag(), 16));
                     }));
  }
};

// --- scales ------------------------------------------------------------------------------------------------

// Of a row's piece: a scale for each group of numbers, then as many offsets.
struct Scales {
  alignas(64) float of[32];
};

INLINE float from_half(uint16_t h) {
  const hn::FixedTag<float, 4> f;
  const hn::Rebind<hwy::float16_t, decltype(f)> half;
  return hn::GetLane(hn::PromoteTo(f, hn::BitCast(half, hn::Set(hn::Rebind<uint16_t, decltype(f)>(), h))));
}

// Four halves as floats. They come in a register: what is stored piecewise is loaded together late.
INLINE hn::Vec<hn::FixedTag<float, 4>> from_halves(uint64_t halves) {
  const hn::FixedTag<float, 4> f;
  const hn::Rebind<hwy::float16_t, decltype(f)> half;
  return hn::PromoteTo(f, hn::BitCast(half, hn::Set(hn::FixedTag<uint64_t, 1>(), halves)));
}

// 16 integers times a, or the first eight times a and the others times b.
template <typename V> INLINE void scaled(V integers, float a, float b, float * to) {
  const hn::CappedTag<float, 16> f;
  const hn::RebindToSigned<decltype(f)> whole;
#if HWY_MAX_BYTES >= 64
  const auto own = hn::IfThenElse(hn::FirstN(f, 8), hn::Set(f, a), hn::Set(f, b));
  hn::StoreU(hn::Mul(hn::ConvertTo(f, hn::PromoteTo(whole, integers)), own), f, to);
#else
  const hn::DFromV<V> t;
  alignas(16) hn::TFromD<decltype(t)> all[16];
  hn::Store(integers, t, all);
  for (size_t i = 0; i < 16; i += hn::MaxLanes(f)) {
    const auto n = hn::PromoteTo(whole, hn::LoadU(hn::Rebind<hn::TFromD<decltype(t)>, decltype(f)>(), all + i));
    hn::StoreU(hn::Mul(hn::ConvertTo(f, n), hn::Set(f, i < 8 ? a : b)), f, to + i);
  }
#endif
}

INLINE hn::Vec128<uint8_t> sixteen(uint64_t low, uint64_t high) {
  const hn::FixedTag<uint64_t, 2> t;
  const hn::Half<decltype(t)> h;
  return hn::BitCast(hn::FixedTag<uint8_t, 16>(), hn::Combine(t, hn::Set(h, high), hn::Set(h, low)));
}

INLINE uint32_t word(const uint8_t * p) {
  uint32_t w;
  std::memcpy(&w, p, sizeof w);
  return w;
}

// --- types: blocks as ggml has them --------------------------------------------------------------------------

// What a code stands for: itself, with an offset of the group's own; itself less ZERO; or one of 16 levels.
enum class Kind { MINIMUM, CENTRED, LEVELS };

// NUMBERS in a block, GROUP of them with one scale. Codes have BITS bits; what lies above these is anything. A block of
// 256 gives the codes of its step S, loaded for one row or for several; its scales(to) writes a scale a group, and with
// Kind::MINIMUM an offset a group. With groups of 16, a scale is one of the integers factors() times `d`, and
// offsets(to) writes the offsets alone. A block of 32 has its scale in `d` and its offset in `m`.
template <int NUMBERS_, int BITS_, int GROUP_, Kind KIND_, int ZERO_ = 0> struct Type {
  static constexpr int NUMBERS = NUMBERS_, BITS = BITS_, GROUP = GROUP_, ZERO = ZERO_;
  static constexpr Kind KIND = KIND_;
};

struct Q4_0 : Type<32, 4, 32, Kind::CENTRED, 8> {
  uint16_t d;
  uint8_t q[16];
  template <int, typename L = OneRow> INLINE auto codes(L load = L()) const { return load.halves(q); }
};

struct Q4_1 : Type<32, 4, 32, Kind::MINIMUM> {
  uint16_t d, m;
  uint8_t q[16];
  template <int, typename L = OneRow> INLINE auto codes(L load = L()) const { return load.halves(q); }
};

struct Q5_0 : Type<32, 5, 32, Kind::CENTRED, 16> {
  uint16_t d;
  uint8_t high[4], q[16];
  template <int, typename L = OneRow> INLINE auto codes(L load = L()) const { return load.halves(q, high); }
};

struct Q5_1 : Type<32, 5, 32, Kind::MINIMUM> {
  uint16_t d, m;
  uint8_t high[4], q[16];
  template <int, typename L = OneRow> INLINE auto codes(L load = L()) const { return load.halves(q, high); }
};

// Eight bits have a sign, and are read where they lie.
struct Q8_0 : Type<32, 8, 32, Kind::CENTRED> {
  uint16_t d;
  int8_t q[32];
};

struct IQ4_NL : Type<32, 4, 32, Kind::LEVELS> {
  uint16_t d;
  uint8_t q[16];
  template <int, typename L = OneRow> INLINE auto codes(L load = L()) const { return load.halves(q); }
};

struct Q2_K : Type<256, 2, 16, Kind::MINIMUM> {
  uint8_t both[16], q[64];
  uint16_t d, m;
  template <int S, typename L = OneRow> INLINE auto codes(L load = L()) const {
    return down<S % 4 * 2>(load.bytes(q + S / 4 * 32));
  }
  INLINE hn::Vec128<int8_t> factors() const {
    const hn::FixedTag<int8_t, 16> t;
    return hn::And(hn::LoadU(t, reinterpret_cast<const int8_t *>(both)), hn::Set(t, 15));
  }
  INLINE void offsets(float * to) const {
    scaled(hn::ShiftRight<4>(hn::LoadU(hn::FixedTag<uint8_t, 16>(), both)), -from_half(m), -from_half(m), to);
  }
  INLINE void scales(float * to) const {
    scaled(factors(), from_half(d), from_half(d), to);
    offsets(to + 16);
  }
};

struct Q3_K : Type<256, 3, 16, Kind::CENTRED, 4> {
  uint8_t high[32], q[64], six[12];
  uint16_t d;
  template <int S, typename L = OneRow> INLINE auto codes(L load = L()) const {
    return joined<2>(down<S % 4 * 2>(load.bytes(q + S / 4 * 32)), moved<S, 2>(load.bytes(high)));
  }
  INLINE hn::Vec128<int8_t> factors() const {
    const uint32_t a = word(six), b = word(six + 4), upper = word(six + 8);
    const auto four = [&](uint32_t low, int shift) {
      return (low & 0x0f0f0f0fu) | ((shift < 4 ? upper << (4 - shift) : upper >> (shift - 4)) & 0x30303030u);
    };
    const auto unsigned_ones = sixteen(four(a, 0) | static_cast<uint64_t>(four(b, 2)) << 32,
                                       four(a >> 4, 4) | static_cast<uint64_t>(four(b >> 4, 6)) << 32);
    const hn::FixedTag<int8_t, 16> t;
    return hn::Sub(hn::BitCast(t, unsigned_ones), hn::Set(t, 32));
  }
  INLINE void scales(float * to) const { scaled(factors(), from_half(d), from_half(d), to); }
};

// Scales and offsets of the eight groups of 32 in Q4_K and Q5_K, six bits each.
INLINE void sixes(const uint8_t * p, uint16_t d, uint16_t m, float * to) {
  const uint32_t a = word(p), b = word(p + 4), c = word(p + 8);
  const uint32_t scales = (c & 0x0f0f0f0fu) | ((a >> 2) & 0x30303030u);
  const uint32_t offsets = ((c >> 4) & 0x0f0f0f0fu) | ((b >> 2) & 0x30303030u);
  scaled(sixteen((a & 0x3f3f3f3fu) | static_cast<uint64_t>(scales) << 32,
                 (b & 0x3f3f3f3fu) | static_cast<uint64_t>(offsets) << 32),
         from_half(d), -from_half(m), to);
}

struct Q4_K : Type<256, 4, 32, Kind::MINIMUM> {
  uint16_t d, m;
  uint8_t six[12], q[128];
  template <int S, typename L = OneRow> INLINE auto codes(L load = L()) const {
    return down<S % 2 * 4>(load.bytes(q + S / 2 * 32));
  }
  INLINE void scales(float * to) const { sixes(six, d, m, to); }
};

struct Q5_K : Type<256, 5, 32, Kind::MINIMUM> {
  uint16_t d, m;
  uint8_t six[12], high[32], q[128];
  template <int S, typename L = OneRow> INLINE auto codes(L load = L()) const {
    return joined<4>(down<S % 2 * 4>(load.bytes(q + S / 2 * 32)), moved<S, 4>(load.bytes(high)));
  }
  INLINE void scales(float * to) const { sixes(six, d, m, to); }
};

struct Q6_K : Type<256, 6, 16, Kind::CENTRED, 32> {
  uint8_t q[128], high[64];
  int8_t eight[16];
  uint16_t d;
  template <int S, typename L = OneRow> INLINE auto codes(L load = L()) const {
    const auto four = load.bytes(q + S / 4 * 64 + S % 2 * 32), two = load.bytes(high + S / 4 * 32);
    return joined<4>(down<S % 4 / 2 * 4>(four), moved<S % 4 * 2, 4>(two));
  }
  INLINE hn::Vec128<int8_t> factors() const { return hn::LoadU(hn::FixedTag<int8_t, 16>(), eight); }
  INLINE void scales(float * to) const { scaled(factors(), from_half(d), from_half(d), to); }
};

struct IQ4_XS : Type<256, 4, 32, Kind::LEVELS> {
  uint16_t d, high;
  uint8_t low[4], q[128];
  template <int S, typename L = OneRow> INLINE auto codes(L load = L()) const { return load.halves(q + S * 16); }
  INLINE void scales(float * to) const {
    const hn::CappedTag<uint32_t, 8> t;
    const hn::RebindToFloat<decltype(t)> f;
    for (uint32_t i = 0; i < 8; i += hn::MaxLanes(t)) {
      const auto at = hn::Iota(t, i);
      const auto four = hn::And(hn::Shr(hn::Set(t, word(low)), hn::ShiftLeft<2>(at)), hn::Set(t, 15));
      const auto two = hn::And(hn::Shr(hn::Set(t, uint32_t{high}), hn::ShiftLeft<1>(at)), hn::Set(t, 3));
      const auto six = hn::BitCast(hn::RebindToSigned<decltype(t)>(), hn::Or(four, hn::ShiftLeft<4>(two)));
      hn::StoreU(hn::Mul(hn::Sub(hn::ConvertTo(f, six), hn::Set(f, 32.0f)), hn::Set(f, from_half(d))), f, to + i);
    }
  }
};

static_assert(sizeof(Q4_0) == 18 && sizeof(Q4_1) == 20 && sizeof(Q5_0) == 22 && sizeof(Q5_1) == 24 &&
                  sizeof(Q8_0) == 34 && sizeof(IQ4_NL) == 18,
              "ggml's blocks of 32");
static_assert(sizeof(Q2_K) == 84 && sizeof(Q3_K) == 110 && sizeof(Q4_K) == 144 && sizeof(Q5_K) == 176 &&
                  sizeof(Q6_K) == 210 && sizeof(IQ4_XS) == 136,
              "ggml's blocks of 256");

// The levels of IQ4_NL and IQ4_XS.
alignas(16) inline constexpr int8_t LEVELS[16] = {-127, -104, -83, -65, -49, -35, -22, -10,
                                                  1,    13,   25,  38,  53,  69,  89,  113};

// --- what all types share ------------------------------------------------------------------------------------

constexpr int STEPS = static_cast<int>(PIECE / UNPACK_STEP);
template <typename B> constexpr int OFFSETS = static_cast<int>(PIECE) / B::GROUP; // where they begin in Scales

#if SPHERE_CODE_WORDS
// Of a whole piece of blocks of 32. Intrinsics: Highway has no insertion from memory, and by way of general registers
// the scales took as many instructions as the codes.
template <typename B> INLINE void eight_scales(const B * blocks, Scales & s) {
  if constexpr (B::KIND == Kind::MINIMUM) {
    const auto both = [&](int i) {
      int pair; // m above d
      std::memcpy(&pair, &blocks[i].d, sizeof pair);
      return pair;
    };
    const auto four = [&](int i) {
      const __m128i first = _mm_insert_epi32(_mm_cvtsi32_si128(both(i)), both(i + 1), 1);
      return _mm_insert_epi32(_mm_insert_epi32(first, both(i + 2), 2), both(i + 3), 3);
    };
    const __m256i pairs = _mm256_inserti128_si256(_mm256_castsi128_si256(four(0)), four(4), 1);
    _mm256_store_ps(s.of, _mm256_cvtph_ps(_mm256_cvtepi32_epi16(pairs)));
    _mm256_store_ps(s.of + OFFSETS<B>, _mm256_cvtph_ps(_mm256_cvtepi32_epi16(_mm256_srli_epi32(pairs, 16))));
  } else {
    __m128i d = _mm_cvtsi32_si128(blocks[0].d);
    d = _mm_insert_epi16(d, blocks[1].d, 1);
    d = _mm_insert_epi16(d, blocks[2].d, 2);
    d = _mm_insert_epi16(d, blocks[3].d, 3);
    d = _mm_insert_epi16(d, blocks[4].d, 4);
    d = _mm_insert_epi16(d, blocks[5].d, 5);
    d = _mm_insert_epi16(d, blocks[6].d, 6);
    _mm256_store_ps(s.of, _mm256_cvtph_ps(_mm_insert_epi16(d, blocks[7].d, 7)));
  }
}
#endif

// Of a piece with so many steps.
template <typename B> INLINE void make_scales(const B * blocks, int64_t steps, Scales & s) {
  if constexpr (B::NUMBERS == 256) {
    blocks->scales(s.of);
  } else {
#if SPHERE_CODE_WORDS
    if (steps == STEPS) {
      return eight_scales(blocks, s);
    }
#endif
    const hn::FixedTag<float, 4> f;
    for (int64_t i = 0; i < STEPS; i += 4) {
      uint64_t d = 0, m = 0;
      for (int64_t j = 0; j < 4 && i + j < steps; j++) {
        d |= static_cast<uint64_t>(blocks[i + j].d) << (16 * j);
        if constexpr (B::KIND == Kind::MINIMUM) {
          m |= static_cast<uint64_t>(blocks[i + j].m) << (16 * j);
        }
      }
      hn::Store(from_halves(d), f, s.of + i);
      if constexpr (B::KIND == Kind::MINIMUM) {
        hn::Store(from_halves(m), f, s.of + OFFSETS<B> + i);
      }
    }
  }
}

// Calls f(number of the step, block, its step as a compile-time number).
template <typename B, typename F, int... S>
INLINE void steps_of_block(const B & block, F f, std::integer_sequence<int, S...>) {
  (f(S, block, std::integral_constant<int, S>()), ...);
}
template <typename B, typename F> INLINE void for_steps(const B * blocks, int64_t steps, F f) {
  if constexpr (B::NUMBERS == 256) {
    steps_of_block(*blocks, f, std::make_integer_sequence<int, STEPS>());
  } else {
    for (int64_t s = 0; s < steps; s++) {
      f(static_cast<int>(s), blocks[s], std::integral_constant<int, 0>());
    }
  }
}

} // namespace blocks
} // namespace sphere
