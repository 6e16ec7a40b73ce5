// Products with quantised weights as integers with AVX-512 and VNNI, to the bits of matmul_ints.cpp: blocks of 32
// activations are integers of 15 bits or of 8 that share a scale, a block is summed exactly, an output adds its blocks
// in order. A lane is an output. Codes of weights stay bytes, four to a lane, as vpdpbusd takes them; an activation of
// 15 bits is two bytes, 256 high + low, which it takes in two turns: as many multiply-adds an instruction as in words,
// but nothing is widened, and four numbers of 16 rows come together by fewer shuffles than two. What a code of zero
// stands for is taken off as a number a block.
#include "matmul/matmul_ints.hpp"

#if SPHERE_INTS_IN_BYTES

#include "matmul/matmul_lanes.hpp"
#include "matmul/matmul_types.hpp"
#include "matmul/matmul_unpack.hpp"

#include "ggml-cpu.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <type_traits>
#include <utility>

namespace sphere {
namespace {

using namespace blocks;

constexpr int PANEL = static_cast<int>(MATMUL_PANEL);
constexpr int NUMBERS = 32;                                      // in a block
constexpr int QUADS = NUMBERS / 4;                               // groups of four numbers in a block
constexpr int GROUP = static_cast<int>(PIECE / NUMBERS);         // blocks in a row's piece
template <int PLANES> constexpr int MOST = PLANES == 2 ? 8 : 16; // rows whose sums are in registers at once
constexpr int FRESH = 8; // so few rows multiply weights that are packed in registers alone

// --- rows of activations -------------------------------------------------------------------------------

// What belongs to a type's arithmetic: what a code of zero stands for, and into how many parts a block of 32 falls that
// have scales, and perhaps minima, of their own.
template <typename B> constexpr int ZERO = B::KIND == Kind::LEVELS || B::BITS == 8 ? 128 : B::ZERO;
template <typename B> constexpr int PARTS_OF = NUMBERS / B::GROUP;
template <typename B> constexpr int MINIMA = B::KIND != Kind::MINIMUM ? 0 : PARTS_OF<B>;

// A block of activations, in so many bytes a number.
template <int PLANES, int PARTS> struct Input {
  int32_t q[PLANES][QUADS]; // the high bytes, then the low ones
  float d;                  // the scale
  int32_t start[PARTS];     // of each part, the sum of its integers times -ZERO: codes are that much too large
  float sum[PARTS];         // the sum of its numbers

  // With the sums of both halves' integers.
  template <int ZERO> INLINE void scale(float by, int32_t first, int32_t second) {
    d = by;
    if constexpr (PARTS == 1) {
      start[0] = -ZERO * (first + second);
      sum[0] = by * (static_cast<float>(first) + static_cast<float>(second));
    } else {
      start[0] = -ZERO * first;
      start[1] = -ZERO * second;
      sum[0] = by * static_cast<float>(first);
      sum[1] = by * static_cast<float>(second);
    }
  }

  // One with NaN or infinity makes all NaN.
  void spoil() {
    *this = Input{};
    d = std::numeric_limits<float>::quiet_NaN();
    std::fill_n(sum, PARTS, d);
  }
};
template <typename B, int PLANES> using InputOf = Input<PLANES, PARTS_OF<B>>;

template <typename B, int PLANES> int64_t inputs_size(int64_t k, int64_t n) {
  return whole_lines(k / NUMBERS * n * static_cast<int64_t>(sizeof(InputOf<B, PLANES>)));
}

// A block of numbers has the largest one at 16383: 32 products with 4096, the most of a weight, do not overflow.
// What is smaller than 1e-30 is 0.
template <int ZERO, int PARTS> INLINE void round_block(const float * x, Input<2, PARTS> & to) {
  constexpr float LARGEST = 16383;
  if (!all_finite(x)) {
    to.spoil();
    return;
  }
  const __m512 part[2] = {_mm512_loadu_ps(x), _mm512_loadu_ps(x + 16)};
  const float largest = _mm512_reduce_max_ps(_mm512_max_ps(_mm512_abs_ps(part[0]), _mm512_abs_ps(part[1])));
  const bool none = largest < 1e-30f;
  const __m512 factor = _mm512_set1_ps(none ? 0 : LARGEST / largest);
  int32_t sums[2];
  for (int h = 0; h < 2; h++) {
    const __m512i q = _mm512_cvtps_epi32(_mm512_mul_ps(part[h], factor));
    const __m512i high = _mm512_srai_epi32(_mm512_add_epi32(q, _mm512_set1_epi32(128)), 8);
    _mm_storeu_si128(reinterpret_cast<__m128i *>(to.q[0] + h * QUADS / 2), _mm512_cvtepi32_epi8(high));
    _mm_storeu_si128(reinterpret_cast<__m128i *>(to.q[1] + h * QUADS / 2), _mm512_cvtepi32_epi8(q));
    sums[h] = _mm512_reduce_add_epi32(q);
  }
  to.template scale<ZERO>(none ? 0 : largest / LARGEST, sums[0], sums[1]);
}

// In 8 bits, as ggml rounded it.
template <int ZERO, int PARTS> INLINE void take_block(const float * x, const Q8_0 & rounded, Input<1, PARTS> & to) {
  if (!all_finite(x)) {
    to.spoil();
    return;
  }
  const __m256i q = _mm256_loadu_si256(reinterpret_cast<const __m256i *>(rounded.q));
  _mm256_storeu_si256(reinterpret_cast<__m256i *>(to.q[0]), q);
  const __m256i fours = _mm256_dpbusd_epi32(_mm256_setzero_si256(), _mm256_set1_epi8(1), q);
  const __m256i twos = _mm256_add_epi32(fours, _mm256_shuffle_epi32(fours, 0x4E));
  const __m256i ones = _mm256_add_epi32(twos, _mm256_shuffle_epi32(twos, 0xB1));
  to.template scale<ZERO>(_cvtsh_ss(rounded.d), _mm256_cvtsi256_si32(ones), _mm256_extract_epi32(ones, 4));
}

template <typename B, int PLANES> void convert(const ggml_tensor * x, int ith, int nth, void * inputs, void * own) {
  const int64_t blocks = x->ne[0] / NUMBERS;
  for (int64_t j = ith; j < x->ne[1]; j += nth) {
    const auto * row =
        reinterpret_cast<const float *>(static_cast<const char *>(x->data) + x->nb[1] * static_cast<size_t>(j));
    auto * to = static_cast<InputOf<B, PLANES> *>(inputs) + j * blocks;
    if constexpr (PLANES == 1) {
      ggml_get_type_traits_cpu(GGML_TYPE_Q8_0)->from_float(row, own, x->ne[0]);
    }
    for (int64_t b = 0; b < blocks; b++) {
      if constexpr (PLANES == 1) {
        take_block<ZERO<B>>(row + b * NUMBERS, static_cast<const Q8_0 *>(own)[b], to[b]);
      } else {
        round_block<ZERO<B>>(row + b * NUMBERS, to[b]);
      }
    }
  }
}

// --- weights -------------------------------------------------------------------------------------------

// A block of all rows of a panel: numbers 4 i to 4 i + 3 of each in part i.
struct PanelCodes {
  hn::Vec<hn::FixedTag<uint8_t, 64>> part[QUADS];
};

// How they are loaded: where the block of row i lies, `offset` bytes behind rows[i]; `first` is that of row 0.
struct AllRows {
  const char * const * rows;
  int64_t offset;
  const void * first;

