// Unpackers of ggml's quantised blocks. Four and five bits select from a table of the 16 or 32 values that a group with
// one scale can have, rounded to BF16 once a group; six and eight bits are scaled in F32 and rounded one by one. Either
// way a number is ggml's own dequantised one, rounded to nearest. See products_unpack.hpp.
#include "products/products_unpack.hpp"

#if defined(__AVX512F__) && defined(__AVX512BW__) && defined(__AVX512VL__)

#include <cstring>
#include <immintrin.h>

namespace sphere {
namespace {

// --- blocks as ggml has them ---------------------------------------------------------------------------

struct Q4K {
  uint16_t d, m;
  uint8_t scales[12], q[128];
};
struct Q5K {
  uint16_t d, m;
  uint8_t scales[12], high[32], q[128];
};
struct Q6K {
  uint8_t q[128], high[64];
  int8_t scales[16];
  uint16_t d;
};
static_assert(sizeof(Q4K) == 144 && sizeof(Q5K) == 176 && sizeof(Q6K) == 210, "ggml's blocks of 256");

struct Q40 {
  uint16_t d;
  uint8_t q[16];
};
struct Q41 {
  uint16_t d, m;
  uint8_t q[16];
};
struct Q50 {
  uint16_t d;
  uint8_t high[4], q[16];
};
struct Q51 {
  uint16_t d, m;
  uint8_t high[4], q[16];
};
struct Q80 {
  uint16_t d;
  int8_t q[32];
};
struct IQ4NL {
  uint16_t d;
  uint8_t q[16];
};
static_assert(sizeof(Q40) == 18 && sizeof(Q41) == 20 && sizeof(Q50) == 22 && sizeof(Q51) == 24 && sizeof(Q80) == 34 &&
                  sizeof(IQ4NL) == 18,
              "ggml's blocks of 32");

// --- parts ---------------------------------------------------------------------------------------------

#define INLINE inline __attribute__((always_inline))

INLINE __m512 counting(float first) {
  return _mm512_add_ps(_mm512_setr_ps(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15), _mm512_set1_ps(first));
}

// 32 numbers in BF16, `low` in the lower half. To nearest, halves to even.
#if defined(__AVX512BF16__)
INLINE __m512i rounded(__m512 low, __m512 high) { return reinterpret_cast<__m512i>(_mm512_cvtne2ps_pbh(high, low)); }
#else
INLINE __m256i rounded(__m512 x) {
  const __m512i bits = _mm512_castps_si512(x);
  const __m512i odd = _mm512_and_si512(_mm512_srli_epi32(bits, 16), _mm512_set1_epi32(1));
  return _mm512_cvtepi32_epi16(
      _mm512_srli_epi32(_mm512_add_epi32(bits, _mm512_add_epi32(odd, _mm512_set1_epi32(0x7fff))), 16));
}
INLINE __m512i rounded(__m512 low, __m512 high) {
  return _mm512_inserti64x4(_mm512_castsi256_si512(rounded(low)), rounded(high), 1);
}
#endif

// Bits of a where the mask has ones, else of b.
INLINE __m512i select(__m512i mask, __m512i a, __m512i b) { return _mm512_ternarylogic_epi32(mask, a, b, 0xCA); }

INLINE __m512i words(const void * bytes) {
  return _mm512_cvtepu8_epi16(_mm256_loadu_si256(static_cast<const __m256i *>(bytes)));
}

INLINE void put(char * to, int64_t step, __m512i numbers) {
  _mm512_store_si512(to + step * UNPACK_STEP_BYTES, numbers);
}

// Scales and offsets of the eight groups of 32, times the block's own: [2][8].
template <typename Block> INLINE void group_scales(const Block & b, float * to) {
  uint32_t u[3], both;
  std::memcpy(u, b.scales, sizeof u);
  std::memcpy(&both, &b.d, sizeof both);
  const uint64_t scales =
      (u[0] & 0x3f3f3f3fu) | static_cast<uint64_t>((u[2] & 0x0f0f0f0fu) | ((u[0] >> 2) & 0x30303030u)) << 32;
  const uint64_t offsets =
      (u[1] & 0x3f3f3f3fu) | static_cast<uint64_t>(((u[2] >> 4) & 0x0f0f0f0fu) | ((u[1] >> 2) & 0x30303030u)) << 32;
  const __m512i bytes =
      _mm512_cvtepu8_epi32(_mm_set_epi64x(static_cast<int64_t>(offsets), static_cast<int64_t>(scales)));
  const __m512i which = _mm512_inserti64x4(_mm512_setzero_si512(), _mm256_set1_epi32(1), 1);
  const __m512 own =
      _mm512_permutexvar_ps(which, _mm512_castps128_ps512(_mm_cvtph_ps(_mm_cvtsi32_si128(static_cast<int>(both)))));
  _mm512_store_ps(to, _mm512_mul_ps(_mm512_cvtepi32_ps(bytes), own));
}

INLINE __m512 values(__m512 q, const float * scales, int group) {
  return _mm512_fmsub_ps(q, _mm512_set1_ps(scales[group]), _mm512_set1_ps(scales[8 + group]));
}

// Two groups share 32 bytes, and a table: the first's values are its lower half.
INLINE void block(const Q4K & b, const float * scales, char * to) {
  const __m512 q = counting(0);
  for (int g = 0; g < 8; g += 2) {
    const __m512i both = words(b.q + g * 16);
    const __m512i table = rounded(values(q, scales, g), values(q, scales, g + 1));
    put(to, g, _mm512_permutexvar_epi16(_mm512_and_si512(both, _mm512_set1_epi16(15)), table));
    put(to, g + 1, _mm512_permutexvar_epi16(_mm512_or_si512(_mm512_srli_epi16(both, 4), _mm512_set1_epi16(16)), table));
  }
}

// A table a group, two groups to 32 bytes; bit g of the upper bits is group g's.
INLINE void block(const Q5K & b, const float * scales, char * to) {
  const __m512 low = counting(0), high = counting(16);
  const __m512i four = _mm512_set1_epi16(15);
  const __m512i fifth = _mm512_slli_epi16(words(b.high), 4);
  for (int g = 0; g < 8; g += 2) {
    const __m512i both = words(b.q + g * 16);
    const __m512i first = rounded(values(low, scales, g), values(high, scales, g));
    const __m512i second = rounded(values(low, scales, g + 1), values(high, scales, g + 1));
    put(to, g, _mm512_permutexvar_epi16(select(four, both, _mm512_srli_epi16(fifth, static_cast<unsigned>(g))), first));
    put(to, g + 1,
        _mm512_permutexvar_epi16(
            select(four, _mm512_srli_epi16(both, 4), _mm512_srli_epi16(fifth, static_cast<unsigned>(g + 1))), second));
  }
}

// 0x4300 above seven bits is 128 + those bits in BF16: a number q becomes (128 + q) s - 160 s, exactly. Even and odd
// numbers are rounded where they stand (halves away from zero), which takes fewer permutations than the instruction.
INLINE __m512i scaled(__m512i q, __m512 s) {
  const __m512i w = _mm512_ternarylogic_epi32(q, _mm512_set1_epi16(63), _mm512_set1_epi16(0x4300), 0xEA);
  const __m512 offset = _mm512_mul_ps(s, _mm512_set1_ps(-160));
  const __m512 even = _mm512_castsi512_ps(_mm512_slli_epi32(w, 16));
  const __m512 odd = _mm512_castsi512_ps(_mm512_and_si512(w, _mm512_set1_epi32(static_cast<int>(0xFFFF0000))));
  const __m512i half = _mm512_set1_epi32(0x8000);
  const __m512i low = _mm512_add_epi32(_mm512_castps_si512(_mm512_fmadd_ps(even, s, offset)), half);
  const __m512i high = _mm512_add_epi32(_mm512_castps_si512(_mm512_fmadd_ps(odd, s, offset)), half);
  return _mm512_mask_blend_epi16(0xAAAAAAAA, _mm512_srli_epi32(low, 16), high);
}

INLINE void group_scales(const Q6K & b, float * to) {
  const __m128i scales = _mm_loadu_si128(reinterpret_cast<const __m128i *>(b.scales));
  _mm512_store_ps(to, _mm512_mul_ps(_mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(scales)), _mm512_set1_ps(_cvtsh_ss(b.d))));
}

// Groups of 16, two to 32 numbers.
INLINE void block(const Q6K & b, const float * scales, char * to) {
  const __m512i four = _mm512_set1_epi16(15);
  for (int half = 0; half < 2; half++, to += 4 * UNPACK_STEP_BYTES) {
    const __m512i a = words(b.q + half * 64), c = words(b.q + half * 64 + 32), high = words(b.high + half * 32);
    const __m512i q[4] = {select(four, a, _mm512_slli_epi16(high, 4)), select(four, c, _mm512_slli_epi16(high, 2)),
                          select(four, _mm512_srli_epi16(a, 4), high),
                          select(four, _mm512_srli_epi16(c, 4), _mm512_srli_epi16(high, 2))};
    for (int i = 0; i < 4; i++) {
      const float * s = scales + half * 8 + i * 2;
      put(to, i, scaled(q[i], _mm512_mask_blend_ps(0xFF00, _mm512_set1_ps(s[0]), _mm512_set1_ps(s[1]))));
    }
  }
}

// --- blocks of 32: one step --------------------------------------------------------------------------------

INLINE __m512 half_float(uint16_t h) { return _mm512_set1_ps(_cvtsh_ss(h)); }

// Lower four bits first, then the upper ones; the words' other bits do not matter to a table of 16 doubled.
INLINE __m512i nibbles(const uint8_t * q) {
  const __m256i both = _mm256_cvtepu8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i *>(q)));
  return _mm512_and_si512(_mm512_inserti64x4(_mm512_castsi256_si512(both), _mm256_srli_epi16(both, 4), 1),
                          _mm512_set1_epi16(15));
}

