// Runs CUDA kernels on the CPU, slow and exact, from the very sources that nvcc compiles: a block's threads are fibers
// of one host thread, blocks run one after the other. Included by kernels/kernel.cuh when SPHERE_EMULATE is defined.
//
// What it finds, besides wrong results:
//   * missing barriers: threads run in an order shuffled by a seed, and every access to shared memory is checked
//     against those of the block's other threads since the last barrier (race check);
//   * diverged barriers and shuffles: a thread that ends, or waits elsewhere, while others wait;
//   * reads of shared memory that nobody wrote, and indices outside of it;
//   * indices outside of global memory, by the address sanitizer; misaligned vectors, by the UB sanitizer.
//
// What it does not have: device memory apart from the host's, streams that overlap, warps that run in lockstep, texture
// and tensor cores, the GPU's own rounding of expf and friends.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>
#include <functional>
#include <limits>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <vector>

#include "cuda_runtime.h" // ours, beside this file

namespace emu {

// A defect of a kernel, in words that name the kernel's block and threads.
struct Defect : std::runtime_error {
  using std::runtime_error::runtime_error;
};

struct Settings {
  uint64_t seed = 0;        // of the threads' order; 0: ascending
  bool check_races = true;  // shadow memory for shared arrays
  uint64_t last_blocks = 0; // of each grid run only the last so many: the far end of huge arrays; 0: all
};
extern Settings settings;

struct Counters {
  uint64_t launches, blocks, switches, shared_accesses;
};
extern Counters counters;

// The fiber that runs.
struct Fiber {
  dim3 thread;
  int index; // within the block
};
extern Fiber * self;
extern dim3 block_index, block_size, grid_size;

constexpr int kWarp = 32;
constexpr int kMaxThreads = 1024;

void run_grid(dim3 grid, dim3 block, size_t dynamic_shared, const std::function<void()> & body);
void barrier();
void warp_barrier(uint32_t mask);
// Every thread of the warp in `mask` hands over 8 bytes and gets the table of all 32.
const uint64_t * warp_exchange(uint32_t mask, uint64_t value);

// ---- shared memory, with one shadow record a cell ----

struct Shadow;
// One shared array of the block that runs; `at` its first byte.
struct SharedArray {
  unsigned char * at;
  int64_t count;
  size_t element;
  Shadow * shadow;
};
SharedArray & shared_array(const void * key, size_t element, int64_t count);
SharedArray & dynamic_array(size_t element);
enum class Access { kRead, kWrite, kAtomic };
void check(const SharedArray & array, int64_t index, Access access);

// A reference to one cell.
template <typename T> class Cell {
public:
  Cell(SharedArray * array, int64_t index) : array_(array), index_(index) {}
  Cell(const Cell &) = default;
  operator T() const {
    check(*array_, index_, Access::kRead);
    T value;
    std::memcpy(&value, place(), sizeof(T));
    return value;
  }
  const Cell & operator=(T value) const {
    check(*array_, index_, Access::kWrite);
    std::memcpy(place(), &value, sizeof(T));
    return *this;
  }
  const Cell & operator=(const Cell & other) const { return *this = static_cast<T>(other); }
  const Cell & operator+=(T value) const { return *this = static_cast<T>(static_cast<T>(*this) + value); }
  const Cell & operator*=(T value) const { return *this = static_cast<T>(static_cast<T>(*this) * value); }
  T add(T value) const {
    check(*array_, index_, Access::kAtomic);
    T before;
    std::memcpy(&before, place(), sizeof(T));
    const T after = static_cast<T>(before + value);
    std::memcpy(place(), &after, sizeof(T));
    return before;
  }

private:
  unsigned char * place() const { return array_->at + index_ * static_cast<int64_t>(sizeof(T)); }
  SharedArray * array_;
  int64_t index_;
};

// What a T * into shared memory is on the GPU.
template <typename T> class SharedPointer {
public:
  SharedPointer(SharedArray & array, int64_t offset = 0) : array_(&array), offset_(offset) {}
  Cell<T> operator[](int64_t i) const { return {array_, offset_ + i}; }
  Cell<T> operator*() const { return {array_, offset_}; }
  SharedPointer operator+(int64_t n) const { return {*array_, offset_ + n}; }

private:
  SharedArray * array_;
  int64_t offset_;
};

template <typename T> uint64_t to_bits(T value) {
  static_assert(sizeof(T) <= 8, "at most eight bytes");
  uint64_t bits = 0;
  std::memcpy(&bits, &value, sizeof(T));
  return bits;
}
template <typename T> T from_bits(uint64_t bits) {
  T value;
  std::memcpy(&value, &bits, sizeof(T));
  return value;
}

template <typename Kernel, typename... Args>
void launch(Kernel kernel, dim3 grid, dim3 block, size_t shared, cudaStream_t, Args... args) {
  if (begin_launch(grid, block, shared)) {
    run_grid(grid, block, shared, [&] { kernel(args...); });
  }
}

int lane();

} // namespace emu

