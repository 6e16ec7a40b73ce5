// Finds the logits in llama.cpp's graph. See sphere_logits.h.
#include "sphere_logits.h"

#include "common/barrier.hpp"
#include "common/device.hpp"

#include "ggml-backend.h"
#include "ggml.h"
#include "llama.h"

#include <memory>
#include <string>
#include <vector>

struct sphere_logits {
  const ggml_tensor * tensor = nullptr; // of the graph that was built last
  std::vector<llama_sampler *> chains;  // one a sequence: a chain can be made ready only once
  std::vector<float> copied;

  ~sphere_logits() {
    for (llama_sampler * chain : chains) {
      llama_sampler_free(chain);
    }
  }
};

namespace {

const char * name(const llama_sampler *) { return "sphere-logits"; }
void apply(llama_sampler *, llama_token_data_array *) {}
bool backend_init(llama_sampler *, ggml_backend_buffer_type_t, uint32_t) { return true; }

// llama.cpp 0.5.0 hands out row i as a view of the logits, padded by a row: nothing else tells where they are. Where
// they come otherwise (as when a chain is tried alone), nothing is noted and llama.cpp goes on as it would.
void backend_apply(llama_sampler * sampler, ggml_context *, ggml_cgraph *, llama_sampler_data * data) {
  const ggml_tensor * padded = data->logits != nullptr ? data->logits->view_src : nullptr;
  if (padded != nullptr && padded->op == GGML_OP_PAD && padded->src[0] != nullptr &&
      padded->src[0]->type == GGML_TYPE_F32 && ggml_is_contiguous(padded->src[0])) {
    static_cast<sphere_logits *>(sampler->ctx)->tensor = padded->src[0];
    data->logits = nullptr; // then the padding is not computed either, and nothing copied
  }
}

llama_sampler_i interface() {
  llama_sampler_i i{};
  i.name = name;
  i.apply = apply;
  i.backend_init = backend_init;
  i.backend_apply = backend_apply;
  return i;
}

} // namespace

int32_t sphere_logits_new(int32_t sequences, struct llama_sampler_seq_config * configs, struct sphere_logits ** out) {
  return sphere::guarded([&] {
    if (sequences < 1 || configs == nullptr || out == nullptr) {
      throw std::invalid_argument("sequences, configs or out");
    }
    static llama_sampler_i sampler = interface();
    auto made = std::make_unique<sphere_logits>();
    made->chains.reserve(static_cast<size_t>(sequences)); // nothing throws between a chain and its place
    for (int32_t s = 0; s < sequences; s++) {
      llama_sampler * chain = llama_sampler_chain_init(llama_sampler_chain_default_params());
      made->chains.push_back(chain);
      llama_sampler_chain_add(chain, llama_sampler_init(&sampler, made.get()));
      configs[s] = {s, chain};
    }
    *out = made.release();
  });
}

int32_t sphere_logits_found(const struct sphere_logits * logits) {
  return logits != nullptr && logits->tensor != nullptr ? 1 : 0;
}

int32_t sphere_logits_rows(struct sphere_logits * logits, struct llama_context * context, int32_t rows, int32_t n_vocab,
                           float ** out) {
  return sphere::guarded([&] {
    if (logits == nullptr || context == nullptr || out == nullptr) {
      throw std::invalid_argument("logits, context or out");
    }
    llama_synchronize(context);
    const ggml_tensor * t = logits->tensor;
    if (t == nullptr || t->data == nullptr || t->buffer == nullptr || t->ne[0] != n_vocab || t->ne[1] != rows) {
      throw std::runtime_error("the last decode left no " + std::to_string(rows) + " rows of logits");
    }
    if (ggml_backend_buffer_is_host(t->buffer) || sphere::device_of(t->data) != nullptr) {
      *out = static_cast<float *>(t->data);
    } else {
      logits->copied.resize(static_cast<size_t>(ggml_nelements(t)));
      ggml_backend_tensor_get(t, logits->copied.data(), 0, ggml_nbytes(t));
      *out = logits->copied.data();
    }
  });
}

void sphere_logits_free(struct sphere_logits * logits) { delete logits; }
