/**
 * Reverse-mode differentiation over ggml graphs: every operation knows its forward node and emits its vector-Jacobian
 * product as further nodes of the same graph. Gradients of products are written as mul_mat, never as out_prod.
 */
package dev.sphere.trainer.autodiff;
