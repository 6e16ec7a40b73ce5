// Everything that several threads do at once, under the thread sanitizer. ggml's own code is not instrumented, so its
// pool of threads is replaced by one of ours with the same functions.
#include "tiny_model.hpp"

#include "attention/attention.hpp"
#include "matmul/matmul.hpp"
#include "sphere_attention.h"
#include "sphere_bench.h"
#include "sphere_device.h"
#include "sphere_optim.h"
#include "sphere_sampling.h"
#include "sphere_train.h"
#include "train/train_node.hpp"

#include "ggml.h"
#include "llama.h"

#include <atomic>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

using namespace test;

// --- a pool as ggml's, in place of it --------------------------------------------------------------------

struct ggml_threadpool {
  std::mutex mutex;
  std::condition_variable all;
  int threads = 0, here = 0, round = 0;
  std::atomic<int> chunk{0};
};

extern "C" {
void ggml_barrier(ggml_threadpool * p) {
  std::unique_lock<std::mutex> lock(p->mutex);
  const int round = p->round;
  if (++p->here == p->threads) {
    p->here = 0;
    p->round++;
    p->all.notify_all();
  } else {
    p->all.wait(lock, [&] { return p->round != round; });
  }
}
void ggml_threadpool_chunk_set(ggml_threadpool * p, int value) { p->chunk.store(value, std::memory_order_relaxed); }
int ggml_threadpool_chunk_add(ggml_threadpool * p, int value) {
  return p->chunk.fetch_add(value, std::memory_order_relaxed);
}
}

