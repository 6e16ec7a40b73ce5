// Training kernels without memory on any of the threads, and with indices that do not exist.
#include "check.hpp"

#include "sphere_device.h"
#include "sphere_optim.h"
#include "sphere_train.h"
#include "train/gemm.hpp"

#include "ggml-backend.h"
#include "ggml-cpu.h"

#include <atomic>
#include <functional>
#include <sys/wait.h>
#include <unistd.h>

using namespace test;

extern "C" void * __real_aligned_alloc(size_t alignment, size_t bytes);

namespace {

std::atomic<bool> refusing{false};
std::atomic<int> refused{0};
thread_local bool first_thread = false;

constexpr int THREADS = 4;
constexpr int64_t N = 96, WIDTH = 96, HEAD = 32, SLOTS = 48;

} // namespace

// Every thread but the first of the process gets none; scratch grows with each kernel, so each of them asks.
extern "C" void * __wrap_aligned_alloc(size_t alignment, size_t bytes) {
  if (refusing && !first_thread) {
    refused++;
    return nullptr;
  }
  return __real_aligned_alloc(alignment, bytes);
}

namespace {

struct Graph {
  ggml_context * c = ggml_init({64 * ggml_tensor_overhead() + ggml_graph_overhead(), nullptr, true});
  ggml_backend_t backend = ggml_backend_cpu_init();
  ggml_cgraph * graph = ggml_new_graph(c);
  ggml_backend_buffer_t buffer = nullptr;

  explicit Graph(int threads) { ggml_backend_cpu_set_n_threads(backend, threads); }
  ~Graph() {
    ggml_backend_buffer_free(buffer);
    ggml_backend_free(backend);
    ggml_free(c);
  }

  ggml_tensor * floats(int64_t a, int64_t b = 1) { return ggml_new_tensor_2d(c, GGML_TYPE_F32, a, b); }
  ggml_tensor * ints(int64_t a) { return ggml_new_tensor_1d(c, GGML_TYPE_I32, a); }

