/**
 * Decoding: loops that own a decoder and its KV cache, and what they serve: rollouts, completions, log-probabilities
 * and what reward models read.
 */
package dev.sphere.engine.decode;
