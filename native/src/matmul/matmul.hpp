// Products of a weight matrix with rows of activations, in place of ggml's: a row's bits depend neither on how many
// rows are multiplied together nor on the number of threads.
#pragma once

#include "ggml.h"

#include <cstddef>
#include <cstdint>

namespace sphere {

// Whether this CPU (AVX-512 with VNNI, AVX2, NEON) and this ggml have what the kernels need, those for quantised
// weights included.
bool matmul_known();

// What the rows of activations are rounded to. BF16: where weights are F16 or F32, theirs; a type of 8 bits and less is
// unpacked to BF16. INT8: blocks of 32 integers of 8 bits where weights are quantised, else as BF16. F32: not at all,
// with weights of all types. INT16: integers of 15 bits and a sign, in blocks of 32, where weights are quantised, else
// as BF16; CPUs without AVX-512 do so for BF16 too.
enum class Activations { BF16, INT8, F32, INT16 };
Activations activations();

// Whether op is a product that is computed here: weights [m x k] with activations [n x k] in F32; F16 and F32 weights
// only with k and m such that ggml's tiled kernels would take them too.
bool matmul_takes(const ggml_tensor * op);

// Bytes that nth threads need.
size_t matmul_work_size(const ggml_tensor * op, int nth);

// The part of thread ith of nth; the threads of the pool meet inside.
void matmul(ggml_tensor * op, int ith, int nth, ggml_threadpool * pool, void * work);

// --- one kind of weights -------------------------------------------------------------------------------

// Kernels work on panels of so many weight rows, all activations at once.
constexpr int64_t MATMUL_PANEL = 16;

struct MatmulKernel {
  // Bytes of n rows of activations as the kernel reads them, and of what a thread needs besides; multiples of 64.
  int64_t (*inputs_size)(int64_t k, int64_t n);
  int64_t (*own_size)(int64_t k, int64_t n);
  // Converts rows ith, ith + nth, ... of x.
  void (*convert)(const ggml_tensor * x, int ith, int nth, void * inputs, void * own);
  // Computes panels [from, to).
  void (*panels)(const ggml_tensor * op, int64_t from, int64_t to, const void * inputs, void * own);
};

// What each file has for these weights and n rows of activations; nullptr: nothing.
const MatmulKernel * q8_tile_product(const ggml_tensor * weights, int64_t n);   // matmul_amx_q8.cpp
const MatmulKernel * row_matmul(const ggml_tensor * weights, int64_t n);        // matmul_rows.cpp
const MatmulKernel * bf16_tile_product(const ggml_tensor * weights, int64_t n); // matmul_amx_bf16.cpp
const MatmulKernel * exact_matmul(const ggml_tensor * weights, int64_t n);      // matmul_rows.cpp, in F32

constexpr int64_t whole_lines(int64_t bytes) { return (bytes + 63) / 64 * 64; }

// The first of them that multiplies these weights with n rows; nullptr: none does. Whatever n is, an output's bits are
// the same.
const MatmulKernel * matmul_kernel(const ggml_tensor * weights, int64_t n);

} // namespace sphere
