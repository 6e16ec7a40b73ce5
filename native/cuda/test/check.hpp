// A small harness: named cases, comparisons that say where they failed, random numbers, device arrays.
#pragma once

#include "kernels.hpp"

#if defined(SPHERE_EMULATE)
#include "emu.hpp"
#endif

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <random>
#include <string>
#include <vector>

namespace test {

inline int failures = 0;

inline void fail(const std::string & text) {
  if (++failures <= 20) {
    std::printf("FAILED: %s\n", text.c_str());
  }
}

inline void expect(bool condition, const std::string & what) {
  if (!condition) {
    fail(what);
  }
}

// |a - b| <= absolute + relative |b|; two NaN, or the same infinity, are equal.
inline void near(double a, double b, double absolute, double relative, const std::string & what) {
  const bool same = (std::isnan(a) && std::isnan(b)) || a == b;
  if (!same && !(std::fabs(a - b) <= absolute + relative * std::fabs(b))) {
    fail(what + ": " + std::to_string(a) + " instead of " + std::to_string(b));
  }
}

template <typename T> void same_bits(const std::vector<T> & a, const std::vector<T> & b, const std::string & what) {
  if (a.size() != b.size() || (!a.empty() && std::memcmp(a.data(), b.data(), a.size() * sizeof(T)) != 0)) {
    fail(what + ": other bits");
  }
}

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

using Random = std::mt19937_64;

inline float normal(Random & random) { return std::normal_distribution<float>()(random); }
inline int below(Random & random, int n) { return static_cast<int>(random() % static_cast<uint64_t>(n)); }
inline std::vector<float> normals(Random & random, size_t n, float scale = 1) {
  std::vector<float> x(n);
  for (float & v : x) {
    v = scale * normal(random);
  }
  return x;
}

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

struct Case {
  const char * name;
  void (*body)();
};

// Runs the cases whose name contains argv[1] (all without it); the exit status for main.
inline int run(std::initializer_list<Case> cases, int argc, char ** argv) {
  int ran = 0;
  for (const Case & c : cases) {
    if (argc > 1 && std::strstr(c.name, argv[1]) == nullptr) {
      continue;
    }
    const int before = failures;
    try {
      c.body();
    } catch (const std::exception & e) {
      fail(std::string("threw ") + e.what());
    }
    ran++;
    std::printf("%-6s %s\n", failures == before ? "ok" : "FAILED", c.name);
    std::fflush(stdout);
  }
  std::printf("%d passed, %d failed\n", ran - (failures > 0 ? 1 : 0), failures > 0 ? 1 : 0);
  return failures > 0 || ran == 0 ? 1 : 0;
}

} // namespace test
