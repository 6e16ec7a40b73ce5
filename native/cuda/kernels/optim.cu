// Optimizer steps and the sum of squares over F32 arrays: the same bits as the CPU kernels (src/train/optim.cpp).
//
// What: AdamW and SGD in place; sums of squares of blocks of 4096 elements.
// How: four neighbouring elements a thread (16-byte loads, all arrays come from aligned allocations; where one does
// not, one element a thread). Products and sums are rounded one by one (__fmul_rn and __fadd_rn are never fused),
// square root and division are the IEEE ones. A block of 4096 is summed by 8 threads, each over every eighth element in
// order, as the CPU kernel's lanes do; no atomics. Memory-bound: AdamW moves 28 bytes an element (32 when it clears the
// gradient).
#include "kernel.cuh"
#include "kernels.hpp"

namespace sphere::cuda {
namespace {

constexpr int kThreads = 256;

struct Adam {
  sphere_adamw_step s;
  float rest1, rest2;
  bool clear;

  __device__ __forceinline__ void operator()(float & p, float & g, float & m, float & v) const {
    const float scaled = __fmul_rn(s.grad_scale, g);
    m = __fadd_rn(__fmul_rn(s.beta1, m), __fmul_rn(rest1, scaled));
    v = __fadd_rn(__fmul_rn(s.beta2, v), __fmul_rn(rest2, __fmul_rn(scaled, scaled)));
    const float root = __fadd_rn(__fmul_rn(__fsqrt_rn(v), s.root_scale), s.epsilon);
    p = __fadd_rn(__fmul_rn(s.keep, p), -__fmul_rn(s.step_size, __fdiv_rn(m, root)));
    g = clear ? 0.0f : g;
  }
};

__global__ void __launch_bounds__(kThreads)
    adamw_by_4(float4 * value, float4 * gradient, float4 * m, float4 * v, int64_t n4, Adam adam) {
  const int64_t i = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  if (i >= n4) {
    return;
  }
  float4 p = value[i], g = gradient[i], first = m[i], second = v[i];
  adam(p.x, g.x, first.x, second.x);
  adam(p.y, g.y, first.y, second.y);
  adam(p.z, g.z, first.z, second.z);
  adam(p.w, g.w, first.w, second.w);
  value[i] = p;
  m[i] = first;
  v[i] = second;
  if (adam.clear) {
    gradient[i] = g;
  }
}

__global__ void __launch_bounds__(kThreads)
    adamw_by_1(float * value, float * gradient, float * m, float * v, int64_t from, int64_t n, Adam adam) {
  const int64_t i = from + static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  if (i < n) {
    adam(value[i], gradient[i], m[i], v[i]);
  }
}

struct Sgd {
  float grad_scale, keep, step_size, momentum;
  bool clear;
};

__global__ void __launch_bounds__(kThreads)
    sgd_kernel(float * value, float * gradient, float * velocity, int64_t n, Sgd s) {
  const int64_t i = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  if (i >= n) {
    return;
  }
  float step = __fmul_rn(s.grad_scale, gradient[i]);
  if (velocity != nullptr) {
    step = __fadd_rn(__fmul_rn(s.momentum, velocity[i]), step);
    velocity[i] = step;
  }
  value[i] = __fadd_rn(__fmul_rn(s.keep, value[i]), -__fmul_rn(s.step_size, step));
  if (s.clear) {
    gradient[i] = 0.0f;
  }
}

// Eight threads a block of 4096: thread `lane` sums elements lane, lane + 8, ... in order. The square of a float is
// exact in double precision, so a fused multiply-add would change nothing.
__global__ void __launch_bounds__(kThreads) sum_squares_kernel(const float * x, int64_t n, double * partial) {
  const int64_t thread = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  const int64_t block = thread / 8;
  const int lane = static_cast<int>(thread % 8);
  const int64_t from = block * kSumBlock;
  const int64_t to = from + kSumBlock < n ? from + kSumBlock : n;
  double sum = 0;
  for (int64_t i = from + lane; i < to; i += 8) {
    const double value = x[i];
    sum += value * value;
  }
  // ((s0 + s1) + (s2 + s3)) + ((s4 + s5) + (s6 + s7)): addition commutes, so every lane has the same bits.
  sum += __shfl_xor_sync(kAll, sum, 1);
  sum += __shfl_xor_sync(kAll, sum, 2);
  sum += __shfl_xor_sync(kAll, sum, 4);
  if (lane == 0 && from < n) {
    partial[block] = sum;
  }
}

unsigned blocks_for(int64_t threads) { return static_cast<unsigned>((threads + kThreads - 1) / kThreads); }

bool aligned(const void * p) { return reinterpret_cast<uintptr_t>(p) % 16 == 0; }

} // namespace

void adamw(float * value, float * gradient, float * m, float * v, int64_t n, const sphere_adamw_step & step, bool clear,
           cudaStream_t stream) {
  const Adam adam{step, 1.0f - step.beta1, 1.0f - step.beta2, clear};
  const bool by_4 = aligned(value) && aligned(gradient) && aligned(m) && aligned(v);
  const int64_t n4 = by_4 ? n / 4 : 0;
  if (n4 > 0) {
    SPHERE_LAUNCH(adamw_by_4, blocks_for(n4), kThreads, 0, stream, reinterpret_cast<float4 *>(value),
                  reinterpret_cast<float4 *>(gradient), reinterpret_cast<float4 *>(m), reinterpret_cast<float4 *>(v),
                  n4, adam);
    check_launch("adamw");
  }
  if (n4 * 4 < n) {
    SPHERE_LAUNCH(adamw_by_1, blocks_for(n - n4 * 4), kThreads, 0, stream, value, gradient, m, v, n4 * 4, n, adam);
    check_launch("adamw");
  }
}

void sgd(float * value, float * gradient, float * velocity, int64_t n, float grad_scale, float keep, float step_size,
         float momentum, bool clear, cudaStream_t stream) {
  if (n > 0) {
    SPHERE_LAUNCH(sgd_kernel, blocks_for(n), kThreads, 0, stream, value, gradient, velocity, n,
                  (Sgd{grad_scale, keep, step_size, momentum, clear}));
    check_launch("sgd");
  }
}

void sum_squares(const float * x, int64_t n, double * partial, cudaStream_t stream) {
  if (n > 0) {
    SPHERE_LAUNCH(sum_squares_kernel, blocks_for((n + kSumBlock - 1) / kSumBlock * 8), kThreads, 0, stream, x, n,
                  partial);
    check_launch("sum_squares");
  }
}

} // namespace sphere::cuda
