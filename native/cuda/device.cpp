// libsphere-cuda's C ABI: devices and their memory. The table of kernels is in table.cpp. See sphere_cuda.h.
#include "sphere_cuda.h"

#include "open_device.hpp"

#include <cstring>

#ifndef SPHERE_CUDA_ARCHITECTURES
#define SPHERE_CUDA_ARCHITECTURES "emulated"
#endif

namespace sphere {

namespace {
thread_local char last_error[1024] = "";
} // namespace

void set_last_error(const char * text) noexcept {
  std::strncpy(last_error, text, sizeof last_error - 1);
  last_error[sizeof last_error - 1] = '\0';
}

} // namespace sphere

namespace sphere::cuda {

Device device;
std::mutex mutex;

int32_t status_of(cudaError_t error) {
  switch (error) {
    case cudaErrorMemoryAllocation: return SPHERE_OUT_OF_MEMORY;
    case cudaErrorNoDevice:
    case cudaErrorInvalidDevice:
    case cudaErrorDevicesUnavailable: return SPHERE_CUDA_NO_DEVICE;
    case cudaErrorInsufficientDriver: return SPHERE_CUDA_OLD_DRIVER;
    case cudaErrorNoKernelImageForDevice: return SPHERE_CUDA_NO_KERNELS;
    case cudaErrorIllegalAddress:
    case cudaErrorLaunchFailure:
    case cudaErrorECCUncorrectable: return SPHERE_CUDA_LOST;
    default: return SPHERE_FAILED;
  }
}

int32_t owns(const void * pointer) {
  int32_t result = 0;
  // Called for every array: no lock, no message. An error (an old driver's for plain host memory) means "no".
  if (pointer != nullptr && device.open) {
    cudaPointerAttributes attributes{};
    if (cudaPointerGetAttributes(&attributes, pointer) == cudaSuccess) {
      result = attributes.type == cudaMemoryTypeManaged ||
               (attributes.type == cudaMemoryTypeDevice && attributes.device == device.index); // not another GPU's
    } else {
      cudaGetLastError();
    }
  }
  return result;
}

int32_t alloc(int64_t bytes, void ** out) {
  return on_device([&] {
    require(out != nullptr && bytes >= 0, "bytes or out");
    *out = nullptr;
    void * taken = nullptr;
    const std::string what = "taking " + std::to_string(bytes) + " bytes on the device";
    check(cudaMalloc(&taken, static_cast<size_t>(std::max<int64_t>(bytes, 1))), what.c_str());
    try {
      check(cudaMemsetAsync(taken, 0, static_cast<size_t>(bytes), device.stream), "zeroing memory on the device");
      synchronize("zeroing memory on the device");
    } catch (...) {
      cudaFree(taken);
      throw;
    }
    *out = taken;
  });
}

// Frees whatever the other calls say: what is not freed here is lost until the process ends.
int32_t release(void * pointer) {
  return guarded_cuda([&] {
    const std::lock_guard<std::mutex> guard(mutex);
    const cudaError_t chosen = device.open ? cudaSetDevice(device.index) : cudaSuccess;
    const cudaError_t freed = cudaFree(pointer);
    check(chosen, "choosing the device");
    check(freed, "freeing memory on the device");
  });
}

int32_t copy(void * to, const void * from, int64_t bytes) {
  return on_device([&] {
    require(bytes >= 0 && (bytes == 0 || (to != nullptr && from != nullptr)), "to, from or bytes");
    if (bytes > 0) {
      check(cudaMemcpyAsync(to, from, static_cast<size_t>(bytes), cudaMemcpyDefault, device.stream), "copying");
      synchronize("copying");
    }
  });
}

int32_t fill_zero(void * pointer, int64_t bytes) {
  return on_device([&] {
    require(bytes >= 0 && (bytes == 0 || pointer != nullptr), "pointer or bytes");
    if (bytes > 0) {
      check(cudaMemsetAsync(pointer, 0, static_cast<size_t>(bytes), device.stream), "zeroing memory on the device");
    }
  });
}

int32_t wait() {
  return on_device([&] { synchronize("waiting for the device"); });
}

namespace {

void close_device() {
  if (device.index >= 0) {
    cudaSetDevice(device.index);
    device.scratch.give_back();
    device.image.give_back();
    if (device.stream != nullptr) {
      cudaStreamDestroy(device.stream);
    }
    cudaGetLastError(); // a lost device's answer belongs to nobody any more
  }
  device.stream = nullptr;
  device.open = false;
  device.index = -1;
}

sphere_cuda_device describe(int index) {
  cudaDeviceProp p{};
  check(cudaGetDeviceProperties(&p, index), "asking for the device's properties");
  sphere_cuda_device d{};
  std::memcpy(d.name, p.name, std::min(std::strlen(p.name), sizeof d.name - 1)); // the rest is zero
  d.memory = static_cast<int64_t>(p.totalGlobalMem);
  d.index = index;
  d.major = p.major;
  d.minor = p.minor;
  d.processors = p.multiProcessorCount;
  d.pci_bus = p.pciBusID;
  d.pci_device = p.pciDeviceID;
  return d;
}

int device_count() {
  int count = 0;
  check(cudaGetDeviceCount(&count), "looking for CUDA devices");
  return count;
}

} // namespace
} // namespace sphere::cuda

