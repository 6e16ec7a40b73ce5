/** libsphere's kernels that are called on arrays: attention, sampling, log-probabilities, optimizers, quantisation. */
package dev.sphere.bindings.kernel;
