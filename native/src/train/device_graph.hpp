// How a training kernel's node runs on the attached device: each file of kernels offers what its nodes become there.
#pragma once

#include "common/device.hpp"
#include "train/train_node.hpp"

namespace sphere {

// Queues the node's work on the device; a sphere_status.
using DeviceNode = int32_t (*)(const sphere_device_api & device, const ggml_tensor * node);

// Called once for each custom operation, before main.
bool offer_on_device(ggml_custom_op_t f, DeviceNode node);

} // namespace sphere
