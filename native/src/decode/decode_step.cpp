// A decode step from tokens to logits. See sphere_decode.h.
#include "common/barrier.hpp"
#include "decode/decode.hpp"
#include "decode/decode_pointwise.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <string>

using namespace sphere;

struct sphere_decoder::Part {
  int32_t n;
  const int32_t *tokens, *positions, *sequences;
  const int8_t * outputs;
};

namespace {

void copy_row(float * to, const float * from, int64_t width) {
  if (to != from) {
    std::memcpy(to, from, static_cast<size_t>(width) * sizeof(float));
  }
}

} // namespace

void sphere_decoder::check(int32_t n, const int32_t * tokens, const int32_t * at, const int32_t * of) {
  std::fill(next.begin(), next.end(), -1); // -1: as the cache has it
  for (int32_t i = 0; i < n; i++) {
    const auto name = [&](const char * what, int32_t value, int32_t end) {
      return std::string("token ") + std::to_string(i) + " of the batch: " + what + " " + std::to_string(value) +
             ", 0 to " + std::to_string(end - 1) + " are possible";
    };
    if (tokens[i] < 0 || tokens[i] >= shape.vocabulary) {
      throw std::invalid_argument(name("id", tokens[i], shape.vocabulary));
    }
    if (of[i] < 0 || of[i] >= cells.sequences()) {
      throw std::invalid_argument(name("sequence", of[i], cells.sequences()));
    }
    if (at[i] < 0 || at[i] >= positions) {
      throw std::invalid_argument(name("position", at[i], positions));
    }
    int32_t & expected = next[static_cast<size_t>(of[i])];
    if (expected < 0) {
      const int32_t last = cells.last(of[i]);
      expected = last < 0 ? at[i] : last + 1;
    }
    if (at[i] != expected++) {
      throw std::invalid_argument("token " + std::to_string(i) + " of the batch: position " + std::to_string(at[i]) +
                                  " of sequence " + std::to_string(of[i]) + ", which goes on at " +
                                  std::to_string(expected - 1));
    }
  }
  if (n > cells.free()) {
    throw status_error(SPHERE_FAILED,
                       ("the KV cache of " + std::to_string(cells.count()) + " tokens has no room").c_str());
  }
}

void sphere_decoder::step(int32_t n, const int32_t * tokens, const int32_t * at, const int32_t * of,
                          const int8_t * outputs) {
  check(n, tokens, at, of);
  rows.reserve(static_cast<size_t>(std::min(micro, n)));
  grow(std::count_if(outputs, outputs + n, [](int8_t wanted) { return wanted != 0; }));
  done = 0;
  try {
    for (int32_t from = 0; from < n; from += micro) {
      micro_step({std::min(micro, n - from), tokens + from, at + from, of + from, outputs + from});
    }
  } catch (...) { // no memory: cells that were not computed must not stay
    for (int32_t i = 0; i < n; i++) {
      cells.remove(of[i], at[i], -1);
    }
    throw;
  }
}

void sphere_decoder::micro_step(const Part & part) {
  rows.clear();
  for (int32_t i = 0; i < part.n; i++) {
    const auto at = static_cast<size_t>(i);
    cell[at] = cells.append(part.sequences[i], part.positions[i]);
    seen[at] = cells.length(part.sequences[i]);
    sequence[at] = part.sequences[i];
    position[at] = part.positions[i];
    if (part.outputs[i]) {
      rows.push_back(i);
    }
  }
  embed(part);
  int64_t n = part.n;
  find_paths(n);
  for (size_t l = 0; l < layers.size(); l++) {
    const Layer & layer = layers[l];
    rms_norm(x.get(), layer.norm, shape.width, n, shape.epsilon, normed.get());
    matmul.rows(normed.get(), n);
    product(layer.k, k.get());
    product(layer.v, v.get());
    keep(l, n);
    if (l + 1 == layers.size() && rows.size() < static_cast<size_t>(n)) { // from here on what is wanted only
      n = static_cast<int64_t>(rows.size());
      if (n == 0) {
        return;
      }
      for (int64_t j = 0; j < n; j++) {
        const int32_t from = rows[static_cast<size_t>(j)];
        copy_row(x.get() + j * shape.width, x.get() + from * shape.width, shape.width);
        copy_row(normed.get() + j * shape.width, normed.get() + from * shape.width, shape.width);
        seen[static_cast<size_t>(j)] = seen[static_cast<size_t>(from)];
        sequence[static_cast<size_t>(j)] = sequence[static_cast<size_t>(from)];
        position[static_cast<size_t>(j)] = position[static_cast<size_t>(from)];
      }
      matmul.rows(normed.get(), n);
      find_paths(n);
    }
    product(layer.q, q.get());
    attend(l, n);
    matmul.rows(mixed.get(), n);
    product(layer.out, sum.get());
    add(x.get(), sum.get(), n * shape.width);
    feed(layer, n);
  }
  head(n);
}

