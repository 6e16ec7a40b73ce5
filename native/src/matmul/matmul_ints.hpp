// Products with quantised weights as integers: weights are integers of at most 16 bits with a scale, and so are
// activations. matmul_ints.cpp has them for AVX2 and NEON, matmul_bytes.cpp for AVX-512 with VNNI.
#pragma once

#include "matmul/matmul.hpp"

#if defined(__AVX512F__) && defined(__AVX512BW__) && defined(__AVX512VL__) && defined(__AVX512DQ__) &&                 \
    defined(__AVX512VNNI__)
#define SPHERE_INTS_IN_BYTES 1
#else
#define SPHERE_INTS_IN_BYTES 0
#endif

// The types that they take; PLANES bytes an activation.
#define SPHERE_INT_TYPES(TYPE, PLANES)                                                                                 \
  TYPE(Q4_0, PLANES)                                                                                                   \
  TYPE(Q4_1, PLANES)                                                                                                   \
  TYPE(Q5_0, PLANES)                                                                                                   \
  TYPE(Q5_1, PLANES)                                                                                                   \
  TYPE(Q8_0, PLANES)                                                                                                   \
  TYPE(IQ4_NL, PLANES)                                                                                                 \
  TYPE(IQ4_XS, PLANES)                                                                                                 \
  TYPE(Q2_K, PLANES)                                                                                                   \
  TYPE(Q3_K, PLANES)                                                                                                   \
  TYPE(Q4_K, PLANES)                                                                                                   \
  TYPE(Q5_K, PLANES)                                                                                                   \
  TYPE(Q6_K, PLANES)

// A case of each, with a template kernel<TYPE, PLANES>().
#define SPHERE_INT_CASE(name, planes)                                                                                  \
  case GGML_TYPE_##name: return kernel<name, planes>();

namespace sphere {

// nullptr: weights of this type have no such form here.
const MatmulKernel * int_matmul(const ggml_tensor * weights, int64_t n);

// The same with activations in 8 bits, as ggml rounds them for Q8_0.
const MatmulKernel * int8_product(const ggml_tensor * weights, int64_t n);

} // namespace sphere
