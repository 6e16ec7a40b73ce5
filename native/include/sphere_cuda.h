// libsphere-cuda: Sphere's kernels on one CUDA device of this machine. Its table is given to sphere_device_attach().
//
// The library needs cudart (in it) and a driver; without a driver it loads all the same and says what is missing. All
// functions may be called from any thread; one call at a time works on the device.
#ifndef SPHERE_CUDA_H
#define SPHERE_CUDA_H

#include "sphere_device.h"

#ifdef __cplusplus
extern "C" {
#endif

// Statuses beside sphere_status.
enum sphere_cuda_status {
  SPHERE_CUDA_NO_DEVICE = 16,  // no CUDA device, or none of that number
  SPHERE_CUDA_OLD_DRIVER = 17, // no driver, or one older than the runtime that the kernels were built with
  SPHERE_CUDA_LOST = 18,       // the device failed and answers no more: the process must end
  SPHERE_CUDA_NO_KERNELS = 19, // built for other architectures
};

struct sphere_cuda_device {
  char name[128];
  int64_t memory; // bytes
  int32_t index;
  int32_t major; // compute capability
  int32_t minor;
  int32_t processors; // streaming multiprocessors
  int32_t pci_bus;
  int32_t pci_device;
};

// Version of libsphere-cuda, "major.minor.patch". Static.
SPHERE_API const char * sphere_cuda_version(void);

// The architectures that it holds kernels for, for instance "80 89 90 100". Static.
SPHERE_API const char * sphere_cuda_architectures(void);

// CUDA versions as 1000 * major + 10 * minor: what the kernels were built with, and what the driver can; 0: no driver.
SPHERE_API int32_t sphere_cuda_versions(int32_t * runtime, int32_t * driver);

// The machine's devices in CUDA's order, at most `capacity` of them into `out`; *count receives how many there are.
SPHERE_API int32_t sphere_cuda_devices(int32_t capacity, struct sphere_cuda_device * out, int32_t * count);

// Makes a device ready and gives its table, which is valid until sphere_cuda_close(). A second call for the same device
// gives the same table; for another one it is refused (SPHERE_INVALID_ARGUMENT).
SPHERE_API int32_t sphere_cuda_open(int32_t index, const struct sphere_device_api ** api);

// Gives back what the library holds on the device; memory from alloc() is the caller's. Harmless when nothing is open.
SPHERE_API void sphere_cuda_close(void);

// The text of the last failure on this thread, "" when there was none.
SPHERE_API const char * sphere_cuda_last_error(void);

#ifdef __cplusplus
}
#endif

#endif
