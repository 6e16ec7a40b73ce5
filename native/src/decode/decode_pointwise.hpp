// What a decode step does besides products and attention. Each operation adds and rounds as ggml's CPU backend does.
#pragma once

#include <cstdint>

namespace sphere {

// Whether ggml's SwiGLU can be called.
bool pointwise_known();

// y[i] = x[i] / root mean square of x[i] * weight: n rows of so many numbers; x may be y.
void rms_norm(const float * x, const float * weight, int64_t width, int64_t n, float epsilon, float * y);

// x[i] += bias, nothing without one.
void add_bias(float * x, const float * bias, int64_t width, int64_t n);

// x += y.
void add(float * x, const float * y, int64_t count);

// gate = silu(gate) * up.
void swiglu(float * gate, const float * up, int64_t count);

// Rotates so many heads of one token in place; rope: head / 2 cosines, then as many sines.
void rotate(float * x, const float * rope, int heads, int head, bool neox);

// The cosines and sines of one position; factors may be null.
void rope_row(int32_t position, int head, float base, const float * factors, float * rope);

// F16, rounded to nearest even.
void to_half(const float * x, uint16_t * y, int64_t count);

} // namespace sphere
