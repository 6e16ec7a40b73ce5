// cudart for the emulation: host memory that counts as the device's, and failures on demand.
#include "cuda_runtime.h"

#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>

struct EmulatedStream {
  int device;
};

namespace {

// SPHERE_EMU_DEVICES, SPHERE_EMU_DRIVER, SPHERE_EMU_UNIFIED: the machine that a child process finds.
int from_environment(const char * name, int otherwise) {
  const char * value = std::getenv(name);
  return value == nullptr ? otherwise : std::atoi(value);
}

struct Block {
  size_t bytes;
  int device;
};
using Blocks = std::map<const char *, Block>; // by first byte

struct Machine {
  std::mutex mutex;
  int devices = from_environment("SPHERE_EMU_DEVICES", 1);
  int driver = from_environment("SPHERE_EMU_DRIVER", 13000);
  bool unified = from_environment("SPHERE_EMU_UNIFIED", 0) != 0;
  int64_t calls = 0;
  int64_t fail_in = 0; // calls until the failure; 0: none
  cudaError_t failure = cudaSuccess;
  cudaError_t lost = cudaSuccess; // what a lost device answers to everything
  cudaError_t last = cudaSuccess; // for cudaGetLastError
  int current = 0;
  int64_t streams = 0;
  Blocks device_blocks, pinned_blocks;
};

Machine & machine() {
  static Machine m;
  return m;
}

bool is_fatal(cudaError_t error) {
  return error == cudaErrorIllegalAddress || error == cudaErrorLaunchFailure || error == cudaErrorECCUncorrectable;
}

// What the next call answers before it does anything.
cudaError_t next(Machine & m) {
  m.calls++;
  cudaError_t error = m.lost;
  if (m.fail_in > 0 && --m.fail_in == 0) {
    error = m.failure;
    if (is_fatal(error)) {
      m.lost = error;
    }
  }
  if (error == cudaSuccess && m.driver == 0) {
    error = cudaErrorInsufficientDriver;
  } else if (error == cudaSuccess && m.devices == 0) {
    error = cudaErrorNoDevice;
  }
  if (error != cudaSuccess) {
    m.last = error;
  }
  return error;
}

template <typename Body> cudaError_t call(Body && body) {
  Machine & m = machine();
  const std::lock_guard<std::mutex> guard(m.mutex);
  const cudaError_t error = next(m);
  return error != cudaSuccess ? error : body(m);
}

const Block * block_of(const Blocks & blocks, const void * p) {
  auto it = blocks.upper_bound(static_cast<const char *>(p));
  if (it == blocks.begin() || static_cast<const char *>(p) >= std::prev(it)->first + std::prev(it)->second.bytes) {
    return nullptr;
  }
  return &std::prev(it)->second;
}

cudaError_t take(Blocks & blocks, void ** pointer, size_t bytes, int device) {
  *pointer = std::malloc(bytes == 0 ? 1 : bytes);
  if (*pointer == nullptr) {
    return cudaErrorMemoryAllocation;
  }
  std::memset(*pointer, 0xA5, bytes); // fresh device memory holds anything
  blocks[static_cast<const char *>(*pointer)] = {bytes == 0 ? 1 : bytes, device};
  return cudaSuccess;
}

// Freeing works on a lost device too: it is what cleans up. It tells the device's error all the same.
cudaError_t give(bool pinned, void * pointer) {
  Machine & m = machine();
  const std::lock_guard<std::mutex> guard(m.mutex);
  const cudaError_t error = next(m);
  if (pointer == nullptr) {
    return error;
  }
  auto & blocks = pinned ? m.pinned_blocks : m.device_blocks;
  if (blocks.erase(static_cast<const char *>(pointer)) == 0) {
    return cudaErrorInvalidValue;
  }
  std::free(pointer);
  return error;
}

} // namespace