INLINE void step(const Q40 & b, char * to) {
  const __m512 table = _mm512_mul_ps(counting(-8), half_float(b.d));
  put(to, 0, _mm512_permutexvar_epi16(nibbles(b.q), rounded(table, table)));
}

INLINE void step(const Q41 & b, char * to) {
  const __m512 table = _mm512_fmadd_ps(counting(0), half_float(b.d), half_float(b.m));
  put(to, 0, _mm512_permutexvar_epi16(nibbles(b.q), rounded(table, table)));
}

INLINE __m512i with_fifth(const uint8_t * q, const uint8_t * high) {
  uint32_t bits;
  std::memcpy(&bits, high, sizeof bits);
  const __m512i four = nibbles(q);
  return _mm512_mask_add_epi16(four, bits, four, _mm512_set1_epi16(16));
}

INLINE void step(const Q50 & b, char * to) {
  const __m512 d = half_float(b.d);
  const __m512i table = rounded(_mm512_mul_ps(counting(-16), d), _mm512_mul_ps(counting(0), d));
  put(to, 0, _mm512_permutexvar_epi16(with_fifth(b.q, b.high), table));
}

INLINE void step(const Q51 & b, char * to) {
  const __m512 d = half_float(b.d), m = half_float(b.m);
  const __m512i table = rounded(_mm512_fmadd_ps(counting(0), d, m), _mm512_fmadd_ps(counting(16), d, m));
  put(to, 0, _mm512_permutexvar_epi16(with_fifth(b.q, b.high), table));
}

