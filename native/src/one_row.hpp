// Products of a weight matrix with one row of activations, to the bits of ggml's tiled kernels for two rows and more.
#pragma once

#include "ggml.h"

#include <cstddef>

namespace sphere {

// Whether this CPU's kernels for one row stand in for ggml's.
bool one_row_known();

// Whether op is such a product: one row, and a shape that ggml would give its tiled kernel if it had two.
bool one_row_takes(const ggml_tensor * op);

// Bytes that each thread needs, 64-byte aligned.
size_t one_row_work_size(const ggml_tensor * op);

// The part of thread ith of nth.
void one_row(ggml_tensor * op, int ith, int nth, void * work);

} // namespace sphere