cudaError_t cudaGetDeviceCount(int * count) {
  *count = 0;
  return call([&](Machine & m) {
    *count = m.devices;
    return cudaSuccess;
  });
}
cudaError_t cudaGetDeviceProperties(cudaDeviceProp * p, int device) {
  return call([&](Machine & m) {
    if (device < 0 || device >= m.devices) {
      return cudaErrorInvalidDevice;
    }
    std::memset(p, 0, sizeof *p);
    std::strcpy(p->name, "Emulated device");
    p->totalGlobalMem = size_t{8} << 30;
    p->major = 9;
    p->minor = 0;
    p->multiProcessorCount = 1;
    p->pciBusID = device + 1;
    return cudaSuccess;
  });
}
cudaError_t cudaDriverGetVersion(int * version) { // works without a driver: it tells 0
  Machine & m = machine();
  const std::lock_guard<std::mutex> guard(m.mutex);
  *version = m.driver;
  return cudaSuccess;
}
cudaError_t cudaRuntimeGetVersion(int * version) {
  *version = 13000;
  return cudaSuccess;
}
cudaError_t cudaSetDevice(int device) {
  return call([&](Machine & m) {
    if (device < 0 || device >= m.devices) {
      return cudaErrorInvalidDevice;
    }
    m.current = device;
    return cudaSuccess;
  });
}
cudaError_t cudaMemGetInfo(size_t * free, size_t * total) {
  return call([&](Machine &) {
    *free = *total = size_t{8} << 30;
    return cudaSuccess;
  });
}
cudaError_t cudaMalloc(void ** pointer, size_t bytes) {
  return call([&](Machine & m) { return take(m.device_blocks, pointer, bytes, m.current); });
}
cudaError_t cudaFree(void * pointer) { return give(false, pointer); }
cudaError_t cudaMallocHost(void ** pointer, size_t bytes) {
  return call([&](Machine & m) { return take(m.pinned_blocks, pointer, bytes, m.current); });
}
cudaError_t cudaFreeHost(void * pointer) { return give(true, pointer); }
cudaError_t cudaMemcpyAsync(void * to, const void * from, size_t bytes, cudaMemcpyKind, cudaStream_t) {
  return call([&](Machine &) {
    if (bytes > 0) {
      std::memmove(to, from, bytes);
    }
    return cudaSuccess;
  });
}
cudaError_t cudaMemsetAsync(void * to, int value, size_t bytes, cudaStream_t) {
  return call([&](Machine &) {
    std::memset(to, value, bytes);
    return cudaSuccess;
  });
}
cudaError_t cudaStreamCreateWithFlags(cudaStream_t * stream, unsigned) {
  return call([&](Machine & m) {
    *stream = new EmulatedStream{m.current};
    m.streams++;
    return cudaSuccess;
  });
}
cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  Machine & m = machine();
  const std::lock_guard<std::mutex> guard(m.mutex);
  delete stream;
  m.streams--;
  return next(m);
}
cudaError_t cudaStreamSynchronize(cudaStream_t) {
  return call([](Machine &) { return cudaSuccess; });
}
cudaError_t cudaDeviceSynchronize() {
  return call([](Machine &) { return cudaSuccess; });
}
cudaError_t cudaGetLastError() {
  Machine & m = machine();
  const std::lock_guard<std::mutex> guard(m.mutex);
  const cudaError_t last = m.last;
  m.last = m.lost;
  return last;
}
cudaError_t cudaPointerGetAttributes(cudaPointerAttributes * attributes, const void * pointer) {
  return call([&](Machine & m) {
    const Block * block = block_of(m.device_blocks, pointer);
    attributes->device = block != nullptr ? block->device : m.current;
    attributes->type = m.unified || block != nullptr                   ? cudaMemoryTypeDevice
                       : block_of(m.pinned_blocks, pointer) != nullptr ? cudaMemoryTypeHost
                                                                       : cudaMemoryTypeUnregistered;
    return cudaSuccess;
  });
}

#define SPHERE_EACH_ERROR(X)                                                                                           \
  X(cudaSuccess, "no error")                                                                                           \
  X(cudaErrorInvalidValue, "invalid argument")                                                                         \
  X(cudaErrorMemoryAllocation, "out of memory")                                                                        \
  X(cudaErrorInvalidConfiguration, "invalid configuration argument")                                                   \
  X(cudaErrorInsufficientDriver, "CUDA driver version is insufficient for CUDA runtime version")                       \
  X(cudaErrorDevicesUnavailable, "CUDA-capable device(s) is/are busy or unavailable")                                  \
  X(cudaErrorNoDevice, "no CUDA-capable device is detected")                                                           \
  X(cudaErrorInvalidDevice, "invalid device ordinal")                                                                  \
  X(cudaErrorNoKernelImageForDevice, "no kernel image is available for execution on the device")                       \
  X(cudaErrorECCUncorrectable, "uncorrectable ECC error encountered")                                                  \
  X(cudaErrorIllegalAddress, "an illegal memory access was encountered")                                               \
  X(cudaErrorLaunchFailure, "unspecified launch failure")                                                              \
  X(cudaErrorUnknown, "unknown error")
const char * cudaGetErrorName(cudaError_t error) {
  switch (error) {
#define SPHERE_NAME(name, text)                                                                                        \
  case name: return #name;
    SPHERE_EACH_ERROR(SPHERE_NAME)
  }
  return "cudaErrorUnknown";
}
const char * cudaGetErrorString(cudaError_t error) {
  switch (error) {
#define SPHERE_TEXT(name, text)                                                                                        \
  case name: return text;
    SPHERE_EACH_ERROR(SPHERE_TEXT)
  }
  return "unknown error";
}

namespace emu {

void fail_at(int64_t n, cudaError_t error) {
  Machine & m = ::machine();
  const std::lock_guard<std::mutex> guard(m.mutex);
  m.fail_in = n;
  m.failure = error;
}
void revive() {
  Machine & m = ::machine();
  const std::lock_guard<std::mutex> guard(m.mutex);
  m.fail_in = 0;
  m.lost = m.last = cudaSuccess;
}
int64_t calls() { return ::machine().calls; }
int64_t live() {
  Machine & m = ::machine();
  const std::lock_guard<std::mutex> guard(m.mutex);
  return static_cast<int64_t>(m.device_blocks.size() + m.pinned_blocks.size()) + m.streams;
}
void machine(int devices, int driver) {
  Machine & m = ::machine();
  const std::lock_guard<std::mutex> guard(m.mutex);
  m.devices = devices;
  m.driver = driver;
}
void unified(bool on) { ::machine().unified = on; }

bool begin_launch(dim3 grid, dim3 block, size_t shared) {
  Machine & m = ::machine();
  const std::lock_guard<std::mutex> guard(m.mutex);
  if (next(m) != cudaSuccess) {
    return false;
  }
  const uint64_t threads = uint64_t{block.x} * block.y * block.z;
  const bool fits = threads >= 1 && threads <= 1024 && grid.x >= 1 && grid.y >= 1 && grid.z >= 1 && grid.y <= 65535 &&
                    grid.z <= 65535 && grid.x <= 0x7fffffffu && shared <= (size_t{227} << 10);
  if (!fits) {
    m.last = cudaErrorInvalidConfiguration;
  }
  return fits;
}

} // namespace emu