INLINE void step(const IQ4NL & b, char * to) {
  const __m512 values = _mm512_setr_ps(-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113);
  const __m512 table = _mm512_mul_ps(values, half_float(b.d));
  put(to, 0, _mm512_permutexvar_epi16(nibbles(b.q), rounded(table, table)));
}

INLINE void step(const Q80 & b, char * to) {
  const __m512 d = half_float(b.d);
  const auto numbers = [&](int at) {
    const __m128i q = _mm_loadu_si128(reinterpret_cast<const __m128i *>(b.q + at));
    return _mm512_mul_ps(_mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(q)), d);
  };
  put(to, 0, rounded(numbers(0), numbers(16)));
}

// --- panels --------------------------------------------------------------------------------------------

// Scales go through memory: broadcasts from there cost nothing, where those from registers take turns with the tables'
// permutations. So they are made ready for all rows first.
template <typename Block>
void panel_rows(const PanelRows & panel, int64_t first, int64_t, int from, int to, char * out) {
  const int64_t offset = first / PIECE * static_cast<int64_t>(sizeof(Block));
  alignas(64) float scales[PRODUCT_PANEL][16];
  for (int i = from; i < to; i++) {
    group_scales(*reinterpret_cast<const Block *>(panel.rows[i] + offset), scales[i]);
  }
  for (int i = from; i < to; i++) {
    for (int64_t at = 0; at < static_cast<int64_t>(sizeof(Block)); at += 64) {
      _mm_prefetch(panel.rows[i] + offset + panel.ahead + at, _MM_HINT_T1);
    }
    block(*reinterpret_cast<const Block *>(panel.rows[i] + offset), scales[i], out + i * UNPACK_ROW_BYTES);
  }
}

