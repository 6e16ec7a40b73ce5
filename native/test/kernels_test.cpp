// Each kernel of training, the optimizer and attention against a plain version in double precision, on odd sizes. The
// JVM's tests ask more (FusedOpsTest, LinearKernelsTest, AttentionKernelTest); these run where there is no JVM, under
// an emulator of another CPU. numbers_test.cpp has log-probabilities and sampling, hook_test.cpp asks ggml.
#include "check.hpp"

#include "decode/decode_pointwise.hpp"
#include "sphere_attention.h"
#include "sphere_device.h"
#include "sphere_optim.h"
#include "sphere_train.h"

#include "ggml-backend.h"
#include "ggml-cpu.h"

#include <functional>
#include <map>

using namespace test;

namespace {

using Numbers = std::vector<double>;

// One node: tensors with their numbers, computed by two threads.
struct Graph {
  ggml_context * c = ggml_init({64 * ggml_tensor_overhead() + ggml_graph_overhead(), nullptr, true});
  std::map<ggml_tensor *, std::vector<char>> contents;

  ~Graph() { ggml_free(c); }

  ggml_tensor * floats(const std::vector<float> & x, int64_t a, int64_t b = 1) {
    ggml_tensor * t = ggml_new_tensor_2d(c, GGML_TYPE_F32, a, b);
    contents[t].assign(reinterpret_cast<const char *>(x.data()), reinterpret_cast<const char *>(x.data() + x.size()));
    return t;
  }
  ggml_tensor * ints(const std::vector<int32_t> & x) {
    ggml_tensor * t = ggml_new_tensor_1d(c, GGML_TYPE_I32, static_cast<int64_t>(x.size()));
    contents[t].assign(reinterpret_cast<const char *>(x.data()), reinterpret_cast<const char *>(x.data() + x.size()));
    return t;
  }
  // Weights of another type, and what they are as floats.
  ggml_tensor * weights(ggml_type type, const std::vector<float> & x, int64_t a, int64_t b, std::vector<float> & seen) {
    ggml_tensor * t = ggml_new_tensor_2d(c, type, a, b);
    contents[t].resize(ggml_nbytes(t));
    ggml_quantize_chunk(type, x.data(), contents[t].data(), 0, b, a, nullptr);
    seen.resize(x.size());
    if (type == GGML_TYPE_F32) {
      seen = x;
    } else {
      ggml_get_type_traits(type)->to_float(contents[t].data(), seen.data(), a * b);
    }
    return t;
  }