  int32_t compute(ggml_tensor * node, const std::function<void()> & fill = {}) {
    ggml_build_forward_expand(graph, node);
    buffer = ggml_backend_alloc_ctx_tensors(c, backend);
    ggml_backend_buffer_clear(buffer, 0);
    if (fill) {
      fill();
    }
    return sphere_graph_compute(backend, graph);
  }
};

void fill_ints(ggml_tensor * t, const std::vector<int32_t> & values) {
  ggml_backend_tensor_set(t, values.data(), 0, values.size() * 4);
}

struct Kernel {
  const char * name;
  ggml_tensor * (*make)(Graph & g, int64_t scale);
};

ggml_tensor * attention(Graph & g, int64_t s, bool back) {
  ggml_tensor *q = g.floats(2 * HEAD, SLOTS * 8 * s), *k = g.floats(HEAD, SLOTS * 8 * s);
  ggml_tensor *v = g.floats(HEAD, SLOTS * 8 * s), *table = g.floats(HEAD, SLOTS * 8 * s),
              *parents = g.ints(SLOTS * 8 * s);
  const auto slots = static_cast<int32_t>(SLOTS * s);
  return back ? sphere_op_attention_back(g.c, q, k, v, table, parents, g.floats(2 * HEAD, SLOTS * 8 * s), HEAD, slots,
                                         1, 0)
              : sphere_op_attention(g.c, q, k, v, table, parents, HEAD, slots, 1, 0);
}

const Kernel KERNELS[] = {
    {"linear",
     [](Graph & g, int64_t s) {
       return sphere_op_linear(g.c, g.floats(N * s, WIDTH * 8), g.floats(N * s, 64), nullptr, 0);
     }},
    {"linear_dx",
     [](Graph & g, int64_t s) {
       return sphere_op_linear_dx(g.c, g.floats(WIDTH * 8, N * s), g.floats(N * s, 64), nullptr, 0);
     }},
    {"linear_dw",
     [](Graph & g, int64_t s) {
       return sphere_op_linear_dw(g.c, g.floats(WIDTH * 8, N * s), g.floats(N, N * s), g.floats(WIDTH * 8, N), 0);
     }},
    {"rms_norm_dw",
     [](Graph & g, int64_t s) {
       return sphere_op_rms_norm_dw(g.c, g.floats(WIDTH * 64 * s, 3), g.floats(WIDTH * 64 * s, 3),
                                    g.floats(WIDTH * 64 * s), 1e-5f);
     }},
    {"attention", [](Graph & g, int64_t s) { return attention(g, s, false); }},
    {"attention_back", [](Graph & g, int64_t s) { return attention(g, s, true); }},
};

// Parents that never stand before the slot: each slot is a tree of its own.
void no_parents(ggml_tensor * node) {
  for (ggml_tensor * t : node->src) {
    if (t != nullptr && t->type == GGML_TYPE_I32) {
      fill_ints(t, std::vector<int32_t>(static_cast<size_t>(ggml_nelements(t)), -1));
    }
  }
}

void without_memory(const Kernel & kernel) {
  first_thread = true;
  int32_t status, again;
  Graph g(THREADS);
  ggml_tensor * node = kernel.make(g, 1);
  expect(node != nullptr, std::string(kernel.name) + ": " + sphere_last_error());
  if (node == nullptr) {
    return;
  }
  status = g.compute(node, [&] {
    no_parents(node);
    refusing = true;
  });
  refusing = false;
  again = sphere_graph_compute(g.backend, g.graph);
  expect(refused > 0, std::string(kernel.name) + ": no thread but the first asked for memory");
  expect(status == SPHERE_OUT_OF_MEMORY,
         std::string(kernel.name) + " without memory on other threads: status " + std::to_string(status));
  expect(again == SPHERE_OK, std::string(kernel.name) + " with memory again: " + std::to_string(again));
}

// Each in a process of its own: threads keep their scratch memory, so only fresh ones ask for it.
void refused_memory() {
  for (const Kernel & kernel : KERNELS) {
    std::fflush(stdout);
    const pid_t child = fork();
    if (child == 0) {
      without_memory(kernel);
      std::fflush(stdout);
      _exit(failures == 0 ? 0 : 1);
    }
    int status = -1;
    waitpid(child, &status, 0);
    expect(status == 0, std::string(kernel.name) + ": its process ended with " + std::to_string(status));
  }
}

void expect_refused(Graph & g, ggml_tensor * node, const std::function<void()> & fill, const std::string & what) {
  expect(node != nullptr, what + ": no node");
  const int32_t status = node == nullptr ? 0 : g.compute(node, fill);
  expect(status == SPHERE_INVALID_ARGUMENT, what + ": status " + std::to_string(status));
}

// Tokens, rows, offsets and parents that do not exist: an error, and nothing read or written out of bounds.
void hostile_indices() {
  for (const int32_t bad : {-1, 10, INT32_MAX, INT32_MIN}) {
    {
      Graph g(2);
      ggml_tensor *x = g.floats(10, 2), *o = g.ints(3), *t = g.ints(2);
      expect_refused(
          g, sphere_op_log_probs(g.c, x, o, t),
          [&] {
            fill_ints(o, {0, 1, 2});
            fill_ints(t, {3, bad});
          },
          "log_probs of token " + std::to_string(bad));
    }
    {
      Graph g(2);
      ggml_tensor *x = g.floats(10, 2), *o = g.ints(3), *t = g.ints(2), *w = g.floats(2), *p = g.floats(2);
      expect_refused(
          g, sphere_op_log_probs_back(g.c, x, o, t, w, p),
          [&] {
            fill_ints(o, {0, bad, 2});
            fill_ints(t, {3, 4});
          },
          "log_probs_back of offset " + std::to_string(bad));
    }
    {
      Graph g(2);
      ggml_tensor *dy = g.floats(40, 3), *rows = g.ints(3), *into = g.floats(40, 10);
      expect_refused(
          g, sphere_op_scatter(g.c, dy, rows, into), [&] { fill_ints(rows, {0, bad, 2}); },
          "scatter to row " + std::to_string(bad));
    }
    if (bad >= 0) {
      for (const bool back : {false, true}) {
        Graph g(2);
        ggml_tensor * node = attention(g, 1, back);
        std::vector<int32_t> parents(SLOTS * 8, -1);
        parents[7] = bad;
        expect_refused(g, node, [&] { fill_ints(node->src[4], parents); }, "parent " + std::to_string(bad));
      }
    }
  }
  Graph g(1); // a slot that is its own parent: no end
  ggml_tensor * node = attention(g, 1, false);
  std::vector<int32_t> parents(SLOTS * 8, -1);
  parents[3] = 3;
  expect_refused(g, node, [&] { fill_ints(node->src[4], parents); }, "a slot as its own parent");
}

// What does not fit is refused where a node is made.
void misfits() {
  Graph g(1);
  ggml_tensor *x = g.floats(8, 3), *i = g.ints(3);
  expect(sphere_op_linear(g.c, nullptr, x, nullptr, 0) == nullptr, "no weight");
  expect(sphere_op_linear_dx(g.c, nullptr, x, nullptr, 0) == nullptr, "no weight, back");
  expect(sphere_op_scatter(g.c, x, nullptr, x) == nullptr, "no rows");
  expect(sphere_op_scatter(g.c, x, x, x) == nullptr, "rows in F32");
  expect(sphere_op_log_probs(g.c, x, nullptr, i) == nullptr, "no offsets");
  expect(sphere_op_rope_table(g.c, x, nullptr, 8, 1, 1, 0, 1, 0, 1) == nullptr, "positions in F32");
  expect(sphere_op_rope_table(g.c, nullptr, nullptr, 8, 1, 1, 0, 1, 0, 1) == nullptr, "no positions");
  expect(sphere_op_swiglu(g.c, x, nullptr) == nullptr, "no up");
  expect(sphere_op_attention(g.c, x, x, x, x, nullptr, 8, 3, 1, 0) == nullptr, "no parents");
}

// A device that notes the order of what it is told; its memory is the host's.
std::vector<std::string> told;

int32_t yes_own(const void *) { return 1; }
int32_t no_own(const void *) { return 0; }
int32_t queue_sgd(float *, float *, float *, int64_t, float, float, float, float, int32_t) {
  told.emplace_back("sgd");
  return 0;
}
int32_t wait() {
  told.emplace_back("wait");
  return 0;
}
const char * nothing() { return ""; }

void note(ggml_tensor *, int ith, int, void *) {
  if (ith == 0) {
    told.emplace_back("node");
  }
}

// An optimizer's step that is queued is waited for before a graph that nothing was written into.
void queued_work() {
  sphere_device_api api{};
  api.size = sizeof api;
  api.name = nothing;
  api.last_error = nothing;
  api.owns = yes_own;
  api.sgd = queue_sgd;
  api.synchronize = wait;
  expect(sphere_device_attach(&api) == 0, "attach");
  float x = 0;
  told.clear();
  expect(sphere_sgd(&x, &x, nullptr, 1, 1, 1, 1, 0, 0, 1) == 0, "sgd");
  api.owns = no_own;
  Graph g(1);
  ggml_tensor * args[] = {g.floats(4)};
  expect(g.compute(ggml_custom_4d(g.c, GGML_TYPE_F32, 4, 1, 1, 1, args, 1, note, 1, nullptr)) == 0, "the graph");
  sphere_device_attach(nullptr);
  expect(told.size() >= 3 && told[0] == "sgd" && told[1] == "wait" && told[2] == "node",
         "the graph's first node came before the wait for what was queued");
}

} // namespace

int main(int argc, char ** argv) {
  return run({{"refused memory", refused_memory},
              {"hostile indices", hostile_indices},
              {"misfits", misfits},
              {"queued work", queued_work}},
             argc, argv);
}
