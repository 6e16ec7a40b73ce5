// The decoder where the JVM's tests don't reach: kernels that change between two steps, memory that is refused, sizes
// beyond 32 bits. The link puts __wrap_... in place of the library's functions (CMakeLists.txt).
#include "tiny_model.hpp"

#include "matmul/matmul.hpp"
#include "sphere_attention.h"

#include <algorithm>

using namespace test;

extern "C" {
void * __real_aligned_alloc(size_t alignment, size_t bytes);
const sphere::MatmulKernel * __real__ZN6sphere13matmul_kernelEPK11ggml_tensorl(const ggml_tensor * w, int64_t n);
}

namespace {

size_t largest = 0;          // that was asked for
int64_t granted = INT64_MAX; // allocations until one is refused
bool greedy = false;         // another kernel is chosen: one that works in more memory
constexpr size_t TOO_MUCH = size_t{1} << 32;

const sphere::MatmulKernel * real(const ggml_tensor * w, int64_t n) {
  return __real__ZN6sphere13matmul_kernelEPK11ggml_tensorl(w, n);
}

// A kernel with the results of the real kernel that needs more memory than the real kernel, which may be the matrix
// unit's.
const ggml_tensor * last_weights;
int64_t inputs_size(int64_t k, int64_t n) {
  return 3 * sphere::whole_lines(k * n * 4 + real(last_weights, n)->inputs_size(k, n)) + 4096;
}
int64_t own_size(int64_t k, int64_t n) {
  return 2 * sphere::whole_lines(k * n * 4 + real(last_weights, n)->own_size(k, n)) + 8192;
}
void convert(const ggml_tensor * x, int ith, int nth, void * inputs, void * own) {
  std::memset(inputs, 1, static_cast<size_t>(inputs_size(x->ne[0], x->ne[1])));
  std::memset(own, 1, static_cast<size_t>(own_size(x->ne[0], x->ne[1])));
  real(last_weights, x->ne[1])->convert(x, ith, nth, inputs, own);
}
void panels(const ggml_tensor * op, int64_t from, int64_t to, const void * inputs, void * own) {
  const int64_t k = op->src[0]->ne[0], n = op->src[1]->ne[1];
  std::memset(own, 1, static_cast<size_t>(own_size(k, n)));
  real(op->src[0], n)->panels(op, from, to, inputs, own);
}
constexpr sphere::MatmulKernel GREEDY{inputs_size, own_size, convert, panels};

} // namespace

extern "C" void * __wrap_aligned_alloc(size_t alignment, size_t bytes) {
  largest = std::max(largest, bytes);
  return bytes > TOO_MUCH || granted-- <= 0 ? nullptr : __real_aligned_alloc(alignment, bytes);
}

extern "C" const sphere::MatmulKernel * __wrap__ZN6sphere13matmul_kernelEPK11ggml_tensorl(const ggml_tensor * w,
                                                                                          int64_t n) {
  last_weights = w;
  return greedy && real(w, n) != nullptr ? &GREEDY : real(w, n);
}

namespace {

struct Decoder {
  sphere_decoder * d = nullptr;
  int32_t status;
  Decoder(const Model & model, int32_t cells, int32_t micro) {
    status = sphere_decode_open(&model.m, cells, 64, 4, micro, &d);
  }
  ~Decoder() { sphere_decode_free(d); }

  // n tokens of a sequence from a position on; the last one's logits.
  std::vector<float> step(int32_t n, int32_t sequence, int32_t from, int32_t expected = SPHERE_OK) const {
    std::vector<int32_t> tokens, positions, of(static_cast<size_t>(n), sequence);
    std::vector<int8_t> outputs(static_cast<size_t>(n), 0);
    for (int32_t i = 0; i < n; i++) {
      tokens.push_back((from + i) * 7 % 50);
      positions.push_back(from + i);
    }
    outputs.back() = 1;
    float *logits = nullptr, *hidden = nullptr;
    const int32_t got =
        sphere_decode_step(d, n, tokens.data(), positions.data(), of.data(), outputs.data(), &logits, &hidden);
    expect(got == expected, "a step's status is " + std::to_string(got) + ": " + sphere_last_error());
    return got == SPHERE_OK ? std::vector<float>(logits, logits + 50) : std::vector<float>();
  }

