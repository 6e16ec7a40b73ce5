// Products with F32, F16 and BF16 weights, to the bits of ggml's tiled kernels (llamafile_sgemm), which want two rows
// and more: each output is summed in one vector along the row, whose lanes are then added by halves. Here 16 outputs
// add their lanes together, which is most of the work where rows are short. Quantised weights are unpacked to BF16, a
// panel of 16 rows at a time, and multiplied as BF16 is; or weights of any type to F32, and multiplied as that is.
#include "matmul/matmul.hpp"
#include "matmul/matmul_ints.hpp"
#include "matmul/matmul_lanes.hpp"
#include "matmul/matmul_unpack.hpp"

#include "ggml-cpu.h"

#include <algorithm>
#include <cstring>

namespace sphere {
namespace {

constexpr int PANEL = static_cast<int>(MATMUL_PANEL);
constexpr int64_t LONG = 2048; // numbers in a row of weights from which on they are not read from the nearest cache

// A kind of weights: `Weight` is how they lie in memory, `Input` what rows of activations become.
struct Float32 {
  static constexpr int STEP = LANES; // numbers of a row that are multiplied at once
  using Weight = float;
  using Input = float;
  static constexpr bool CONVERTS = false;
  static void convert(const float *, Input *, int64_t) {}
  static Vector load(const Weight * p) { return hn::LoadU(FLOATS, p); }
  static Vector load_input(const Input * p) { return hn::LoadU(FLOATS, p); }
  static Vector add(Vector sum, Vector a, Vector b) { return hn::MulAdd(a, b, sum); }
};

// Activations rounded to 16 bits and read as F32. They are rounded into the second half of their place, from where
// they are read before they are written over.
template <typename T> void widen(typename T::Weight * halves, float * y, int64_t n) {
  int64_t i = 0;
  for (; i + LANES <= n; i += LANES) {
    hn::StoreU(T::load(halves + i), FLOATS, y + i);
  }
}

struct Float16 : Float32 {
  using Weight = ggml_fp16_t;
  static constexpr bool CONVERTS = true;
  static void convert(const float * x, Input * y, int64_t n) {
    auto * halves = reinterpret_cast<Weight *>(y) + n;
    ggml_cpu_fp32_to_fp16(x, halves, n);
    widen<Float16>(halves, y, n);
  }
  static Vector load(const Weight * p) {
    const hn::Rebind<hwy::float16_t, Floats> half;
    return hn::PromoteTo(FLOATS, hn::LoadU(half, reinterpret_cast<const hwy::float16_t *>(p)));
  }
};

#if defined(__AVX512BF16__) || defined(__ARM_FEATURE_BF16_VECTOR_ARITHMETIC)
// Pairs of numbers are multiplied and added to a sum by one instruction.
struct Brain16 {
  static constexpr int STEP = 2 * LANES;
  using Weight = ggml_bf16_t;
  using Input = ggml_bf16_t;
  static constexpr bool CONVERTS = true;
  static void convert(const float * x, Input * y, int64_t n) { ggml_cpu_fp32_to_bf16(x, y, n); }
#if defined(__AVX512BF16__)
  using Pairs = __m512bh;
  static Pairs load(const Weight * p) {
    return reinterpret_cast<__m512bh>(_mm512_loadu_ps(reinterpret_cast<const float *>(p)));
  }
  static Vector add(Vector sum, Pairs a, Pairs b) { return Vector{_mm512_dpbf16_ps(sum.raw, a, b)}; }
#else
  using Pairs = bfloat16x8_t;
  static Pairs load(const Weight * p) { return vld1q_bf16(reinterpret_cast<const bfloat16_t *>(p)); }
  static Vector add(Vector sum, Pairs a, Pairs b) { return Vector{vbfdotq_f32(sum.raw, a, b)}; }
#endif
  static Pairs load_input(const Input * p) { return load(p); }
};
#else
struct Brain16 : Float32 {
  using Weight = ggml_bf16_t;
  static constexpr bool CONVERTS = true;
  static void convert(const float * x, Input * y, int64_t n) {
    auto * halves = reinterpret_cast<Weight *>(y) + n;
    ggml_cpu_fp32_to_bf16(x, halves, n);
    widen<Brain16>(halves, y, n);
  }
  static Vector load(const Weight * p) {
    const hn::ScalableTag<uint32_t> bits;
    const hn::Rebind<uint16_t, hn::ScalableTag<uint32_t>> half;
    const auto wide = hn::PromoteTo(bits, hn::LoadU(half, reinterpret_cast<const uint16_t *>(p)));
    return hn::BitCast(FLOATS, hn::ShiftLeft<16>(wide));
  }
};
#endif

// Weights where they lie and as they are. What `ahead` bytes further on will be weights is fetched: hardware does not
// follow so many streams.
template <typename T> struct AsTheyAre {
  const char * weights;
  size_t row, ahead;

  AsTheyAre from_row(int64_t i) const { return {weights + row * static_cast<size_t>(i), row, ahead}; }
  auto load(int i, int64_t l) const {
    const auto * at = reinterpret_cast<const typename T::Weight *>(weights + row * static_cast<size_t>(i)) + l;
    __builtin_prefetch(reinterpret_cast<const char *>(at) + ahead, 0, 3);
    return T::load(at);
  }
};

// W weight rows by N rows of activations.
template <typename T, int W, int N, typename Weights>
void tile(const Weights & weights, const char * x, size_t x_row, int64_t k, float * out, size_t stride) {
  using Input = typename T::Input;
  constexpr int GROUPS = (W * N + LANES - 1) / LANES;
  Vector sum[GROUPS * LANES];
  clear(sum);
  for (int64_t l = 0; l < k; l += T::STEP) {
    decltype(T::load_input(nullptr)) a[N];
    for (int j = 0; j < N; j++) {
      a[j] = held(T::load_input(reinterpret_cast<const Input *>(x + x_row * static_cast<size_t>(j)) + l));
    }
    HWY_UNROLL(16)
    for (int i = 0; i < W; i++) {
      const auto w = weights.load(i, l);
      HWY_UNROLL(8)
      for (int j = 0; j < N; j++) {
        sum[j * W + i] = T::add(sum[j * W + i], w, a[j]);
      }
    }
  }
  alignas(64) float all[GROUPS * LANES];
  for (int g = 0; g < GROUPS; g++) {
    hn::StoreU(lane_sums(sum + g * LANES), FLOATS, all + g * LANES);
  }
  for (int j = 0; j < N; j++) {
    std::memcpy(out + stride * static_cast<size_t>(j), all + j * W, W * sizeof(float));
  }
}

template <typename T, typename Weights> struct Panel {
  Weights weights;
  int64_t k, rows; // rows: a multiple of 4
  float * out;
  size_t stride;

  template <int W, int N> void tiles(const char * x, size_t x_row, int64_t j) const {
    for (int64_t i = 0; i < rows; i += W) {
      tile<T, W, N>(weights.from_row(i), x + x_row * static_cast<size_t>(j), x_row, k,
                    out + stride * static_cast<size_t>(j) + i, stride);
    }
  }

  // N rows of activations from j on: 16 sums at once, or 24; 8 or 12 where there are but 16 registers.
  void compute(int64_t n, const char * x, size_t x_row, int64_t j) const {
    if constexpr (FEW_REGISTERS) {
      switch (rows == PANEL || n > 1 ? n : 4) {
        case 1: return tiles<8, 1>(x, x_row, j);
        case 2: return tiles<4, 2>(x, x_row, j);
        case 3: return tiles<4, 3>(x, x_row, j);
        default: return tiles<4, 1>(x, x_row, j);
      }
    }
    switch (rows == PANEL || n > 2 ? n : n + 6) {
      case 1: return tiles<16, 1>(x, x_row, j);
      case 2: return tiles<8, 2>(x, x_row, j);
      case 3: return tiles<4, 3>(x, x_row, j);
      case 4: return tiles<4, 4>(x, x_row, j);
      case 5: return tiles<4, 5>(x, x_row, j);
      case 6: return tiles<4, 6>(x, x_row, j);
      case 7: return tiles<4, 1>(x, x_row, j);
      default: return tiles<4, 2>(x, x_row, j);
    }
  }

  // All n rows.
  void compute_all(int64_t n, const char * x, size_t x_row) const {
    const int64_t most = FEW_REGISTERS ? 3 : k < LONG ? 4 : 6, count = (n + most - 1) / most;
    for (int64_t t = 0; t < count; t++) {
      const int64_t j = n * t / count;
      compute(n * (t + 1) / count - j, x, x_row, j);
    }
  }
};

template <typename T> int64_t inputs_size(int64_t k, int64_t n) {
  return T::CONVERTS ? whole_lines(k * n * static_cast<int64_t>(sizeof(typename T::Input))) : 0;
}

int64_t own_size(int64_t, int64_t) { return 0; }

template <typename T> void convert(const ggml_tensor * x, int ith, int nth, void * inputs, void *) {
  if constexpr (T::CONVERTS) {
    for (int64_t j = ith; j < x->ne[1]; j += nth) {
      const char * row = static_cast<const char *>(x->data) + x->nb[1] * static_cast<size_t>(j);
      T::convert(reinterpret_cast<const float *>(row), static_cast<typename T::Input *>(inputs) + x->ne[0] * j,
                 x->ne[0]);
    }
  }
}

template <typename T> void panels(const ggml_tensor * op, int64_t from, int64_t to, const void * inputs, void *) {
  const ggml_tensor *w = op->src[0], *x = op->src[1];
  const int64_t k = w->ne[0];
  const auto * rows = static_cast<const char *>(T::CONVERTS ? inputs : x->data);
  const size_t row = T::CONVERTS ? static_cast<size_t>(k) * sizeof(typename T::Input) : x->nb[1];
  for (int64_t p = from; p < to; p++) {
    const int64_t first = p * PANEL;
    const AsTheyAre<T> weights{static_cast<const char *>(w->data) + w->nb[1] * static_cast<size_t>(first), w->nb[1],
                               w->nb[1] * PANEL};
    const Panel<T, AsTheyAre<T>> panel{weights, k, std::min<int64_t>(PANEL, w->ne[1] - first),
                                       static_cast<float *>(op->data) + first, op->nb[1] / sizeof(float)};
    panel.compute_all(x->ne[1], rows, row);
  }
}

template <typename T> const MatmulKernel * kernel(const ggml_tensor * w) {
  static constexpr MatmulKernel KERNEL{inputs_size<T>, own_size, convert<T>, panels<T>};
  return w->ne[0] % T::STEP == 0 && w->ne[1] % 4 == 0 ? &KERNEL : nullptr;
}

#if defined(__AVX512F__)
// A panel of quantised weights, unpacked.
struct Unpacked {
  const char * weights;

