/** Whether Sphere says what llama.cpp says: the same greedy tokens and the same log-probabilities, with any GGUF. */
package dev.sphere.lab.agree;
