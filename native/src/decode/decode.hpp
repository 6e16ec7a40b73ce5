// A decoder's parts. See sphere_decode.h.
#pragma once

#include "attention/attention.hpp"
#include "decode/decode_cells.hpp"
#include "matmul/matmul.hpp"
#include "sphere_decode.h"

#include "ggml.h"

#include <memory>
#include <new>
#include <vector>

namespace sphere {

struct FreeAligned {
  void operator()(void * p) const;
};

// Memory that begins at a cache line and is touched only where it is written.
template <typename T> using Lines = std::unique_ptr<T[], FreeAligned>;
void * lines(size_t bytes);
template <typename T> Lines<T> lines_of(int64_t count) {
  size_t bytes;
  if (count < 0 || __builtin_mul_overflow(static_cast<size_t>(count), sizeof(T), &bytes)) {
    throw std::bad_alloc();
  }
  return Lines<T>(static_cast<T *>(lines(bytes)));
}

// A matrix of weights.
struct Matrix {
  ggml_tensor weights{};        // [rows x columns]
  const float * bias = nullptr; // [rows]; null: none

  Matrix() = default;
  Matrix(const void * data, int32_t type, int64_t columns, int64_t rows, const void * bias);
  int64_t columns() const { return weights.ne[0]; }
  int64_t rows() const { return weights.ne[1]; }
};

// scale * b * (a * x), rank and rows filled up with zeros to what the kernels take.
struct Adapter {
  Lines<float> a_data, b_data;
  Matrix a, b;
  float scale;
};

struct AdaptedMatrix : Matrix {
  std::vector<Adapter> adapters;
  using Matrix::Matrix;
};

struct Layer {
  AdaptedMatrix q, k, v, out, gate, up, down;
  const float *norm, *feed_norm, *q_norm, *k_norm;
};

// Matmul of some rows with several matrices, converting the rows once: by a kernel of ours, or row by row by ggml, in
// the shapes in which ggml does that too.
class Matmul {
public:
  // Makes room for a product with up to n rows by the kernel that would be taken now. Another one (the matrix unit may
  // be switched on and off) finds its room when it comes.
  void reserve(const Matrix & matrix, int64_t n);
  void allocate();

  // Says that the rows are these, [n x matrix.columns()].
  void rows(const float * x, int64_t n);
  int64_t count() const { return n; }
  // y [n x stride] = matrix * rows; stride: matrix.rows(), or more.
  void into(const Matrix & matrix, float * y, int64_t stride);

private:
  void need(int64_t inputs, int64_t own);

  const float * x = nullptr;
  int64_t n = 0;
  const void * converted = nullptr; // by which kernel or type
  int64_t inputs_size = 0, own_size = 0;
  int64_t inputs_wanted = 64, own_wanted = 64;
  Lines<char> inputs, own;
};

} // namespace sphere

struct sphere_decoder {
  using Adapted = sphere::AdaptedMatrix;

  sphere_decoder(const sphere_decode_model & m, int32_t cells, int32_t positions, int32_t sequences, int32_t micro);

  void step(int32_t n, const int32_t * tokens, const int32_t * positions, const int32_t * of, const int8_t * outputs);
  void compact();
  Adapted & matrix(int32_t place);
  void adapt(int32_t place, int32_t rank, float scale, const float * a, const float * b);
  void unadapt();

  sphere_decode_model shape;
  sphere::Cells cells;
  sphere::Lines<float> logits, hidden; // of the last step's outputs

private:
  struct Part; // tokens that are computed together

  void check(int32_t n, const int32_t * tokens, const int32_t * positions, const int32_t * of);
  void micro_step(const Part & part);
  void embed(const Part & part);
  void find_paths(int64_t n);
  void keep(size_t layer, int64_t n);
  void attend(size_t layer, int64_t n);
  void feed(const sphere::Layer & layer, int64_t n);
  void head(int64_t n);
  void product(const Adapted & matrix, float * y);
  const float * rope(int32_t position);
  void grow(int64_t rows);

  int64_t query_width() const { return static_cast<int64_t>(shape.heads) * shape.head; }
  int64_t key_width() const { return static_cast<int64_t>(shape.kv_heads) * shape.head; }

  sphere::Matrix embedding;
  Adapted output;
  const float *output_norm, *rope_factors;
  std::vector<sphere::Layer> layers;
  sphere::Matmul matmul, second; // second: of adapters

  int32_t positions, micro;
  int32_t rope_rows = 0;
  sphere::Lines<float> rope_table;         // [positions x head]
  sphere::Lines<uint16_t> keys, values;    // [layers x cells x key width], F16
  sphere::Lines<float> x, normed, q, k, v; // [micro x ...]: the residual stream, and what is computed from it
  sphere::Lines<float> mixed, gate, up, sum, low, high; // attention's result; low, high: of adapters
  sphere::Lines<char> attention_work;
  // Of the micro-batch's tokens: where they stand, how many cells they see, which are wanted.
  std::vector<int32_t> cell, seen, sequence, position, rows;
  std::vector<sphere::Path> paths; // what they see, sorted
  std::vector<int32_t> next;       // of each sequence: the position that must come next
  int64_t low_width = 0, high_width = 0;
  int64_t room = 0; // rows of logits and hidden
  int64_t done = 0; // those of this step that are computed
};
