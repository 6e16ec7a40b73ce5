// The attached device: memory and copies. See sphere_device.h.
#include "common/device.hpp"

#include <cstring>

std::atomic<const sphere_device_api *> sphere::attached_device{nullptr};

using sphere::attached_device;
using sphere::device_check;
using sphere::device_of;
using sphere::guarded;

namespace {

const sphere_device_api * required() {
  const auto * device = attached_device.load(std::memory_order_acquire);
  if (device == nullptr) {
    throw std::runtime_error("no device is attached");
  }
  return device;
}

} // namespace

int32_t sphere_device_attach(const struct sphere_device_api * api) {
  return guarded([&] {
    if (api != nullptr && api->size != sizeof(sphere_device_api)) {
      throw std::invalid_argument("the device library is of another version than libsphere; build both again");
    }
    attached_device.store(api, std::memory_order_release);
  });
}

int32_t sphere_device_owns(const void * pointer) { return device_of(pointer) != nullptr ? 1 : 0; }

int32_t sphere_device_alloc(int64_t bytes, void ** out) {
  return guarded([&] {
    const auto * device = required();
    device_check(device, device->alloc(bytes, out));
  });
}

int32_t sphere_device_free(void * pointer) {
  return guarded([&] {
    const auto * device = required();
    device_check(device, device->release(pointer));
  });
}

int32_t sphere_device_copy(void * to, const void * from, int64_t bytes) {
  return guarded([&] {
    if (bytes < 0 || (bytes > 0 && (to == nullptr || from == nullptr))) {
      throw std::invalid_argument("to, from or bytes");
    }
    const auto * device = attached_device.load(std::memory_order_acquire);
    if (device != nullptr && (device->owns(to) != 0 || device->owns(from) != 0)) {
      device_check(device, device->copy(to, from, bytes));
    } else if (bytes > 0) {
      std::memmove(to, from, static_cast<size_t>(bytes));
    }
  });
}
