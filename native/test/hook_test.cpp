// Whether the hook into ggml's CPU backend is taken, and of which memory.
#include "check.hpp"

#include "attention/attention_trial.hpp"
#include "matmul/matmul.hpp"
#include "sphere_attention.h"

#include "ggml-backend.h"
#include "ggml-cpu.h"

#include <chrono>
#include <filesystem>
#include <thread>

using namespace test;

// As in attention_hook.cpp.
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
__attribute__((weak)) std::vector<ggml_backend_buffer_type_t> & ggml_backend_cpu_get_extra_buffer_types();

namespace {

void versions() {
  const char * same = sphere::hook_refusal("0.5.0", "0.5.0", "de3ff81", "");
  expect(same == nullptr, "the pinned source");
  // A development checkout says 0.5.0 too.
  for (const char * commit : {"1234567", "de3ff81-dirty", "unknown", ""}) {
    expect(sphere::hook_refusal("0.5.0", "0.5.0", commit, "") != nullptr, std::string("0.5.0 at ") + commit);
    expect(sphere::hook_refusal("0.5.0", "0.5.0", commit, "0123") != nullptr, "with other headers");
  }
  expect(sphere::hook_refusal("0.5.1", "0.5.0", "de3ff81", "") != nullptr, "compiled with 0.5.1");
  expect(sphere::hook_refusal("0.5.0", "0.5.1", "de3ff81", "") != nullptr, "loaded 0.5.1");
}

// A trial says so when a kernel is never asked, and when its result is another.
void trials() {
  expect(!sphere::hook_trial([](bool) {}, []() -> int64_t { return 0; }).empty(), "kernels that nobody asks");
}

// Threads of this process; LLVM's OpenMP keeps its own for whoever comes next.
size_t threads() {
  size_t n = 0;
#if defined(__linux__) && !defined(__clang__)
  for (const auto & entry : std::filesystem::directory_iterator("/proc/self/task")) {
    n += entry.exists() ? 1 : 0;
  }
#endif
  return n;
}

void installed() {
  const size_t alone = threads();
  const size_t before = ggml_backend_cpu_get_extra_buffer_types().size();
  int32_t kernels = 0;
  expect(sphere_attention_install(&kernels) == 0 && kernels > 0, std::string("install: ") + sphere_last_error());
  expect(sphere_attention_install(&kernels) == 0 && kernels > 0, "twice");
  expect(ggml_backend_cpu_get_extra_buffer_types().size() == before + 1, "one entry");
  for (int i = 0; i < 10000 && threads() != alone; i++) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  expect(threads() == alone, "the trial's threads are gone");
  expect(sphere_attention_install(nullptr) == SPHERE_INVALID_ARGUMENT, "no place for the answer");
}

// Weights in a buffer that keeps them rearranged are not ours to read, whatever their type says.
void buffers() {
  if (!sphere::matmul_known()) {
    return;
  }
  ggml_context * c = ggml_init({16 * ggml_tensor_overhead() + ggml_graph_overhead(), nullptr, true});
  ggml_backend_t backend = ggml_backend_cpu_init();
  ggml_tensor * w = ggml_new_tensor_2d(c, GGML_TYPE_F32, 64, 16);
  ggml_tensor * x = ggml_new_tensor_2d(c, GGML_TYPE_F32, 64, 3);
  ggml_tensor * y = ggml_mul_mat(c, w, x);
  ggml_backend_buffer_t buffer = ggml_backend_alloc_ctx_tensors(c, backend);
  // Ours is the first entry; what it answers is its second virtual function after the destructors.
  auto ** hook = static_cast<void ***>(ggml_backend_cpu_get_extra_buffer_types().front()->context);
  const auto traits = reinterpret_cast<void * (*)(void *, const ggml_tensor *)>((*hook)[3]);
  expect(traits(hook, y) != nullptr, "plain memory");
  ggml_backend_buffer_type elsewhere{};
  elsewhere.get_name = [](ggml_backend_buffer_type_t) { return "elsewhere"; };
  elsewhere.get_alignment = [](ggml_backend_buffer_type_t) { return size_t{64}; };
  elsewhere.alloc_buffer = [](ggml_backend_buffer_type_t type, size_t size) {
    ggml_backend_buffer_t b = ggml_backend_buft_alloc_buffer(ggml_backend_cpu_buffer_type(), size);
    *reinterpret_cast<ggml_backend_buffer_type_t *>(reinterpret_cast<char *>(b) + 11 * sizeof(void *)) = type;
    return b;
  };
  for (ggml_tensor * t : {w, x, y}) {
    ggml_backend_buffer_t own = t->buffer;
    t->buffer = ggml_backend_buft_alloc_buffer(&elsewhere, 64);
    if (ggml_backend_buffer_get_type(t->buffer) == &elsewhere) {
      expect(traits(hook, y) == nullptr, "memory that is not plain");
    } else {
      fail("the buffer's type is not where this test looks for it");
    }
    ggml_backend_buffer_free(t->buffer);
    t->buffer = own;
  }
  ggml_backend_buffer_free(buffer);
  ggml_backend_free(backend);
  ggml_free(c);
}

} // namespace

int main(int argc, char ** argv) {
  return run({{"versions", versions}, {"installed", installed}, {"trials", trials}, {"buffers", buffers}}, argc, argv);
}