#define __global__
#define __device__
#define __host__
#define __forceinline__ inline
#define __launch_bounds__(...)
#define __align__(n) alignas(n)

#define threadIdx (::emu::self->thread)
#define blockIdx (::emu::block_index)
#define blockDim (::emu::block_size)
#define gridDim (::emu::grid_size)

// One object for each declaration in the source is the key of the block's array.
#define SPHERE_SHARED(type, name, count)                                                                               \
  static const char name##_key = 0;                                                                                    \
  const ::emu::SharedPointer<type> name(::emu::shared_array(&name##_key, sizeof(type), (count)))
#define SPHERE_DYNAMIC_SHARED(type, name) const ::emu::SharedPointer<type> name(::emu::dynamic_array(sizeof(type)))
#define SPHERE_LAUNCH(kernel, grid, block, shared, stream, ...)                                                        \
  ::emu::launch(kernel, dim3(grid), dim3(block), shared, stream, __VA_ARGS__)

template <typename T> using SharedPtr = ::emu::SharedPointer<T>;

inline void __syncthreads() { ::emu::barrier(); }
inline void __syncwarp(uint32_t mask = 0xffffffffu) { ::emu::warp_barrier(mask); }

template <typename T> T __shfl_sync(uint32_t mask, T value, int from) {
  return ::emu::from_bits<T>(::emu::warp_exchange(mask, ::emu::to_bits(value))[from & 31]);
}
template <typename T> T __shfl_xor_sync(uint32_t mask, T value, int other) {
  return ::emu::from_bits<T>(::emu::warp_exchange(mask, ::emu::to_bits(value))[::emu::lane() ^ other]);
}
template <typename T> T __shfl_up_sync(uint32_t mask, T value, int delta) {
  const uint64_t * all = ::emu::warp_exchange(mask, ::emu::to_bits(value));
  const int from = ::emu::lane() - delta;
  return ::emu::from_bits<T>(all[from < 0 ? ::emu::lane() : from]);
}
inline uint32_t __ballot_sync(uint32_t mask, bool value) {
  const uint64_t * all = ::emu::warp_exchange(mask, value);
  uint32_t bits = 0;
  for (int i = 0; i < ::emu::kWarp; i++) {
    bits |= (mask >> i & 1u) != 0 && all[i] != 0 ? 1u << i : 0u;
  }
  return bits;
}
inline bool __any_sync(uint32_t mask, bool value) { return __ballot_sync(mask, value) != 0; }

template <typename T> T shared_add(SharedPtr<T> array, int64_t i, T value) { return array[i].add(value); }

inline float __uint_as_float(uint32_t x) { return ::emu::from_bits<float>(x); }
inline uint32_t __float_as_uint(float x) { return static_cast<uint32_t>(::emu::to_bits(x)); }
inline float __fmul_rn(float a, float b) { return a * b; }
inline float __fadd_rn(float a, float b) { return a + b; }
inline float __fdiv_rn(float a, float b) { return a / b; }
inline float __fsqrt_rn(float a) { return std::sqrt(a); }
