// Products with quantised weights as integers, on CPUs that have no product of BF16 numbers: weights are 16-bit
// integers with a scale, and so are activations. See products_ints.cpp.
#pragma once

#include "products/products.hpp"

namespace sphere {

// nullptr: weights of this type have no such form here.
const ProductKernel * int_product(const ggml_tensor * weights, int64_t n);

// The same with activations in 8 bits, as ggml rounds them; Q8_0 weights alone.
const ProductKernel * int8_product(const ggml_tensor * weights, int64_t n);

} // namespace sphere
