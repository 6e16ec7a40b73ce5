// Rotary embedding: cosines and sines of every position's angles, a table that all layers of a pass share.
#include "sphere_train.h"

#include "train/device_graph.hpp"
#include "train/train_node.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace sphere {
namespace {

// src: positions (, factors). ints: YaRN's first and last mixed frequency, the bits of its mix factor; floats: base,
// scale, factor on the length.
void rope_table(ggml_tensor * node, int ith, int nth, void *) {
  const Settings s = settings(node);
  const int32_t * positions = ints(node->src[0]);
  const float * factors = node->src[1] == nullptr ? nullptr : floats(node->src[1]);
  const int64_t half = node->ne[0] / 2;
  float extension = 0;
  std::memcpy(&extension, &s.ints[2], sizeof extension);
  const double scale = s.floats[1];
  const double length = s.floats[2] * (extension != 0 ? 1 + 0.1 * std::log(1 / scale) : 1.0);
  const Part rows = part(node->ne[1], 1, ith, nth);
  for (int64_t i = 0; i < half; i++) {
    const double frequency = std::pow(static_cast<double>(s.floats[0]), -static_cast<double>(i) / half) /
                             (factors == nullptr ? 1.0 : static_cast<double>(factors[i]));
    const double ramp =
        (static_cast<double>(i) - s.ints[0]) / std::max(0.001, static_cast<double>(s.ints[1]) - s.ints[0]);
    const double mix = extension * (1 - std::min(1.0, std::max(0.0, ramp)));
    const double turn = frequency * (scale * (1 - mix) + mix);
    for (int64_t r = rows.from; r < rows.to; r++) {
      float * row = floats(node) + r * 2 * half;
      row[i] = static_cast<float>(length * std::cos(positions[r] * turn));
      row[half + i] = static_cast<float>(length * std::sin(positions[r] * turn));
    }
  }
}

const bool on_device = offer_on_device(rope_table, [](const sphere_device_api & d, const ggml_tensor * y) {
  const Settings s = settings(y);
  sphere_rope_settings r{s.floats[0], s.floats[1], s.floats[2], 0, s.ints[0], s.ints[1]};
  std::memcpy(&r.extension, &s.ints[2], sizeof r.extension);
  return d.rope_table(ints(y->src[0]), y->src[1] == nullptr ? nullptr : floats(y->src[1]), floats(y),
                      static_cast<int32_t>(y->ne[0]), y->ne[1], &r);
});

} // namespace
} // namespace sphere

ggml_tensor * sphere_op_rope_table(ggml_context * ctx, ggml_tensor * positions, ggml_tensor * factors, int32_t dims,
                                   float base, float scale, float extension, float length, int32_t low, int32_t high) {
  return sphere::guarded_node([&] {
    sphere::require_ints({positions}, "rope_table: positions must be contiguous I32");
    sphere::require(dims > 0 && dims % 2 == 0, "rope_table: bad positions or size");
    sphere::Settings s{};
    s.floats[0] = base;
    s.floats[1] = scale;
    s.floats[2] = length;
    s.ints[0] = low;
    s.ints[1] = high;
    std::memcpy(&s.ints[2], &extension, sizeof extension);
    const int64_t n = ggml_nelements(positions);
    if (factors == nullptr) {
      return sphere::new_node(ctx, sphere::rope_table, {positions}, s, dims, n);
    }
    sphere::require_floats({factors}, "rope_table: factors must be contiguous F32");
    sphere::require(ggml_nelements(factors) >= dims / 2, "rope_table: too few factors");
    return sphere::new_node(ctx, sphere::rope_table, {positions, factors}, s, dims, n);
  });
}
