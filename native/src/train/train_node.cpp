// What training kernels share: scratch memory, and how a kernel's failure is told. See train_node.hpp.
#include "train/train_node.hpp"

#include <atomic>

namespace sphere {

namespace {

struct Scratch {
  float * memory = nullptr;
  int64_t size = 0;
  ~Scratch() { std::free(memory); }
};

std::atomic<int64_t> failures{0};
std::atomic<const char *> last{nullptr}; // nullptr: no memory

void fail(const char * what) noexcept {
  last.store(what, std::memory_order_relaxed);
  failures.fetch_add(1, std::memory_order_release);
}

} // namespace

float * scratch(int64_t floats) noexcept {
  static thread_local Scratch mine;
  if (floats > mine.size) {
    std::free(mine.memory);
    const size_t bytes = (static_cast<size_t>(floats) * sizeof(float) + 63) / 64 * 64;
    mine.memory = static_cast<float *>(std::aligned_alloc(64, bytes));
    mine.size = mine.memory == nullptr ? 0 : floats;
    if (mine.memory == nullptr) {
      fail(nullptr);
    }
  }
  return mine.memory;
}

void reject(const char * what) noexcept { fail(what); }

KernelFailures kernel_failures() noexcept {
  const int64_t count = failures.load(std::memory_order_acquire);
  return {count, last.load(std::memory_order_relaxed)};
}

} // namespace sphere
