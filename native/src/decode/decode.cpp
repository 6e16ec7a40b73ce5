// What a decoder holds, and its adapters. See decode.hpp.
#include "decode/decode.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <stdexcept>
#include <utility>

using namespace sphere;

namespace {

size_t place_of(int64_t layer, int32_t weight) {
  return static_cast<size_t>(SPHERE_DECODE_LAYERS + layer * SPHERE_DECODE_LAYER + weight);
}

std::array<AdaptedMatrix *, 7> matrices(Layer & l) { return {&l.q, &l.k, &l.v, &l.out, &l.gate, &l.up, &l.down}; }

} // namespace

sphere_decoder::sphere_decoder(const sphere_decode_model & m, int32_t count, int32_t positions, int32_t sequences,
                               int32_t micro)
    : shape(m), cells(count, sequences), positions(positions), micro(micro) {
  const int64_t w = m.width, f = m.feed_forward, all = query_width(), each = key_width();
  const auto plain = [&](int32_t place) { return static_cast<const float *>(m.weights[place]); };
  embedding = Matrix(plain(SPHERE_DECODE_EMBEDDING), m.types[SPHERE_DECODE_EMBEDDING], w, m.vocabulary, nullptr);
  output = Adapted(plain(SPHERE_DECODE_OUTPUT), m.types[SPHERE_DECODE_OUTPUT], w, m.vocabulary,
                   plain(SPHERE_DECODE_OUTPUT_BIAS));
  output_norm = plain(SPHERE_DECODE_OUTPUT_NORM);
  rope_factors = plain(SPHERE_DECODE_ROPE_FACTORS);
  for (int64_t l = 0; l < m.layers; l++) {
    const auto at = [&](int32_t weight) { return static_cast<const float *>(m.weights[place_of(l, weight)]); };
    const auto matrix = [&](int32_t weight, int32_t bias, int64_t columns, int64_t rows) {
      return Adapted(at(weight), m.types[place_of(l, weight)], columns, rows, at(bias));
    };
    Layer layer;
    layer.q = matrix(SPHERE_DECODE_Q, SPHERE_DECODE_Q_BIAS, w, all);
    layer.k = matrix(SPHERE_DECODE_K, SPHERE_DECODE_K_BIAS, w, each);
    layer.v = matrix(SPHERE_DECODE_V, SPHERE_DECODE_V_BIAS, w, each);
    layer.out = matrix(SPHERE_DECODE_ATTENTION_OUT, SPHERE_DECODE_ATTENTION_OUT_BIAS, all, w);
    layer.gate = matrix(SPHERE_DECODE_GATE, SPHERE_DECODE_GATE_BIAS, w, f);
    layer.up = matrix(SPHERE_DECODE_UP, SPHERE_DECODE_UP_BIAS, w, f);
    layer.down = matrix(SPHERE_DECODE_DOWN, SPHERE_DECODE_DOWN_BIAS, f, w);
    layer.norm = at(SPHERE_DECODE_NORM);
    layer.feed_norm = at(SPHERE_DECODE_FEED_NORM);
    layer.q_norm = at(SPHERE_DECODE_Q_NORM);
    layer.k_norm = at(SPHERE_DECODE_K_NORM);
    for (const Adapted * each_matrix : matrices(layer)) {
      matmul.reserve(*each_matrix, micro);
    }
    layers.push_back(std::move(layer));
  }
  shape.weights = nullptr; // the caller's arrays
  shape.types = nullptr;
  matmul.reserve(output, micro);
  matmul.allocate();
  rope_table = lines_of<float>(static_cast<int64_t>(positions) * m.head);
  int64_t kept;
  if (__builtin_mul_overflow(static_cast<int64_t>(m.layers) * count, each, &kept)) {
    throw std::bad_alloc();
  }
  keys = lines_of<uint16_t>(kept);
  values = lines_of<uint16_t>(kept);
  for (Lines<float> * rows : {&x, &normed, &sum}) {
    *rows = lines_of<float>(micro * w);
  }
  for (Lines<float> * rows : {&q, &mixed}) {
    *rows = lines_of<float>(micro * all);
  }
  for (Lines<float> * rows : {&k, &v}) {
    *rows = lines_of<float>(micro * each);
  }
  for (Lines<float> * rows : {&gate, &up}) {
    *rows = lines_of<float>(micro * f);
  }
  attention_work = lines_of<char>(static_cast<int64_t>(attend_work_size(m.head, m.head, m.heads, m.kv_heads)));
  paths.resize(static_cast<size_t>(micro));
  for (std::vector<int32_t> * list : {&cell, &seen, &sequence, &position}) {
    list->resize(static_cast<size_t>(micro));
  }
  next.resize(static_cast<size_t>(sequences));
}

