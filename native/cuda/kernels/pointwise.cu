// RMS norm, SwiGLU, sums of rows, scattered rows and rotary angles for training: the CPU kernels of
// native/src/train/train_pointwise.cpp and train_linear.cpp on the device.
//
// How: one warp a row for the norm; one thread an element or a column elsewhere. Sums have a fixed order and there are
// no atomics: columns are summed by one thread each, and the thread of a column adds scattered rows in their order.
// Memory-bound.
#include "kernel.cuh"
#include "kernels.hpp"

namespace sphere::cuda {
namespace {

constexpr int kThreads = 256;
constexpr int kRows = kThreads / 32; // rows a block, one warp each

__device__ __forceinline__ float warp_dot(const float * a, const float * b, int64_t n) {
  float sum = 0.0f;
  for (int64_t i = threadIdx.x & 31u; i < n; i += 32) {
    sum += a[i] * b[i];
  }
  return warp_reduce(sum, Sum());
}

__device__ __forceinline__ float inverse_norm(const float * x, int64_t width, float eps) {
  return 1.0f / sqrtf(warp_dot(x, x, width) / static_cast<float>(width) + eps);
}

__device__ __forceinline__ int64_t warp_row() { return static_cast<int64_t>(blockIdx.x) * kRows + (threadIdx.x >> 5); }
__device__ __forceinline__ int64_t thread_index() { return static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x; }

__global__ void __launch_bounds__(kThreads)
    rms_norm_kernel(const float * x, const float * weight, float * y, int64_t width, int64_t rows, float eps) {
  const int64_t r = warp_row();
  if (r >= rows) {
    return;
  }
  const float inverse = inverse_norm(x + r * width, width, eps);
  for (int64_t i = threadIdx.x & 31u; i < width; i += 32) {
    y[r * width + i] = x[r * width + i] * inverse * weight[i];
  }
}

// With g = dy * weight and r = 1 / norm: dx = r * (g - x * r^2 * mean(g * x)).
__global__ void __launch_bounds__(kThreads)
    rms_norm_dx_kernel(const float * x, const float * weight, const float * dy, float * dx, int64_t width, int64_t rows,
                       float eps, bool accumulate) {
  const int64_t r = warp_row();
  if (r >= rows) {
    return;
  }
  x += r * width;
  dy += r * width;
  dx += r * width;
  const float inverse = inverse_norm(x, width, eps);
  float dot = 0.0f;
  for (int64_t i = threadIdx.x & 31u; i < width; i += 32) {
    dot += dy[i] * weight[i] * x[i];
  }
  dot = warp_reduce(dot, Sum());
  const float back = -inverse * inverse * inverse * dot / static_cast<float>(width);
  for (int64_t i = threadIdx.x & 31u; i < width; i += 32) {
    const float gradient = dy[i] * weight[i] * inverse + x[i] * back;
    dx[i] = accumulate ? dx[i] + gradient : gradient;
  }
}

__global__ void __launch_bounds__(kThreads)
    inverse_norms_kernel(const float * x, float * inverse, int64_t width, int64_t rows, float eps) {
  const int64_t r = warp_row();
  if (r >= rows) {
    return;
  }
  const float value = inverse_norm(x + r * width, width, eps);
  if ((threadIdx.x & 31u) == 0) {
    inverse[r] = value;
  }
}

// into[i] += sum over rows of dy * x * inverse; x null: the sum of dy alone.
__global__ void __launch_bounds__(kThreads) column_sums_kernel(const float * dy, const float * x, const float * inverse,
                                                               float * into, int64_t width, int64_t rows) {
  const int64_t i = thread_index();
  if (i >= width) {
    return;
  }
  float sum = 0.0f;
  for (int64_t r = 0; r < rows; r++) {
    const float d = dy[r * width + i];
    sum += x == nullptr ? d : d * x[r * width + i] * inverse[r];
  }
  into[i] += sum;
}

__device__ __forceinline__ float sigmoid(float x) { return 1.0f / (1.0f + expf(-x)); }

__global__ void __launch_bounds__(kThreads) swiglu_kernel(const float * gate, const float * up, float * y, int64_t n) {
  const int64_t i = thread_index();
  if (i < n) {
    y[i] = gate[i] * sigmoid(gate[i]) * up[i];
  }
}

__global__ void __launch_bounds__(kThreads)
    swiglu_back_kernel(const float * gate, const float * up, const float * dy, float * dgate, float * dup, int64_t n) {
  const int64_t i = thread_index();
  if (i < n) {
    const float g = gate[i];
    const float s = sigmoid(g);
    const float ds = dy[i] * s;
    dup[i] = ds * g;
    dgate[i] = ds * up[i] * (g * (1.0f - s) + 1.0f);
  }
}

// One thread a column: rows that meet are added in the order of i.
__global__ void __launch_bounds__(kThreads)
    scatter_kernel(const float * dy, const int32_t * rows, int64_t count, float * into, int64_t width) {
  const int64_t c = thread_index();
  if (c >= width) {
    return;
  }
  for (int64_t i = 0; i < count; i++) {
    into[rows[i] * width + c] += dy[i * width + c];
  }
}

__global__ void __launch_bounds__(kThreads) zero_kernel(float * x, int64_t n) {
  const int64_t i = thread_index();
  if (i < n) {
    x[i] = 0.0f;
  }
}

__global__ void __launch_bounds__(kThreads)
    rope_table_kernel(const int32_t * positions, const float * factors, float * table, int32_t half, int64_t n,
                      sphere_rope_settings s) {
  const int64_t at = thread_index();
  if (at >= n * half) {
    return;
  }
  const int64_t r = at / half;
  const auto i = static_cast<int32_t>(at % half);
  const double scale = s.scale;
  const double length = s.length * (s.extension != 0.0f ? 1 + 0.1 * log(1 / scale) : 1.0);
  const double frequency = pow(static_cast<double>(s.base), -static_cast<double>(i) / half) /
                           (factors == nullptr ? 1.0 : static_cast<double>(factors[i]));
  const double width = static_cast<double>(s.last) - s.first;
  const double ramp = (static_cast<double>(i) - s.first) / (width < 0.001 ? 0.001 : width);
  const double mix = s.extension * (1 - (ramp < 0 ? 0.0 : (ramp > 1 ? 1.0 : ramp)));
  const double angle = positions[r] * (frequency * (scale * (1 - mix) + mix));
  table[r * 2 * half + i] = static_cast<float>(length * cos(angle));
  table[r * 2 * half + half + i] = static_cast<float>(length * sin(angle));
}

unsigned row_blocks(int64_t rows) { return static_cast<unsigned>((rows + kRows - 1) / kRows); }
unsigned thread_blocks(int64_t threads) { return static_cast<unsigned>((threads + kThreads - 1) / kThreads); }

} // namespace

void rms_norm(const float * x, const float * weight, float * y, int64_t width, int64_t rows, float eps,
              cudaStream_t stream) {
  SPHERE_LAUNCH(rms_norm_kernel, row_blocks(rows), kThreads, 0, stream, x, weight, y, width, rows, eps);
  check_launch("rms_norm");
}

void rms_norm_dx(const float * x, const float * weight, const float * dy, float * dx, int64_t width, int64_t rows,
                 float eps, bool accumulate, cudaStream_t stream) {
  SPHERE_LAUNCH(rms_norm_dx_kernel, row_blocks(rows), kThreads, 0, stream, x, weight, dy, dx, width, rows, eps,
                accumulate);
  check_launch("rms_norm_dx");
}

void rms_norm_dw(const float * x, const float * dy, float * dw, int64_t width, int64_t rows, float eps, float * scratch,
                 cudaStream_t stream) {
  SPHERE_LAUNCH(inverse_norms_kernel, row_blocks(rows), kThreads, 0, stream, x, scratch, width, rows, eps);
  check_launch("rms_norm_dw");
  SPHERE_LAUNCH(column_sums_kernel, thread_blocks(width), kThreads, 0, stream, dy, x, scratch, dw, width, rows);
  check_launch("rms_norm_dw");
}

void swiglu(const float * gate, const float * up, float * y, int64_t n, cudaStream_t stream) {
  SPHERE_LAUNCH(swiglu_kernel, thread_blocks(n), kThreads, 0, stream, gate, up, y, n);
  check_launch("swiglu");
}

void swiglu_back(const float * gate, const float * up, const float * dy, float * dgate, float * dup, int64_t n,
                 cudaStream_t stream) {
  SPHERE_LAUNCH(swiglu_back_kernel, thread_blocks(n), kThreads, 0, stream, gate, up, dy, dgate, dup, n);
  check_launch("swiglu_back");
}

void sum_rows(const float * dy, float * into, int64_t width, int64_t rows, cudaStream_t stream) {
  SPHERE_LAUNCH(column_sums_kernel, thread_blocks(width), kThreads, 0, stream, dy, nullptr, nullptr, into, width, rows);
  check_launch("sum_rows");
}

void scatter(const float * dy, const int32_t * rows, int64_t count, float * into, int64_t width, int64_t n, bool zero,
             cudaStream_t stream) {
  if (zero) {
    SPHERE_LAUNCH(zero_kernel, thread_blocks(width * n), kThreads, 0, stream, into, width * n);
    check_launch("scatter");
  }
  if (count > 0) {
    SPHERE_LAUNCH(scatter_kernel, thread_blocks(width), kThreads, 0, stream, dy, rows, count, into, width);
    check_launch("scatter");
  }
}

void rope_table(const int32_t * positions, const float * factors, float * table, int32_t dims, int64_t n,
                const sphere_rope_settings & settings, cudaStream_t stream) {
  SPHERE_LAUNCH(rope_table_kernel, thread_blocks(n * (dims / 2)), kThreads, 0, stream, positions, factors, table,
                dims / 2, n, settings);
  check_launch("rope_table");
}

} // namespace sphere::cuda