  INLINE const char * at(int i, const uint8_t * p) const {
    return rows[i] + offset + (reinterpret_cast<const char *>(p) - static_cast<const char *>(first));
  }

  // Four vectors of four dwords a row, turned within blocks of 128 bits.
  static INLINE void turn(__m512i (&a)[4]) {
    const __m512i low = _mm512_unpacklo_epi32(a[0], a[1]), low2 = _mm512_unpacklo_epi32(a[2], a[3]);
    const __m512i high = _mm512_unpackhi_epi32(a[0], a[1]), high2 = _mm512_unpackhi_epi32(a[2], a[3]);
    a[0] = _mm512_unpacklo_epi64(low, low2);
    a[1] = _mm512_unpackhi_epi64(low, low2);
    a[2] = _mm512_unpacklo_epi64(high, high2);
    a[3] = _mm512_unpackhi_epi64(high, high2);
  }

  INLINE PanelCodes bytes(const uint8_t * p) const {
    __m512i turned[2][4]; // of rows 0 to 7 and 8 to 15: numbers (below 16, above) of (first four rows, last four rows)
    for (int half = 0; half < 2; half++) {
      for (int i = 0; i < 4; i++) {
        const auto row = [&](int r) { return _mm256_loadu_si256(reinterpret_cast<const __m256i *>(at(r, p))); };
        turned[half][i] = _mm512_inserti64x4(_mm512_castsi256_si512(row(half * 8 + i)), row(half * 8 + i + 4), 1);
      }
      turn(turned[half]);
    }
    PanelCodes r;
    for (int i = 0; i < 4; i++) {
      r.part[i] = {_mm512_shuffle_i32x4(turned[0][i], turned[1][i], 0x88)};
      r.part[i + 4] = {_mm512_shuffle_i32x4(turned[0][i], turned[1][i], 0xDD)};
    }
    return r;
  }

