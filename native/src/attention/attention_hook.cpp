// Hands FLASH_ATTN_EXT nodes of ggml's CPU backend to sphere::attention, and products with weights to sphere::matmul,
// through the backend's own extension point: the list of extra buffer types, whose traits are asked for every node
// before ggml's kernels are. The list's C++ types are internal to ggml (ggml/src/ggml-cpu/traits.h,
// ggml/src/ggml-backend-impl.h), so they are declared here again, and used with the very source they were read from.
// Each kind of node is tried against ggml's own result first.
#include "attention/attention.hpp"
#include "attention/attention_trial.hpp"
#include "common/barrier.hpp"
#include "matmul/matmul.hpp"
#include "sphere_attention.h"

#include "ggml-backend.h"
#include "ggml.h"
#include "llama.h"

#include <atomic>
#include <cstring>
#include <string>
#include <vector>

// --- ggml 0.25.1 (llama.cpp 0.5.0), as it is ---------------------------------------------------------

struct ggml_backend_buffer_type {
  const char * (*get_name)(ggml_backend_buffer_type_t);
  ggml_backend_buffer_t (*alloc_buffer)(ggml_backend_buffer_type_t, size_t);
  size_t (*get_alignment)(ggml_backend_buffer_type_t);
  size_t (*get_max_size)(ggml_backend_buffer_type_t);
  size_t (*get_alloc_size)(ggml_backend_buffer_type_t, const ggml_tensor *);
  bool (*is_host)(ggml_backend_buffer_type_t);
  ggml_backend_dev_t device;
  void * context;
};

struct ggml_compute_params {
  int ith, nth;
  size_t wsize;
  void * wdata;
  struct ggml_threadpool * threadpool;
  bool use_ref;
};

// Weak: in another version it may be hidden; then nothing is installed.
__attribute__((weak)) std::vector<ggml_backend_buffer_type_t> & ggml_backend_cpu_get_extra_buffer_types();

namespace {

constexpr const char * KNOWN_VERSION = "0.5.0";
constexpr const char * KNOWN_COMMIT = "de3ff81"; // of provision.sh's package; a checkout has another, or "-dirty"
// SHA-256 of the three internal headers, see provision.sh: so that the release's own commit is known too.
constexpr const char * KNOWN_INTERNALS = "73dd789134c02d7c8946a4ecd6facb4dd106e2dcd2856b64d378a184bfacee64";

std::atomic<bool> enabled{false};
std::atomic<int64_t> nodes{0}; // that our kernels have computed, for the trial

// Memory that holds elements as they are: not another device's, nor a type of buffer that keeps them rearranged.
bool plain(const ggml_tensor * t) {
  const ggml_backend_buffer_t buffer = t->view_src ? t->view_src->buffer : t->buffer;
  return t->data != nullptr && (buffer == nullptr || ggml_backend_buffer_is_host(buffer));
}

bool takes(const ggml_tensor * op) {
  if (op->op != GGML_OP_FLASH_ATTN_EXT) {
    return false;
  }
  const ggml_tensor *q = op->src[0], *k = op->src[1], *v = op->src[2], *mask = op->src[3];
  float scale, max_bias, soft_cap;
  std::memcpy(&scale, reinterpret_cast<const float *>(op->op_params), 4);
  std::memcpy(&max_bias, reinterpret_cast<const float *>(op->op_params) + 1, 4);
  std::memcpy(&soft_cap, reinterpret_cast<const float *>(op->op_params) + 2, 4);
  return mask && !op->src[4] && max_bias == 0.0f && soft_cap == 0.0f && q->type == GGML_TYPE_F32 &&
         k->type == GGML_TYPE_F16 && v->type == GGML_TYPE_F16 && mask->type == GGML_TYPE_F16 &&
         op->type == GGML_TYPE_F32 && ggml_is_contiguous(op) && q->nb[0] == 4 && k->nb[0] == 2 && v->nb[0] == 2 &&
         mask->nb[0] == 2 && k->ne[0] % 16 == 0 && v->ne[0] % 16 == 0 && k->ne[2] == v->ne[2] &&
         q->ne[2] % k->ne[2] == 0 && k->ne[3] == q->ne[3] && v->ne[3] == q->ne[3] && mask->ne[2] == 1 &&
         mask->ne[0] == k->ne[1] && mask->ne[1] >= q->ne[1] && mask->ne[3] == q->ne[3] && plain(q) && plain(k) &&
         plain(v) && plain(mask) && plain(op);
}

sphere::Attention described(const ggml_tensor * op) {
  const ggml_tensor *q = op->src[0], *k = op->src[1], *v = op->src[2], *mask = op->src[3];
  sphere::Attention a;
  a.q = static_cast<const char *>(q->data);
  a.q_token = q->nb[1];
  a.q_head = q->nb[2];
  a.q_stream = q->nb[3];
  a.k = static_cast<const char *>(k->data);
  a.k_cell = k->nb[1];
  a.k_head = k->nb[2];
  a.k_stream = k->nb[3];
  a.v = static_cast<const char *>(v->data);
  a.v_cell = v->nb[1];
  a.v_head = v->nb[2];
  a.v_stream = v->nb[3];
  a.mask = static_cast<const char *>(mask->data);
  a.mask_token = mask->nb[1];
  a.mask_stream = mask->nb[3];
  a.out = static_cast<float *>(op->data);
  a.k_size = static_cast<int>(k->ne[0]);
  a.v_size = static_cast<int>(v->ne[0]);
  a.tokens = static_cast<int>(q->ne[1]);
  a.heads = static_cast<int>(q->ne[2]);
  a.kv_heads = static_cast<int>(k->ne[2]);
  a.cells = static_cast<int>(k->ne[1]);
  a.streams = static_cast<int>(q->ne[3]);
  std::memcpy(&a.scale, op->op_params, 4);
  return a;
}

// In the vtable's order of ggml::cpu::tensor_traits.
class Traits {
public:
  virtual ~Traits() = default;

