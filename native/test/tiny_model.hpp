// A model for the decoder, small enough for every test.
#pragma once

#include "check.hpp"
#include "sphere_decode.h"

#include "ggml.h"

#include <algorithm>

namespace test {

// A model whose weights are small random numbers.
struct Model {
  std::vector<std::vector<float>> floats;
  std::vector<std::vector<char>> blocks;
  std::vector<const void *> weights;
  std::vector<int32_t> types;
  sphere_decode_model m{};

  explicit Model(ggml_type type, int32_t layers = 2, int32_t width = 64) {
    Random random(7);
    m.vocabulary = 50;
    m.width = width;
    m.layers = layers;
    m.heads = width / 16;
    m.kv_heads = 2;
    m.head = 16;
    m.feed_forward = 96;
    m.rope_base = 10000;
    m.epsilon = 1e-5f;
    const auto places = static_cast<size_t>(SPHERE_DECODE_LAYERS + int64_t{layers} * SPHERE_DECODE_LAYER);
    weights.assign(places, nullptr);
    types.assign(places, type);
    const auto matrix = [&](int64_t rows, int64_t columns) {
      const auto x = normals(random, static_cast<size_t>(rows * columns), 0.1f);
      blocks.emplace_back(static_cast<size_t>(rows) * ggml_row_size(type, columns));
      ggml_quantize_chunk(type, x.data(), blocks.back().data(), 0, rows, columns, nullptr);
      return static_cast<const void *>(blocks.back().data());
    };
    const auto vector = [&](int64_t n) {
      floats.emplace_back(static_cast<size_t>(n), 1.0f);
      return static_cast<const void *>(floats.back().data());
    };
    weights[SPHERE_DECODE_EMBEDDING] = weights[SPHERE_DECODE_OUTPUT] = matrix(m.vocabulary, width);
    weights[SPHERE_DECODE_OUTPUT_NORM] = vector(width);
    const void * all[SPHERE_DECODE_LAYER] = {};
    all[SPHERE_DECODE_NORM] = all[SPHERE_DECODE_FEED_NORM] = vector(width);
    all[SPHERE_DECODE_Q] = all[SPHERE_DECODE_ATTENTION_OUT] = matrix(width, width);
    all[SPHERE_DECODE_K] = all[SPHERE_DECODE_V] = matrix(32, width);
    all[SPHERE_DECODE_GATE] = all[SPHERE_DECODE_UP] = matrix(96, width);
    all[SPHERE_DECODE_DOWN] = matrix(width, 96);
    for (int64_t l = 0; l < layers; l++) {
      std::copy_n(all, SPHERE_DECODE_LAYER, weights.begin() + SPHERE_DECODE_LAYERS + l * SPHERE_DECODE_LAYER);
    }
    m.weights = weights.data();
    m.types = types.data();
  }
};

} // namespace test
