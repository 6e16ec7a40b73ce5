// What every kernel file starts from: one source for nvcc and, with SPHERE_EMULATE, for a C++ compiler (emu/emu.hpp).
// Block-wide sums and maxima in a fixed order, and the arithmetic that must equal the CPU kernels'.
#pragma once

#if defined(SPHERE_EMULATE)
#include "emu.hpp"
#else
#include <cstdint>
#include <cuda_runtime.h>

#define SPHERE_SHARED(type, name, count) __shared__ type name[count]
#define SPHERE_DYNAMIC_SHARED(type, name)                                                                              \
  extern __shared__ __align__(16) unsigned char sphere_dynamic_shared[];                                               \
  type * const name = reinterpret_cast<type *>(sphere_dynamic_shared)
#define SPHERE_LAUNCH(kernel, grid, block, shared, stream, ...)                                                        \
  kernel<<<dim3(grid), dim3(block), shared, stream>>>(__VA_ARGS__)

template <typename T> using SharedPtr = T *;
// Whole numbers only: their sum does not depend on the order. (uint64_t is another word for CUDA's 64-bit type.)
template <typename T> __device__ T shared_add(uint64_t * array, int64_t i, uint64_t value) {
  return atomicAdd(reinterpret_cast<unsigned long long *>(array) + i, static_cast<unsigned long long>(value));
}
#endif

namespace sphere::cuda {

constexpr unsigned kAll = 0xffffffffu;
// An initialiser that both compilers take: infinity without a library.
__device__ __forceinline__ float infinity() { return __uint_as_float(0x7f800000u); }

// 16 bytes at once; the address must be a multiple of 16.
struct alignas(16) Pack {
  static constexpr int size = 4;
  float v[size];
};

// ---- arithmetic ----

// exp for x <= 0 as the CPU's sampler has it: 2^n * p(r), relative error below 2e-7; 0 below -87.
__device__ __forceinline__ float exp_negative(float x) {
  const float in = x < -87.0f ? -87.0f : x;
  const float n = __fadd_rn(__fadd_rn(__fmul_rn(in, 1.44269504f), 12582912.0f), -12582912.0f);
  const float r = (in - n * 0.693359375f) + n * 2.12194440e-4f;
  float p = 1.9875691500e-4f;
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * r * r + r + 1.0f;
  // NaN and infinities have no whole number; they are sorted out below.
  const int32_t whole = x >= -87.0f && x <= 87.0f ? static_cast<int32_t>(n) : 0;
  const float scale = __uint_as_float(static_cast<uint32_t>(whole + 127) << 23);
  return x < -87.0f ? 0.0f : (x == x ? p * scale : x);
}

// ---- block-wide reductions: always the same order, so always the same bits ----

struct Maximum {
  __device__ float operator()(float a, float b) const { return a > b ? a : b; }
};
struct Minimum {
  template <typename T> __device__ T operator()(T a, T b) const { return a < b ? a : b; }
};
struct Sum {
  template <typename T> __device__ T operator()(T a, T b) const { return a + b; }
};

template <typename T, typename Op> __device__ __forceinline__ T warp_reduce(T value, Op op) {
  for (int other = 16; other > 0; other >>= 1) {
    value = op(value, __shfl_xor_sync(kAll, value, other));
  }
  return value;
}

// The reduction over the block's threads, for all of them. `scratch`: 32 cells, free again on return. Whole warps.
template <typename T, typename Op> __device__ T block_reduce(T value, SharedPtr<T> scratch, T neutral, Op op) {
  const int lane = static_cast<int>(threadIdx.x) & 31;
  const int warp = static_cast<int>(threadIdx.x) >> 5;
  const int warps = static_cast<int>(blockDim.x) >> 5;
  value = warp_reduce(value, op);
  if (lane == 0) {
    scratch[warp] = value;
  }
  __syncthreads();
  value = warp_reduce(lane < warps ? static_cast<T>(scratch[lane]) : neutral, op);
  __syncthreads();
  return value;
}

} // namespace sphere::cuda
