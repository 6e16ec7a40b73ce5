// The one open device of libsphere-cuda, and what its calls share.
#pragma once

#include "common/barrier.hpp"
#include "kernels.hpp"

#include <algorithm>
#include <mutex>
#include <stdexcept>

namespace sphere::cuda {

int32_t status_of(cudaError_t error);

// The exception barrier of every function here; a failure of CUDA becomes the status that fits it.
template <typename Body> int32_t guarded_cuda(Body && body) noexcept {
  int32_t status = SPHERE_OK;
  const int32_t other = guarded([&] {
    try {
      body();
    } catch (const CudaError & e) {
      set_last_error(e.what());
      status = status_of(e.error);
      cudaGetLastError(); // what has been told must not be taken for the next launch's failure
    }
  });
  return other != SPHERE_OK ? other : status;
}

inline void require(bool condition, const char * what) {
  if (!condition) {
    throw std::invalid_argument(what);
  }
}

// Memory that grows and is kept: what one call needs on the device, and its image on the host.
class Room {
public:
  explicit Room(bool pinned) : pinned_(pinned) {}
  // At least `bytes`; what it held is lost. Work that is queued keeps the old memory until it is done: cudaFree waits.
  void * need(int64_t bytes) {
    if (bytes > size_) {
      give_back();
      const int64_t wanted = std::max<int64_t>(bytes, 1 << 16);
      check(pinned_ ? cudaMallocHost(&at_, static_cast<size_t>(wanted)) : cudaMalloc(&at_, static_cast<size_t>(wanted)),
            "taking working memory on the device");
      size_ = wanted;
    }
    return at_;
  }
  void give_back() {
    if (at_ != nullptr) {
      pinned_ ? cudaFreeHost(at_) : cudaFree(at_); // on a lost device this fails; the memory is gone with it
    }
    at_ = nullptr;
    size_ = 0;
  }

private:
  bool pinned_;
  void * at_ = nullptr;
  int64_t size_ = 0;
};

struct Device {
  bool open = false;
  int index = -1;
  cudaStream_t stream = nullptr;
  Room scratch{false};
  Room image{true};
  char name[160] = "";
};

extern Device device;
extern std::mutex mutex; // of all of it

inline void synchronize(const char * what) { check(cudaStreamSynchronize(device.stream), what); }

// One call on the open device, on its thread's current device. ggml works on streams of its own, which are idle: every
// graph is waited for before its results are handed to these functions, and these are waited for before ggml goes on.
template <typename Body> int32_t on_device(Body && body) noexcept {
  return guarded_cuda([&] {
    const std::lock_guard<std::mutex> guard(mutex);
    require(device.open, "no CUDA device is open");
    check(cudaSetDevice(device.index), "choosing the device");
    body();
  });
}

extern const sphere_device_api api; // table.cpp

// The table's memory calls.
int32_t owns(const void * pointer);
int32_t alloc(int64_t bytes, void ** out);
int32_t release(void * pointer);
int32_t copy(void * to, const void * from, int64_t bytes);
int32_t fill_zero(void * pointer, int64_t bytes);
int32_t wait();

} // namespace sphere::cuda