  INLINE PanelCodes halves(const uint8_t * p) const {
    __m512i turned[4];
    for (int i = 0; i < 4; i++) {
      const auto row = [&](int r) { return _mm_loadu_si128(reinterpret_cast<const __m128i *>(at(r, p))); };
      const auto two = [&](int r) { return _mm256_inserti128_si256(_mm256_castsi128_si256(row(r)), row(r + 4), 1); };
      turned[i] = _mm512_inserti64x4(_mm512_castsi256_si512(two(i)), two(i + 8), 1);
    }
    turn(turned);
    PanelCodes r;
    for (int i = 0; i < 4; i++) {
      r.part[i] = {turned[i]};
      r.part[i + 4] = {_mm512_srli_epi16(turned[i], 4)};
    }
    return r;
  }

  // Four bytes of each row.
  INLINE __m512i dwords(const uint8_t * p) const {
    alignas(64) uint32_t all[PANEL];
    for (int i = 0; i < PANEL; i++) {
      std::memcpy(all + i, at(i, p), sizeof all[i]);
    }
    return _mm512_load_si512(all);
  }

  INLINE PanelCodes halves(const uint8_t * p, const uint8_t * fifth) const {
    const __m512i bits = dwords(fifth);
    PanelCodes high;
    for (int i = 0; i < QUADS; i++) {
#if defined(__AVX512VBMI__)
      // Eight bits of 64, those of two rows, from a place of each byte's own: its bit comes to be the fifth.
      const __m512i from =
          _mm512_add_epi8(_mm512_set1_epi64(0x1f1e1d1cfffefdfc), _mm512_set1_epi8(static_cast<char>(4 * i)));
      high.part[i] = {_mm512_multishift_epi64_epi8(from, bits)};
#else
      // Byte i / 2 in all bytes of a lane; of each its own bit.
      const __m512i bytes =
          _mm512_shuffle_epi8(bits, _mm512_add_epi8(_mm512_set1_epi8(static_cast<char>(i / 2)),
                                                    _mm512_set4_epi32(0x0c0c0c0c, 0x08080808, 0x04040404, 0)));
      const __mmask64 set = _mm512_test_epi8_mask(bytes, _mm512_set1_epi32(i % 2 == 0 ? 0x08040201 : 0x80402010));
      high.part[i] = {_mm512_maskz_set1_epi8(set, 16)};
#endif
    }
    return joined<4>(halves(p), high);
  }
};

// A block of a panel: bytes [quads][row][4]; then vectors of a number a row: the scale, minima, and with scales for 16
// numbers two integers, which they are times d.
template <int MINIMA, int PARTS> struct Packed {
  __m512i q[QUADS];
  __m512 d, m[MINIMA == 0 ? 1 : MINIMA];
  __m512i factors[PARTS];
};
template <typename B> using PackedOf = Packed<MINIMA<B>, PARTS_OF<B>>;

INLINE __m512 from_low_halves(__m512i dwords) { return _mm512_cvtph_ps(_mm512_cvtepi32_epi16(dwords)); }

template <int S, typename B> INLINE PanelCodes codes_of(const AllRows & all, const B & first) {
  if constexpr (B::BITS == 8) {
    return all.bytes(reinterpret_cast<const uint8_t *>(first.q));
  } else {
    return masked<B::BITS>(first.template codes<S>(all));
  }
}

template <typename B> INLINE void write(const PanelCodes & codes, PackedOf<B> & to) {
  const __m512i flip = _mm512_set1_epi8(static_cast<char>(0x80));
  for (int i = 0; i < QUADS; i++) {
    __m512i q = codes.part[i].raw;
    if constexpr (B::KIND == Kind::LEVELS) {
      const __m128i levels = _mm_load_si128(reinterpret_cast<const __m128i *>(LEVELS));
      q = _mm512_shuffle_epi8(_mm512_xor_si512(_mm512_broadcast_i32x4(levels), flip), q);
    } else if constexpr (B::BITS == 8) {
      q = _mm512_xor_si512(q, flip);
    }
    to.q[i] = q;
  }
}

// Steps S of a block of 256. What they share is read once, since nothing is written meanwhile.
template <typename B, int... S>
INLINE void write_steps(const AllRows & all, const B & first, PackedOf<B> * to, std::integer_sequence<int, S...>) {
  const PanelCodes codes[] = {codes_of<S>(all, first)...};
  const int steps[] = {S...};
  for (size_t i = 0; i < sizeof...(S); i++) {
    write<B>(codes[i], to[steps[i]]);
  }
}

// Scales and offsets of a block of Q4_K or Q5_K (`sixes` of matmul_types.hpp, whose numbers these are), a row a lane,
// in far fewer instructions than each row for itself takes.
template <typename B> INLINE void six_bits(const AllRows & all, const B & first, PackedOf<B> * to) {
  const __m512i a = all.dwords(first.six), b = all.dwords(first.six + 4), c = all.dwords(first.six + 8);
  const __m512i both = all.dwords(reinterpret_cast<const uint8_t *>(&first));
  const __m512i six = _mm512_set1_epi32(0x3f3f3f3f), four = _mm512_set1_epi32(0x0f0f0f0f);
  const __m512i two = _mm512_set1_epi32(0x30303030), byte = _mm512_set1_epi32(0xff);
  const auto joined = [&](__m512i low, __m512i high) {
    return _mm512_or_si512(_mm512_and_si512(low, four), _mm512_and_si512(_mm512_srli_epi32(high, 2), two));
  };
  __m512i scales[2] = {_mm512_and_si512(a, six), joined(c, a)};
  __m512i offsets[2] = {_mm512_and_si512(b, six), joined(_mm512_srli_epi32(c, 4), b)};
  const __m512 d = from_low_halves(both);
  const __m512 m = _mm512_xor_ps(from_low_halves(_mm512_srli_epi32(both, 16)), _mm512_set1_ps(-0.0f));
  for (int i = 0; i < GROUP; i++) {
    const auto next = [&](__m512i & of, __m512 unit) {
      const __m512 number = _mm512_cvtepi32_ps(_mm512_and_si512(of, byte));
      of = _mm512_srli_epi32(of, 8);
      return _mm512_mul_ps(number, unit);
    };
    to[i].d = next(scales[i / 4], d);
    to[i].m[0] = next(offsets[i / 4], m);
  }
}

// Bytes of a row's piece.
template <typename B> constexpr int64_t PIECE_SIZE = PIECE / B::NUMBERS * static_cast<int64_t>(sizeof(B));

// What the next panel's rows [from, to) have in a piece's place is fetched: hardware does not follow so many streams.
template <typename B> INLINE void fetch_next(const PanelRows & rows, int64_t piece, int from, int to) {
  for (int i = from; i < to; i++) {
    for (int64_t line = 0; line < PIECE_SIZE<B>; line += 64) {
      _mm_prefetch(rows.rows[i] + piece * PIECE_SIZE<B> + rows.ahead + line, _MM_HINT_T1);
    }
  }
}

// A block of 32 that lies so many bytes behind the rows' beginning.
template <typename B> INLINE void pack_one(const PanelRows & rows, int64_t offset, PackedOf<B> & to) {
  const B & first = *reinterpret_cast<const B *>(rows.rows[0] + offset);
  const AllRows all{rows.rows, offset, &first};
  if constexpr (MINIMA<B> == 1) {
    const __m512i both = all.dwords(reinterpret_cast<const uint8_t *>(&first));
    to.d = from_low_halves(both);
    to.m[0] = from_low_halves(_mm512_srli_epi32(both, 16));
  } else {
    alignas(32) uint16_t d[PANEL];
    for (int i = 0; i < PANEL; i++) {
      d[i] = reinterpret_cast<const B *>(rows.rows[i] + offset)->d;
    }
    to.d = _mm512_cvtph_ps(_mm256_load_si256(reinterpret_cast<const __m256i *>(d)));
  }
  write<B>(codes_of<0>(all, first), to);
}

// The piece of a panel: `count` blocks.
template <typename B> void pack(const PanelRows & rows, int64_t piece, int count, PackedOf<B> * to) {
  const int64_t offset = piece * PIECE_SIZE<B>;
  fetch_next<B>(rows, piece, 0, PANEL);
  if constexpr (B::NUMBERS == 32) {
    for (int b = 0; b < count; b++) {
      pack_one<B>(rows, offset + b * static_cast<int64_t>(sizeof(B)), to[b]);
    }
  } else {
    const B & first = *reinterpret_cast<const B *>(rows.rows[0] + offset);
    const AllRows all{rows.rows, offset, &first};
    [[maybe_unused]] const auto block = [&](int i) -> const B & {
      return *reinterpret_cast<const B *>(rows.rows[i] + offset);
    };
    if constexpr (std::is_same_v<B, Q4_K> || std::is_same_v<B, Q5_K>) {
      six_bits(all, first, to);
    } else if constexpr (B::GROUP == 32) {
      __m512i numbers[PANEL];
      for (int i = 0; i < PANEL; i++) {
        Scales s;
        block(i).scales(s.of);
        numbers[i] = _mm512_castsi256_si512(_mm256_load_si256(reinterpret_cast<const __m256i *>(s.of)));
      }
      transpose(numbers);
      for (int b = 0; b < GROUP; b++) {
        to[b].d = _mm512_castsi512_ps(numbers[b]);
      }
    } else {
      __m512i numbers[PANEL];
      alignas(64) uint32_t d[PANEL];
      for (int i = 0; i < PANEL; i++) {
        d[i] = block(i).d;
        numbers[i] = _mm512_cvtepi8_epi32(block(i).factors().raw);
      }
      transpose(numbers);
      const __m512 scale = from_low_halves(_mm512_load_si512(d));
      for (int b = 0; b < GROUP; b++) {
        to[b].d = scale;
        to[b].factors[0] = numbers[2 * b];
        to[b].factors[1] = numbers[2 * b + 1];
      }
      if constexpr (MINIMA<B> == 2) {
        for (int i = 0; i < PANEL; i++) {
          Scales s;
          block(i).offsets(s.of);
          numbers[i] = _mm512_load_si512(s.of);
        }
        transpose(numbers);
        for (int b = 0; b < 2 * GROUP; b++) {
          to[b / 2].m[b % 2] = _mm512_castsi512_ps(numbers[b]);
        }
      }
    }
    write_steps(all, first, to, std::integer_sequence<int, 0, 1, 2, 3>());
    write_steps(all, first, to, std::integer_sequence<int, 4, 5, 6, 7>());
  }
}

// --- products ------------------------------------------------------------------------------------------

// The exact sum of a part of a block.
template <int PART, int PLANES, int PARTS> INLINE __m512i summed(const __m512i * q, const Input<PLANES, PARTS> & x) {
  __m512i sum = _mm512_set1_epi32(x.start[PART]), high = _mm512_setzero_si512();
  for (int i = PART * QUADS / PARTS; i < (PART + 1) * QUADS / PARTS; i++) {
    sum = _mm512_dpbusd_epi32(sum, q[i], _mm512_set1_epi32(x.q[PLANES - 1][i]));
    if constexpr (PLANES == 2) {
      high = _mm512_dpbusd_epi32(high, q[i], _mm512_set1_epi32(x.q[0][i]));
    }
  }
  return PLANES == 1 ? sum : _mm512_add_epi32(_mm512_slli_epi32(high, 8), sum);
}

// Adds a block of a panel by N rows of activations, `blocks` blocks a row.
template <int N, int PLANES, int MINIMA, int PARTS>
INLINE void add_block(const Packed<MINIMA, PARTS> & w, const Input<PLANES, PARTS> * x, int64_t blocks, __m512 * sum) {
  HWY_UNROLL(16)
  for (int j = 0; j < N; j++) {
    const Input<PLANES, PARTS> & in = x[j * blocks];
    __m512i s = summed<0>(w.q, in);
    if constexpr (PARTS == 2) {
      s = _mm512_add_epi32(_mm512_mullo_epi32(s, w.factors[0]), _mm512_mullo_epi32(summed<1>(w.q, in), w.factors[1]));
    }
    sum[j] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(s), _mm512_mul_ps(w.d, _mm512_set1_ps(in.d)), sum[j]);
    for (int i = 0; i < MINIMA; i++) {
      sum[j] = _mm512_fmadd_ps(w.m[i], _mm512_set1_ps(in.sum[i]), sum[j]);
    }
  }
}

// `count` blocks of a panel, added to sums.
template <int N, int PLANES, int MINIMA, int PARTS>
void tile(const Packed<MINIMA, PARTS> * w, int64_t count, const Input<PLANES, PARTS> * x, int64_t blocks,
          __m512 * sums) {
  __m512 sum[N];
  HWY_UNROLL(16)
  for (int j = 0; j < N; j++) {
    sum[j] = sums[j];
  }
  for (int64_t b = 0; b < count; b++) {
    const Packed<MINIMA, PARTS> here = w[b];
    add_block<N>(here, x + b, blocks, sum);
  }
  HWY_UNROLL(16)
  for (int j = 0; j < N; j++) {
    sums[j] = sum[j];
  }
}

// The same of a few rows and of weights as they lie, in blocks of 32: they are multiplied out of the registers in which
// they come together.
template <int N, typename B, int PLANES>
void fresh_tile(const PanelRows & rows, const InputOf<B, PLANES> * x, int64_t blocks, __m512 * sums) {
  __m512 sum[N];
  HWY_UNROLL(16)
  for (int j = 0; j < N; j++) {
    sum[j] = _mm512_setzero_ps();
  }
  for (int64_t b = 0; b < blocks; b++) {
    const int two = static_cast<int>(b % GROUP) * (PANEL / GROUP);
    fetch_next<B>(rows, b / GROUP, two, two + PANEL / GROUP);
    PackedOf<B> here;
    pack_one<B>(rows, b * static_cast<int64_t>(sizeof(B)), here);
    add_block<N>(here, x + b, blocks, sum);
  }
  HWY_UNROLL(16)
  for (int j = 0; j < N; j++) {
    sums[j] = sum[j];
  }
}

// Calls f with n as a compile-time number.
template <int N, typename F> INLINE void with_count(int64_t n, F f) {
  if constexpr (N > 1) {
    if (n < N) {
      return with_count<N - 1>(n, f);
    }
  }
  f(std::integral_constant<int, N>());
}

// A panel, if more than one tile of activations reads it; else a piece. Before, room for a row as ggml rounds it.
template <typename B, int PLANES> int64_t own_size(int64_t k, int64_t n) {
  const int64_t panel = (n > MOST<PLANES> ? pieces_of(k) : 1) * GROUP * static_cast<int64_t>(sizeof(PackedOf<B>));
  return PLANES == 2 ? panel : std::max(panel, whole_lines(k / NUMBERS * static_cast<int64_t>(sizeof(Q8_0))));
}

template <typename B, int PLANES>
void panels(const ggml_tensor * op, int64_t from, int64_t to, const void * inputs, void * own) {
  const ggml_tensor * w = op->src[0];
  const int64_t n = op->src[1]->ne[1], blocks = w->ne[0] / NUMBERS, tiles = (n + MOST<PLANES> - 1) / MOST<PLANES>;
  const auto * x = static_cast<const InputOf<B, PLANES> *>(inputs);
  auto * packed = static_cast<PackedOf<B> *>(own);
  const auto stride = static_cast<int64_t>(op->nb[1] / sizeof(float));
  for (int64_t p = from; p < to; p++) {
    const PanelRows rows(w, p);
    const int64_t left = w->ne[1] - p * PANEL;
    const auto lanes = static_cast<__mmask16>(left >= PANEL ? 0xFFFF : (1 << left) - 1);
    for (int64_t t = 0; t < tiles; t++) {
      const int64_t j = n * t / tiles, height = n * (t + 1) / tiles - j;
      __m512 sums[MOST<PLANES>];
      for (auto & sum : sums) {
        sum = _mm512_setzero_ps();
      }
      with_count<MOST<PLANES>>(height, [&](auto rows_at_once) {
        constexpr int N = decltype(rows_at_once)::value;
        if constexpr (B::NUMBERS == 32 && N <= FRESH) {
          if (tiles == 1) {
            fresh_tile<N, B, PLANES>(rows, x, blocks, sums);
            return;
          }
        }
        for (int64_t b = 0; b < blocks; b += GROUP) {
          const auto count = std::min<int64_t>(GROUP, blocks - b);
          auto * here = packed + (tiles > 1 ? b : 0);
          if (t == 0) {
            pack<B>(rows, b / GROUP, static_cast<int>(count), here);
          }
          tile<N>(here, count, x + j * blocks + b, blocks, sums);
        }
      });
      for (int64_t i = 0; i < height; i++) {
        _mm512_mask_storeu_ps(static_cast<float *>(op->data) + (j + i) * stride + p * PANEL, lanes, sums[i]);
      }
    }
  }
}

template <typename B, int PLANES> const MatmulKernel * kernel() {
  static constexpr MatmulKernel KERNEL{inputs_size<B, PLANES>, own_size<B, PLANES>, convert<B, PLANES>,
                                       panels<B, PLANES>};
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

#endif
