/** ggml's tensors and graphs, and libsphere's training kernels as nodes of them. */
package dev.sphere.bindings.tensor;
