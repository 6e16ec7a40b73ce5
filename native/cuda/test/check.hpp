// What the CUDA tests add to the harness: device arrays, and runs in any order of threads.
#pragma once

#include "../../test/check.hpp"
#include "kernels.hpp"

#if defined(SPHERE_EMULATE)
#include "emu.hpp"
#endif

#include <functional>

namespace test {

// An array on the device, with no byte to spare, so that the address sanitizer sees the first one too far.
template <typename T> class Array {
public:
  explicit Array(size_t n) : size_(n) {
    sphere::cuda::check(cudaMalloc(&at_, std::max<size_t>(1, n * sizeof(T))), "malloc");
  }
  explicit Array(const std::vector<T> & host) : Array(host.size()) { write(host); }
  Array(const Array &) = delete;
  Array & operator=(const Array &) = delete;
  ~Array() { cudaFree(at_); }
  T * get() const { return static_cast<T *>(at_); }
  void write(const std::vector<T> & host) {
    sphere::cuda::check(cudaMemcpyAsync(at_, host.data(), host.size() * sizeof(T), cudaMemcpyDefault, nullptr),
                        "write");
    sphere::cuda::check(cudaStreamSynchronize(nullptr), "write");
  }
  std::vector<T> read() const {
    std::vector<T> host(size_);
    sphere::cuda::check(cudaMemcpyAsync(host.data(), at_, size_ * sizeof(T), cudaMemcpyDefault, nullptr), "read");
    sphere::cuda::check(cudaStreamSynchronize(nullptr), "read");
    return host;
  }

private:
  size_t size_;
  void * at_ = nullptr;
};

// Runs body once in ascending thread order and twice in shuffled ones (on a GPU: three times); the bits must be equal.
template <typename T>
std::vector<T> in_any_order(const std::string & what, const std::function<std::vector<T>()> & body) {
  std::vector<T> first;
  for (uint64_t seed = 0; seed < 3; seed++) {
#if defined(SPHERE_EMULATE)
    emu::settings.seed = seed;
#endif
    auto result = body();
    if (seed == 0) {
      first = std::move(result);
    } else {
      same_bits(result, first, what + " (thread order " + std::to_string(seed) + ")");
    }
  }
#if defined(SPHERE_EMULATE)
  emu::settings.seed = 0;
#endif
  return first;
}

} // namespace test
