// The decoder's C ABI. See sphere_decode.h.
#include "common/barrier.hpp"
#include "decode/decode.hpp"
#include "decode/decode_pointwise.hpp"

#include <limits>

using namespace sphere;

namespace {

bool known_type(int32_t type) {
  return type == GGML_TYPE_F32 || type == GGML_TYPE_F16 || type == GGML_TYPE_BF16 || type == GGML_TYPE_Q8_0;
}

size_t place_of(int64_t layer, int32_t weight) {
  return static_cast<size_t>(SPHERE_DECODE_LAYERS + layer * SPHERE_DECODE_LAYER + weight);
}

// Rows are whole blocks, so that ggml can multiply them.
bool can_multiply(const sphere_decode_model & m, size_t place, int64_t columns) {
  return m.weights[place] != nullptr && known_type(m.types[place]) &&
         columns % ggml_blck_size(static_cast<ggml_type>(m.types[place])) == 0;
}

bool supported(const sphere_decode_model & m) {
  if (!matmul_known() || !pointwise_known() || m.vocabulary < 1 || m.width < 1 || m.layers < 1 || m.heads < 1 ||
      m.kv_heads < 1 || m.heads % m.kv_heads != 0 || m.head < 16 || m.head % 16 != 0 || m.feed_forward < 1 ||
      static_cast<int64_t>(m.heads) * m.head > std::numeric_limits<int32_t>::max() ||
      !can_multiply(m, SPHERE_DECODE_EMBEDDING, m.width) || !can_multiply(m, SPHERE_DECODE_OUTPUT, m.width) ||
      m.weights[SPHERE_DECODE_OUTPUT_NORM] == nullptr) {
    return false;
  }
  for (int64_t l = 0; l < m.layers; l++) {
    const auto has = [&](int32_t weight) { return m.weights[place_of(l, weight)] != nullptr; };
    const auto takes = [&](int32_t weight, int64_t columns) { return can_multiply(m, place_of(l, weight), columns); };
    if (!has(SPHERE_DECODE_NORM) || !has(SPHERE_DECODE_FEED_NORM) ||
        has(SPHERE_DECODE_Q_NORM) != has(SPHERE_DECODE_K_NORM) || !takes(SPHERE_DECODE_Q, m.width) ||
        !takes(SPHERE_DECODE_K, m.width) || !takes(SPHERE_DECODE_V, m.width) ||
        !takes(SPHERE_DECODE_ATTENTION_OUT, static_cast<int64_t>(m.heads) * m.head) ||
        !takes(SPHERE_DECODE_GATE, m.width) || !takes(SPHERE_DECODE_UP, m.width) ||
        !takes(SPHERE_DECODE_DOWN, m.feed_forward)) {
      return false;
    }
  }
  return true;
}

void require(bool condition, const char * what) {
  if (!condition) {
    throw std::invalid_argument(what);
  }
}

void check_sequence(const sphere_decoder * decoder, int32_t sequence) {
  require(decoder != nullptr && sequence >= 0 && sequence < decoder->cells.sequences(), "decoder or sequence");
}

} // namespace

int32_t sphere_decode_supports(const sphere_decode_model * model) {
  return model && model->weights && model->types && supported(*model) ? 1 : 0;
}

int32_t sphere_decode_open(const sphere_decode_model * model, int32_t cells, int32_t positions, int32_t sequences,
                           int32_t micro_batch, sphere_decoder ** out) {
  return guarded([&] {
    require(sphere_decode_supports(model) != 0, "model: not among those that sphere_decode_supports()");
    require(cells > 0 && positions > 0 && sequences > 0 && micro_batch > 0 && out != nullptr,
            "cells, positions, sequences, micro_batch or out");
    *out = new sphere_decoder(*model, cells, positions, sequences, micro_batch);
  });
}

void sphere_decode_free(sphere_decoder * decoder) { delete decoder; }

int32_t sphere_decode_step(sphere_decoder * decoder, int32_t n, const int32_t * tokens, const int32_t * positions,
                           const int32_t * sequences, const int8_t * outputs, float ** logits, float ** hidden) {
  return guarded([&] {
    require(decoder && n > 0 && tokens && positions && sequences && outputs && logits && hidden,
            "decoder, n, an array, logits or hidden");
    decoder->step(n, tokens, positions, sequences, outputs);
    *logits = decoder->logits.get();
    *hidden = decoder->hidden.get();
  });
}

int32_t sphere_decode_copy(sphere_decoder * decoder, int32_t from, int32_t to, int32_t start, int32_t end) {
  return guarded([&] {
    check_sequence(decoder, from);
    check_sequence(decoder, to);
    decoder->cells.copy(from, to, start, end);
  });
}

int32_t sphere_decode_remove(sphere_decoder * decoder, int32_t sequence, int32_t start, int32_t end) {
  return guarded([&] {
    check_sequence(decoder, sequence);
    decoder->cells.remove(sequence, start, end);
  });
}

int32_t sphere_decode_clear(sphere_decoder * decoder) {
  return guarded([&] {
    require(decoder != nullptr, "decoder");
    decoder->cells.clear();
  });
}

int32_t sphere_decode_compact(sphere_decoder * decoder) {
  return guarded([&] {
    require(decoder != nullptr, "decoder");
    decoder->compact();
  });
}

int32_t sphere_decode_last(const sphere_decoder * decoder, int32_t sequence, int32_t * position) {
  return guarded([&] {
    check_sequence(decoder, sequence);
    require(position != nullptr, "position");
    *position = decoder->cells.last(sequence);
  });
}

int32_t sphere_decode_adapt(sphere_decoder * decoder, int32_t place, int32_t rank, float scale, const float * a,
                            const float * b) {
  return guarded([&] {
    require(decoder && rank > 0 && a && b, "decoder, rank, a or b");
    decoder->adapt(place, rank, scale, a, b);
  });
}

int32_t sphere_decode_unadapt(sphere_decoder * decoder) {
  return guarded([&] {
    require(decoder != nullptr, "decoder");
    decoder->unadapt();
  });
}
