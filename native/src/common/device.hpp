// The device that is attached, if any, and how its failures become ours. See sphere_device.h.
#pragma once

#include "common/barrier.hpp"
#include "sphere_device.h"

#include <atomic>

namespace sphere {

extern std::atomic<const sphere_device_api *> attached_device;

// The device whose memory this is; NULL: the host's.
inline const sphere_device_api * device_of(const void * pointer) {
  const auto * device = attached_device.load(std::memory_order_acquire);
  return device != nullptr && device->owns(pointer) != 0 ? device : nullptr;
}

inline void device_check(const sphere_device_api * device, int32_t status) {
  if (status != SPHERE_OK) {
    throw status_error(status, device->last_error());
  }
}

} // namespace sphere
