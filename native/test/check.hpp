// A small harness for native tests: named cases, comparisons that say where they failed, random numbers.
#pragma once

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <initializer_list>
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

struct Case {
  const char * name;
  void (*body)();
};

// Whether this CPU has what the test was compiled for; without it a test is skipped.
inline bool cpu_fits() {
#if defined(__AVX512BW__)
  return __builtin_cpu_supports("avx512bw");
#elif defined(__AVX512F__)
  return __builtin_cpu_supports("avx512f");
#elif defined(__AVX2__)
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#else
  return true;
#endif
}

// Runs the cases whose name contains argv[1] (all without it); the exit status for main.
inline int run(std::initializer_list<Case> cases, int argc, char ** argv) {
  if (!cpu_fits()) {
    return 77;
  }
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
