// Optimizer kernels: one pass over memory each, the same bits for every number of threads. See sphere_optim.h.
//
// Compile with -ffp-contract=off (a fused multiply-add rounds differently from the reference; the loops are
// memory-bound, so it costs nothing) and -fno-math-errno (else sqrt does not vectorise).

#include "sphere_optim.h"

#include "common/barrier.hpp"
#include "common/device.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <thread>
#include <vector>

namespace {

constexpr int64_t BLOCK = 4096;             // elements of one partial sum
constexpr int64_t MIN_PER_THREAD = 1 << 16; // below this a thread costs more than it brings

// Runs body(from, to) over [0, n) in contiguous parts that are multiples of BLOCK, the last part on this thread.
template <typename Body> void in_parts(int64_t n, int32_t threads, const Body & body) {
  const int64_t most = std::max<int64_t>(1, n / MIN_PER_THREAD);
  const int64_t parts = std::min<int64_t>(std::max(1, threads), most);
  const int64_t each = ((n + parts - 1) / parts + BLOCK - 1) / BLOCK * BLOCK;
  std::vector<std::thread> pool;
  int64_t from = 0;
  try {
    for (; from + each < n; from += each) {
      pool.emplace_back(body, from, from + each);
    }
  } catch (...) {
    // No thread to be had: what was not handed out is done here.
  }
  body(from, n);
  for (auto & thread : pool) {
    thread.join();
  }
}

void require(bool valid) {
  if (!valid) {
    throw std::invalid_argument("an array is null or its length is negative");
  }
}

double block_squares(const float * x, int64_t n) {
  double sums[8] = {0};
  int64_t i = 0;
  for (; i + 8 <= n; i += 8) {
    for (int lane = 0; lane < 8; lane++) {
      const double value = x[i + lane];
      sums[lane] += value * value;
    }
  }
  for (; i < n; i++) {
    const double value = x[i];
    sums[i & 7] += value * value;
  }
  return ((sums[0] + sums[1]) + (sums[2] + sums[3])) + ((sums[4] + sums[5]) + (sums[6] + sums[7]));
}

} // namespace

extern "C" {

int32_t sphere_adamw(float * value, float * gradient, float * m, float * v, int64_t n, float grad_scale, float keep,
                     float step_size, float beta1, float beta2, float root_scale, float epsilon, int32_t clear,
                     int32_t threads) {
  return sphere::guarded([&] {
    require(n == 0 || (n > 0 && value && gradient && m && v));
    if (const auto * device = sphere::device_of(value)) {
      const sphere_adamw_step step{grad_scale, keep, step_size, beta1, beta2, root_scale, epsilon};
      return sphere::device_check(device, device->adamw(value, gradient, m, v, n, &step, clear));
    }
    const float rest1 = 1.0f - beta1;
    const float rest2 = 1.0f - beta2;
    in_parts(n, threads, [=](int64_t from, int64_t to) {
      float * __restrict pp = value;
      float * __restrict gp = gradient;
      float * __restrict mp = m;
      float * __restrict vp = v;
      for (int64_t i = from; i < to; i++) {
        const float g = grad_scale * gp[i];
        const float mi = beta1 * mp[i] + rest1 * g;
        const float vi = beta2 * vp[i] + rest2 * (g * g);
        mp[i] = mi;
        vp[i] = vi;
        pp[i] = keep * pp[i] - step_size * (mi / (std::sqrt(vi) * root_scale + epsilon));
        gp[i] = clear ? 0.0f : gp[i];
      }
    });
  });
}

int32_t sphere_sgd(float * value, float * gradient, float * velocity, int64_t n, float grad_scale, float keep,
                   float step_size, float momentum, int32_t clear, int32_t threads) {
  return sphere::guarded([&] {
    require(n == 0 || (n > 0 && value && gradient));
    if (const auto * device = sphere::device_of(value)) {
      return sphere::device_check(
          device, device->sgd(value, gradient, velocity, n, grad_scale, keep, step_size, momentum, clear));
    }
    in_parts(n, threads, [=](int64_t from, int64_t to) {
      float * __restrict pp = value;
      float * __restrict gp = gradient;
      float * __restrict vp = velocity;
      for (int64_t i = from; i < to; i++) {
        float step = grad_scale * gp[i];
        if (vp) {
          step = momentum * vp[i] + step;
          vp[i] = step;
        }
        pp[i] = keep * pp[i] - step_size * step;
        gp[i] = clear ? 0.0f : gp[i];
      }
    });
  });
}

int32_t sphere_sum_squares(const float * x, int64_t n, int32_t threads, double * sum) {
  return sphere::guarded([&] {
    require(sum && (n == 0 || (n > 0 && x)));
    if (const auto * device = sphere::device_of(x)) {
      return sphere::device_check(device, device->sum_squares(x, n, sum));
    }
    std::vector<double> partial((n + BLOCK - 1) / BLOCK);
    double * out = partial.data();
    in_parts(n, threads, [=](int64_t from, int64_t to) {
      for (int64_t i = from; i < to; i += BLOCK) {
        out[i / BLOCK] = block_squares(x + i, std::min(BLOCK, to - i));
      }
    });
    double total = 0;
    for (const double p : partial) {
      total += p;
    }
    *sum = total;
  });
}

int32_t sphere_zero(float * x, int64_t n) {
  return sphere::guarded([&] {
    require(n == 0 || (n > 0 && x));
    if (const auto * device = sphere::device_of(x)) {
      return sphere::device_check(device, device->fill_zero(x, n * static_cast<int64_t>(sizeof(float))));
    }
    if (n > 0) {
      std::memset(x, 0, static_cast<size_t>(n) * sizeof(float));
    }
  });
}

} // extern "C"
