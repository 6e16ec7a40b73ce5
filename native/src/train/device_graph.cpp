// Graphs whose memory may be a device's: ggml's own nodes go to the backend in runs as long as possible, the nodes of
// sphere_train.h to the device. The two work on different streams, so each run is waited for before the next begins.
#include "train/device_graph.hpp"

#include "ggml-backend.h"

#include <map>
#include <memory>
#include <string>

namespace sphere {

namespace {

std::map<ggml_custom_op_t, DeviceNode> & device_nodes() {
  static std::map<ggml_custom_op_t, DeviceNode> nodes; // filled before main, read only afterwards
  return nodes;
}

// The custom operation behind a node; ggml keeps it first in op_params.
ggml_custom_op_t function_of(const ggml_tensor * node) {
  ggml_custom_op_t f;
  std::memcpy(&f, node->op_params, sizeof f);
  return f;
}

DeviceNode device_node(const ggml_tensor * node) {
  if (node->op != GGML_OP_CUSTOM || device_of(node->data) == nullptr) {
    return nullptr;
  }
  const auto found = device_nodes().find(function_of(node));
  return found == device_nodes().end() ? nullptr : found->second;
}

void compute_whole(ggml_backend_t backend, ggml_cgraph * graph) {
  const int64_t failures = kernel_failures().count;
  const ggml_status status = ggml_backend_graph_compute(backend, graph);
  if (status != GGML_STATUS_SUCCESS) {
    throw std::runtime_error("ggml could not compute the graph: " + std::string(ggml_status_to_string(status)));
  }
  const KernelFailures now = kernel_failures();
  if (now.count != failures && now.what == nullptr) {
    throw std::bad_alloc();
  }
  if (now.count != failures) {
    throw std::invalid_argument(now.what);
  }
}

void compute_by_ggml(ggml_backend_t backend, ggml_cgraph * graph, int from, int to) {
  if (from == to) {
    return;
  }
  const size_t size = ggml_graph_overhead_custom(static_cast<size_t>(to - from), false) + ggml_tensor_overhead();
  const std::unique_ptr<ggml_context, void (*)(ggml_context *)> context(ggml_init({size, nullptr, true}), ggml_free);
  if (!context) {
    throw std::bad_alloc();
  }
  ggml_cgraph * part = ggml_new_graph_custom(context.get(), static_cast<size_t>(to - from), false);
  for (int i = from; i < to; i++) {
    ggml_tensor * node = ggml_graph_node(graph, i);
    // A node that the backend lacks would end the process. One of ours on a device's memory is no CPU's to compute.
    const bool ours = node->op == GGML_OP_CUSTOM && device_of(node->data) != nullptr;
    if (ours || !ggml_backend_supports_op(backend, node)) {
      throw std::runtime_error("the device has no kernel for a node of the graph: " + std::string(ggml_op_desc(node)) +
                               " (" + ggml_backend_name(backend) + ")");
    }
    ggml_graph_add_node(part, node);
  }
  compute_whole(backend, part);
}

} // namespace

bool offer_on_device(ggml_custom_op_t f, DeviceNode node) { return device_nodes().emplace(f, node).second; }

} // namespace sphere

int32_t sphere_graph_compute(struct ggml_backend * backend, struct ggml_cgraph * graph) {
  return sphere::guarded([&] {
    if (backend == nullptr || graph == nullptr) {
      throw std::invalid_argument("backend or graph");
    }
    const int count = ggml_graph_n_nodes(graph);
    const auto * device = sphere::attached_device.load(std::memory_order_acquire);
    if (device == nullptr) {
      return sphere::compute_whole(backend, graph);
    }
    // What was queued before, an optimizer's step above all: ggml's nodes are on another stream and would not wait.
    sphere::device_check(device, device->synchronize());
    for (int i = 0; i < count;) {
      int to = i;
      while (to < count && sphere::device_node(ggml_graph_node(graph, to)) == nullptr) {
        to++;
      }
      sphere::compute_by_ggml(backend, graph, i, to);
      bool queued = false;
      for (i = to; i < count; i++) {
        ggml_tensor * node = ggml_graph_node(graph, i);
        const sphere::DeviceNode run = sphere::device_node(node);
        if (run == nullptr) {
          break;
        }
        sphere::device_check(device, run(*device, node));
        queued = true;
      }
      if (queued) {
        sphere::device_check(device, device->synchronize());
      }
    }
  });
}