void sphere_decoder::grow(int64_t wanted) {
  if (wanted > room) {
    room = 0;
    logits = lines_of<float>(wanted * shape.vocabulary);
    hidden = lines_of<float>(wanted * shape.width);
    room = wanted;
  }
}

void sphere_decoder::compact() {
  const auto width = static_cast<size_t>(key_width());
  const std::vector<Cells::Move> moves = cells.compact();
  for (size_t l = 0; l < layers.size(); l++) {
    for (uint16_t * all : {keys.get(), values.get()}) {
      uint16_t * layer = all + l * static_cast<size_t>(cells.count()) * width;
      for (const Cells::Move & m : moves) {
        std::memmove(layer + static_cast<size_t>(m.to) * width, layer + static_cast<size_t>(m.from) * width,
                     static_cast<size_t>(m.count) * width * sizeof(uint16_t));
      }
    }
  }
}

sphere_decoder::Adapted & sphere_decoder::matrix(int32_t place) {
  if (place == SPHERE_DECODE_OUTPUT) {
    return output;
  }
  const int32_t inside = std::max(place, static_cast<int32_t>(SPHERE_DECODE_LAYERS)) - SPHERE_DECODE_LAYERS;
  const int32_t layer = inside / SPHERE_DECODE_LAYER;
  const int32_t weight = inside % SPHERE_DECODE_LAYER;
  static_assert(SPHERE_DECODE_Q == 1 && SPHERE_DECODE_DOWN == 7, "the matrices in the order of matrices()");
  if (place < SPHERE_DECODE_LAYERS || layer >= shape.layers || weight < SPHERE_DECODE_Q ||
      weight > SPHERE_DECODE_DOWN) {
    throw std::invalid_argument("place: no matrix that an adapter can change");
  }
  return *matrices(layers[static_cast<size_t>(layer)])[static_cast<size_t>(weight - SPHERE_DECODE_Q)];
}

void sphere_decoder::adapt(int32_t place, int32_t rank, float scale, const float * a, const float * b) {
  Adapted & target = matrix(place);
  const int64_t columns = target.columns(), rows = target.rows();
  const int64_t inner = (static_cast<int64_t>(rank) + 15) / 16 * 16, outer = (rows + 3) / 4 * 4;
  Adapter adapter;
  adapter.scale = scale;
  adapter.a_data = lines_of<float>(inner * columns);
  adapter.b_data = lines_of<float>(outer * inner);
  std::fill_n(adapter.a_data.get(), inner * columns, 0.0f);
  std::fill_n(adapter.b_data.get(), outer * inner, 0.0f);
  std::copy_n(a, rank * columns, adapter.a_data.get());
  for (int64_t row = 0; row < rows; row++) {
    std::copy_n(b + row * rank, rank, adapter.b_data.get() + row * inner);
  }
  adapter.a = Matrix(adapter.a_data.get(), GGML_TYPE_F32, columns, inner, nullptr);
  adapter.b = Matrix(adapter.b_data.get(), GGML_TYPE_F32, inner, outer, nullptr);
  matmul.reserve(adapter.a, micro);
  matmul.allocate();
  second.reserve(adapter.b, micro);
  second.allocate();
  if (inner > low_width) {
    low = lines_of<float>(micro * inner);
    low_width = inner;
  }
  if (outer > high_width) {
    high = lines_of<float>(micro * outer);
    high_width = outer;
  }
  target.adapters.push_back(std::move(adapter));
}

void sphere_decoder::unadapt() {
  output.adapters.clear();
  for (Layer & layer : layers) {
    for (Adapted * each : matrices(layer)) {
      each->adapters.clear();
    }
  }
}
