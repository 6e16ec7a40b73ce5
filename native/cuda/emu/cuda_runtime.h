// The part of cudart's interface that Sphere uses, for the emulation: "device memory" is host memory, every call can be
// made to fail (emu::fail_at). Names and values are cudart's own.
#pragma once

#include <cstddef>
#include <cstdint>

enum cudaError_t {
  cudaSuccess = 0,
  cudaErrorInvalidValue = 1,
  cudaErrorMemoryAllocation = 2,
  cudaErrorInvalidConfiguration = 9,
  cudaErrorInsufficientDriver = 35,
  cudaErrorDevicesUnavailable = 46,
  cudaErrorNoDevice = 100,
  cudaErrorInvalidDevice = 101,
  cudaErrorNoKernelImageForDevice = 209,
  cudaErrorECCUncorrectable = 214,
  cudaErrorIllegalAddress = 700,
  cudaErrorLaunchFailure = 719,
  cudaErrorUnknown = 999,
};
enum cudaMemcpyKind { cudaMemcpyDefault = 4 };
enum cudaMemoryType {
  cudaMemoryTypeUnregistered = 0,
  cudaMemoryTypeHost = 1,
  cudaMemoryTypeDevice = 2,
  cudaMemoryTypeManaged = 3
};
enum cudaFuncAttribute { cudaFuncAttributeMaxDynamicSharedMemorySize = 8 };
constexpr unsigned cudaStreamNonBlocking = 1;

struct dim3 {
  unsigned x, y, z;
  constexpr dim3(unsigned x = 1, unsigned y = 1, unsigned z = 1) : x(x), y(y), z(z) {}
};
struct alignas(16) float4 {
  float x, y, z, w;
};
struct cudaPointerAttributes {
  cudaMemoryType type;
  int device;
};
struct cudaDeviceProp {
  char name[256];
  size_t totalGlobalMem;
  int major, minor, multiProcessorCount, pciBusID, pciDeviceID, pciDomainID;
};
struct EmulatedStream;
using cudaStream_t = EmulatedStream *;

cudaError_t cudaGetDeviceCount(int * count);
cudaError_t cudaGetDeviceProperties(cudaDeviceProp * properties, int device);
cudaError_t cudaDriverGetVersion(int * version);
cudaError_t cudaRuntimeGetVersion(int * version);
cudaError_t cudaSetDevice(int device);
cudaError_t cudaMemGetInfo(size_t * free, size_t * total);
cudaError_t cudaMalloc(void ** pointer, size_t bytes);
cudaError_t cudaFree(void * pointer);
cudaError_t cudaMallocHost(void ** pointer, size_t bytes);
cudaError_t cudaFreeHost(void * pointer);
cudaError_t cudaMemcpyAsync(void * to, const void * from, size_t bytes, cudaMemcpyKind kind, cudaStream_t stream);
cudaError_t cudaMemsetAsync(void * to, int value, size_t bytes, cudaStream_t stream);
cudaError_t cudaStreamCreateWithFlags(cudaStream_t * stream, unsigned flags);
cudaError_t cudaStreamDestroy(cudaStream_t stream);
cudaError_t cudaStreamSynchronize(cudaStream_t stream);
cudaError_t cudaDeviceSynchronize();
cudaError_t cudaGetLastError();
cudaError_t cudaPointerGetAttributes(cudaPointerAttributes * attributes, const void * pointer);
template <typename Kernel> cudaError_t cudaFuncSetAttribute(Kernel, cudaFuncAttribute, int) { return cudaSuccess; }
const char * cudaGetErrorName(cudaError_t error);
const char * cudaGetErrorString(cudaError_t error);

namespace emu {

// The n-th fallible call from now on (1: the next) fails with this error; 0: none. Errors that a real device does not
// recover from (illegal address, launch failure, ECC) make every later call fail too, until revive().
void fail_at(int64_t n, cudaError_t error);
void revive();
int64_t calls(); // fallible calls so far
int64_t live();  // device and pinned blocks and streams that exist
// 0: no device; else what cudaGetDeviceCount tells. Driver version as cudart tells it (13000), 0: none.
void machine(int devices, int driver);
void unified(bool on); // all memory of the host counts as the device's, as on a machine with one memory
bool begin_launch(dim3 grid, dim3 block, size_t shared); // false: the launch fails

} // namespace emu