  int32_t last(int32_t sequence) const {
    int32_t position = -2;
    sphere_decode_last(d, sequence, &position);
    return position;
  }
};

// Opened with one kernel, used with another, and back: no memory but its own is written, and results are the same.
void switched_kernels() {
  for (const ggml_type type : {GGML_TYPE_F32, GGML_TYPE_F16, GGML_TYPE_BF16, GGML_TYPE_Q8_0}) {
    const Model model(type);
    for (const bool first : {false, true}) {
      greedy = first;
      const Decoder decoder(model, 64, 20);
      expect(decoder.status == SPHERE_OK, "open");
      const auto before = decoder.step(20, 0, 0);
      greedy = !first;
      same_bits(decoder.step(20, 1, 0), before, std::string("another kernel with ") + ggml_type_name(type));
      const std::vector<float> a(16 * 64, 0.01f), b(64 * 16, 0.01f);
      expect(sphere_decode_adapt(decoder.d, SPHERE_DECODE_LAYERS + SPHERE_DECODE_Q, 16, 1, a.data(), b.data()) == 0,
             "adapt");
      greedy = first;
      decoder.step(20, 2, 0);
    }
    greedy = false;
  }
}

// The same with the matrix unit itself, where there is one.
void switched_tiles() {
  if (sphere_tiles_enable(1) == 0) {
    std::printf("       no matrix unit here\n");
    return;
  }
  for (const ggml_type type : {GGML_TYPE_BF16, GGML_TYPE_Q8_0}) {
    const Model model(type);
    for (const int32_t first : {0, 1}) {
      sphere_tiles_enable(first);
      const Decoder decoder(model, 64, 20);
      decoder.step(20, 0, 0);
      sphere_tiles_enable(1 - first);
      decoder.step(20, 1, 0);
    }
    sphere_tiles_enable(1);
  }
}

// 65536 layers of 65536 cells: their product is 0 in 32 bits.
void beyond_32_bits() {
  const Model model(GGML_TYPE_F32, 65536);
  largest = 0;
  const Decoder decoder(model, 65536, 1);
  expect(decoder.status == SPHERE_OUT_OF_MEMORY, "status " + std::to_string(decoder.status) + " for 256 GiB of cache");
  expect(largest == (size_t{1} << 32) * 32 * 2, "keys of " + std::to_string(largest) + " bytes");
  sphere_decode_model wide = Model(GGML_TYPE_F32).m;
  wide.heads = 1 << 20;
  wide.head = 1 << 20;
  expect(sphere_decode_supports(&wide) == 0, "heads of 2^40 numbers in all");
}

// Whichever allocation fails: a status, and the cache as it was; then the same results as if nothing had happened.
void refused_memory() {
  const Model model(GGML_TYPE_Q8_0);
  const Decoder untouched(model, 64, 8);
  untouched.step(5, 0, 0);
  const auto expected = untouched.step(20, 0, 5);
  int refused = 0;
  for (int64_t n = 0;; n++) {
    granted = n;
    Decoder decoder(model, 64, 8);
    granted = INT64_MAX;
    if (decoder.status == SPHERE_OK) {
      break;
    }
    refused++;
    expect(decoder.status == SPHERE_OUT_OF_MEMORY, "open without memory: " + std::to_string(decoder.status));
  }
  expect(refused > 10, "opening asks for memory " + std::to_string(refused) + " times");
  for (int64_t n = 0; n < 4; n++) {
    const Decoder decoder(model, 64, 8);
    decoder.step(5, 0, 0);
    greedy = true; // memory is wanted inside the step, several times
    granted = n;
    decoder.step(20, 1, 0, SPHERE_OUT_OF_MEMORY);
    granted = INT64_MAX;
    greedy = false;
    expect(decoder.last(0) == 4 && decoder.last(1) == -1, "positions after a step without memory");
    same_bits(decoder.step(20, 0, 5), expected, "the step after one without memory");
  }
}

// Every status of a hostile call, none of which changes anything.
void hostile_calls() {
  const Model model(GGML_TYPE_F16);
  const Decoder decoder(model, 16, 4);
  decoder.step(3, 0, 0);
  const int32_t big = INT32_MAX, least = INT32_MIN;
  const int8_t wanted[] = {1, 1};
  float *logits, *hidden;
  struct Call {
    int32_t token, position, sequence;
  };
  for (const Call c : {Call{-1, 3, 0}, Call{50, 3, 0}, Call{big, 3, 0}, Call{1, 4, 0}, Call{1, 64, 1},
                       Call{1, least, 0}, Call{1, 3, 4}, Call{1, 3, -1}, Call{1, big, 1}}) {
    expect(sphere_decode_step(decoder.d, 1, &c.token, &c.position, &c.sequence, wanted, &logits, &hidden) ==
               SPHERE_INVALID_ARGUMENT,
           "token " + std::to_string(c.token) + " at " + std::to_string(c.position));
  }
  expect(sphere_decode_step(decoder.d, 0, nullptr, nullptr, nullptr, nullptr, &logits, &hidden) != 0, "no tokens");
  for (const int32_t s : {-1, 4, big, least}) {
    expect(sphere_decode_copy(decoder.d, 0, s, -1, -1) != 0 && sphere_decode_remove(decoder.d, s, 0, 1) != 0,
           "sequence " + std::to_string(s));
  }
  for (const int32_t from : {least, -1, 0, 5, big}) {
    for (const int32_t to : {least, -1, 0, 2, big}) {
      sphere_decode_copy(decoder.d, 0, 1, from, to);
      sphere_decode_remove(decoder.d, 1, from, to);
    }
  }
  for (const int32_t place :
       std::vector<int32_t>{-1, 0, big, least, SPHERE_DECODE_LAYERS, SPHERE_DECODE_LAYERS + 2 * SPHERE_DECODE_LAYER}) {
    const float x = 0;
    expect(sphere_decode_adapt(decoder.d, place, 1, 1, &x, &x) != 0, "an adapter at " + std::to_string(place));
  }
  const float x = 0;
  expect(sphere_decode_adapt(decoder.d, SPHERE_DECODE_LAYERS + SPHERE_DECODE_Q, big, 1, &x, &x) == SPHERE_OUT_OF_MEMORY,
         "an adapter of rank 2^31 - 1");
  expect(decoder.last(0) == 2, "the sequence is as it was");
}

} // namespace

int main(int argc, char ** argv) {
  const Model model(GGML_TYPE_F32);
  if (sphere_decode_supports(&model.m) == 0) {
    std::printf("this CPU has no decoder of ours\n");
    return 77;
  }
  return run({{"switched kernels", switched_kernels},
              {"switched tiles", switched_tiles},
              {"beyond 32 bits", beyond_32_bits},
              {"refused memory", refused_memory},
              {"hostile calls", hostile_calls}},
             argc, argv);
}