using namespace sphere::cuda;

const char * sphere_cuda_version(void) { return SPHERE_VERSION; }
const char * sphere_cuda_architectures(void) { return SPHERE_CUDA_ARCHITECTURES; }
const char * sphere_cuda_last_error(void) { return sphere::last_error; }

int32_t sphere_cuda_versions(int32_t * runtime, int32_t * driver) {
  return guarded_cuda([&] {
    require(runtime != nullptr && driver != nullptr, "runtime or driver");
    check(cudaRuntimeGetVersion(runtime), "asking for the runtime's version");
    check(cudaDriverGetVersion(driver), "asking for the driver's version");
  });
}

int32_t sphere_cuda_devices(int32_t capacity, struct sphere_cuda_device * out, int32_t * count) {
  return guarded_cuda([&] {
    require(count != nullptr && capacity >= 0 && (capacity == 0 || out != nullptr), "capacity, out or count");
    *count = 0;
    const int all = device_count();
    for (int i = 0; i < std::min<int>(all, capacity); i++) {
      out[i] = describe(i);
    }
    *count = all;
  });
}

int32_t sphere_cuda_open(int32_t index, const struct sphere_device_api ** out) {
  return guarded_cuda([&] {
    require(out != nullptr, "api");
    *out = nullptr;
    const std::lock_guard<std::mutex> guard(mutex);
    if (device.open) {
      require(device.index == index, "another CUDA device is open in this process");
      *out = &api;
      return;
    }
    const int count = device_count();
    if (index < 0 || index >= count) {
      throw CudaError(cudaErrorInvalidDevice,
                      ("device " + std::to_string(index) + " of " + std::to_string(count)).c_str());
    }
    device.index = index;
    try {
      const sphere_cuda_device d = describe(index);
      check(cudaSetDevice(index), "choosing the device");
      check(cudaStreamCreateWithFlags(&device.stream, cudaStreamNonBlocking), "making a stream");
      // One tiny kernel: it shows here, not in the middle of a run, when the library has none for this architecture.
      auto * word = static_cast<float *>(device.scratch.need(sizeof(float)));
      check(cudaMemsetAsync(word, 0, sizeof(float), device.stream), "trying the device");
      sgd(word, word, nullptr, 1, 0, 1, 0, 0, false, device.stream);
      synchronize("trying the device");
      std::snprintf(device.name, sizeof device.name, "CUDA %d: %s, sm_%d%d", index, d.name, d.major, d.minor);
    } catch (...) {
      close_device();
      throw;
    }
    device.open = true;
    *out = &api;
  });
}

void sphere_cuda_close(void) {
  guarded_cuda([&] {
    const std::lock_guard<std::mutex> guard(mutex);
    close_device();
  });
}
