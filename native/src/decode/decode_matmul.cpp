// Matrices of weights and their products with rows of activations. See decode.hpp.
#include "decode/decode.hpp"

#include "ggml-cpu.h"

#include <algorithm>
#include <cstdlib>
#include <new>

namespace sphere {
namespace {

ggml_tensor matrix_of(ggml_type type, const void * data, int64_t columns, int64_t rows, int64_t row_bytes) {
  ggml_tensor t{};
  t.type = type;
  t.data = const_cast<void *>(data);
  t.ne[0] = columns;
  t.ne[1] = rows;
  t.ne[2] = t.ne[3] = 1;
  t.nb[0] = ggml_type_size(type);
  t.nb[1] = static_cast<size_t>(row_bytes);
  t.nb[2] = t.nb[3] = t.nb[1] * static_cast<size_t>(rows);
  return t;
}

ggml_tensor floats_of(const float * data, int64_t columns, int64_t rows, int64_t stride) {
  return matrix_of(GGML_TYPE_F32, data, columns, rows, stride * static_cast<int64_t>(sizeof(float)));
}

// In which form ggml multiplies rows with this matrix.
ggml_type row_type(const Matrix & matrix) { return ggml_get_type_traits_cpu(matrix.weights.type)->vec_dot_type; }

int64_t row_bytes(const Matrix & matrix) {
  return static_cast<int64_t>(ggml_row_size(row_type(matrix), matrix.columns()));
}

} // namespace

void FreeAligned::operator()(void * p) const { std::free(p); }

void * lines(size_t bytes) {
  const size_t whole = (std::max<size_t>(bytes, 1) + 63) / 64 * 64;
  void * p = whole < bytes ? nullptr : std::aligned_alloc(64, whole);
  if (p == nullptr) {
    throw std::bad_alloc();
  }
  return p;
}

Matrix::Matrix(const void * data, int32_t type, int64_t columns, int64_t rows, const void * bias)
    : weights(matrix_of(static_cast<ggml_type>(type), data, columns, rows,
                        static_cast<int64_t>(ggml_row_size(static_cast<ggml_type>(type), columns)))),
      bias(static_cast<const float *>(bias)) {}

void Matmul::reserve(const Matrix & matrix, int64_t most) {
  for (int64_t rows = 1; rows <= most; rows++) { // what a kernel needs may depend on it in any way
    if (const MatmulKernel * kernel = matmul_kernel(&matrix.weights, rows)) {
      inputs_wanted = std::max(inputs_wanted, kernel->inputs_size(matrix.columns(), rows));
      own_wanted = std::max(own_wanted, kernel->own_size(matrix.columns(), rows));
    } else {
      inputs_wanted = std::max(inputs_wanted, whole_lines(row_bytes(matrix) * rows));
    }
  }
}

void Matmul::allocate() { need(inputs_wanted, own_wanted); }

void Matmul::need(int64_t inputs_bytes, int64_t own_bytes) {
  if (inputs_bytes > inputs_size) {
    inputs = lines_of<char>(inputs_bytes);
    inputs_size = inputs_bytes;
    converted = nullptr;
  }
  if (own_bytes > own_size) {
    own = lines_of<char>(own_bytes);
    own_size = own_bytes;
  }
}

void Matmul::rows(const float * from, int64_t count) {
  x = from;
  n = count;
  converted = nullptr;
}

void Matmul::into(const Matrix & matrix, float * y, int64_t stride) {
  ggml_tensor in = floats_of(x, matrix.columns(), n, matrix.columns());
  if (const MatmulKernel * kernel = matmul_kernel(&matrix.weights, n)) {
    need(kernel->inputs_size(matrix.columns(), n), kernel->own_size(matrix.columns(), n));
    const auto * how = reinterpret_cast<const void *>(kernel->convert); // types share it
    if (converted != how) {
      kernel->convert(&in, 0, 1, inputs.get(), own.get());
      converted = how;
    }
    ggml_tensor out = floats_of(y, matrix.rows(), n, stride);
    out.op = GGML_OP_MUL_MAT;
    out.src[0] = const_cast<ggml_tensor *>(&matrix.weights);
    out.src[1] = &in;
    kernel->panels(&out, 0, (matrix.rows() + MATMUL_PANEL - 1) / MATMUL_PANEL, inputs.get(), own.get());
    return;
  }
  const ggml_type_traits_cpu * traits = ggml_get_type_traits_cpu(matrix.weights.type);
  const ggml_type type = traits->vec_dot_type;
  const size_t bytes = static_cast<size_t>(row_bytes(matrix));
  need(type == GGML_TYPE_F32 ? 0 : static_cast<int64_t>(bytes) * n, 0);
  const char * all = type == GGML_TYPE_F32 ? reinterpret_cast<const char *>(x) : inputs.get();
  if (type != GGML_TYPE_F32 && converted != traits) {
    for (int64_t i = 0; i < n; i++) {
      ggml_get_type_traits_cpu(type)->from_float(x + i * matrix.columns(),
                                                 inputs.get() + static_cast<size_t>(i) * bytes, matrix.columns());
    }
    converted = traits;
  }
  const auto * weights = static_cast<const char *>(matrix.weights.data);
  for (int64_t row = 0; row < matrix.rows(); row++, weights += matrix.weights.nb[1]) {
    for (int64_t i = 0; i < n; i++) {
      traits->vec_dot(static_cast<int>(matrix.columns()), y + i * stride + row, 0, weights, 0,
                      all + static_cast<size_t>(i) * bytes, 0, 1);
    }
  }
}

} // namespace sphere
