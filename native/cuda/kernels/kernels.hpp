// The launchers: what the kernel files offer to device.cpp and to the tests. All pointers are device memory unless said
// otherwise; every launcher queues on `stream` and throws when the launch fails.
#pragma once

#include "sphere_device.h"

#include <cstdint>
#include <stdexcept>
#include <string>

#include <cuda_runtime.h>

namespace sphere::cuda {

// A call of cudart, or a launch, that failed.
struct CudaError : std::runtime_error {
  CudaError(cudaError_t error, const char * what)
      : std::runtime_error(std::string(what) + ": " + cudaGetErrorString(error) + " (" + cudaGetErrorName(error) + ")"),
        error(error) {}
  cudaError_t error;
};

inline void check(cudaError_t error, const char * what) {
  if (error != cudaSuccess) {
    throw CudaError(error, what);
  }
}
inline void check_launch(const char * kernel) { check(cudaGetLastError(), kernel); }

// Rows of logits, one after the other.
struct Logits {
  float * data;
  int64_t vocabulary;
  int64_t rows;
};

// ---- log_probs.cu ----

// What each target gets besides; arrays [targets], all or none null.
struct TargetResults {
  float * entropy; // its row's, nats
  float * mean;    // of its row's logits
  float * top;     // 1 where it is the row's arg max, the first of equal ones, else 0
};
// Row r owns targets offsets[r] .. offsets[r + 1] - 1; out [targets] = log softmax(row)[token]. out may be null.
void log_probs(const Logits & logits, const int32_t * offsets, const int32_t * tokens, float * out,
               const TargetResults & more, cudaStream_t stream);
// The logits become the gradient of sum_i weights[i] out[i], in place.
void log_probs_back(const Logits & logits, const int32_t * offsets, const int32_t * tokens, const float * weights,
                    const float * log_probs, cudaStream_t stream);
// out[i] = log softmax(row rows[i])[targets[i]]; status[i]: a RowStatus.
void log_probs_of_rows(const Logits & logits, const int32_t * rows, const int32_t * targets, int64_t count, float * out,
                       int32_t * status, cudaStream_t stream);

enum RowStatus : int32_t { kRowGood = 0, kRowNan = 1, kRowEmpty = 2 };

// ---- sampling.cu ----

// A draw with what the host works out once, so that both sides use the same number.
struct DeviceDraw {
  sphere_draw draw;
  float min_log; // log(min_p); -infinity: no such filter
  int32_t status;
};
enum class SamplePath { kAuto, kRadix }; // kRadix: without the short cut over few candidates; for tests
void sample(const Logits & logits, DeviceDraw * draws, int64_t count, SamplePath path, cudaStream_t stream);

// ---- attention.cu ----

// Bytes of scratch memory.
int64_t attention_scratch(const sphere_tree_attention & a, bool back);
void attention(const sphere_tree_attention & a, void * scratch, cudaStream_t stream);
void attention_back(const sphere_tree_attention & a, void * scratch, cudaStream_t stream);

// ---- optim.cu ----

void adamw(float * value, float * gradient, float * m, float * v, int64_t n, const sphere_adamw_step & step, bool clear,
           cudaStream_t stream);
void sgd(float * value, float * gradient, float * velocity, int64_t n, float grad_scale, float keep, float step_size,
         float momentum, bool clear, cudaStream_t stream);
constexpr int64_t kSumBlock = 4096;
// partial [(n + 4095) / 4096]: the sum of squares of each block of 4096. Their sum in order is the CPU kernel's.
void sum_squares(const float * x, int64_t n, double * partial, cudaStream_t stream);

// ---- pointwise.cu ----

void rms_norm(const float * x, const float * weight, float * y, int64_t width, int64_t rows, float eps,
              cudaStream_t stream);
// dx = (accumulate ? dx : 0) + gradient
void rms_norm_dx(const float * x, const float * weight, const float * dy, float * dx, int64_t width, int64_t rows,
                 float eps, bool accumulate, cudaStream_t stream);
// dw += gradient; scratch: `rows` floats
void rms_norm_dw(const float * x, const float * dy, float * dw, int64_t width, int64_t rows, float eps, float * scratch,
                 cudaStream_t stream);
void swiglu(const float * gate, const float * up, float * y, int64_t n, cudaStream_t stream);
void swiglu_back(const float * gate, const float * up, const float * dy, float * dgate, float * dup, int64_t n,
                 cudaStream_t stream);
// into [width] += sum of the rows
void sum_rows(const float * dy, float * into, int64_t width, int64_t rows, cudaStream_t stream);
// Row i of dy is added to row rows[i] of into [width, n], in the order of i; into is zeroed first if asked to.
void scatter(const float * dy, const int32_t * rows, int64_t count, float * into, int64_t width, int64_t n, bool zero,
             cudaStream_t stream);
void rope_table(const int32_t * positions, const float * factors, float * table, int32_t dims, int64_t n,
                const sphere_rope_settings & settings, cudaStream_t stream);

} // namespace sphere::cuda
