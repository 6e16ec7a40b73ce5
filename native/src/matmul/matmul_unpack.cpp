// Unpackers of ggml's quantised blocks (matmul_types.hpp). In F32 a number is exact up to one rounding, and so ggml's
// own dequantised one. Products with AVX-512 want it rounded to BF16: codes of up to five bits then select from a table
// of the values that a group with one scale can have, which is rounded once a group; six bits are rounded where they
// stand.
#include "matmul/matmul_unpack.hpp"

#include "matmul/matmul_lanes.hpp"
#include "matmul/matmul_types.hpp"

namespace sphere {
namespace {

using namespace blocks;

// --- in F32 ----------------------------------------------------------------------------------------------------

using FloatTag = hn::CappedTag<float, 16>;
constexpr int LANES = static_cast<int>(hn::MaxLanes(FloatTag()));

template <typename V> INLINE hn::Vec<FloatTag> floats(V integers) {
  return hn::ConvertTo(FloatTag(), hn::PromoteTo(hn::RebindToSigned<FloatTag>(), integers));
}

// Calls f(first number, code or level as a float) for each vector of a step.
template <int S, typename B, typename F> INLINE void floats_of_step(const B & block, F f) {
  if constexpr (B::BITS == 8) {
    for (int i = 0; i < 32; i += LANES) {
      f(i, floats(hn::LoadU(hn::Rebind<int8_t, FloatTag>(), block.q + i)));
    }
  } else {
    Codes c = masked<B::BITS>(block.template codes<S>());
    using Byte = std::conditional_t<B::KIND == Kind::LEVELS, int8_t, uint8_t>;
    alignas(64) Byte all[32];
#if SPHERE_CODE_WORDS
    hn::Store(hn::BitCast(hn::FixedTag<Byte, 32>(), hn::TruncateTo(hn::FixedTag<uint8_t, 32>(), c.part[0])),
              hn::FixedTag<Byte, 32>(), all);
    if constexpr (B::KIND == Kind::LEVELS) {
      const hn::FixedTag<int8_t, 32> t;
      hn::Store(hn::TableLookupBytes(hn::LoadDup128(t, LEVELS), hn::Load(t, all)), t, all);
    }
#else
    const hn::Rebind<Byte, CodeTag> t;
    for (size_t i = 0; i < PARTS; i++) {
      if constexpr (B::KIND == Kind::LEVELS) {
        c.part[i] = hn::BitCast(CodeTag(), hn::TableLookupBytes(hn::LoadDup128(t, LEVELS), hn::BitCast(t, c.part[i])));
      }
      hn::Store(hn::BitCast(t, c.part[i]), t, all + i * hn::MaxLanes(t));
    }
#endif
    for (int i = 0; i < 32; i += LANES) {
      f(i, floats(hn::Load(hn::Rebind<Byte, FloatTag>(), all + i)));
    }
  }
}

// So many steps of a row, `stride` bytes from one to the next.
template <typename B>
INLINE void write(const B * blocks, int64_t steps, const Scales & s, float * out, int64_t stride) {
  for_steps(blocks, steps, [&](int number, const B & block, auto step) {
    float * to = out + number * stride;
    floats_of_step<decltype(step)::value>(block, [&](int i, hn::Vec<FloatTag> code) {
      const int group = (number * 32 + i) / B::GROUP;
      const auto scale = hn::Set(FloatTag(), s.of[group]);
      if constexpr (B::KIND == Kind::MINIMUM) {
        hn::StoreU(hn::MulAdd(code, scale, hn::Set(FloatTag(), s.of[OFFSETS<B> + group])), FloatTag(), to + i);
      } else {
        const auto centred = B::ZERO == 0 ? code : hn::Sub(code, hn::Set(FloatTag(), B::ZERO));
        hn::StoreU(hn::Mul(centred, scale), FloatTag(), to + i);
      }
    });
  });
}

// Whole rows, as ggml_to_float_t.
template <typename B> void whole(const void * from, float * to, int64_t n) {
  const auto * blocks = static_cast<const B *>(from);
  Scales s;
  for (int64_t i = 0; i < n; i += PIECE, blocks += PIECE / B::NUMBERS) {
    const int64_t steps = std::min(PIECE, n - i) / UNPACK_STEP;
    make_scales(blocks, steps, s);
    write(blocks, steps, s, to + i, UNPACK_STEP);
  }
}

template <typename T> void widened(const void * from, float * to, int64_t n) {
  const hn::Rebind<T, FloatTag> t;
  const auto * x = static_cast<const T *>(from);
  int64_t i = 0;
  for (; i + LANES <= n; i += LANES) {
    hn::StoreU(hn::PromoteTo(FloatTag(), hn::LoadU(t, x + i)), FloatTag(), to + i);
  }
  if (i < n) {
    const auto rest = static_cast<size_t>(n - i);
    hn::StoreN(hn::PromoteTo(FloatTag(), hn::LoadN(t, x + i, rest)), FloatTag(), to + i, rest);
  }
}

// --- in BF16, with AVX-512 ---------------------------------------------------------------------------------------

#if SPHERE_CODE_WORDS

// Intrinsics from here on: Highway has neither permutations that ignore the upper bits of an index, nor the conversion
// that rounds two vectors into one.

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

INLINE __m512 from_memory(const float & x) { return _mm512_set1_ps(x); }

// What 16 codes from `first` on stand for, in a group.
template <typename B> INLINE __m512 values(const Scales & s, int group, float first = 0) {
  if constexpr (B::KIND == Kind::LEVELS) {
    const __m512 levels = _mm512_setr_ps(-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113);
    return _mm512_mul_ps(levels, from_memory(s.of[group]));
  } else {
    const __m512 codes = _mm512_add_ps(_mm512_setr_ps(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15),
                                       _mm512_set1_ps(first - static_cast<float>(B::ZERO)));
    const __m512 scale = from_memory(s.of[group]);
    return B::KIND == Kind::CENTRED ? _mm512_mul_ps(codes, scale)
                                    : _mm512_fmadd_ps(codes, scale, from_memory(s.of[OFFSETS<B> + group]));
  }
}

// a and b | c.
INLINE __m512i and_or(__m512i a, __m512i b, __m512i c) { return _mm512_ternarylogic_epi32(a, b, c, 0xEA); }

// 0x4300 above seven bits is 128 + those bits in BF16: a code becomes (128 + code) s - (128 + ZERO) s, exactly. Even
// and odd numbers are rounded where they stand (halves away from zero), which takes fewer permutations than the
// instruction.
template <typename B> INLINE __m512i in_place(__m512i code, __m512 s) {
  const __m512i w = and_or(code, _mm512_set1_epi16(63), _mm512_set1_epi16(0x4300));
  const __m512 offset = _mm512_mul_ps(s, _mm512_set1_ps(-(128 + B::ZERO)));
  const __m512 even = _mm512_castsi512_ps(_mm512_slli_epi32(w, 16));
  const __m512 odd = _mm512_castsi512_ps(_mm512_and_si512(w, _mm512_set1_epi32(static_cast<int>(0xFFFF0000))));
  const __m512i half = _mm512_set1_epi32(0x8000);
  const __m512i low = _mm512_add_epi32(_mm512_castps_si512(_mm512_fmadd_ps(even, s, offset)), half);
  const __m512i high = _mm512_add_epi32(_mm512_castps_si512(_mm512_fmadd_ps(odd, s, offset)), half);
  return _mm512_mask_blend_epi16(0xAAAAAAAA, _mm512_srli_epi32(low, 16), high);
}

// The scales of two groups of 16, in the lanes of their numbers.
INLINE __m512 two_groups(const float * s) { return _mm512_mask_blend_ps(0xFF00, from_memory(s[0]), from_memory(s[1])); }

// A step. `table` belongs to the group before, whose step of four bits shares it.
template <int S, typename B> INLINE __m512i step(const B & block, int number, const Scales & s, __m512i & table) {
  if constexpr (B::BITS == 8) {
    const auto half = [&](int i) {
      const __m128i q = _mm_loadu_si128(reinterpret_cast<const __m128i *>(block.q + i));
      return _mm512_mul_ps(_mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(q)), _mm512_set1_ps(_cvtsh_ss(block.d)));
    };
    return rounded(half(0), half(16));
  } else {
    const __m512i code = block.template codes<S>().part[0].raw;
    const __m512i mask = _mm512_set1_epi16((1 << B::BITS) - 1), other = _mm512_set1_epi16(16);
    if constexpr (B::BITS == 6) {
      return in_place<B>(code, two_groups(s.of + 2 * number));
    } else if constexpr (B::BITS == 5) {
      return _mm512_permutexvar_epi16(code, rounded(values<B>(s, number), values<B>(s, number, 16)));
    } else if constexpr (B::GROUP == 16) {
      const __m512i both = rounded(values<B>(s, 2 * number), values<B>(s, 2 * number + 1));
      return _mm512_permutexvar_epi16(and_or(code, mask, _mm512_maskz_mov_epi16(0xFFFF0000, other)), both);
    } else if (number % 2 == 0) { // two steps have a table together
      table = rounded(values<B>(s, number), values<B>(s, number + 1));
      return _mm512_permutexvar_epi16(_mm512_and_si512(code, mask), table);
    } else {
      return _mm512_permutexvar_epi16(_mm512_or_si512(code, other), table);
    }
  }
}

// Calls to(number of the step, its 32 numbers).
template <typename B, typename To> INLINE void for_numbers(const B * blocks, int64_t steps, const Scales & s, To to) {
  __m512i table = _mm512_setzero_si512();
  __m512i all[STEPS];
  for_steps(blocks, steps, [&](int number, const B & block, auto at) {
    const __m512i numbers = step<decltype(at)::value>(block, number, s, table);
    if constexpr (B::NUMBERS == 256) {
      all[number] = numbers; // what steps share is then read once
    } else {
      to(number, numbers);
    }
  });
  for (int i = 0; B::NUMBERS == 256 && i < STEPS; i++) {
    to(i, all[i]);
  }
}

template <typename B>
INLINE void write(const B * blocks, int64_t steps, const Scales & s, uint16_t * out, int64_t stride) {
  for_numbers(blocks, steps, s,
              [&](int number, __m512i numbers) { _mm512_store_si512(out + number * stride, numbers); });
}

#endif

// --- panels --------------------------------------------------------------------------------------------------------

constexpr int64_t STRIDE = UNPACK_STEP * MATMUL_PANEL;

UnpackElement * row_of(char * out, int i) { return reinterpret_cast<UnpackElement *>(out) + i * UNPACK_STEP; }

// Scales go through memory: broadcasts from there cost nothing, where those from registers take turns with the tables'
// permutations. So they are made ready for all rows first.
template <typename B>
INLINE void scales_of(const PanelRows & panel, int64_t offset, int64_t steps, int from, int to, Scales * scales) {
  for (int i = from; i < to; i++) {
    if constexpr (!UNPACKS_BF16 || B::BITS != 8) { // eight bits take no table, and their scale as it lies
      make_scales(reinterpret_cast<const B *>(panel.rows[i] + offset), steps, scales[i - from]);
    }
  }
}

INLINE void fetch_ahead(const PanelRows & panel, int i, int64_t offset, int64_t size) {
  for (int64_t at = 0; at < size; at += 64) {
    __builtin_prefetch(panel.rows[i] + offset + panel.ahead + at, 0, 2);
  }
}

template <typename B>
INLINE void panel_of(const PanelRows & panel, int64_t offset, int64_t steps, int from, int to, char * out) {
  const int64_t size = steps * UNPACK_STEP / B::NUMBERS * static_cast<int64_t>(sizeof(B));
  Scales scales[MATMUL_PANEL];
  scales_of<B>(panel, offset, steps, from, to, scales);
  for (int i = from; i < to; i++) {
    fetch_ahead(panel, i, offset, size);
    write(reinterpret_cast<const B *>(panel.rows[i] + offset), steps, scales[i - from], row_of(out, i), STRIDE);
  }
}

template <typename B> void panel(const PanelRows & panel, int64_t first, int64_t k, int from, int to, char * out) {
  const int64_t offset = first / B::NUMBERS * static_cast<int64_t>(sizeof(B));
  if (B::NUMBERS == 256 || k - first >= PIECE) {
    panel_of<B>(panel, offset, STEPS, from, to, out); // a number that the compiler knows
  } else {
    panel_of<B>(panel, offset, (k - first) / UNPACK_STEP, from, to, out);
  }
}

#if SPHERE_CODE_WORDS && defined(__AVX512BF16__)
constexpr int64_t BRAIN = sizeof(uint16_t); // bytes of an activation

// Multiplied as they are unpacked: each sum takes the same numbers in the same order as from a scratch.
template <typename B>
INLINE void multiplied(const PanelRows & panel, int64_t offset, int64_t steps, const char * x, __m512 * sum) {
  const int64_t size = steps * UNPACK_STEP / B::NUMBERS * static_cast<int64_t>(sizeof(B));
  Scales scales[MATMUL_PANEL];
  scales_of<B>(panel, offset, steps, 0, MATMUL_PANEL, scales);
  for (int i = 0; i < MATMUL_PANEL; i++) {
    fetch_ahead(panel, i, offset, size);
    __m512 own = sum[i];
    for_numbers(reinterpret_cast<const B *>(panel.rows[i] + offset), steps, scales[i],
                [&](int number, __m512i numbers) {
                  own = _mm512_dpbf16_ps(own, reinterpret_cast<__m512bh>(numbers),
                                         reinterpret_cast<__m512bh>(_mm512_loadu_si512(x + number * UNPACK_ROW_BYTES)));
                });
    sum[i] = own;
  }
}

template <typename B> void multiply_one(const PanelRows & panel, int64_t k, const char * x, float * out) {
  __m512 sum[MATMUL_PANEL];
  for (__m512 & s : sum) {
    s = _mm512_setzero_ps();
  }
  for (int64_t first = 0; first < k; first += PIECE) {
    const int64_t offset = first / B::NUMBERS * static_cast<int64_t>(sizeof(B));
    const char * at = x + first * BRAIN;
    if (B::NUMBERS == 256 || k - first >= PIECE) {
      multiplied<B>(panel, offset, STEPS, at, sum); // a number that the compiler knows
    } else {
      multiplied<B>(panel, offset, (k - first) / UNPACK_STEP, at, sum);
    }
  }
  Vec sums[MATMUL_PANEL];
  for (int i = 0; i < MATMUL_PANEL; i++) {
    sums[i] = Vec{sum[i]};
  }
  hn::StoreU(lane_sums(sums), FLOATS, out);
}

// N rows of activations, n of which count. A step of R weight rows is in registers, and up to 16 sums are.
template <typename B, int N>
void multiply_some(const PanelRows & panel, int64_t k, const BrainRows & x, int64_t n, char * keep, float * out,
                   size_t stride) {
  constexpr int R = 16 / N < 4 ? 2 : 16 / N;
  for (int i = 0; i < MATMUL_PANEL; i += R) {
    Vec sum[16];
    clear(sum);
    for (int64_t first = 0; first < k; first += PIECE) {
      const int64_t steps = std::min<int64_t>(STEPS, (k - first) / UNPACK_STEP);
      const int64_t offset = first / B::NUMBERS * static_cast<int64_t>(sizeof(B));
      Scales scales[R];
      scales_of<B>(panel, offset, steps, i, i + R, scales);
      const B * blocks[R];
      for (int r = 0; r < R; r++) {
        fetch_ahead(panel, i + r, offset, steps * static_cast<int64_t>(sizeof(B)));
        blocks[r] = reinterpret_cast<const B *>(panel.rows[i + r] + offset);
      }
      __m512i table[R];
      const char * at = x.first + first * BRAIN;
      for (int number = 0; number < steps; number++, at += UNPACK_ROW_BYTES) {
        __m512i w[R];
        HWY_UNROLL(8)
        for (int r = 0; r < R; r++) {
          w[r] = step<0>(blocks[r][number], number, scales[r], table[r]);
        }
        for (int r = 0; keep != nullptr && r < R; r++) {
          const int64_t step_of_row = first / UNPACK_STEP + number;
          _mm512_store_si512(keep + step_of_row * UNPACK_STEP_BYTES + (i + r) * UNPACK_ROW_BYTES, w[r]);
        }
        HWY_UNROLL(8)
        for (int j = 0; j < N; j++) {
          const __m512i a = held(_mm512_loadu_si512(at + x.stride * static_cast<size_t>(j)));
          HWY_UNROLL(8)
          for (int r = 0; r < R; r++) {
            sum[j * R + r].raw =
                _mm512_dpbf16_ps(sum[j * R + r].raw, reinterpret_cast<__m512bh>(w[r]), reinterpret_cast<__m512bh>(a));
          }
        }
      }
    }
    alignas(64) float all[16];
    hn::StoreU(lane_sums(sum), FLOATS, all);
    for (int64_t j = 0; j < n; j++) {
      std::memcpy(out + stride * static_cast<size_t>(j) + i, all + j * R, R * sizeof(float));
    }
  }
}

template <typename B>
bool multiply(const PanelRows & panel, int64_t k, const BrainRows & x, int64_t n, char * keep, float * out,
              size_t stride) {
  if (n == 1) {
    multiply_one<B>(panel, k, x.first, out);
    return true;
  }
  if constexpr (B::NUMBERS == 32) {
    const auto some = n == 2   ? multiply_some<B, 2>
                      : n <= 4 ? multiply_some<B, 4>
                      : n <= 6 ? multiply_some<B, 6>
                               : multiply_some<B, 8>;
    some(panel, k, x, n, keep, out, stride);
    return true;
  }
  return false; // steps of a block share bytes, so that all are unpacked at once, which leaves no register to sums
}
#endif

// Types without an unpacker of their own: by ggml's, a number at a time.
void panel_any(const PanelRows & panel, int64_t first, int64_t k, int from, int to, char * out) {
  const ggml_to_float_t to_float = ggml_get_type_traits(panel.type)->to_float;
  const auto offset = static_cast<int64_t>(ggml_row_size(panel.type, first));
  const int64_t count = std::min(PIECE, k - first);
  alignas(64) float numbers[PIECE];
  for (int i = from; i < to; i++) {
    to_float(panel.rows[i] + offset, numbers, count);
    for (int64_t at = 0; at < count; at += UNPACK_STEP) {
      UnpackElement * to_step = row_of(out, i) + at / UNPACK_STEP * STRIDE;
#if SPHERE_CODE_WORDS
      _mm512_store_si512(to_step, rounded(_mm512_load_ps(numbers + at), _mm512_load_ps(numbers + at + 16)));
#else
      std::memcpy(to_step, numbers + at, UNPACK_ROW_BYTES);
#endif
    }
  }
}

struct Unpackers {
  Unpack panel;
  ggml_to_float_t floats;
  Multiply multiply = nullptr;
};

#if SPHERE_CODE_WORDS && defined(__AVX512BF16__)
template <typename B> constexpr Multiply MULTIPLY = multiply<B>;
#else
template <typename B> constexpr Multiply MULTIPLY = nullptr;
#endif

Unpackers unpackers(ggml_type type) {
  switch (type) {
#define TYPE(name)                                                                                                     \
  case GGML_TYPE_##name: return {panel<name>, whole<name>, MULTIPLY<name>};
    TYPE(Q4_0)
    TYPE(Q4_1)
    TYPE(Q5_0)
    TYPE(Q5_1)
    TYPE(Q8_0)
    TYPE(IQ4_NL)
    TYPE(Q2_K)
    TYPE(Q3_K)
    TYPE(Q4_K)
    TYPE(Q5_K)
    TYPE(Q6_K)
    TYPE(IQ4_XS)
#undef TYPE
    case GGML_TYPE_F16: return {nullptr, widened<hwy::float16_t>};
    case GGML_TYPE_BF16: return {nullptr, widened<hwy::bfloat16_t>};
    default: return {nullptr, nullptr};
  }
}

} // namespace

Unpack unpacker(const ggml_tensor * w) {
  if (const Unpack own = unpackers(w->type).panel) {
    return own;
  }
  return ggml_is_quantized(w->type) && w->ne[0] % UNPACK_STEP == 0 && PIECE % ggml_blck_size(w->type) == 0 &&
                 ggml_get_type_traits(w->type)->to_float != nullptr
             ? panel_any
             : nullptr;
}

Multiply multiplier(const ggml_tensor * w) { return unpackers(w->type).multiply; }

ggml_to_float_t floats_of(ggml_type type) {
  const ggml_to_float_t own = unpackers(type).floats;
  return own != nullptr ? own : ggml_get_type_traits(type)->to_float;
}

} // namespace sphere