namespace {

constexpr int THREADS = 4;

void together(int n, const std::function<void(int)> & body) {
  std::vector<std::thread> threads;
  for (int i = 1; i < n; i++) {
    threads.emplace_back(body, i);
  }
  body(0);
  for (std::thread & t : threads) {
    t.join();
  }
}

// --- kernels whose threads share one result --------------------------------------------------------------

void products() {
  if (!sphere::matmul_known()) {
    return;
  }
  Random random(3);
  for (const ggml_type type :
       {GGML_TYPE_F32, GGML_TYPE_F16, GGML_TYPE_BF16, GGML_TYPE_Q8_0, GGML_TYPE_Q4_1, GGML_TYPE_Q4_K}) {
    for (const int64_t n : {1, 2, 5, 17, 40}) {
      const int64_t k = 256, m = 36;
      const auto numbers = normals(random, static_cast<size_t>(k * m)), x = normals(random, static_cast<size_t>(k * n));
      std::vector<char> blocks(static_cast<size_t>(m) * ggml_row_size(type, k));
      ggml_quantize_chunk(type, numbers.data(), blocks.data(), 0, m, k, nullptr);
      std::vector<float> results[2];
      for (const int threads : {1, THREADS}) {
        std::vector<float> & y = results[threads == 1 ? 0 : 1];
        y.assign(static_cast<size_t>(m * n), 0);
        ggml_tensor w{}, in{}, op{};
        const auto describe = [](ggml_tensor & t, ggml_type type, void * data, int64_t a, int64_t b) {
          t.type = type;
          t.data = data;
          t.ne[0] = a;
          t.ne[1] = b;
          t.ne[2] = t.ne[3] = 1;
          t.nb[0] = ggml_type_size(type);
          t.nb[1] = ggml_row_size(type, a);
          t.nb[2] = t.nb[3] = t.nb[1] * static_cast<size_t>(b);
        };
        describe(w, type, blocks.data(), k, m);
        describe(in, GGML_TYPE_F32, const_cast<float *>(x.data()), k, n);
        describe(op, GGML_TYPE_F32, y.data(), m, n);
        op.op = GGML_OP_MUL_MAT;
        op.src[0] = &w;
        op.src[1] = &in;
        expect(sphere::matmul_takes(&op), "taken");
        ggml_threadpool pool;
        pool.threads = threads;
        std::vector<char> work(sphere::matmul_work_size(&op, threads));
        together(threads, [&](int i) { sphere::matmul(&op, i, threads, &pool, work.data()); });
      }
      same_bits(results[1], results[0], std::string("products of ") + ggml_type_name(type));
    }
  }
}

void attention() {
  Random random(4);
  constexpr int HEAD = 32, HEADS = 6, KV = 2, CELLS = 1000, TOKENS = 9;
  const auto q = normals(random, HEAD * HEADS * TOKENS);
  std::vector<uint16_t> k(HEAD * KV * CELLS), v(k.size()), mask(CELLS * TOKENS);
  for (uint16_t & x : k) {
    x = static_cast<uint16_t>(0x3000 + below(random, 0x0C00));
  }
  for (uint16_t & x : v) {
    x = static_cast<uint16_t>(0x3000 + below(random, 0x0C00));
  }
  for (uint16_t & x : mask) {
    x = below(random, 3) == 0 ? 0xFC00 : 0;
  }
  std::vector<float> results[2];
  for (const int threads : {1, THREADS}) {
    std::vector<float> & out = results[threads == 1 ? 0 : 1];
    out.assign(q.size(), 0);
    sphere::Attention a{};
    a.q = reinterpret_cast<const char *>(q.data());
    a.q_token = HEAD * HEADS * 4;
    a.q_head = HEAD * 4;
    a.k = reinterpret_cast<const char *>(k.data());
    a.v = reinterpret_cast<const char *>(v.data());
    a.k_cell = a.v_cell = HEAD * KV * 2;
    a.k_head = a.v_head = HEAD * 2;
    a.mask = reinterpret_cast<const char *>(mask.data());
    a.mask_token = CELLS * 2;
    a.out = out.data();
    a.k_size = a.v_size = HEAD;
    a.tokens = TOKENS;
    a.heads = HEADS;
    a.kv_heads = KV;
    a.cells = CELLS;
    a.streams = 1;
    a.scale = 0.2f;
    ggml_threadpool pool;
    pool.threads = threads;
    std::vector<char> memory(sphere::attention_work_size(a, threads));
    together(threads, [&](int i) { sphere::attention(a, i, threads, &pool, memory.data()); });
  }
  same_bits(results[1], results[0], "attention");
}

// Training kernels as ggml calls them: node by node, a barrier between.
void training() {
  Random random(5);
  ggml_context * c = ggml_init({size_t{1} << 24, nullptr, false});
  const auto floats = [&](int64_t a, int64_t b) {
    ggml_tensor * t = ggml_new_tensor_2d(c, GGML_TYPE_F32, a, b);
    for (int64_t i = 0; i < ggml_nelements(t); i++) {
      sphere::floats(t)[i] = normal(random);
    }
    return t;
  };
  const auto ints = [&](int64_t n, const std::function<int32_t(int64_t)> & value) {
    ggml_tensor * t = ggml_new_tensor_1d(c, GGML_TYPE_I32, n);
    for (int64_t i = 0; i < n; i++) {
      static_cast<int32_t *>(t->data)[i] = value(i);
    }
    return t;
  };
  constexpr int64_t N = 96, IN = 80, OUT = 144;
  ggml_tensor *x = floats(IN, N), *w = floats(IN, OUT), *dy = floats(OUT, N), *g = floats(IN, 1);
  ggml_tensor * rows = ints(N, [](int64_t i) { return static_cast<int32_t>(i * 7 % 10); });
  ggml_tensor * parents = ints(N, [](int64_t i) { return static_cast<int32_t>(i % 48 / 2) - 1; });
  ggml_tensor * positions = ints(N, [](int64_t i) { return static_cast<int32_t>(i % 48); });
  ggml_tensor * offsets = ints(N + 1, [](int64_t i) { return static_cast<int32_t>(i); });
  ggml_tensor * tokens = ints(N, [](int64_t i) { return static_cast<int32_t>(i % OUT); });
  ggml_tensor * table = sphere_op_rope_table(c, positions, nullptr, 16, 10000, 1, 0, 1, 0, 1);
  ggml_tensor *q = floats(64, N), *k = floats(32, N), *v = floats(32, N), *logits = floats(OUT, N);
  ggml_tensor * p = sphere_op_log_probs(c, logits, offsets, tokens);
  ggml_tensor * const nodes[] = {sphere_op_linear(c, w, x, nullptr, 0),
                                 sphere_op_linear_dx(c, w, dy, nullptr, 0),
                                 sphere_op_linear_dw(c, x, dy, floats(IN, OUT), 0),
                                 sphere_op_sum_rows(c, dy, floats(OUT, 1)),
                                 sphere_op_rms_norm(c, x, g, 1e-5f),
                                 sphere_op_rms_norm_dx(c, x, g, floats(IN, N), nullptr, 1e-5f),
                                 sphere_op_rms_norm_dw(c, x, floats(IN, N), floats(IN, 1), 1e-5f),
                                 sphere_op_swiglu(c, x, floats(IN, N)),
                                 sphere_op_swiglu_back(c, x, floats(IN, N), floats(IN, N)),
                                 sphere_op_scatter(c, dy, rows, floats(OUT, 10)),
                                 table,
                                 sphere_op_attention(c, q, k, v, table, parents, 16, 48, 1, 0),
                                 sphere_op_attention_back(c, q, k, v, table, parents, floats(64, N), 16, 48, 1, 0),
                                 p,
                                 sphere_op_log_probs_back(c, logits, offsets, tokens, floats(N, 1), p)};
  ggml_threadpool pool;
  pool.threads = THREADS;
  together(THREADS, [&](int ith) {
    for (ggml_tensor * node : nodes) {
      if (node == nullptr) {
        continue;
      }
      ggml_custom_op_t f;
      std::memcpy(&f, node->op_params, sizeof f);
      f(node, ith, THREADS, nullptr);
      ggml_barrier(&pool);
    }
  });
  for (const ggml_tensor * node : nodes) {
    expect(node != nullptr, std::string("a node: ") + sphere_last_error());
  }
  expect(sphere::kernel_failures().count == 0, "no kernel failed");
  // Failures of several threads at once.
  ggml_tensor * bad = sphere_op_scatter_new(c, dy, ints(N, [](int64_t) { return -1; }), 10);
  together(THREADS, [&](int ith) {
    ggml_custom_op_t f;
    std::memcpy(&f, bad->op_params, sizeof f);
    f(bad, ith, THREADS, nullptr);
  });
  expect(sphere::kernel_failures().count == THREADS, "each thread's failure counts");
  ggml_free(c);
}

// --- functions with threads of their own ------------------------------------------------------------------

void sampling() {
  Random random(6);
  const int n = 3000, rows = 24;
  auto logits = normals(random, static_cast<size_t>(n * rows));
  std::vector<sphere_draw> draws;
  std::vector<int32_t> of, targets;
  for (int i = 0; i < rows; i++) {
    draws.push_back(
        {1, 2, 3, 4, static_cast<uint32_t>(i), i, i % 3 == 0 ? 700 : 0, 1, i % 2 == 0 ? 0.9f : 1.0f, 0, 0, 0, 0});
    of.push_back(i);
    targets.push_back(i);
  }
  std::vector<sphere_draw> alone = draws;
  std::vector<float> p(rows), q(rows);
  expect(sphere_sample_rows(logits.data(), n, draws.data(), rows, THREADS) == 0, "draws");
  expect(sphere_sample_rows(logits.data(), n, alone.data(), rows, 1) == 0, "draws by one thread");
  for (size_t i = 0; i < draws.size(); i++) {
    expect(draws[i].token == alone[i].token, "draw " + std::to_string(i));
  }
  expect(sphere_logprob_rows(logits.data(), n, rows, of.data(), targets.data(), p.data(), THREADS) == 0, "logprobs");
  expect(sphere_logprob_rows(logits.data(), n, rows, of.data(), targets.data(), q.data(), 1) == 0, "by one thread");
  same_bits(p, q, "log-probabilities");
  for (int i = 3; i < rows; i++) { // several threads throw; the lowest row is named
    logits[static_cast<size_t>(n * i + i)] = NAN;
  }
  expect(sphere_sample_rows(logits.data(), n, draws.data(), rows, THREADS) == SPHERE_INVALID_ARGUMENT &&
             std::strstr(sphere_last_error(), "row 3 ") != nullptr,
         std::string("the first bad row: ") + sphere_last_error());
  // More threads than rows, and than anybody has: no more are made than there is work.
  expect(sphere_sample_rows(logits.data(), n, draws.data(), 2, INT32_MAX) == 0, "2^31 - 1 threads for two rows");
}

void optimizer() {
  Random random(7);
  const int64_t n = 300001;
  const auto start = normals(random, static_cast<size_t>(n));
  std::vector<float> results[2];
  double sums[2] = {};
  for (const int32_t threads : {1, THREADS}) {
    std::vector<float> & x = results[threads == 1 ? 0 : 1];
    std::vector<float> g = start, m(start.size()), v(start.size());
    x = start;
    expect(sphere_adamw(x.data(), g.data(), m.data(), v.data(), n, 1, 1, 0.1f, 0.9f, 0.99f, 1, 1e-8f, 1, threads) ==
                   0 &&
               sphere_sgd(x.data(), m.data(), v.data(), n, 1, 1, 0.1f, 0.5f, 0, threads) == 0 &&
               sphere_sum_squares(x.data(), n, threads, &sums[threads == 1 ? 0 : 1]) == 0,
           "optimizer");
  }
  same_bits(results[1], results[0], "optimizer");
  expect(sums[0] == sums[1], "sum of squares");
}

// A decoder a thread, of one model.
void decoders() {
  const Model model(GGML_TYPE_Q8_0);
  if (sphere_decode_supports(&model.m) == 0) {
    return;
  }
  std::vector<float> results[THREADS];
  together(THREADS, [&](int i) {
    sphere_decoder * d = nullptr;
    expect(sphere_decode_open(&model.m, 64, 64, 2, 8, &d) == 0, "open");
    const std::vector<int32_t> tokens{1, 2, 3, 4, 5}, positions{0, 1, 2, 3, 4}, of(5, 0);
    const int8_t outputs[5] = {0, 1, 0, 0, 1};
    float *logits, *hidden;
    for (int round = 0; round < 5; round++) {
      expect(sphere_decode_step(d, 5, tokens.data(), positions.data(), of.data(), outputs, &logits, &hidden) == 0 &&
                 sphere_decode_copy(d, 0, 1, -1, -1) == 0 && sphere_decode_remove(d, 0, -1, -1) == 0 &&
                 sphere_decode_compact(d) == 0 && sphere_decode_remove(d, 1, -1, -1) == 0,
             "a round");
    }
    results[i].assign(logits, logits + 2 * 50);
    sphere_decode_free(d);
  });
  for (const auto & r : results) {
    same_bits(r, results[0], "decoders");
  }
}

void benches() {
  const std::vector<float> from(100001, 2);
  std::vector<float> to(from.size());
  float most = 0;
  expect(sphere_bench_copy(to.data(), from.data(), 100001, THREADS) == 0, "copy");
  expect(sphere_bench_read(to.data(), 100001, THREADS, &most) == 0 && most == 2, "read");
  expect(sphere_bench_read(to.data(), 100001, INT32_MAX, &most) == SPHERE_INVALID_ARGUMENT, "2^31 - 1 threads");
}

// Errors of one thread are not another's, and a device comes and goes while others compute.
void process_wide() {
  std::atomic<bool> stop{false};
  std::thread attacher([&] {
    static const sphere_device_api api = [] {
      sphere_device_api a{};
      a.size = sizeof a;
      a.owns = [](const void *) -> int32_t { return 0; };
      return a;
    }();
    while (!stop) {
      sphere_device_attach(&api);
      sphere_device_attach(nullptr);
    }
  });
  together(THREADS, [](int i) {
    for (int round = 0; round < 200; round++) {
      float x = 1;
      expect(sphere_zero(&x, 1) == 0 && x == 0, "zero");
      if (i % 2 == 0) {
        sphere_zero(nullptr, 1);
        expect(std::strstr(sphere_last_error(), "array") != nullptr, "this thread's error");
      } else {
        sphere_bench_read(nullptr, 1, 1, &x);
        expect(std::strstr(sphere_last_error(), "largest") != nullptr, "this thread's other error");
      }
      expect(std::strlen(sphere_abi_table()) > 100, "the table");
    }
  });
  stop = true;
  attacher.join();
}

} // namespace

int main(int argc, char ** argv) {
  return run({{"products", products},
              {"attention", attention},
              {"training kernels", training},
              {"sampling", sampling},
              {"optimizer", optimizer},
              {"decoders", decoders},
              {"benches", benches},
              {"the process's state", process_wide}},
             argc, argv);
}