  std::vector<float> compute(ggml_tensor * node, const std::string & what) {
    expect(node != nullptr, what + ": " + sphere_last_error());
    std::vector<float> result;
    if (node == nullptr) {
      return result;
    }
    ggml_backend_t backend = ggml_backend_cpu_init();
    ggml_backend_cpu_set_n_threads(backend, 2);
    ggml_cgraph * graph = ggml_new_graph(c);
    ggml_build_forward_expand(graph, node);
    ggml_backend_buffer_t buffer = ggml_backend_alloc_ctx_tensors(c, backend);
    for (const auto & [tensor, bytes] : contents) {
      ggml_backend_tensor_set(tensor, bytes.data(), 0, bytes.size());
    }
    const int32_t status = sphere_graph_compute(backend, graph);
    expect(status == SPHERE_OK, what + ": status " + std::to_string(status));
    result.resize(static_cast<size_t>(ggml_nelements(node)));
    ggml_backend_tensor_get(node, result.data(), 0, result.size() * sizeof(float));
    ggml_backend_buffer_free(buffer);
    ggml_backend_free(backend);
    return result;
  }
};

void compare(const std::vector<float> & found, const Numbers & wanted, double tolerance, const std::string & what) {
  expect(found.size() == wanted.size(), what + ": " + std::to_string(found.size()) + " numbers");
  double largest = 0;
  for (const double w : wanted) {
    largest = std::max(largest, std::fabs(w));
  }
  for (size_t i = 0; i < std::min(found.size(), wanted.size()); i++) {
    near(found[i], wanted[i], tolerance * largest, 0, what + " at " + std::to_string(i));
  }
}

// c [m, n] += a [m, k] b [k, n], rows first; ta, tb: the factor is stored the other way round.
Numbers product(const std::vector<float> & a, const std::vector<float> & b, int m, int n, int k, bool ta, bool tb,
                Numbers c = {}) {
  c.resize(static_cast<size_t>(m) * static_cast<size_t>(n));
  for (int i = 0; i < m; i++) {
    for (int j = 0; j < n; j++) {
      double sum = c[static_cast<size_t>(i * n + j)];
      for (int l = 0; l < k; l++) {
        sum += static_cast<double>(a[static_cast<size_t>(ta ? l * m + i : i * k + l)]) *
               static_cast<double>(b[static_cast<size_t>(tb ? j * k + l : l * n + j)]);
      }
      c[static_cast<size_t>(i * n + j)] = sum;
    }
  }
  return c;
}

Numbers doubles(const std::vector<float> & x) { return Numbers(x.begin(), x.end()); }

void linear(ggml_type type, int in, int out, int n, int32_t bf16) {
  Random random(1);
  const std::string what = std::string(ggml_type_name(type)) + " " + std::to_string(in) + "x" + std::to_string(out) +
                           ", " + std::to_string(n) + " rows, bf16 " + std::to_string(bf16);
  const double tolerance = bf16 != 0 ? 2e-2 : 2e-5; // BF16's rounding: 2^-8 a factor
  const auto x = normals(random, static_cast<size_t>(in * n)), dy = normals(random, static_cast<size_t>(out * n));
  const auto raw = normals(random, static_cast<size_t>(in * out));
  std::vector<float> w;
  Graph g, h, d;
  ggml_tensor * weight = g.weights(type, raw, in, out, w);
  compare(g.compute(sphere_op_linear(g.c, weight, g.floats(x, in, n), nullptr, bf16), what),
          product(x, w, n, out, in, false, true), tolerance, "linear " + what);
  weight = h.weights(type, raw, in, out, w);
  compare(h.compute(sphere_op_linear_dx(h.c, weight, h.floats(dy, out, n), nullptr, bf16), what),
          product(dy, w, n, in, out, false, false), tolerance, "dx " + what);
  if (type == GGML_TYPE_F32) {
    ggml_tensor * into = d.floats(raw, in, out);
    compare(d.compute(sphere_op_linear_dw(d.c, d.floats(x, in, n), d.floats(dy, out, n), into, bf16), what),
            product(dy, x, out, in, n, true, false, doubles(raw)), tolerance, "dw " + what);
  }
}

// F32 factors, and BF16 ones where the CPU multiplies them.
void products() {
  for (const ggml_type type : {GGML_TYPE_F32, GGML_TYPE_F16, GGML_TYPE_BF16, GGML_TYPE_Q8_0, GGML_TYPE_Q4_1,
                               GGML_TYPE_Q5_0, GGML_TYPE_Q4_K, GGML_TYPE_Q6_K}) {
    for (const int out : {37, 64}) {
      for (const int n : {1, 5, 33}) {
        for (int32_t bf16 = 0; bf16 <= (sphere_has_bf16_products() != 0 ? 1 : 0); bf16++) {
          linear(type, ggml_is_quantized(type) ? 256 : 97, out, n, bf16);
        }
      }
    }
  }
}

void norm() {
  Random random(2);
  for (const int width : {5, 7, 64, 131}) {
    const int n = 5;
    const double eps = 1e-5;
    const auto x = normals(random, static_cast<size_t>(width * n)), w = normals(random, static_cast<size_t>(width)),
               dy = normals(random, static_cast<size_t>(width * n));
    Numbers y(x.size()), dx(x.size()), dw(w.size());
    for (int r = 0; r < n; r++) {
      const auto at = [&](int i) { return static_cast<size_t>(r * width + i); };
      double squares = 0, dot = 0;
      for (int i = 0; i < width; i++) {
        squares += static_cast<double>(x[at(i)]) * x[at(i)];
        dot += static_cast<double>(dy[at(i)]) * w[static_cast<size_t>(i)] * x[at(i)];
      }
      const double scale = 1 / std::sqrt(squares / width + eps);
      for (int i = 0; i < width; i++) {
        const double v = x[at(i)], g = static_cast<double>(dy[at(i)]) * w[static_cast<size_t>(i)];
        y[at(i)] = v * scale * w[static_cast<size_t>(i)];
        dx[at(i)] = scale * g - scale * scale * scale * v * dot / width;
        dw[static_cast<size_t>(i)] += dy[at(i)] * v * scale;
      }
    }
    const std::string what = "rms_norm of " + std::to_string(width);
    Graph f, b, p;
    compare(f.compute(sphere_op_rms_norm(f.c, f.floats(x, width, n), f.floats(w, width), 1e-5f), what), y, 1e-5, what);
    compare(b.compute(sphere_op_rms_norm_dx(b.c, b.floats(x, width, n), b.floats(w, width), b.floats(dy, width, n),
                                            nullptr, 1e-5f),
                      what),
            dx, 1e-5, what + ", dx");
    compare(p.compute(sphere_op_rms_norm_dw(p.c, p.floats(x, width, n), p.floats(dy, width, n),
                                            p.floats(std::vector<float>(w.size()), width), 1e-5f),
                      what),
            dw, 1e-5, what + ", dw");
  }
}

// The decoder's norm: several rows at once have the bits of each alone.
void decoders_norm() {
  Random random(9);
  for (const int width : {5, 64, 131, 192}) {
    const int most = 37;
    const auto of = [width](int rows) { return static_cast<size_t>(rows * width); };
    const auto x = normals(random, of(most)), w = normals(random, of(1));
    std::vector<float> alone(x.size());
    Numbers wanted(x.size());
    for (int r = 0; r < most; r++) {
      sphere::rms_norm(x.data() + of(r), w.data(), width, 1, 1e-5f, alone.data() + of(r));
      double squares = 0;
      for (size_t i = of(r); i < of(r + 1); i++) {
        squares += static_cast<double>(x[i]) * x[i];
      }
      for (size_t i = of(r); i < of(r + 1); i++) {
        wanted[i] = x[i] / std::sqrt(squares / width + 1e-5) * w[i - of(r)];
      }
    }
    const std::string what = "the decoder's norm of " + std::to_string(width);
    compare(alone, wanted, 1e-6, what);
    for (const int rows : {2, 4, 7, 8, 15, 16, 23, most}) {
      std::vector<float> together(of(rows));
      sphere::rms_norm(x.data(), w.data(), width, rows, 1e-5f, together.data());
      same_bits(together, std::vector<float>(alone.begin(), alone.begin() + static_cast<int64_t>(of(rows))),
                what + ", " + std::to_string(rows) + " rows");
    }
  }
}

void pointwise() {
  Random random(3);
  const int f = 67, n = 3;
  const auto gate = normals(random, f * n, 4), up = normals(random, f * n), dy = normals(random, f * n);
  Numbers y(gate.size()), back(2 * gate.size());
  for (size_t i = 0; i < gate.size(); i++) {
    const double g = gate[i], s = 1 / (1 + std::exp(-g));
    y[i] = g * s * up[i];
    back[i] = static_cast<double>(dy[i]) * up[i] * s * (1 + g * (1 - s));
    back[gate.size() + i] = dy[i] * g * s;
  }
  Graph a, b, c, d;
  compare(a.compute(sphere_op_swiglu(a.c, a.floats(gate, f, n), a.floats(up, f, n)), "swiglu"), y, 1e-5, "swiglu");
  compare(b.compute(sphere_op_swiglu_back(b.c, b.floats(gate, f, n), b.floats(up, f, n), b.floats(dy, f, n)), "back"),
          back, 1e-5, "swiglu_back");
  Numbers rows(static_cast<size_t>(f * 4)), sums(static_cast<size_t>(f));
  for (int i = 0; i < f; i++) {
    for (int r = 0; r < n; r++) {
      rows[static_cast<size_t>((r == 1 ? 0 : 2) * f + i)] += dy[static_cast<size_t>(r * f + i)];
      sums[static_cast<size_t>(i)] += dy[static_cast<size_t>(r * f + i)];
    }
  }
  compare(c.compute(sphere_op_scatter_new(c.c, c.floats(dy, f, n), c.ints({2, 0, 2}), 4), "scatter"), rows, 1e-6,
          "scatter_new");
  compare(d.compute(sphere_op_sum_rows(d.c, d.floats(dy, f, n), d.floats(std::vector<float>(f), f)), "sum_rows"), sums,
          1e-6, "sum_rows");
}

// Attention along a tree as training has it; the gradient by central differences of the plain version.
constexpr int HEAD = 16, HEADS = 4, KV_HEADS = 2, SLOTS = 21;
const std::vector<int32_t> PARENTS = {-1, 0, 1, 2, 2, 3, 5, 4, 7, 0, 9, 10, 11, 12, 12, 13, 14, 16, 8, 18, 19};

Numbers turn(const Numbers & x, int heads, const std::vector<int32_t> & positions) {
  Numbers y(x.size());
  for (int s = 0; s < SLOTS; s++) {
    for (int h = 0; h < heads; h++) {
      for (int i = 0; i < HEAD / 2; i++) {
        const double angle = positions[static_cast<size_t>(s)] * std::pow(10000.0, -2.0 * i / HEAD);
        const size_t at = static_cast<size_t>((s * heads + h) * HEAD + i), other = at + HEAD / 2;
        y[at] = x[at] * std::cos(angle) - x[other] * std::sin(angle);
        y[other] = x[at] * std::sin(angle) + x[other] * std::cos(angle);
      }
    }
  }
  return y;
}

Numbers attend(const Numbers & q0, const Numbers & k0, const Numbers & v, const std::vector<int32_t> & positions) {
  const Numbers q = turn(q0, HEADS, positions), k = turn(k0, KV_HEADS, positions);
  Numbers y(q.size());
  for (int s = 0; s < SLOTS; s++) {
    for (int h = 0; h < HEADS; h++) {
      const int kv = h / (HEADS / KV_HEADS);
      double total = 0;
      Numbers sum(HEAD);
      for (int t = s; t >= 0; t = PARENTS[static_cast<size_t>(t)]) {
        double score = 0;
        for (int i = 0; i < HEAD; i++) {
          score += q[static_cast<size_t>((s * HEADS + h) * HEAD + i)] *
                   k[static_cast<size_t>((t * KV_HEADS + kv) * HEAD + i)];
        }
        const double e = std::exp(score / std::sqrt(static_cast<double>(HEAD)));
        total += e;
        for (int i = 0; i < HEAD; i++) {
          sum[static_cast<size_t>(i)] += e * v[static_cast<size_t>((t * KV_HEADS + kv) * HEAD + i)];
        }
      }
      for (int i = 0; i < HEAD; i++) {
        y[static_cast<size_t>((s * HEADS + h) * HEAD + i)] = sum[static_cast<size_t>(i)] / total;
      }
    }
  }
  return y;
}

void tree_attention() {
  Random random(4);
  std::vector<int32_t> positions(SLOTS);
  for (size_t s = 0; s < SLOTS; s++) {
    positions[s] = PARENTS[s] < 0 ? 0 : positions[static_cast<size_t>(PARENTS[s])] + 1;
  }
  const auto q = normals(random, SLOTS * HEADS * HEAD), k = normals(random, SLOTS * KV_HEADS * HEAD),
             v = normals(random, SLOTS * KV_HEADS * HEAD), dy = normals(random, SLOTS * HEADS * HEAD);
  const auto table = [&](Graph & g) {
    return sphere_op_rope_table(g.c, g.ints(positions), nullptr, HEAD, 10000, 1, 0, 1, 0, 0);
  };
  Graph f, b;
  compare(
      f.compute(sphere_op_attention(f.c, f.floats(q, HEADS * HEAD, SLOTS), f.floats(k, KV_HEADS * HEAD, SLOTS),
                                    f.floats(v, KV_HEADS * HEAD, SLOTS), table(f), f.ints(PARENTS), HEAD, SLOTS, 1, 0),
                "attention"),
      attend(doubles(q), doubles(k), doubles(v), positions), 1e-5, "attention along a tree");
  Numbers wanted;
  Numbers inputs[] = {doubles(q), doubles(k), doubles(v)};
  const auto loss = [&] {
    const Numbers y = attend(inputs[0], inputs[1], inputs[2], positions);
    double sum = 0;
    for (size_t i = 0; i < y.size(); i++) {
      sum += y[i] * dy[i];
    }
    return sum;
  };
  // Every 7th number: enough for a smoke test, and an emulator is slow.
  std::vector<size_t> places;
  size_t base = 0;
  for (Numbers & input : inputs) {
    for (size_t i = 0; i < input.size(); i += 7) {
      const double x = input[i];
      input[i] = x + 1e-4;
      const double above = loss();
      input[i] = x - 1e-4;
      const double under = loss();
      input[i] = x;
      places.push_back(base + i);
      wanted.push_back((above - under) / 2e-4);
    }
    base += input.size();
  }
  const auto all =
      b.compute(sphere_op_attention_back(b.c, b.floats(q, HEADS * HEAD, SLOTS), b.floats(k, KV_HEADS * HEAD, SLOTS),
                                         b.floats(v, KV_HEADS * HEAD, SLOTS), table(b), b.ints(PARENTS),
                                         b.floats(dy, HEADS * HEAD, SLOTS), HEAD, SLOTS, 1, 0),
                "attention_back");
  std::vector<float> found;
  for (const size_t place : places) {
    found.push_back(place < all.size() ? all[place] : NAN);
  }
  compare(found, wanted, 1e-4, "gradient of attention along a tree");
}

// The kernel of rollouts, with cells that are hidden and a row that sees nothing.
void cell_attention() {
  Random random(5);
  for (const int head : {64, 80}) {
    for (const int tokens : {1, 3, 9}) {
      const int cells = 77, heads = 6, kv_heads = 2;
      const auto q = normals(random, static_cast<size_t>(tokens * heads * head));
      const auto kf = normals(random, static_cast<size_t>(cells * kv_heads * head)), vf = normals(random, kf.size());
      std::vector<ggml_fp16_t> k(kf.size()), v(vf.size()), mask(static_cast<size_t>(tokens * cells));
      ggml_fp32_to_fp16_row(kf.data(), k.data(), static_cast<int64_t>(k.size()));
      ggml_fp32_to_fp16_row(vf.data(), v.data(), static_cast<int64_t>(v.size()));
      for (size_t i = 0; i < mask.size(); i++) {
        const bool seen = tokens > 1 && i / cells == 1 ? false : below(random, 3) > 0;
        mask[i] = ggml_fp32_to_fp16(seen ? 0 : -INFINITY);
      }
      Numbers wanted(q.size());
      for (int t = 0; t < tokens; t++) {
        for (int h = 0; h < heads; h++) {
          double total = 0;
          for (int c = 0; c < cells; c++) {
            if (ggml_fp16_to_fp32(mask[static_cast<size_t>(t * cells + c)]) != 0) {
              continue;
            }
            const size_t row = static_cast<size_t>((c * kv_heads + h / 3) * head),
                         own = static_cast<size_t>((t * heads + h) * head);
            double score = 0;
            for (size_t i = 0; i < static_cast<size_t>(head); i++) {
              score += static_cast<double>(q[own + i]) * ggml_fp16_to_fp32(k[row + i]);
            }
            const double e = std::exp(score * 0.125);
            total += e;
            for (size_t i = 0; i < static_cast<size_t>(head); i++) {
              wanted[own + i] += e * ggml_fp16_to_fp32(v[row + i]);
            }
          }
          for (size_t i = 0; i < static_cast<size_t>(head) && total > 0; i++) {
            wanted[static_cast<size_t>((t * heads + h) * head) + i] /= total;
          }
        }
      }
      std::vector<float> out(q.size(), 7);
      expect(sphere_attention(q.data(), k.data(), v.data(), mask.data(), head, tokens, heads, kv_heads, cells, 0.125f,
                              out.data()) == 0,
             sphere_last_error());
      compare(out, wanted, 2e-3,
              "attention, heads of " + std::to_string(head) + ", " + std::to_string(tokens) + " rows");
    }
  }
}

void optimizer() {
  Random random(6);
  for (const int n : {1, 7, 4097}) {
    const auto value = normals(random, static_cast<size_t>(n)), gradient = normals(random, value.size()),
               m = normals(random, value.size());
    auto v = normals(random, value.size());
    Numbers adamw(value.size()), sgd(value.size());
    double squares = 0;
    for (size_t i = 0; i < value.size(); i++) {
      v[i] *= v[i];
      const double g = 0.5 * gradient[i], mean = 0.9 * m[i] + 0.1 * g, square = 0.99 * v[i] + 0.01 * g * g;
      adamw[i] = 0.999 * value[i] - 0.01 * mean / (std::sqrt(square) * 2 + 1e-8);
      sgd[i] = 0.999 * value[i] - 0.01 * (0.9 * m[i] + g);
      squares += static_cast<double>(value[i]) * value[i];
    }
    const std::string what = " of " + std::to_string(n);
    auto x = value, g = gradient, first = m, second = v;
    expect(sphere_adamw(x.data(), g.data(), first.data(), second.data(), n, 0.5f, 0.999f, 0.01f, 0.9f, 0.99f, 2, 1e-8f,
                        1, 2) == 0,
           "adamw");
    compare(x, adamw, 1e-5, "adamw" + what);
    compare(g, Numbers(value.size()), 0, "cleared gradient" + what);
    x = value, g = gradient, first = m;
    expect(sphere_sgd(x.data(), g.data(), first.data(), n, 0.5f, 0.999f, 0.01f, 0.9f, 0, 2) == 0, "sgd");
    compare(x, sgd, 1e-5, "sgd" + what);
    double found = 0;
    expect(sphere_sum_squares(value.data(), n, 2, &found) == 0, "sum_squares");
    near(found, squares, 0, 1e-12, "sum of squares" + what);
  }
}

} // namespace

int main(int argc, char ** argv) {
  return run({{"linear", products},
              {"norm", norm},
              {"the decoder's norm", decoders_norm},
              {"pointwise", pointwise},
              {"attention along a tree", tree_attention},
              {"attention over cells", cell_attention},
              {"optimizer", optimizer}},
             argc, argv);
}
