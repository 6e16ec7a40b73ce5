/** Decoding: loops that own a decoder and its KV cache, and what they serve: rollouts, completions, log-probabilities, reward readings. */
package dev.sphere.engine.decode;
