// What all products share: which are taken, and how threads divide one. See products.hpp.
#include "matmul/matmul.hpp"

#include "common/amx.hpp"
#include "matmul/matmul_ints.hpp"
#include "sphere_attention.h"

#include <algorithm>
#include <atomic>

// Internal to ggml, but exported (ggml/src/ggml-cpu/ggml-cpu-impl.h); weak, since another version may hide them.
extern "C" {
__attribute__((weak)) void ggml_barrier(ggml_threadpool * pool);
__attribute__((weak)) void ggml_threadpool_chunk_set(ggml_threadpool * pool, int value);
__attribute__((weak)) int ggml_threadpool_chunk_add(ggml_threadpool * pool, int value);
}

namespace {

constexpr int64_t CHUNKS =
    2; // a thread: whoever is done takes the next; each begins with weights that nobody has fetched

char * aligned(void * p) {
  return reinterpret_cast<char *>(sphere::whole_lines(static_cast<int64_t>(reinterpret_cast<intptr_t>(p))));
}

} // namespace

namespace {

std::atomic<sphere::Activations> wanted{sphere::Activations::BF16};

} // namespace

sphere::Activations sphere::activations() { return wanted.load(std::memory_order_relaxed); }

const sphere::MatmulKernel * sphere::matmul_kernel(const ggml_tensor * weights, int64_t n) {
  const Activations rounding = activations();
  if (rounding == Activations::F32) {
    return exact_matmul(weights, n);
  }
  if (rounding == Activations::INT8) {
    for (const auto candidate : {q8_tile_product, int8_product}) {
      if (const MatmulKernel * kernel = candidate(weights, n)) {
        return kernel;
      }
    }
    if (ggml_is_quantized(weights->type)) {
      return nullptr; // a type that has no such form: ggml's, which rounds to 8 bits too
    }
  }
  if (rounding == Activations::INT16) {
    if (const MatmulKernel * kernel = int_matmul(weights, n)) {
      return kernel;
    }
  }
  for (const auto candidate : {bf16_tile_product, row_matmul}) {
    if (const MatmulKernel * kernel = candidate(weights, n)) {
      return kernel;
    }
  }
  return nullptr;
}

namespace {

// Whether this CPU has what the kernels are compiled for. With AVX-512 but without VNNI a lone row of some weights
// would be ggml's.
bool cpu_fits() {
#if defined(__AVX512F__)
#if defined(__AVX512BW__) && defined(__AVX512VL__) && defined(__AVX512VNNI__)
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512vnni");
#else
  return false;
#endif
#elif defined(__AVX2__) && defined(__FMA__) && defined(__F16C__)
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#elif defined(__ARM_NEON) && defined(__aarch64__)
  return true;
#else
  return false;
#endif
}

} // namespace

bool sphere::matmul_known() {
  static const bool here = cpu_fits();
  return here && &ggml_barrier && &ggml_threadpool_chunk_set && &ggml_threadpool_chunk_add;
}

bool sphere::matmul_takes(const ggml_tensor * op) {
  if (op->op != GGML_OP_MUL_MAT) {
    return false;
  }
  const ggml_tensor *w = op->src[0], *x = op->src[1];
  return w->ne[2] == 1 && w->ne[3] == 1 && x->ne[2] == 1 && x->ne[3] == 1 && w->nb[0] == ggml_type_size(w->type) &&
         x->type == GGML_TYPE_F32 && x->nb[0] == sizeof(float) && op->type == GGML_TYPE_F32 &&
         op->nb[0] == sizeof(float) && op->op_params[1] == 0 && matmul_kernel(w, x->ne[1]) != nullptr;
}

size_t sphere::matmul_work_size(const ggml_tensor * op, int nth) {
  const MatmulKernel & kernel = *matmul_kernel(op->src[0], op->src[1]->ne[1]);
  const int64_t k = op->src[0]->ne[0], n = op->src[1]->ne[1];
  return static_cast<size_t>(kernel.inputs_size(k, n) * (n == 1 ? nth : 1) + kernel.own_size(k, n) * nth + 64);
}

void sphere::matmul(ggml_tensor * op, int ith, int nth, ggml_threadpool * pool, void * work) {
  const ggml_tensor *w = op->src[0], *x = op->src[1];
  const MatmulKernel & kernel = *matmul_kernel(w, x->ne[1]);
  const int64_t k = w->ne[0], n = x->ne[1], panels = (w->ne[1] + MATMUL_PANEL - 1) / MATMUL_PANEL;
  char * inputs = aligned(work);
  if (n == 1) { // converting it takes less time than the threads take to meet
    inputs += (kernel.inputs_size(k, n) + kernel.own_size(k, n)) * ith;
    char * own = inputs + kernel.inputs_size(k, n);
    kernel.convert(x, 0, 1, inputs, own);
    kernel.panels(op, panels * ith / nth, panels * (ith + 1) / nth, inputs, own);
    return;
  }
  char * own = inputs + kernel.inputs_size(k, n) + kernel.own_size(k, n) * ith;
  kernel.convert(x, ith, nth, inputs, own);
  if (ith == 0) {
    ggml_threadpool_chunk_set(pool, nth);
  }
  ggml_barrier(pool);
  const int64_t chunks = std::min(panels, nth * CHUNKS);
  for (int64_t chunk = ith; chunk < chunks; chunk = ggml_threadpool_chunk_add(pool, 1)) {
    kernel.panels(op, panels * chunk / chunks, panels * (chunk + 1) / chunks, inputs, own);
  }
}

extern "C" int32_t sphere_tiles_enable(int32_t on) {
#if SPHERE_AMX
  sphere::amx_wanted().store(true);
  const bool granted = sphere::amx_granted();
  sphere::amx_wanted().store(on != 0);
  return granted ? 1 : 0;
#else
  return on & 0;
#endif
}

extern "C" int32_t sphere_activations(int32_t kind) {
  if (kind >= 0 && kind <= 3) {
    wanted.store(static_cast<sphere::Activations>(kind));
  }
  return static_cast<int32_t>(sphere::activations());
}