  Unpacked from_row(int64_t i) const { return {weights + i * UNPACK_ROW_BYTES}; }
  auto load(int i, int64_t l) const {
    const auto * at =
        reinterpret_cast<const ggml_bf16_t *>(weights + l / UNPACK_STEP * UNPACK_STEP_BYTES + i * UNPACK_ROW_BYTES);
    return Brain16::load(Brain16::STEP < UNPACK_STEP ? at + l % UNPACK_STEP : at);
  }
};

// Outputs of a panel that is not whole, then its weights.
int64_t unpacked_size(int64_t k, int64_t n) {
  return whole_lines(n * PANEL * static_cast<int64_t>(sizeof(float))) + pieces_of(k) * PIECE_BYTES;
}

void unpacked_panels(const ggml_tensor * op, int64_t from, int64_t to, const void * inputs, void * own) {
  const ggml_tensor * w = op->src[0];
  const int64_t k = w->ne[0], n = op->src[1]->ne[1];
  const Unpack unpack = unpacker(w);
  const Multiply multiply = multiplier(w);
  const auto * x = static_cast<const char *>(inputs);
  const size_t x_row = static_cast<size_t>(k) * sizeof(Brain16::Input), stride = op->nb[1] / sizeof(float);
  auto * part = static_cast<float *>(own);
  char * unpacked = static_cast<char *>(own) + whole_lines(n * PANEL * static_cast<int64_t>(sizeof(float)));
  for (int64_t p = from; p < to; p++) {
    const PanelRows rows(w, p);
    const int64_t height = std::min<int64_t>(PANEL, w->ne[1] - p * PANEL);
    float * all = static_cast<float *>(op->data) + p * PANEL;
    float * out = height == PANEL ? all : part;
    const size_t out_stride = height == PANEL ? stride : PANEL;
    int64_t done = std::min(n, MULTIPLIED);
    if (multiply == nullptr || !multiply(rows, k, {x, x_row}, done, n > done ? unpacked : nullptr, out, out_stride)) {
      done = 0;
      for (int64_t piece = 0; piece < pieces_of(k); piece++) {
        unpack(rows, piece * PIECE, k, 0, PANEL, unpacked + piece * PIECE_BYTES);
      }
    }
    if (done < n) {
      Panel<Brain16, Unpacked>{{unpacked}, k, PANEL, out + out_stride * static_cast<size_t>(done), out_stride}
          .compute_all(n - done, x + x_row * static_cast<size_t>(done), x_row);
    }
    for (int64_t j = 0; height < PANEL && j < n; j++) {
      std::memcpy(all + stride * static_cast<size_t>(j), part + j * PANEL, static_cast<size_t>(height) * sizeof(float));
    }
  }
}

// An even number of rows is read, and what comes of the last is not used (matmul_unpack.hpp).
int64_t unpacked_inputs(int64_t k, int64_t n) { return inputs_size<Brain16>(k, n > 1 ? n + n % 2 : n); }

const MatmulKernel * unpacked_kernel(const ggml_tensor * w) {
  static constexpr MatmulKernel KERNEL{unpacked_inputs, unpacked_size, convert<Brain16>, unpacked_panels};
  return UNPACKS_BF16 && unpacker(w) ? &KERNEL : nullptr;
}

#endif

// --- weights of any type in F32 ------------------------------------------------------------------------

// Outputs of a panel, then its weights.
int64_t exact_size(int64_t k, int64_t n) {
  return whole_lines(n * PANEL * static_cast<int64_t>(sizeof(float))) +
         whole_lines(k * PANEL * static_cast<int64_t>(sizeof(float)));
}

void exact_panels(const ggml_tensor * op, int64_t from, int64_t to, const void *, void * own) {
  const ggml_tensor *w = op->src[0], *x = op->src[1];
  const int64_t k = w->ne[0], n = x->ne[1];
  const ggml_to_float_t to_float = floats_of(w->type);
  auto * part = static_cast<float *>(own);
  auto * numbers = reinterpret_cast<float *>(static_cast<char *>(own) +
                                             whole_lines(n * PANEL * static_cast<int64_t>(sizeof(float))));
  const AsTheyAre<Float32> weights{reinterpret_cast<const char *>(numbers), static_cast<size_t>(k) * sizeof(float), 0};
  for (int64_t p = from; p < to; p++) {
    const PanelRows rows(w, p);
    for (int i = 0; i < PANEL; i++) {
      if (w->type == GGML_TYPE_F32) {
        std::memcpy(numbers + i * k, rows.rows[i], static_cast<size_t>(k) * sizeof(float));
      } else {
        to_float(rows.rows[i], numbers + i * k, k);
      }
    }
    Panel<Float32, AsTheyAre<Float32>>{weights, k, PANEL, part, PANEL}.compute_all(
        n, static_cast<const char *>(x->data), x->nb[1]);
    const int64_t height = std::min<int64_t>(PANEL, w->ne[1] - p * PANEL);
    for (int64_t j = 0; j < n; j++) {
      std::memcpy(static_cast<float *>(op->data) + p * PANEL + op->nb[1] / sizeof(float) * static_cast<size_t>(j),
                  part + j * PANEL, static_cast<size_t>(height) * sizeof(float));
    }
  }
}

} // namespace

const MatmulKernel * row_matmul(const ggml_tensor * w, int64_t n) {
  switch (w->type) {
    case GGML_TYPE_F32: return kernel<Float32>(w);
    case GGML_TYPE_F16: return kernel<Float16>(w);
    case GGML_TYPE_BF16: return kernel<Brain16>(w);
    default: break;
  }
#if defined(__AVX512F__)
  (void)n;
  return unpacked_kernel(w);
#else
  const MatmulKernel * integers = int_matmul(w, n);
  return integers || !ggml_is_quantized(w->type) ? integers : exact_matmul(w, n);
#endif
}

const MatmulKernel * exact_matmul(const ggml_tensor * w, int64_t) {
  static constexpr MatmulKernel KERNEL{inputs_size<Float32>, exact_size, convert<Float32>, exact_panels};
  const bool readable = w->type == GGML_TYPE_F32 || ggml_get_type_traits(w->type)->to_float != nullptr;
  return readable && w->ne[0] % Float32::STEP == 0 ? &KERNEL : nullptr;
}

} // namespace sphere