void sphere_decoder::embed(const Part & part) {
  const auto to_float = ggml_get_type_traits(embedding.weights.type)->to_float;
  for (int32_t i = 0; i < part.n; i++) {
    const char * row = static_cast<const char *>(embedding.weights.data) +
                       embedding.weights.nb[1] * static_cast<size_t>(part.tokens[i]);
    float * to = x.get() + static_cast<int64_t>(i) * shape.width;
    if (embedding.weights.type == GGML_TYPE_F32) {
      copy_row(to, reinterpret_cast<const float *>(row), shape.width);
    } else {
      to_float(row, to, shape.width);
    }
  }
}

const float * sphere_decoder::rope(int32_t at) {
  for (; rope_rows <= at; rope_rows++) {
    rope_row(rope_rows, shape.head, shape.rope_base, rope_factors,
             rope_table.get() + static_cast<int64_t>(rope_rows) * shape.head);
  }
  return rope_table.get() + static_cast<int64_t>(at) * shape.head;
}

// Which of the first n tokens see the same cells: all layers ask.
void sphere_decoder::find_paths(int64_t n) {
  for (int64_t i = 0; i < n; i++) {
    const auto at = static_cast<size_t>(i);
    paths[at] = {cells.of(sequence[at]), seen[at], static_cast<int>(i), nullptr, 0};
  }
  sort_paths(paths.data(), static_cast<int>(n));
}

// Keys and values of the micro-batch into its cells.
void sphere_decoder::keep(size_t l, int64_t n) {
  const Layer & layer = layers[l];
  const int64_t width = key_width(), base = static_cast<int64_t>(l) * cells.count() * width;
  if (layer.k_norm) {
    rms_norm(k.get(), layer.k_norm, shape.head, n * shape.kv_heads, shape.epsilon, k.get());
  }
  for (int64_t i = 0; i < n; i++) {
    float * key = k.get() + i * width;
    rotate(key, rope(position[static_cast<size_t>(i)]), shape.kv_heads, shape.head, shape.neox != 0);
    const int64_t to = base + cell[static_cast<size_t>(i)] * width;
    to_half(key, keys.get() + to, width);
    to_half(v.get() + i * width, values.get() + to, width);
  }
}

void sphere_decoder::attend(size_t l, int64_t n) {
  const Layer & layer = layers[l];
  if (layer.q_norm) {
    rms_norm(q.get(), layer.q_norm, shape.head, n * shape.heads, shape.epsilon, q.get());
  }
  const auto head_size = static_cast<size_t>(shape.head), cell_size = static_cast<size_t>(key_width()) * 2;
  const size_t base = l * static_cast<size_t>(cells.count()) * cell_size;
  Attention a{};
  a.q = reinterpret_cast<const char *>(q.get());
  a.q_token = static_cast<size_t>(query_width()) * 4;
  a.q_head = head_size * 4;
  a.k = reinterpret_cast<const char *>(keys.get()) + base;
  a.v = reinterpret_cast<const char *>(values.get()) + base;
  a.k_cell = a.v_cell = cell_size;
  a.k_head = a.v_head = head_size * 2;
  a.out = mixed.get();
  a.k_size = a.v_size = shape.head;
  a.tokens = static_cast<int>(n);
  a.heads = shape.heads;
  a.kv_heads = shape.kv_heads;
  a.cells = cells.count();
  a.streams = 1;
  a.scale = 1.0f / std::sqrt(static_cast<float>(shape.head));
  for (int64_t i = 0; i < n; i++) {
    rotate(q.get() + i * query_width(), rope(position[static_cast<size_t>(i)]), shape.heads, shape.head,
           shape.neox != 0);
  }
  sphere::attend(a, 0, paths.data(), static_cast<int>(n), 0, 1, attention_work.get());
}

void sphere_decoder::feed(const Layer & layer, int64_t n) {
  rms_norm(x.get(), layer.feed_norm, shape.width, n, shape.epsilon, normed.get());
  matmul.rows(normed.get(), n);
  product(layer.gate, gate.get());
  product(layer.up, up.get());
  swiglu(gate.get(), up.get(), n * shape.feed_forward);
  matmul.rows(gate.get(), n);
  product(layer.down, sum.get());
  add(x.get(), sum.get(), n * shape.width);
}

void sphere_decoder::head(int64_t n) {
  float * states = hidden.get() + done * shape.width;
  rms_norm(x.get(), output_norm, shape.width, n, shape.epsilon, states);
  matmul.rows(states, n);
  product(output, logits.get() + done * shape.vocabulary);
  done += n;
}

void sphere_decoder::product(const Adapted & matrix, float * y) {
  const int64_t n = matmul.count(), width = matrix.rows();
  matmul.into(matrix, y, width);
  for (const Adapter & adapter : matrix.adapters) {
    matmul.into(adapter.a, low.get(), adapter.a.rows());
    second.rows(low.get(), n);
    second.into(adapter.b, high.get(), adapter.b.rows());
    for (int64_t i = 0; i < n * adapter.b.rows(); i++) { // rounded before it is added, as llama.cpp does it
      high[static_cast<size_t>(i)] *= adapter.scale;
    }
    for (int64_t i = 0; i < n; i++) {
      add(y + i * width, high.get() + i * adapter.b.rows(), width);
    }
  }
  add_bias(y, matrix.bias, width, n);
}