  virtual bool work_size(int n_threads, const ggml_tensor * op, size_t & size) {
    size = sphere::attention_work_size(described(op), n_threads);
    return true;
  }

  virtual bool compute_forward(ggml_compute_params * params, ggml_tensor * op) {
    const sphere::Attention a = described(op);
    if (params->use_ref || params->wsize < sphere::attention_work_size(a, params->nth)) {
      return false;
    }
    sphere::attention(a, params->ith, params->nth, params->threadpool, params->wdata);
    if (params->ith == 0) {
      nodes.fetch_add(1, std::memory_order_relaxed);
    }
    return true;
  }
};

class MatmulTraits : public Traits {
public:
  bool work_size(int n_threads, const ggml_tensor * op, size_t & size) override {
    size = sphere::matmul_work_size(op, n_threads);
    return true;
  }

  bool compute_forward(ggml_compute_params * params, ggml_tensor * op) override {
    if (params->use_ref || params->wsize < sphere::matmul_work_size(op, params->nth)) {
      return false;
    }
    sphere::matmul(op, params->ith, params->nth, params->threadpool, params->wdata);
    if (params->ith == 0) {
      nodes.fetch_add(1, std::memory_order_relaxed);
    }
    return true;
  }
};

// In the vtable's order of ggml::cpu::extra_buffer_type.
class ExtraBufferType {
public:
  virtual ~ExtraBufferType() = default;

  virtual bool supports_op(ggml_backend_dev_t, const ggml_tensor *) { return false; } // no weight is ever kept in it

  virtual Traits * get_tensor_traits(const ggml_tensor * op) {
    if (!enabled.load(std::memory_order_relaxed)) {
      return nullptr;
    }
    if (takes(op)) {
      return &traits;
    }
    return sphere::matmul_known() && sphere::matmul_takes(op) && plain(op->src[0]) && plain(op->src[1]) && plain(op)
               ? &matmul
               : nullptr;
  }

private:
  Traits traits;
  MatmulTraits matmul;
};

const char * name(ggml_backend_buffer_type_t) { return "SPHERE_ATTENTION"; }
ggml_backend_buffer_t no_buffer(ggml_backend_buffer_type_t, size_t) { return nullptr; }
size_t alignment(ggml_backend_buffer_type_t) { return 64; }

// Why nothing can be installed; nullptr: it can.
const char * unknown() {
  if (!&ggml_backend_cpu_get_extra_buffer_types) {
    return "this ggml hides its list of extra buffer types";
  }
  return sphere::hook_refusal(SPHERE_LLAMA_VERSION, llama_version(), ggml_commit(), SPHERE_LLAMA_INTERNALS);
}

// Puts the entry in front, since the first that wants a node gets it; takes it out again where the trial fails.
std::string install() {
  if (const char * why = unknown()) {
    return why;
  }
  static ExtraBufferType type;
  static ggml_backend_buffer_type entry{name, no_buffer, alignment, nullptr, nullptr, nullptr, nullptr, &type};
  auto & list = ggml_backend_cpu_get_extra_buffer_types();
  list.insert(list.begin(), &entry);
  std::string why;
  try {
    why = sphere::hook_trial([](bool on) { enabled.store(on); }, [] { return nodes.load(); });
  } catch (const std::exception & e) {
    why = e.what();
  }
  sphere_threads_release(); // the trial's
  enabled.store(why.empty());
  if (!why.empty()) {
    list.erase(list.begin());
  }
  return why;
}

} // namespace

const char * sphere::hook_refusal(const char * compiled, const char * loaded, const char * commit,
                                  const char * internals) {
  if (std::strcmp(compiled, KNOWN_VERSION) != 0 || std::strcmp(loaded, KNOWN_VERSION) != 0) {
    return "this llama.cpp is another version than 0.5.0";
  }
  const bool same_source = std::strcmp(internals, KNOWN_INTERNALS) == 0 || std::strcmp(commit, KNOWN_COMMIT) == 0;
  return same_source ? nullptr : "this llama.cpp calls itself 0.5.0, but its commit or its ggml's headers are others";
}

extern "C" int32_t sphere_attention_install(int32_t * installed) {
  return sphere::guarded([&] {
    if (!installed) {
      throw std::invalid_argument("installed");
    }
    static const std::string refused = install();
    sphere::set_last_error(refused.c_str());
    *installed = !refused.empty() ? 0 : sphere::matmul_known() ? 2 : 1;
  });
}

extern "C" void sphere_attention_enable(int32_t on) { enabled.store(on != 0); }