template <typename Block>
void panel_steps(const PanelRows & panel, int64_t first, int64_t k, int from, int to, char * out) {
  const int64_t offset = first / UNPACK_STEP * static_cast<int64_t>(sizeof(Block));
  const int64_t steps = std::min(PIECE, k - first) / UNPACK_STEP;
  for (int i = from; i < to; i++) {
    const char * at = panel.rows[i] + offset;
    for (int64_t s = 0; s < steps; s++, at += sizeof(Block)) {
      if (s % 2 == 0) {
        _mm_prefetch(at + panel.ahead, _MM_HINT_T1);
      }
      step(*reinterpret_cast<const Block *>(at), out + s * UNPACK_STEP_BYTES + i * UNPACK_ROW_BYTES);
    }
  }
}

// Types without an unpacker of their own: by ggml's, a number at a time.
void panel_any(const PanelRows & panel, int64_t first, int64_t k, int from, int to, char * out) {
  const ggml_to_float_t to_float = ggml_get_type_traits(panel.type)->to_float;
  const auto offset = static_cast<int64_t>(ggml_row_size(panel.type, first));
  const int64_t count = std::min(PIECE, k - first);
  alignas(64) float numbers[PIECE];
  for (int i = from; i < to; i++) {
    to_float(panel.rows[i] + offset, numbers, count);
    for (int64_t s = 0; s < count / UNPACK_STEP; s++) {
      const float * at = numbers + s * UNPACK_STEP;
      put(out + i * UNPACK_ROW_BYTES, s, rounded(_mm512_load_ps(at), _mm512_load_ps(at + 16)));
    }
  }
}

} // namespace

Unpack unpacker(const ggml_tensor * w) {
  switch (w->type) {
    case GGML_TYPE_Q4_K: return panel_rows<Q4K>;
    case GGML_TYPE_Q5_K: return panel_rows<Q5K>;
    case GGML_TYPE_Q6_K: return panel_rows<Q6K>;
    case GGML_TYPE_Q4_0: return panel_steps<Q40>;
    case GGML_TYPE_Q4_1: return panel_steps<Q41>;
    case GGML_TYPE_Q5_0: return panel_steps<Q50>;
    case GGML_TYPE_Q5_1: return panel_steps<Q51>;
    case GGML_TYPE_Q8_0: return panel_steps<Q80>;
    case GGML_TYPE_IQ4_NL: return panel_steps<IQ4NL>;
    default:
      return ggml_is_quantized(w->type) && w->ne[0] % UNPACK_STEP == 0 && PIECE % ggml_blck_size(w->type) == 0 &&
                     ggml_get_type_traits(w->type)->to_float != nullptr
                 ? panel_any
                 : nullptr;
  }
}

} // namespace sphere

#else

sphere::Unpack sphere::unpacker(const ggml_tensor *) { return nullptr; }

#endif
